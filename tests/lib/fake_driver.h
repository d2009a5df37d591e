/* tests/lib/fake_driver.h: members of one cluster in one process: real drivers, logs and disk
 * threads, a network of queues and an application that is a hash and one file. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <uv.h>

#include "raft/io/driver.h"
#include "raft/io/driver_net.h"

#define FAKE_NODES_MAX 5

struct fake_cluster;

struct fake_delivery; /* a message on its way */

struct fake_node {
    struct fake_cluster *cluster;
    raft_id id;
    char dir[96];
    struct raft_driver *driver; /* NULL: down */
    struct raft_driver_options options;
    char message[RAFT_DRIVER_MESSAGE_LEN];
    bool is_closing;
    /* network */
    struct raft_net net;
    bool is_cut;
    struct transport_handler handler;
    bool has_handler;
    struct fake_delivery *first, **end;
    uv_async_t arrived;
    /* application */
    pthread_mutex_t lock;
    struct raft_snapshot state; /* index, term, conf */
    uint64_t hash;
    uint64_t data_count;   /* NORMAL entries in the state */
    uint64_t applied_here; /* entries given to apply() since the last open */
    int apply_code;        /* what apply() returns */
    int checkpoint_code;   /* what checkpoint() returns */
    _Atomic uint32_t checkpoint_calls;
    raft_id app_from;
    char app_data[32];
    uint64_t role_calls, conf_calls, fatal_calls;
};

struct fake_cluster {
    uv_loop_t loop;
    struct fake_node nodes[FAKE_NODES_MAX];
    uint64_t snapshot_count;
    char snapshots[64][4200]; /* folders served, by id */
    uint64_t fetch_count;
    int fetch_code; /* what fetches end with */
};

void fake_cluster_init(struct fake_cluster *cluster);
void fake_cluster_fini(struct fake_cluster *cluster); /* closes what is open, removes the folders */

/* Start @node from its folder; expects @code. fake_node_stop() keeps only what is durable. */
void fake_node_start(struct fake_node *node, int code);
void fake_node_stop(struct fake_node *node);
void fake_node_bootstrap(struct fake_node *node);

/* Run the loop until @is_true says so; fails the test after ten seconds. */
void fake_run_until(struct fake_cluster *cluster, bool (*is_true)(void *), void *user,
                    const char *what);
/* The node that leads, when one does and the majority of @count nodes agree; else NULL. */
struct fake_node *fake_leader(struct fake_cluster *cluster);
struct fake_node *fake_wait_leader(struct fake_cluster *cluster);
/* Add nodes [1, count) to node 0's cluster as voters. */
void fake_grow(struct fake_cluster *cluster, uint32_t count);
/* Propose one membership change and wait until all applied it. */
void fake_change(struct fake_cluster *cluster, raft_id id, enum raft_conf_change_kind kind);
/* Propose @count entries of @len octets on the leader; RAFT_EBUSY is waited out. */
void fake_propose(struct fake_cluster *cluster, uint64_t count, size_t len);
/* Until every node that is up has the leader's last entry applied; their hashes must be equal. */
void fake_wait_equal(struct fake_cluster *cluster);
/* Write the application's durable state behind the driver's back (node down). */
void fake_node_write_state(struct fake_node *node, const struct raft_snapshot *state);
