/* node/health/run.c: one run of one check: name, connection, and for HTTP the rest in http.c. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <uv.h>

#include "base/assert.h"
#include "health/internal.h"

#define TIMED_OUT                                                                                  \
    "Connection timed out. The endpoint or the internet connection is down, or requests are "      \
    "being blocked by your firewall."

static void on_timeout(uv_timer_t *timer);

int run_init(struct health_checker *checker, struct health_run *run, uint32_t slot)
{
    run->checker = checker;
    run->slot = slot;
    run->fd = -1;
    run->timer = &checker->run_timers[slot];
    run->timer->data = run;
    return uv_timer_init(checker->loop, run->timer) == 0 ? 0 : ERR_NOMEM;
}

void run_fini(struct health_run *run)
{
    http_fini(run);
}

/* Give up what the run holds; then the slot is free. */
static void release(struct health_run *run)
{
    struct health_checker *checker = run->checker;

    uv_timer_stop(run->timer);
    if (run->step == RUN_HTTP)
        http_stop(run);
    resolver_forget(run->query);
    run->query = NULL;
    if (run->fd >= 0)
        (void)close(run->fd); /* which takes it out of the epoll set */
    run->fd = -1;
    run->step = RUN_FREE;
    run->check->run = NULL;
    run->check = NULL;
    run->next_free = checker->free_runs;
    checker->free_runs = run;
    health__count_down(checker, HEALTH_COUNT_RUNNING);
}

void run_cancel(struct health_run *run)
{
    release(run);
}

void run_finish(struct health_run *run, bool is_success, const char *status)
{
    struct health_checker *checker = run->checker;
    struct health_check *check = run->check;

    release(run);
    health__count(checker, is_success ? HEALTH_COUNT_SUCCEEDED : HEALTH_COUNT_FAILED);
    result_take(check, is_success, status);
    schedule_next(checker);
}

bool run_is_own_fault(int code)
{
    return code == EMFILE || code == ENFILE || code == ENOMEM || code == ENOBUFS ||
           code == EADDRNOTAVAIL;
}

void run_give_up(struct health_run *run)
{
    struct health_checker *checker = run->checker;

    release(run);
    health__count(checker, HEALTH_COUNT_SKIPPED);
    schedule_next(checker);
}

static void fail(struct health_run *run, const char *why)
{
    char text[HEALTH_TEXT_SIZE];

    result_failure_text(run, why, text);
    run_finish(run, false, text);
}

static void fail_errno(struct health_run *run, int code)
{
    char why[128];

    if (run_is_own_fault(code)) {
        run_give_up(run);
        return;
    }
    snprintf(why, sizeof(why), "%s.", strerror(code));
    fail(run, code == ETIMEDOUT ? TIMED_OUT : why);
}

static void succeed_tcp(struct health_run *run)
{
    char text[HEALTH_TEXT_SIZE];

    snprintf(text, sizeof(text), "Success: TCP connection established%s%s",
             run->check->spec.ip_address[0] ? "" : ". Resolved IP: ",
             run->check->spec.ip_address[0] ? "" : run->address);
    run_finish(run, true, text);
}

static socklen_t fill_address(const struct health_run *run, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof(*out));
    if (inet_pton(AF_INET, run->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(run->check->spec.port);
        return sizeof(*v4);
    }
    ASSERT(inet_pton(AF_INET6, run->address, &v6->sin6_addr) == 1); /* health_set() has seen it */
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(run->check->spec.port);
    return sizeof(*v6);
}

static void start_tcp(struct health_run *run)
{
    struct sockaddr_storage address;
    socklen_t len = fill_address(run, &address);

    run->step = RUN_TCP;
    run->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (run->fd < 0)
        fail_errno(run, errno);
    else if (connect(run->fd, (const struct sockaddr *)&address, len) == 0)
        succeed_tcp(run);
    else if (errno != EINPROGRESS)
        fail_errno(run, errno);
    else if (poll_watch(run->checker, POLL_TCP, run->slot, run->fd, EPOLLOUT) != 0)
        run_give_up(run);
    else
        uv_timer_start(run->timer, on_timeout, HEALTH_TCP_MS, 0);
}

void run_connected(struct health_run *run, int fd)
{
    int code = 0;
    socklen_t len = sizeof(code);

    if (run->step != RUN_TCP || run->fd != fd)
        return; /* of a run that is over */
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &len) != 0)
        code = errno;
    if (code != 0)
        fail_errno(run, code);
    else
        succeed_tcp(run);
}

static void start_connection(struct health_run *run)
{
    if (run->check->spec.type == HEALTH_TCP) {
        start_tcp(run);
    } else {
        run->step = RUN_HTTP;
        http_start(run);
    }
}

void run_resolved(struct health_run *run, const char *const *addresses, unsigned count,
                  const char *error)
{
    char why[160];

    ASSERT(run->step == RUN_RESOLVING);
    uv_timer_stop(run->timer);
    if (count == 0) {
        snprintf(why, sizeof(why), "DNS resolution failed: %s.", error);
        fail(run, why);
        return;
    }
    snprintf(run->address, sizeof(run->address), "%s", addresses[run->check->run_count % count]);
    start_connection(run);
}

static void on_timeout(uv_timer_t *timer)
{
    struct health_run *run = timer->data;

    if (run->step == RUN_RESOLVING)
        fail(run, "DNS resolution failed: no answer in time.");
    else if (run->step == RUN_TCP)
        fail(run, TIMED_OUT);
}

void run_start(struct health_run *run, struct health_check *check)
{
    run->check = check;
    check->run = run;
    check->run_count++;
    if (check->spec.ip_address[0]) {
        memcpy(run->address, check->spec.ip_address, sizeof(run->address));
        start_connection(run);
        return;
    }
    run->step = RUN_RESOLVING;
    run->address[0] = 0;
    uv_timer_start(run->timer, on_timeout, HEALTH_RESOLVE_MS, 0);
    resolver_ask(run->checker->resolver, check->spec.domain_name, run);
}
