/* tests/bench/load/run.h: one load on a server: what was sent, what came back, whether it was
 * right, and how long it took. A closed loop with a window of queries in flight, or paced. One
 * thread. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/load/queries.h"

#define LOAD_IDS 65536u
#define LOAD_BATCH 64u
#define LOAD_PIDS_MAX 64u
#define LOAD_BUCKETS 2048u

struct load_options {
    struct sockaddr_in server;
    unsigned window;         /* queries in flight at most */
    unsigned rate;           /* queries a second; 0: as many as the window lets through */
    double warm_s, secs;     /* before measuring, and measuring */
    uint64_t count;          /* send exactly so many instead, measured from the first; 0: by time */
    unsigned sample_mask;    /* replies whose id has none of these bits are checked in full (raw) */
    bool is_unchecked;       /* for servers that do no DNS: replies are only counted */
    unsigned connections;    /* TCP */
    int pids[LOAD_PIDS_MAX]; /* the server's processes, whose processor time is measured */
    unsigned pid_count;
    int cpu; /* their processor, whose idle time is measured; -1: none */
    /* raw */
    const char *interface;
    uint8_t own_mac[6], server_mac[6];
    struct in_addr own_address;
};

struct load_counts {
    uint64_t sent, answered;
    uint64_t checked;                /* replies looked at in full */
    uint64_t wrong_rcode;            /* of those: another RCODE, or truncated */
    uint64_t wrong_answers;          /* too few answers */
    uint64_t wrong_question;         /* not an answer to what was asked with this id */
    uint64_t stray;                  /* an id that is not asked now, or asked before and given up */
    uint64_t classes[LOAD_CLASSES];  /* replies by load_class */
    uint64_t expected[LOAD_CLASSES]; /* sent, by what has to come back */
};

struct load_slot {
    uint64_t seq;
    int64_t sent_ns;
    bool is_open;
};
/* One moment: what was used up to then. */
struct load_mark {
    int64_t wall_ns, cpu_ns, idle_ns;
    uint64_t answered;
};
struct load_run {
    const struct load_options *options;
    const struct load_queries *queries;
    struct load_counts counts;
    struct load_slot slots[LOAD_IDS];
    uint32_t latencies[LOAD_BUCKETS]; /* of checked replies; see load_bucket in run.c */
    uint64_t given_up;           /* in flight when nothing came for long; they leave the window */
    struct load_mark start, end; /* of the measured part */
};

/* How queries go out and replies come in. */
struct load_port {
    void *self;
    /* Send @count queries (at most LOAD_BATCH) from counts.sent on, told by load_sent; fewer may
     * go when there is no room. */
    void (*send)(void *self, struct load_run *run, unsigned count);
    /* Take what came, told by load_received (or counted otherwise); never waits. */
    void (*receive)(void *self, struct load_run *run);
};

int64_t load_now_ns(void);
void load_die(const char *what);

/* The next query as octets, with its id (of counts.sent). Nothing is counted until load_sent. */
size_t load_next(const struct load_run *run, uint64_t ahead, uint8_t out[LOAD_QUERY_MAX]);
/* @count queries from load_next went out at @now_ns. */
void load_sent(struct load_run *run, unsigned count, int64_t now_ns);
/* Check and count one reply of @len octets; outside octets. Returns whether its slot was open. With
 * @is_counted its class was counted already. */
bool load_received(struct load_run *run, const uint8_t *reply, size_t len, int64_t now_ns,
                   bool is_counted);

/* Run all of it: warm up, measure, wait for the last replies. */
void load_run_all(struct load_run *run, const struct load_port *port);
/* One line of JSON to standard output. */
void load_print(const struct load_run *run);

/* Ends the program with a message when the port cannot be opened; the program's end closes it. */
void load_udp_open(const struct load_run *run, struct load_port *out);
void load_tcp_open(const struct load_run *run, struct load_port *out);
void load_raw_open(const struct load_run *run, struct load_port *out);
