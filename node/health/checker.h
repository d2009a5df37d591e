/* node/health/checker.h: a node's own opinion about endpoints (Route 53's health checks): it runs
 * each check at its interval on one thread of its own, and tells what it found. It decides nothing
 * for others: health/verdict.h does.
 *
 *     owner's loop                      the checker's thread
 *     health_set, health_remove ─► queue ─► timers ─► connection, request ─► result
 *                                                     health_opinion_cb ◄─┘
 *
 * What counts as success, and the time that each step may take:
 *     name (no address given)   an A record in 4 s; asked for in each interval
 *     TCP check                 connected in 10 s
 *     HTTP, HTTPS               connected in 4 s, then TLS and a status line 2xx or 3xx in 2 s,
 * then the headers, well-formed and at most 16,384 octets, in 2 s …_STR_MATCH               and the
 * string in the first 5,120 octets of the body (decoded from gzip or deflate), 2 s after the status
 * line at the latest No redirect is followed, no connection is used again. A certificate is not
 * looked at unless verify_certificate says so; then the name is always sent as SNI, for it is what
 * is verified.
 *
 * Starts are spread over the interval by hash of check and node. A check that is not over when it
 * is due again is not started twice. A slow endpoint delays nobody while there are connections
 * left. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct health_checker;

#define HEALTH_ID_SIZE 37u /* 36 characters and NUL */
#define HEALTH_TEXT_SIZE 256u
#define HEALTH_ADDRESS_SIZE 46u
#define HEALTH_CHECKS_MAX 50000u
#define HEALTH_CONNECTIONS_MAX 16384u
#define HEALTH_CONNECTIONS_DEFAULT 4096u
#define HEALTH_LATE_MS 100u /* a start this long after its time counts as late */

enum health_type {
    HEALTH_HTTP = 1,
    HEALTH_HTTPS,
    HEALTH_HTTP_STR_MATCH,
    HEALTH_HTTPS_STR_MATCH,
    HEALTH_TCP,
};
struct health_spec { /* cmd.HealthCheckConfig, as far as a checker needs it */
    char id[HEALTH_ID_SIZE];
    uint64_t version; /* given back with opinions */
    enum health_type type;
    uint16_t port;
    uint32_t interval_s;        /* 1 to 86,400 */
    uint32_t failure_threshold; /* 1 to 10 */
    bool enable_sni, verify_certificate;
    char ip_address[HEALTH_ADDRESS_SIZE]; /* literal; empty: the name is resolved, IPv4 only */
    char domain_name[HEALTH_TEXT_SIZE];   /* with an address: only Host and SNI */
    char resource_path[HEALTH_TEXT_SIZE];
    char search_string[HEALTH_TEXT_SIZE];
};

enum health_state {
    HEALTH_NONE = 0, /* no opinion yet */
    HEALTH_HEALTHY = 1,
    HEALTH_UNHEALTHY = 2,
};
/* What one checker thinks of one endpoint. A new check (or version) is taken to be healthy, so the
 * first success makes an opinion at once, and failures do as everywhere: after failure_threshold in
 * a row. Later as many equal results in a row are needed in both directions. */
struct health_opinion {
    char id[HEALTH_ID_SIZE];
    uint64_t version;
    enum health_state state;
    bool is_changed;               /* `state`, by this result */
    char status[HEALTH_TEXT_SIZE]; /* "Success: …" or "Failure: …", in Route 53's words */
    uint64_t checked_wall_ms;
    char last_failure[HEALTH_TEXT_SIZE]; /* status of the last one that failed, or empty */
    uint64_t last_failure_wall_ms;
};
/* After each result, on the checker's thread; borrowed for the call. */
typedef void (*health_opinion_cb)(void *user, const struct health_opinion *opinion);

struct health_options {
    uint64_t node;                /* member id: no two nodes start a check at the same time */
    uint32_t connections_max;     /* at once; 0: the default; at most half of what may be open */
    const char *resolvers;        /* ADDR[:PORT],…; NULL: those of the system */
    const char *ca_file;          /* PEM for verify_certificate; NULL: the system's */
    health_opinion_cb on_opinion; /* strings above are copied */
    void *user;
};
/* Start the thread. On 0 the caller owns *@out. ERR_NOMEM, ERR_IO, ERR_INVALID (resolvers),
 * ERR_LIMIT (connections_max). */
int health_open(const struct health_options *options, struct health_checker **out);
/* End all checks and the thread, and free: a few ms. No callback afterwards. Accepts NULL. */
void health_close(struct health_checker *checker);

/* Run the check of that id like this from now on (copied). The same version again changes nothing.
 * Any thread; takes effect in the order of calls. ERR_NOMEM; ERR_LIMIT: HEALTH_CHECKS_MAX; ERR_
 * INVALID: the spec cannot be run (address, path or name). */
int health_set(struct health_checker *checker, const struct health_spec *spec);
/* Stop it; one that is not there is fine. Any thread. ERR_NOMEM. */
int health_remove(struct health_checker *checker, const char *id);

enum health_counter {
    HEALTH_COUNT_CHECKS,  /* now */
    HEALTH_COUNT_RUNNING, /* now */
    HEALTH_COUNT_WAITING, /* now: due, but all connections are taken */
    HEALTH_COUNT_STARTED, /* these count up */
    HEALTH_COUNT_SUCCEEDED,
    HEALTH_COUNT_FAILED,
    HEALTH_COUNT_LATE,    /* started HEALTH_LATE_MS or more after its time */
    HEALTH_COUNT_SKIPPED, /* not made: the run before was not over, or nothing was left here */
    HEALTH_COUNTER_COUNT,
};
/* "health.started" and so on; static. */
const char *health_counter_name(enum health_counter counter);
/* Any thread. */
void health_read_counters(const struct health_checker *checker, uint64_t out[HEALTH_COUNTER_COUNT]);

/* How late starts were, for benches: a count for each ms below HEALTH_LATENESS_SIZE, the last for
 * all above. Any thread. */
#define HEALTH_LATENESS_SIZE 1024u
void health_read_lateness(const struct health_checker *checker, uint64_t out[HEALTH_LATENESS_SIZE]);
