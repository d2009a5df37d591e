/* node/control/explain_requests.c: why a client gets the answer that it gets. The question goes
 * through query_answer() over the image that DNS reads, with a recorder, so that what is told is
 * what happens. Needs no quorum. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/cluster.h"
#include "cluster/geo.h"
#include "control/call.h"
#include "control/explain_answer.h"
#include "control/explain_question.h"
#include "control/explain_tree.h"
#include "control/explain_walk.h"
#include "control/health_reply.h"
#include "control/internal.h"
#include "control/requests.h"
#include "dns/answer.h"
#include "proto/control.pb-c.h"
#include "query.h"
#include "query_recorder.h"
#include "zone/image.h"

#define ASSUMPTIONS_MAX 64u
#define REPLY_SIZE 65535u

struct explaining {
    struct call *call;
    struct explain_question question;
    struct query_assumption assumptions[ASSUMPTIONS_MAX];
    unsigned assumption_count;
    uint64_t draw, image_index;
    struct explain_tree *tree;
    struct explain_walk *walk;
    struct dns_writer reply;
};

/* true; false: the call has failed. */
static bool take_assumptions(struct explaining *explaining)
{
    const Ctl__Explain *explain = explaining->call->request->explain;
    struct state_check check;

    if (explain->n_assumptions > ASSUMPTIONS_MAX) {
        call_fail(explaining->call, ERR_LIMIT, "at most %u health checks may be assumed up or down",
                  ASSUMPTIONS_MAX);
        return false;
    }
    for (size_t i = 0; i < explain->n_assumptions; i++) {
        const Ctl__Assumption *assumption = explain->assumptions[i];
        if (!health_find(explaining->call, assumption->health_check_id, &check))
            return false;
        explaining->assumptions[explaining->assumption_count++] =
            (struct query_assumption){check.slot, assumption->is_healthy};
    }
    return true;
}

/* Ask, in one read section. The loop is the image's writer, so nothing changes meanwhile. */
static int ask(struct explaining *explaining)
{
    struct call *call = explaining->call;
    struct cluster_geo geo;
    int rc = ERR_NOMEM;

    cluster_geo_status(call->cluster, &geo);
    const struct zone_image *image = zone_image_read_begin(cluster_image(call->cluster));
    const struct explain_walk_options options = {
        .cluster = call->cluster,
        .tree = explaining->tree,
        .kv = call_state(call),
        .image = image,
        .type = (uint16_t)call->request->explain->type,
        .database_path = geo.about ? geo.about->path : "",
        .assumptions = explaining->assumptions,
        .assumption_count = explaining->assumption_count,
    };
    explaining->walk = explain_walk_new(&options);
    if (explaining->walk) {
        const struct query_recorder recorder = {.user = explaining->walk,
                                                .event = explain_walk_event,
                                                .assumptions = explaining->assumptions,
                                                .assumption_count = explaining->assumption_count};
        const struct query_env env = {.image = image,
                                      .client = &explaining->question.sender.any,
                                      .proto = QUERY_TCP,
                                      .now_s = (uint32_t)clock_wall_s(),
                                      .draw = explaining->draw,
                                      .recorder = &recorder,
                                      .is_public = call->request->explain->is_public};
        explaining->image_index = zone_image_index(image);
        (void)query_answer(&env, explaining->question.octets, explaining->question.len,
                           &explaining->reply);
        explain_walk_end(explaining->walk);
        rc = explain_answer_tell(explaining->tree, &explaining->reply);
    }
    zone_image_read_end();
    return rc;
}

static int answer(struct explaining *explaining)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__ExplainReply body = CTL__EXPLAIN_REPLY__INIT;
    int rc = ask(explaining);

    if (rc == 0)
        rc = explain_tree_fill(explaining->tree, &body);
    if (rc != 0)
        return rc;
    body.image_index = explaining->image_index;
    body.node = explaining->call->control->name;
    body.draw = explaining->draw;
    body.reply = (ProtobufCBinaryData){explaining->reply.len, explaining->reply.octets};
    reply.kind_case = CTL__REPLY__KIND_EXPLAIN;
    reply.explain = &body;
    call_reply(explaining->call, &reply);
    return 0;
}

void request_explain(struct call *call)
{
    const Ctl__Explain *explain = call->request->explain;
    struct explaining explaining = {.call = call};
    const char *problem = NULL;

    if (!call_state(call)) {
        call_fail(call, ERR_UNAVAILABLE,
                  "this node belongs to no cluster yet, so it has no answers");
        return;
    }
    if (explain_question_build(explain, &explaining.question, &problem) != 0) {
        call_fail(call, ERR_INVALID, "%s", problem);
        return;
    }
    if (!take_assumptions(&explaining))
        return;
    explaining.draw = explain->has_draw ? explain->draw : random_id();
    explaining.reply.octets = malloc(REPLY_SIZE);
    explaining.reply.capacity = REPLY_SIZE;
    explaining.tree = explain_tree_new();
    int rc = explaining.reply.octets && explaining.tree ? answer(&explaining) : ERR_NOMEM;
    if (rc != 0)
        call_fail_code(call, rc, "explain the answer");
    explain_walk_free(explaining.walk);
    explain_tree_free(explaining.tree);
    free(explaining.reply.octets);
}
