/* node/query.c: RFC 1034 4.3.2 over one generation of the image. A query goes by begin(), the steps
 * of its look-up and finish(); a solve_* step handles one outcome of a look-up and says how to go
 * on. */
#include "query.h"

#include "base/assert.h"
#include "query_internal.h"
#include "zone/group.h"
#include "zone/probe.h"
#include "zone/view.h"

#include <stdlib.h>

enum step {
    STEP_DONE,    /* the reply is complete */
    STEP_FOLLOW,  /* exchange.owner is the next name of a chain */
    STEP_NO_ROOM, /* something that belongs in the reply does not fit */
    STEP_FAILED,  /* the zone cannot give the answer */
    STEP_LOOP,    /* its aliases go in a circle or too far */
};

/* The name that is the whole data of the (single) record in @set: of a CNAME or DNAME. */
static const uint8_t *target_of(const struct zone_wire_set *set)
{
    ASSERT(set->record_count == 1);
    return set->wire + ZONE_WIRE_RDATA_OFFSET;
}

static struct dns_owner match_owner(const struct exchange *x, unsigned offset)
{
    return dns_answer_suffix_owner(&x->owner, x->owner.name + offset);
}

static bool add_set(struct exchange *x, enum dns_section section, unsigned owner_offset,
                    const struct zone_wire_set *set)
{
    struct dns_owner owner = match_owner(x, owner_offset);
    struct dns_rrset rrset = query__rrset_of(set);
    return dns_answer_add(x->reply, section, &owner, &rrset);
}

/* Go on at @target, which is the last name written, unless the chain is at its end. */
static enum step follow(struct exchange *x, const uint8_t *target)
{
    for (unsigned i = 0; i <= x->link_count; i++)
        if (dns_name_is_equal(x->visited[i], target))
            return STEP_DONE;
    if (x->link_count + 1 == QUERY_CHAIN_MAX)
        return STEP_DONE;
    x->visited[++x->link_count] = target;
    x->owner = dns_answer_last_owner(x->reply, target);
    return STEP_FOLLOW;
}

static void tell_chosen(const struct exchange *x, const struct zone_wire_set *set)
{
    query__tell(x, &(struct query_event){.kind = QUERY_EVENT_CHOSEN, .set = set});
}

static enum step solve_none(struct exchange *x)
{
    if (x->link_count == 0) {
        x->reply->rcode = DNS_RCODE_REFUSED;
        query__add_ede(x->reply, QUERY_EDE_NOT_AUTHORITATIVE);
        x->outcome = QUERY_REJECTED;
    }
    return STEP_DONE;
}

/* A chain may come by the same DNAME again; a reply has it once (RFC 2181 5). */
static bool is_dname_written(const struct exchange *x)
{
    for (unsigned i = 0; i < x->dname_count; i++)
        if (x->dnames[i] == x->match.set)
            return true;
    return false;
}

/* RFC 2308 2 and 3; after a chain the code is that of its last name (RFC 6604 3). */
static enum step solve_negative(struct exchange *x, enum dns_rcode rcode)
{
    const struct zone_match *match = &x->match;
    if (match->soa == NULL)
        return STEP_FAILED;
    struct dns_owner apex = match_owner(x, match->apex_offset);
    struct dns_rrset soa = query__rrset_of(match->soa);
    x->reply->rcode = (uint16_t)rcode;
    return dns_answer_add_one(x->reply, DNS_SECTION_AUTHORITY, &apex, &soa, match->negative_ttl_s)
               ? STEP_DONE
               : STEP_NO_ROOM;
}

/* For whoever counts: how it went with @group, the first one that the question came to. */
static void note_route(struct exchange *x, const struct policy_group *group, enum query_route route,
                       bool is_all_down)
{
    static const uint8_t routed[] = {
        [QUERY_ROUTE_FOUND] = QUERY_ROUTED_HEALTHY,
        [QUERY_ROUTE_NODATA] = QUERY_ROUTED_NOTHING,
        [QUERY_ROUTE_LOOP] = QUERY_ROUTED_LOOP,
    };
    if (x->route.routed != QUERY_ROUTED_NOT)
        return;
    x->route.policy = group->kind;
    x->route.routed =
        route == QUERY_ROUTE_FOUND && is_all_down ? QUERY_ROUTED_ALL_DOWN : routed[route];
}

