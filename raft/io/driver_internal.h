/* raft/io/driver_internal.h: shared by driver*.c only. Everything lives on the loop thread; only
 * the two uv works run a single application callback each on a worker.
 *
 * Flow: whatever happens becomes an event for driver__step(), which hands the update's entries to
 * the disk, sends its messages, and keeps the rest as flags and queues. driver__pump() then calls
 * the application; it is the only place that does, and it never runs inside a raft_driver_*()
 * call, so an application may call the driver from its callbacks. */
#pragma once

#include <limits.h>

#include "raft/core/assert.h"
#include "raft/io/disk.h"
#include "raft/io/driver.h"
#include "raft/io/driver_net.h"
#include "raft/io/log_store.h"

#define DRIVER_GUESTS_MAX 8
#define DRIVER_GUEST_MS 60000
#define DRIVER_SNAPSHOT_FRESH_MS 60000 /* a snapshot is given to further peers for this long */
#define DRIVER_SNAPSHOT_AGAIN_MS 5000  /* … but not again to one for whom it did not work */
#define DRIVER_SNAPSHOT_RETRY_MS 1000  /* after one could not be made */
#define DRIVER_SERVED_MAX 4            /* snapshots kept for fetching; the oldest goes */
#define DRIVER_PATH_LEN (PATH_MAX - 64)

struct driver_read {
    uint64_t id; /* an answer to this read id or a later one answers it */
    raft_driver_read_cb done;
    void *user;
    uint64_t applied_index, deadline_ms; /* applied: when it was asked */
    bool is_answered;
    uint64_t index; /* answered: the state machine must include it */
};
struct driver_reads {
    struct driver_read *items;
    uint32_t count, capacity;
    uint64_t next_id;  /* of the round that new reads join */
    bool is_wanted;    /* a round must be started */
    uint64_t asked_ms; /* when the last round was started */
};

struct driver_transfer {
    bool is_active, has_outcome;
    int code;
    raft_driver_done_cb done;
    void *user;
    uint64_t deadline_ms;
};

/* Leader: snapshots for others. */
struct driver_make {
    raft_id wanted[RAFT_MEMBERS_MAX];
    uint32_t wanted_count;
    bool is_working; /* from the checkpoint's start until it is served or failed */
    int code;
    uint64_t retry_ms; /* none is made before: the last one failed */
    uint64_t number;   /* names the folder */
    char dir[PATH_MAX];
    struct raft_snapshot made; /* being made */
    bool has_fresh;
    struct raft_snapshot fresh; /* served; with locator */
    uint64_t fresh_ms;
    raft_id given[RAFT_MEMBERS_MAX]; /* who got the fresh one */
    uint32_t given_count;
    uint8_t served[DRIVER_SERVED_MAX][CODEC_SNAPSHOT_ID_LEN]; /* oldest first */
    uint32_t served_count;
    uint64_t sent_count;
};

/* Follower: a snapshot of another's. */
enum driver_install_state {
    DRIVER_INSTALL_NONE,
    DRIVER_INSTALL_FETCH, /* the data comes */
    DRIVER_INSTALL_WAIT,  /* it is here; a trim or apply must end first */
    DRIVER_INSTALL_SWAP,  /* the application takes it over */
    DRIVER_INSTALL_RESET, /* the log is being reset */
};
struct driver_install {
    enum driver_install_state state;
    struct raft_snapshot snapshot;
    char dir[PATH_MAX];
    void *fetch;
    bool is_fetching; /* its done callback is still to come */
    uint64_t deadline_ms;
    uint64_t count;
};

struct driver_conf_point {
    uint64_t index; /* the members from here on */
    struct raft_conf conf;
};
struct driver_trim {
    struct driver_conf_point *points; /* ascending; [0] holds at the log's base */
    uint32_t count, capacity;
    bool is_flushing, is_trimming;
    int code;
    uint64_t target;
};

struct driver_guest {
    struct transport_member member;
    uint64_t until_ms;
};

struct raft_driver {
    struct raft_driver_options options; /* dir points to `dir` */
    char dir[DRIVER_PATH_LEN];
    struct raft *raft;
    struct log_store *store;
    struct disk *disk;
    struct raft_net net;
    struct driver_loop *loop;         /* timer, wake-up, workers: driver_loop.c */
    uint64_t clock_ms, clock_real_ms; /* see driver__now() */
    uint64_t second_ms;               /* when the last once-a-second work was done */

