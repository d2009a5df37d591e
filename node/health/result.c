/* node/health/result.c: from results to an opinion, and the words for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "health/internal.h"

/* Standard phrases, for servers that send none. RFC 9110 15. */
static const char *phrase(unsigned status)
{
    static const struct {
        unsigned status;
        const char *phrase;
    } list[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {203, "Non-Authoritative Information"},
        {204, "No Content"},
        {205, "Reset Content"},
        {206, "Partial Content"},
        {300, "Multiple Choices"},
        {301, "Moved Permanently"},
        {302, "Found"},
        {303, "See Other"},
        {304, "Not Modified"},
        {307, "Temporary Redirect"},
        {308, "Permanent Redirect"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {410, "Gone"},
        {421, "Misdirected Request"},
        {429, "Too Many Requests"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
    };

    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (list[i].status == status)
            return list[i].phrase;
    }
    return "Unknown";
}

/* What a server or a library wrote may be anything. */
static void make_printable(char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            *text = '?';
    }
}

static const char *resolved(const struct health_run *run, char out[HEALTH_ADDRESS_SIZE + 20])
{
    out[0] = 0;
    if (!run->check->spec.ip_address[0] && run->address[0])
        snprintf(out, HEALTH_ADDRESS_SIZE + 20, " Resolved IP: %s", run->address);
    return out;
}

void result_http_text(const struct health_run *run, const char *more, char out[HEALTH_TEXT_SIZE])
{
    char address[HEALTH_ADDRESS_SIZE + 20];
    bool is_good = run->status >= 200 && run->status <= 399 && !more;

    (void)resolved(run, address);
    snprintf(out, HEALTH_TEXT_SIZE, "%s: HTTP Status Code %u, %s%s%s%s",
             is_good ? "Success" : "Failure", run->status,
             run->reason[0] ? run->reason : phrase(run->status), more || address[0] ? "." : "",
             more ? more : "", address);
    make_printable(out);
}

void result_failure_text(const struct health_run *run, const char *why, char out[HEALTH_TEXT_SIZE])
{
    char address[HEALTH_ADDRESS_SIZE + 20];

    snprintf(out, HEALTH_TEXT_SIZE, "Failure: %s%s", why, resolved(run, address));
    make_printable(out);
}

/* state, result → state, when `streak` is the count of results in a row against the state:
 *     none      success            healthy
 *     none      failure            unhealthy at the threshold, else none
 *     healthy   failure            unhealthy at the threshold
 *     unhealthy success            healthy at the threshold */
static bool change_state(struct health_check *check, bool is_success)
{
    enum health_state found = is_success ? HEALTH_HEALTHY : HEALTH_UNHEALTHY;

    if (found == check->state) {
        check->streak = 0;
        return false;
    }
    check->streak++;
    if (check->streak < check->spec.failure_threshold &&
        !(check->state == HEALTH_NONE && is_success))
        return false;
    check->state = found;
    check->streak = 0;
    return true;
}

static void note_failure(struct health_check *check, const char *status, uint64_t now_wall_ms)
{
    if (!check->last_failure)
        check->last_failure = malloc(HEALTH_TEXT_SIZE);
    if (check->last_failure)
        snprintf(check->last_failure, HEALTH_TEXT_SIZE, "%s", status);
    check->last_failure_wall_ms = now_wall_ms;
}

void result_take(struct health_check *check, bool is_success, const char *status)
{
    struct health_options *options = &check->checker->options;
    struct health_opinion opinion = {.version = check->spec.version,
                                     .checked_wall_ms = clock_wall_ms()};

    if (!is_success)
        note_failure(check, status, opinion.checked_wall_ms);
    opinion.is_changed = change_state(check, is_success);
    opinion.state = check->state;
    memcpy(opinion.id, check->id, sizeof(opinion.id));
    snprintf(opinion.status, sizeof(opinion.status), "%s", status);
    snprintf(opinion.last_failure, sizeof(opinion.last_failure), "%s",
             check->last_failure ? check->last_failure : "");
    opinion.last_failure_wall_ms = check->last_failure_wall_ms;
    options->on_opinion(options->user, &opinion);
}