/* What stands for x->match.set, a group. STEP_FOLLOW: go on with @found; else that was all. */
static enum step choose(struct exchange *x, struct query_found *found)
{
    const struct policy_group *group = zone_set_group(x->match.set);
    const struct zone_view *view = query__view_of(x, x->match.zone);
    const enum query_route route = query__route(x, group, view, found);
    note_route(x, group, route, found->is_all_down);
    switch (route) {
    case QUERY_ROUTE_FOUND: return STEP_FOLLOW;
    case QUERY_ROUTE_NODATA: return solve_negative(x, DNS_RCODE_NOERROR);
    default: return STEP_LOOP;
    }
}

/* An answer of several records, or of a group. */
static enum step solve_choice(struct exchange *x, struct query_found *found)
{
    const struct dns_owner owner = match_owner(x, x->match.owner_offset);
    found->count = 1;
    found->sets[0] = x->match.set;
    if (zone_set_is_group(x->match.set)) {
        const enum step step = choose(x, found);
        if (step != STEP_FOLLOW)
            return step;
    }
    return query__add_found(x, DNS_SECTION_ANSWER, &owner, found) ? STEP_FOLLOW : STEP_NO_ROOM;
}

static enum step solve_answer(struct exchange *x)
{
    const uint32_t set_at = x->reply->len;
    if (!x->match.is_wildcard && is_dname_written(x))
        return STEP_DONE;
    if (x->match.set->record_count == 1) {
        if (!add_set(x, DNS_SECTION_ANSWER, x->match.owner_offset, x->match.set))
            return STEP_NO_ROOM;
        if (query__is_watched(x))
            tell_chosen(x, x->match.set);
    } else {
        struct query_found found;
        const enum step step = solve_choice(x, &found);
        if (step != STEP_FOLLOW)
            return step;
    }
    if (query__has_targets(x->match.set->type))
        query__add_additional(x, set_at);
    return STEP_DONE;
}

static enum step solve_cname(struct exchange *x)
{
    struct query_found found;
    const enum step step = solve_choice(x, &found);
    return step == STEP_FOLLOW ? follow(x, target_of(found.sets[0])) : step;
}

static bool add_dname(struct exchange *x)
{
    if (is_dname_written(x))
        return true;
    ASSERT(x->dname_count < QUERY_CHAIN_MAX);
    x->dnames[x->dname_count++] = x->match.set;
    if (query__is_watched(x))
        tell_chosen(x, x->match.set);
    return add_set(x, DNS_SECTION_ANSWER, x->match.owner_offset, x->match.set);
}

/* RFC 6672 3.1 and 3.2: the DNAME, then a CNAME of the same TTL from the name to what the DNAME
 * makes of it; YXDOMAIN when that would be too long. */
static enum step solve_dname(struct exchange *x)
{
    const struct zone_match *match = &x->match;
    uint8_t *target = x->synthesized[x->link_count];
    if (!add_dname(x))
        return STEP_NO_ROOM;
    if (dns_name_join(x->owner.name, match->owner_offset, target_of(match->set), target) < 0) {
        x->reply->rcode = DNS_RCODE_YXDOMAIN;
        return STEP_DONE;
    }
    if (!dns_answer_add_cname(x->reply, &x->owner, dns_wire_get32(match->set->wire + 6), target))
        return STEP_NO_ROOM;
    if (x->question->type == DNS_TYPE_CNAME)
        return STEP_DONE; /* this is the CNAME that was asked for (RFC 1034 4.3.2 3a) */
    return follow(x, target);
}

static bool add_glue_of(struct exchange *x, const struct dns_owner *server)
{
    static const uint16_t types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};
    uint8_t name[DNS_NAME_MAX];
    bool is_whole = true;
    dns_name_lower(server->name, name);
    for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
        const struct zone_wire_set *set = zone_find_glue(x->match.zone, name, types[i]);
        if (set == NULL)
            continue;
        is_whole &= query__add_aside(x, server, set, x->match.zone);
    }
    return is_whole;
}

/* Addresses of the name servers of a referral whose NS set starts at @set_at in the reply: those
 * within the child zone (@is_within_cut), or the others that the parent zone holds. All sets that
 * fit; false: some do not. Only a reply by TCP can hold more than QUERY_GLUE_MAX. */
