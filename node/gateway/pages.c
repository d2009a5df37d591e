/* node/gateway/pages.c: what operators' programs ask on a listener of their own, without signing:
 * /metrics, /livez (this process works) and /readyz (the node behind it answers DNS). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/metrics.h"
#include "gateway/counts.h"
#include "gateway/internal.h"
#include "gateway/node_client.h"
#include "proto/control.pb-c.h"

#define TEXT_TYPE "text/plain; charset=utf-8"
#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* @text is taken; NULL: there was no memory for it. */
static void answer_take(struct gateway_call *call, uint16_t status, const char *type, char *text,
                        size_t len)
{
    call->answer = text;
    call->answer_len = len;
    call->content_type = type;
    call->status = text ? status : 503;
    call_end(call);
}

static void answer(struct gateway_call *call, uint16_t status, const char *text)
{
    answer_take(call, status, TEXT_TYPE, strdup(text), strlen(text));
}

/* ---- /metrics ---- */

static void on_metrics(void *user, const Ctl__Reply *reply, int code)
{
    struct gateway_call *call = user;
    struct metrics metrics = {0};
    size_t len;
    bool is_good = code == 0 && reply->code == 0 && reply->kind_case == CTL__REPLY__KIND_METRICS;

    metrics_one(&metrics, METRICS_GAUGE, "quartet_up", "1: the node answers its gateway.", is_good);
    if (is_good)
        metrics_append(&metrics, reply->metrics->text.data, reply->metrics->text.len);
    gateway_counts_write(call->gateway, &metrics);
    char *text = metrics_take(&metrics, &len);
    answer_take(call, 200, METRICS_TYPE, text, len);
}

static void show_metrics(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Metrics metrics = CTL__METRICS__INIT;

    request.kind_case = CTL__REQUEST__KIND_METRICS;
    request.metrics = &metrics;
    node_client_ask(call->gateway->node, &request, on_metrics, call);
}

/* ---- /livez, /readyz ---- */

static bool is_verbose(struct gateway_call *call)
{
    const char *query = strchr(call->target, '?');

    return query && api_parse_query(query + 1, call->arena, &call->match) == 0 &&
           gateway_query(call, "verbose") != NULL;
}

static void show_live(struct gateway_call *call)
{
    answer(call, 200, is_verbose(call) ? "[+]gateway ok\nlivez check passed\n" : "ok\n");
}

static bool is_ready(const Ctl__ReadyReply *ready)
{
    bool is_good = ready->n_checks > 0;

    for (size_t i = 0; i < ready->n_checks; i++)
        is_good &= ready->checks[i]->is_good != 0;
    return is_good;
}

/* As Kubernetes' programs write them: a line for each check, and one for all. */
static void list_checks(struct gateway_call *call, const Ctl__ReadyReply *ready)
{
    bool is_good = is_ready(ready);
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);

    if (!out) {
        answer_take(call, 503, TEXT_TYPE, NULL, 0);
        return;
    }
    fputs("[+]node ok: answers its gateway\n", out);
    for (size_t i = 0; i < ready->n_checks; i++) {
        const Ctl__ReadyCheck *check = ready->checks[i];
        fprintf(out, check->is_good ? "[+]%s ok: %s\n" : "[-]%s failed: %s\n", check->name,
                check->text);
    }
    fprintf(out, "readyz check %s\n", is_good ? "passed" : "failed");
    if (fclose(out) != 0) {
        free(text);
        text = NULL;
    }
    answer_take(call, is_good ? 200 : 503, TEXT_TYPE, text, text ? len : 0);
}

static void on_ready(void *user, const Ctl__Reply *reply, int code)
{
    struct gateway_call *call = user;

    if (code != 0 || reply->code != 0 || reply->kind_case != CTL__REPLY__KIND_READY)
        answer(call, 503, "[-]node failed: does not answer its gateway\nreadyz check failed\n");
    else if (is_ready(reply->ready) && !is_verbose(call))
        answer(call, 200, "ok\n");
    else
        list_checks(call, reply->ready);
}

static void show_ready(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__Ready ready = CTL__READY__INIT;

    request.kind_case = CTL__REQUEST__KIND_READY;
    request.ready = &ready;
    node_client_ask(call->gateway->node, &request, on_ready, call);
}

/* ---- which ---- */

void pages_route(struct gateway_call *call)
{
    static const struct {
        const char *path;
        void (*show)(struct gateway_call *call);
    } pages[] = {{"/metrics", show_metrics}, {"/livez", show_live}, {"/readyz", show_ready}};
    const size_t len = strcspn(call->target, "?");

    if (strcmp(call->method, "GET") != 0 && strcmp(call->method, "HEAD") != 0) {
        answer(call, 405, "GET and HEAD only\n");
        return;
    }
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (strlen(pages[i].path) == len && memcmp(pages[i].path, call->target, len) == 0)
            call->page = pages[i].show;
    }
    if (!call->page)
        answer(call, 404, "there are /metrics, /livez and /readyz\n");
}