    struct raft_entry *apply; /* committed, not yet given to the application; references */
    uint32_t apply_first, apply_count, apply_capacity;
    uint64_t applied_index;
    bool role_changed, conf_changed;
    uint64_t proposed_index, proposed_term; /* of the last PROPOSE */

    struct driver_reads reads;
    struct driver_transfer transfer;
    struct driver_make make;
    struct driver_install install;
    struct driver_trim trim;
    struct transport_member addresses[RAFT_MEMBERS_MAX];
    uint32_t address_count;
    struct driver_guest guests[DRIVER_GUESTS_MAX];
    uint32_t guest_count;

    bool is_pumping, is_low_on_space, holds_commit;
    uint64_t handover_ms, disk_free;
    bool has_failed, is_failure_told, is_superseded;
    char message[RAFT_DRIVER_MESSAGE_LEN];
    uint64_t sent_count, received_count, dropped_count;

    bool is_closing, is_closed_disk;
    uint32_t pending; /* callbacks that must come before it can be freed */
    raft_driver_closed_cb closed;
    void *closed_user;
};

/* driver_step.c */
int driver__step(struct raft_driver *driver, struct raft_event *event);
void driver__pump(struct raft_driver *driver);
/* Milliseconds for the core: monotonic, but a stall of the process counts half an election time-out
 * at most, so that a node that slept does not mistake its own sleep for a silent leader. */
uint64_t driver__now(struct raft_driver *driver);
/* The driver stops for good. */
__attribute__((format(printf, 2, 3))) void driver__fail(struct raft_driver *driver,
                                                        const char *format, ...);
__attribute__((format(printf, 3, 4))) void
driver__log(struct raft_driver *driver, enum raft_log_level level, const char *format, ...);
bool driver__is_stopped(const struct raft_driver *driver); /* failed or closing */

/* driver.c */
void driver__release(struct raft_driver *driver); /* one of `pending` came */
void driver__on_tick(struct raft_driver *driver);
void driver__on_wake(struct raft_driver *driver);

/* driver_loop.c */
int driver__loop_open(struct raft_driver *driver);
void driver__loop_stop(struct raft_driver *driver); /* no more ticks; close: then @closed */
void driver__loop_close(struct raft_driver *driver, void (*closed)(struct raft_driver *));
void driver__wake(struct raft_driver *driver); /* driver__on_wake() from the loop, soon */
/* @run on a worker, then @done on the loop; counted in `pending` until @done returned. RAFT_ENOMEM
 * (neither is called). */
int driver__work(struct raft_driver *driver, void (*run)(struct raft_driver *),
                 void (*done)(struct raft_driver *));

/* driver_read.c */
void driver__reads_answer(struct raft_driver *driver, const struct raft_update *update);
void driver__reads_pump(struct raft_driver *driver);
void driver__reads_tick(struct raft_driver *driver);
void driver__reads_close(struct raft_driver *driver);

/* driver_calls.c */
void driver__transfer_outcome(struct raft_driver *driver, enum raft_transfer_outcome outcome);
void driver__transfer_pump(struct raft_driver *driver);
void driver__transfer_tick(struct raft_driver *driver);

/* driver_make.c */
void driver__make_wanted(struct raft_driver *driver, const raft_id *peers, uint32_t count);
void driver__make_pump(struct raft_driver *driver);

/* driver_install.c */
void driver__install_wanted(struct raft_driver *driver, const struct raft_snapshot *snapshot);
void driver__install_pump(struct raft_driver *driver);
void driver__install_tick(struct raft_driver *driver);

/* driver_trim.c */
int driver__conf_seen(struct raft_driver *driver, const struct raft_entry *entry);
int driver__conf_reset(struct raft_driver *driver, uint64_t index, const struct raft_conf *conf);
void driver__trim_tick(struct raft_driver *driver);  /* once a second */
void driver__space_tick(struct raft_driver *driver); /* once a second */

/* driver_peers.c */
extern const struct transport_handler driver__handler; /* all but user */
void driver__guests_tick(struct raft_driver *driver);  /* once a second */