static bool add_glue(struct exchange *x, uint32_t set_at, bool is_within_cut)
{
    const struct zone_wire_set *set = x->match.set;
    const uint8_t *cut = x->owner.name + x->match.owner_offset;
    const uint8_t *apex = x->owner.name + x->match.apex_offset;
    bool is_whole = true;
    uint32_t at = 0;
    for (unsigned i = 0; i < set->record_count && i < QUERY_GLUE_MAX; i++) {
        struct dns_owner server = {
            .name = set->wire + at + ZONE_WIRE_RDATA_OFFSET,
            .offset = (uint16_t)(set_at + at + ZONE_WIRE_RDATA_OFFSET),
        };
        at += dns_rrset_record_len(set->wire + at);
        if (dns_name_is_within(server.name, cut) == is_within_cut &&
            dns_name_is_within(server.name, apex))
            is_whole &= add_glue_of(x, &server);
    }
    return is_whole;
}

/* RFC 1034 4.3.2 step 3b. Glue inside the child zone is required (RFC 9471 3.1), other glue only
 * helps. DS goes along for those who validate (RFC 4035 3.1.4.1). */
static enum step solve_delegation(struct exchange *x)
{
    const struct zone_match *match = &x->match;
    uint32_t set_at = x->reply->len;
    ASSERT(!zone_set_is_group(match->set));
    if (x->link_count == 0)
        x->outcome = QUERY_REFERRED;
    if (!add_set(x, DNS_SECTION_AUTHORITY, match->owner_offset, match->set))
        return STEP_NO_ROOM;
    if (x->question->is_dnssec_ok && match->ds != NULL &&
        !add_set(x, DNS_SECTION_AUTHORITY, match->owner_offset, match->ds))
        return STEP_NO_ROOM;
    if (!add_glue(x, set_at, true))
        return STEP_NO_ROOM;
    (void)add_glue(x, set_at, false);
    return STEP_DONE;
}

/* x->match is what was found for x->owner. */
static enum step solve(struct exchange *x)
{
    enum zone_outcome outcome = x->match.outcome;
    ASSERT(outcome <= ZONE_OUTCOME_NXDOMAIN);
    if (query__is_watched(x))
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_LOOKUP,
                                             .name = x->owner.name,
                                             .view = x->view,
                                             .outcome = outcome});
    if (x->link_count == 0 && outcome != ZONE_OUTCOME_NONE && outcome != ZONE_OUTCOME_DELEGATION)
        x->reply->flags |= DNS_FLAG_AA; /* of the first name in the answer (RFC 1035 4.1.1) */
    switch (outcome) {
    case ZONE_OUTCOME_NONE: return solve_none(x);
    case ZONE_OUTCOME_ANSWER: return solve_answer(x);
    case ZONE_OUTCOME_CNAME: return solve_cname(x);
    case ZONE_OUTCOME_DNAME: return solve_dname(x);
    case ZONE_OUTCOME_DELEGATION: return solve_delegation(x);
    case ZONE_OUTCOME_NODATA: return solve_negative(x, DNS_RCODE_NOERROR);
    case ZONE_OUTCOME_NXDOMAIN: return solve_negative(x, DNS_RCODE_NXDOMAIN);
    }
    return STEP_FAILED;
}

/* The last step's result becomes flags and code. What is truncated keeps the whole sets that were
 * written; a client that sees TC asks again by TCP (RFC 2181 9). */
static enum query_outcome conclude(struct exchange *x, enum step step)
{
    struct dns_writer *reply = x->reply;
    if (step == STEP_NO_ROOM && x->env->proto == QUERY_UDP) {
        reply->flags |= DNS_FLAG_TC;
    } else if (step != STEP_DONE) {
        dns_answer_clear(reply);
        reply->flags &= (uint16_t)~DNS_FLAG_AA;
        reply->rcode = DNS_RCODE_SERVFAIL;
        if (step == STEP_FAILED)
            query__add_ede(reply, QUERY_EDE_NOT_READY);
        x->outcome = QUERY_FAILED;
    }
    if (x->place.scope_bits != 0 && x->ecs_scope != NULL)
        *x->ecs_scope = x->place.scope_bits;
    dns_answer_finish(reply);
    return x->outcome;
}

static uint32_t size_max(const struct query_env *env, const struct dns_question *question)
{
    if (env->proto == QUERY_TCP)
        return DNS_MESSAGE_MAX;
    if (!question->has_edns)
        return DNS_UDP_SIZE_MIN;
    return question->edns_size < DNS_UDP_SIZE_MAX ? question->edns_size : DNS_UDP_SIZE_MAX;
}

