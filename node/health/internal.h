/* node/health/internal.h: the parts of a checker, for the files of this room. All on its thread.
 *
 *     checker.c  open, close, the queue, the thread   schedule.c  when a check starts
 *     run.c      one run of one check                 http.c      … by libcurl
 *     poll.c     sockets and timers                   resolver.c  names, by c-ares
 *     result.c   thresholds, texts                    index.c     objects by id */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>

#include "health/checker.h"
#include "health/index.h"

#define HEALTH_RESOLVE_MS 4000
#define HEALTH_TCP_MS 10000
#define HEALTH_CONNECT_MS 4000
#define HEALTH_STATUS_MS 2000 /* after the connection */
#define HEALTH_BODY_MS 2000   /* after the status line */
#define HEALTH_HEADERS_MAX 16384
#define HEALTH_BODY_MAX 5120

struct curl_slist;
struct health_handles; /* checker.c: libuv's */
struct health_run;
struct resolver;

struct health_check {
    char id[HEALTH_ID_SIZE]; /* first: health/index.h */
    struct health_checker *checker;
    struct health_spec spec;
    uint64_t phase_ms;          /* starts at this point of its interval, by the monotonic clock */
    uint64_t due_mono_ms;       /* of the next start */
    uint64_t start_due_mono_ms; /* of the run at hand */
    struct health_run *run;     /* NULL: none is under way */
    struct health_check *next_waiting, *previous_waiting;
    bool is_waiting; /* for a connection */
    uint32_t streak; /* results in a row that speak against `state` */
    uint32_t run_count;
    enum health_state state;
    char *last_failure; /* or NULL */
    uint64_t last_failure_wall_ms;
    struct uv_timer_s *timer;
};

enum health_step { RUN_FREE, RUN_RESOLVING, RUN_TCP, RUN_HTTP };
enum http_step { HTTP_STATUS, HTTP_HEADERS, HTTP_BODY, HTTP_DONE, HTTP_REFUSED };

struct health_run { /* a slot; its handles live as long as the checker */
    struct health_checker *checker;
    struct health_check *check; /* NULL: free */
    struct health_run *next_free;
    enum health_step step;
    uint32_t slot;
    struct uv_timer_s *timer;          /* of the step at hand */
    char address[HEALTH_ADDRESS_SIZE]; /* that is checked */
    struct resolver_query *query;      /* while RESOLVING */
    int fd;                            /* while TCP */
    /* while HTTP */
    void *easy; /* CURL, made at first use */
    struct curl_slist *headers, *connect_to;
    uint64_t begun_mono_ms, status_mono_ms;
    enum http_step http;
    bool has_sni;
    unsigned status; /* code of the answer */
    char reason[64];
    const char *refusal; /* HTTP_REFUSED: why */
    size_t headers_len, body_len;
    char error[256]; /* libcurl's words */
    char *body;      /* HEALTH_BODY_MAX octets while a string is looked for */
    bool is_found;
};

struct health_order; /* checker.c: what waits in the queue */

struct health_checker {
    struct health_options options;
    char *resolvers, *ca_file;
    struct health_handles *handles; /* what these point to: */
    struct uv_loop_s *loop;
    struct uv_async_s *wake;
    struct uv_poll_s *poll;
    struct uv_timer_s *curl_timer, *resolver_timer, *run_timers;
    int poll_fd; /* epoll: the sockets of all runs */
    void *multi; /* CURLM */
    struct resolver *resolver;
    struct health_index checks;
    struct health_run *runs, *free_runs;
    struct health_check *waiting_first, *waiting_last;
    pthread_t thread;
    bool is_closing;

    pthread_mutex_t lock; /* the queue, for any thread */
    struct health_order *first_order, *last_order;
    bool is_close_ordered;

    atomic_uint_fast64_t counters[HEALTH_COUNTER_COUNT];
    atomic_uint_fast64_t lateness[HEALTH_LATENESS_SIZE];
};

static inline void health__count(struct health_checker *checker, enum health_counter counter)
{
    atomic_fetch_add_explicit(&checker->counters[counter], 1, memory_order_relaxed);
}
static inline void health__count_down(struct health_checker *checker, enum health_counter counter)
{
    atomic_fetch_sub_explicit(&checker->counters[counter], 1, memory_order_relaxed);
}
static inline bool health__is_https(enum health_type type)
{
    return type == HEALTH_HTTPS || type == HEALTH_HTTPS_STR_MATCH;
}
static inline bool health__is_match(enum health_type type)
{
    return type == HEALTH_HTTP_STR_MATCH || type == HEALTH_HTTPS_STR_MATCH;
}

/* schedule.c */
/* Give @check its place in time; its first start comes soon. */
void schedule_begin(struct health_check *check);
/* A connection is free again. */
void schedule_next(struct health_checker *checker);
/* No more starts. */
void schedule_end(struct health_check *check);

/* run.c */
int run_init(struct health_checker *checker, struct health_run *run, uint32_t slot);
void run_fini(struct health_run *run); /* its timer is closed already */
/* Start @check in @run, which is free. */
void run_start(struct health_run *run, struct health_check *check);
/* The check is no longer wanted: no result. */
void run_cancel(struct health_run *run);
/* The check could not be made for want of memory, descriptors or ports here: no result, which says
 * nothing about the endpoint. It counts as skipped. */
void run_give_up(struct health_run *run);
/* Is this errno of that kind? */
bool run_is_own_fault(int code);
/* The end: @status becomes the opinion's; the slot is free. */
void run_finish(struct health_run *run, bool is_success, const char *status);
void run_connected(struct health_run *run, int fd); /* epoll has seen the socket of a TCP check */
void run_resolved(struct health_run *run, const char *const *addresses, unsigned count,
                  const char *error);

/* http.c */
int http_open(struct health_checker *checker); /* ERR_NOMEM */
void http_close(struct health_checker *checker);
void http_start(struct health_run *run);
void http_stop(struct health_run *run); /* without a result */
void http_timeout(struct health_run *run);
void http_fini(struct health_run *run);
void http_event(struct health_checker *checker, int fd, uint32_t events);

/* poll.c */
enum poll_kind { POLL_CURL, POLL_RESOLVER, POLL_TCP };
int poll_open(struct health_checker *checker); /* ERR_IO */
/* Watch @fd for @events of epoll; 0: no more. @slot: of the run, for POLL_TCP. 0 or ERR_IO. */
int poll_watch(struct health_checker *checker, enum poll_kind kind, uint32_t slot, int fd,
               uint32_t events);

/* resolver.c */
int resolver_open(struct health_checker *checker, const char *resolvers, struct resolver **out);
void resolver_close(struct resolver *resolver);
/* Ask for the A records of @name: run_resolved() comes later, or never after resolver_forget(). */
void resolver_ask(struct resolver *resolver, const char *name, struct health_run *run);
void resolver_forget(struct resolver_query *query);
void resolver_event(struct resolver *resolver, int fd, uint32_t events);

/* result.c */
void result_take(struct health_check *check, bool is_success, const char *status);
/* The status of an HTTP run that has an answer. */
void result_http_text(const struct health_run *run, const char *more, char out[HEALTH_TEXT_SIZE]);
/* "Failure: @why", with the address when it was resolved. */
void result_failure_text(const struct health_run *run, const char *why, char out[HEALTH_TEXT_SIZE]);