static enum query_outcome reject(struct dns_writer *reply, enum dns_verdict verdict)
{
    switch (verdict) {
    case DNS_VERDICT_NOTIMP: reply->rcode = DNS_RCODE_NOTIMP; break;
    case DNS_VERDICT_BADVERS: reply->rcode = DNS_RCODE_BADVERS; break;
    case DNS_VERDICT_REFUSED: reply->rcode = DNS_RCODE_REFUSED; break;
    default: reply->rcode = DNS_RCODE_FORMERR; break;
    }
    if (verdict == DNS_VERDICT_REFUSED)
        query__add_ede(reply, QUERY_EDE_NOT_SUPPORTED);
    dns_answer_finish(reply);
    return QUERY_REJECTED;
}

/* ---- one query from request to reply, in two halves with the look-up between them ---- */

struct work { /* never cleared as a whole: most of it is for long names and chains */
    struct dns_question question;
    struct zone_probe probe;
    struct exchange x;
    struct geo_fetch fetch;
};

static void exchange_init(struct exchange *x, const struct dns_question *question,
                          struct query_item *item)
{
    x->question = question;
    x->reply = &item->reply;
    x->client = item->client;
    x->outcome = QUERY_ANSWERED;
    x->owner = dns_answer_question_owner(question);
    x->link_count = 0;
    x->dname_count = 0;
    x->group_count = 0;
    x->candidate_count = 0;
    x->route = (struct query_route_note){.routed = QUERY_ROUTED_NOT};
    x->is_aside = false;
    x->view = NULL;
    x->place.known = 0;
    x->place.scope_bits = 0;
    x->visited[0] = question->name;
}

/* Read the request, the @index-th of its batch. True: the look-up has begun; false: item->outcome
 * is the end of it. */
static bool begin(struct work *work, const struct query_env *env, struct query_item *item,
                  unsigned index)
{
    uint8_t *ecs_scope = NULL;
    struct dns_question *question = &work->question;
    struct dns_writer *reply = &item->reply;
    enum dns_verdict verdict = dns_question_parse(item->request, item->request_len, question);
    item->outcome = QUERY_DROPPED;
    item->traits = (struct query_traits){.kind = QUERY_KIND_ERROR};
    if (verdict == DNS_VERDICT_IGNORE)
        return false;
    dns_answer_begin(reply, question, size_max(env, question));
    if (question->options.has != 0)
        ecs_scope = query__add_options(env, item->client, question, reply);
    switch (verdict) {
    case DNS_VERDICT_OK:
        work->x.env = env;
        work->x.recorder = env->recorder;
        work->x.draw = query_draw_at(env->draw, index);
        work->x.ecs_scope = ecs_scope;
        exchange_init(&work->x, question, item);
        zone_probe_begin(&work->probe, env->image, question->name_lower, question->name_len,
                         question->type);
        if (__builtin_expect(work->probe.has_views, 0) && !env->is_public) {
            work->x.view = query__find_view(&work->x);
            if (work->x.view != NULL)
                zone_probe_enter(&work->probe, work->x.view);
        }
        return true;
    case DNS_VERDICT_CHAOS:
        item->traits.type = question->type;
        item->outcome = query__answer_chaos(env, question, reply);
        return false;
    case DNS_VERDICT_COOKIE:
        item->outcome = query__answer_cookie(env, question, reply);
        return false;
    default:
        if (question->name_len > 0)
            item->traits.type = question->type;
        item->outcome = reject(reply, verdict);
        return false;
    }
}

/* What the first look-up says of the reply; a chain does not change it. @out is empty. */
static void find_traits(const struct zone_match *match, const struct dns_question *question,
                        struct query_traits *out)
{
    static const enum query_kind kinds[] = {
        [ZONE_OUTCOME_NONE] = QUERY_KIND_ERROR,          [ZONE_OUTCOME_ANSWER] = QUERY_KIND_ANSWER,
        [ZONE_OUTCOME_CNAME] = QUERY_KIND_ANSWER,        [ZONE_OUTCOME_DNAME] = QUERY_KIND_ANSWER,
        [ZONE_OUTCOME_DELEGATION] = QUERY_KIND_REFERRAL, [ZONE_OUTCOME_NODATA] = QUERY_KIND_NODATA,
        [ZONE_OUTCOME_NXDOMAIN] = QUERY_KIND_NXDOMAIN,
    };
    enum query_kind kind = kinds[match->outcome];
    unsigned offset = match->owner_offset;
    out->type = question->type;
    out->slots = match->slots;
    if (kind == QUERY_KIND_ERROR)
        return;
    if (kind == QUERY_KIND_NODATA || kind == QUERY_KIND_NXDOMAIN) {
        offset = match->apex_offset;
    } else if (match->is_wildcard) {
        kind = QUERY_KIND_WILDCARD;
        offset = match->encloser_offset;
    }
    out->kind = kind;
    out->name_offset = (uint8_t)offset;
    out->name_len = (uint8_t)(question->name_len - offset);
}

static void look_up_owner(struct exchange *x)
{
    uint8_t name[DNS_NAME_MAX];
    dns_name_lower(x->owner.name, name);
    zone_view_lookup(x->env->image, x->view, name, x->question->type, &x->match);
}

/* The look-up has taken its last step. Ask for what routing reads first, while other questions are
 * settled; true: for more of it after that. */
static bool settle(struct work *work)
{
    struct exchange *x = &work->x;
    zone_probe_end(&work->probe, &x->match);
    x->is_private = x->view != NULL && x->match.zone != NULL && zone_is_private(x->match.zone);
    if (x->match.set == NULL || !zone_set_is_group(x->match.set))
        return false;
    work->fetch = query__prefetch_place(x, zone_set_group(x->match.set));
    return true;
}

/* Compose the reply, and follow a chain to its end. */
static void finish(struct work *work, struct query_item *item)
{
    struct exchange *x = &work->x;
    if (query__is_watched(x))
        query__find_address(x);
    find_traits(&x->match, &work->question, &item->traits);
    enum step step = solve(x);
    while (step == STEP_FOLLOW) {
        look_up_owner(x);
        step = solve(x);
    }
    item->outcome = conclude(x, step);
    item->traits.route = x->route;
    if (item->outcome == QUERY_FAILED) {
        item->traits.kind = QUERY_KIND_ERROR;
        item->traits.name_offset = item->traits.name_len = 0;
    }
}

void query_answer_item(const struct query_env *env, struct query_item *item)
{
    struct work work;
    if (!begin(&work, env, item, 0))
        return;
    while (zone_probe_step(&work.probe))
        ;
    (void)settle(&work);
    finish(&work, item);
}

enum query_outcome query_answer(const struct query_env *env, const uint8_t *request,
                                uint16_t request_len, struct dns_writer *reply)
{
    struct query_item item = {
        .client = env->client, .request = request, .request_len = request_len, .reply = *reply};
    query_answer_item(env, &item);
    *reply = item.reply;
    return item.outcome;
}

enum { SIDE_BY_SIDE = 16 }; /* enough that a turn lasts as long as memory takes; fits the cache */

struct query_scratch {
    struct work works[SIDE_BY_SIDE];
};

struct query_scratch *query_scratch_new(void)
{
    return malloc(sizeof(struct query_scratch));
}

void query_scratch_free(struct query_scratch *scratch)
{
    free(scratch);
}

/* Requests @first to @first + @count - 1 of the batch. */
static void answer_some(struct work *works, const struct query_env *env, struct query_item *items,
                        unsigned first, unsigned count)
{
    uint32_t begun = 0;
    for (unsigned i = 0; i < count; i++)
        begun |= (uint32_t)begin(&works[i], env, &items[i], first + i) << i;
    for (uint32_t turn = begun, left = 0; turn != 0; turn = left, left = 0)
        for (; turn != 0; turn &= turn - 1)
            if (zone_probe_step(&works[__builtin_ctz(turn)].probe))
                left |= turn & -turn;
    uint32_t routed = 0;
    for (uint32_t turn = begun; turn != 0; turn &= turn - 1)
        routed |= settle(&works[__builtin_ctz(turn)]) ? turn & -turn : 0;
    for (; routed != 0; routed &= routed - 1)
        geo_fetch_more(&works[__builtin_ctz(routed)].fetch);
    for (; begun != 0; begun &= begun - 1) {
        unsigned i = (unsigned)__builtin_ctz(begun);
        finish(&works[i], &items[i]);
    }
}

void query_answer_many(struct query_scratch *scratch, const struct query_env *env,
                       struct query_item *items, unsigned count)
{
    for (unsigned at = 0; at < count; at += SIDE_BY_SIDE)
        answer_some(scratch->works, env, items + at, at,
                    count - at < SIDE_BY_SIDE ? count - at : SIDE_BY_SIDE);
}
