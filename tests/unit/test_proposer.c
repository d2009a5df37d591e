/* links: cluster
 * Commands until they are applied: sessions, window, repetition, packing. Time and the way to the
 * leader are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "cluster/apply.h"
#include "cluster/command.h"
#include "cluster/leader_queue.h"
#include "cluster/proposer.h"
#include "proto/command.pb-c.h"
#include "raft/core/raft.h"

#define SEEN_MAX 20000

/* What was delivered, decoded. */
struct seen {
    uint64_t client_id, sequence, done_below;
    bool is_open;
};
struct world {
    struct proposer *proposer;
    struct command_arena *arena;
    struct seen seen[SEEN_MAX];
    unsigned count;
    int deliver_rc;
    unsigned done, rc_timeout, rc_closed;
};

static int deliver(void *user, const uint8_t *const *commands, const size_t *lens, unsigned count)
{
    struct world *world = user;

    if (world->deliver_rc != 0)
        return world->deliver_rc;
    for (unsigned i = 0; i < count; i++) {
        const Cmd__Command *command;
        assert_int_equal(command_decode(world->arena, commands[i], lens[i], &command), 0);
        assert_true(world->count < SEEN_MAX);
        world->seen[world->count++] =
            (struct seen){command->client_id, command->sequence, command->done_below,
                          command->kind_case == CMD__COMMAND__KIND_OPEN_SESSION};
    }
    return 0;
}

static void no_wake(void *user)
{
    (void)user;
}

static void on_result(void *user, int rc, const struct apply_result *result)
{
    struct world *world = user;
    (void)result;
    world->done += rc == 0;
    world->rc_timeout += rc == ERR_TIMEOUT;
    world->rc_closed += rc == ERR_CLOSED;
}

static int setup(void **state)
{
    struct world *world = calloc(1, sizeof(*world));
    struct proposer_port port = {world, deliver, no_wake};

    world->arena = command_arena_new();
    world->proposer = proposer_new(&port);
    *state = world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    proposer_free(world->proposer, ERR_CLOSED);
    command_arena_free(world->arena);
    free(world);
    return 0;
}

static int submit(struct world *world, uint64_t now_ms)
{
    Cmd__HashCheck check = CMD__HASH_CHECK__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    command.kind_case = CMD__COMMAND__KIND_HASH_CHECK;
    command.hash_check = &check;
    return proposer_submit(world->proposer, &command, now_ms, 5000, on_result, world);
}

static void result(struct world *world, uint64_t client_id, uint64_t sequence,
                   enum apply_outcome outcome)
{
    struct apply_result applied = {
        .client_id = client_id, .sequence = sequence, .outcome = outcome, .message = ""};
    proposer_result(world->proposer, &applied);
}

/* The session is open; what was delivered so far is forgotten. Returns the client id. */
static uint64_t open_session(struct world *world)
{
    proposer_flush(world->proposer, 1);
    assert_true(world->count == 1 && world->seen[0].is_open);
    uint64_t client_id = world->seen[0].client_id;
    result(world, client_id, 0, APPLY_DONE);
    world->count = 0;
    return client_id;
}

static void test_submit_before_session_waits(void **state)
{
    struct world *world = *state;

    assert_int_equal(submit(world, 1), 0);
    uint64_t client_id = open_session(world);
    proposer_flush(world->proposer, 2);
    assert_int_equal(world->count, 1);
    assert_true(world->seen[0].client_id == client_id && world->seen[0].sequence == 1);
    assert_int_equal(world->done, 0);
    result(world, client_id, 1, APPLY_DONE);
    assert_int_equal(world->done, 1);
    result(world, client_id, 1, APPLY_REPEATED); /* a late copy tells nobody */
    assert_int_equal(world->done, 1);
}

static void test_result_of_others_ignored(void **state)
{
    struct world *world = *state;

    uint64_t client_id = open_session(world);
    assert_int_equal(submit(world, 1), 0);
    result(world, client_id + 1, 1, APPLY_DONE);
    result(world, client_id, 7, APPLY_DONE);
    assert_int_equal(world->done, 0);
    assert_int_equal(proposer_count(world->proposer), 1);
}

static void test_flush_sent_once_until_silence_or_new_leader(void **state)
{
    struct world *world = *state;

    open_session(world);
    assert_int_equal(submit(world, 10), 0);
    proposer_flush(world->proposer, 10);
    proposer_flush(world->proposer, 20);
    proposer_tick(world->proposer, 30);
    assert_int_equal(world->count, 1);
    proposer_leader_changed(world->proposer);
    proposer_flush(world->proposer, 40);
    assert_int_equal(world->count, 2);
    proposer_tick(world->proposer, 40 + 2 * PROPOSER_RESEND_MS + 1);
    assert_int_equal(world->count, 3);
    assert_true(world->seen[2].sequence == 1);
}

static void test_deliver_fails_tried_again(void **state)
{
    struct world *world = *state;

    open_session(world);
    assert_int_equal(submit(world, 10), 0);
    world->deliver_rc = ERR_UNAVAILABLE;
    proposer_flush(world->proposer, 10);
    world->deliver_rc = 0;
    proposer_tick(world->proposer, 60);
    assert_int_equal(world->count, 1);
}

static void test_tick_deadline_outcome_unknown(void **state)
{
    struct world *world = *state;

    uint64_t client_id = open_session(world);
    assert_int_equal(submit(world, 10), 0);
    proposer_tick(world->proposer, 5009);
    assert_int_equal(world->rc_timeout, 0);
    proposer_tick(world->proposer, 5010);
    assert_int_equal(world->rc_timeout, 1);
    result(world, client_id, 1, APPLY_DONE);
    assert_int_equal(world->done, 0);
    assert_int_equal(submit(world, 6000), 0); /* what follows says that it waits for 1 no more */
    proposer_flush(world->proposer, 6000);
    assert_true(world->seen[world->count - 1].done_below == 2);
}

static void test_submit_window_full_busy(void **state)
{
    struct world *world = *state;

    uint64_t client_id = open_session(world);
    for (unsigned i = 0; i < CLUSTER_PENDING_MAX; i++)
        assert_int_equal(submit(world, 1), 0);
    assert_int_equal(submit(world, 1), ERR_BUSY);
    result(world, client_id, 2, APPLY_DONE); /* the lowest still waits: its place is the bound */
    assert_int_equal(submit(world, 1), ERR_BUSY);
    result(world, client_id, 1, APPLY_DONE);
    assert_int_equal(submit(world, 1), 0);
    assert_int_equal(submit(world, 1), 0);
    assert_int_equal(submit(world, 1), ERR_BUSY);
    proposer_flush(world->proposer, 2);
    for (unsigned i = 0; i < world->count; i++)
        assert_true(world->seen[i].sequence < world->seen[i].done_below + CLUSTER_PENDING_MAX);
}

static void test_result_no_session_renewed(void **state)
{
    struct world *world = *state;

    uint64_t old = open_session(world);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(submit(world, 1), 0);
    proposer_flush(world->proposer, 1);
    result(world, old, 1, APPLY_NO_SESSION);
    result(world, old, 2, APPLY_NO_SESSION);
    world->count = 0;
    uint64_t fresh = open_session(world);
    assert_true(fresh != old);
    proposer_flush(world->proposer, 2);
    assert_int_equal(world->count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_true(world->seen[i].client_id == fresh && world->seen[i].sequence == i + 1);
        result(world, fresh, i + 1, APPLY_DONE);
    }
    assert_int_equal(world->done, 3);
}

/* Applied in what a snapshot skipped, perhaps; and the session that would know is gone. */
static void test_result_no_session_after_skip_unknown(void **state)
{
    struct world *world = *state;

    uint64_t old = open_session(world);
    assert_int_equal(submit(world, 1), 0);
    proposer_flush(world->proposer, 1);
    proposer_skipped(world->proposer);
    assert_int_equal(submit(world, 2), 0);
    proposer_flush(world->proposer, 2);
    result(world, old, 1, APPLY_NO_SESSION);
    assert_int_equal(world->rc_timeout, 1);
    world->count = 0;
    uint64_t fresh = open_session(world);
    world->count = 0;
    proposer_flush(world->proposer, 3);
    assert_int_equal(world->count, 1); /* the second came later: it is sent under the new one */
    assert_true(world->seen[0].client_id == fresh && world->seen[0].sequence == 2);
    result(world, fresh, 2, APPLY_DONE);
    assert_int_equal(world->done, 1);
}

static void test_bulk_bound_busy(void **state)
{
    struct world *world = *state;
    Cmd__HashCheck check = CMD__HASH_CHECK__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    uint64_t client_id = open_session(world);
    command.kind_case = CMD__COMMAND__KIND_HASH_CHECK;
    command.hash_check = &check;
    for (unsigned i = 0; i < CLUSTER_BULK_MAX; i++)
        assert_int_equal(proposer_submit_bulk(world->proposer, &command, 1, on_result, world), 0);
    assert_int_equal(proposer_submit_bulk(world->proposer, &command, 1, on_result, world),
                     ERR_BUSY);
    assert_int_equal(submit(world, 1), 0); /* others are not held up */
    result(world, client_id, 5, APPLY_DONE);
    assert_int_equal(proposer_submit_bulk(world->proposer, &command, 1, on_result, world), 0);
}

static void test_free_pending_told(void **state)
{
    struct world *world = *state;
    struct proposer_port port = {world, deliver, no_wake};

    assert_int_equal(submit(world, 1), 0);
    proposer_free(world->proposer, ERR_CLOSED);
    assert_int_equal(world->rc_closed, 1);
    world->proposer = proposer_new(&port);
}

/* --- the leader's queue */

struct log {
    unsigned entries, commands;
    uint64_t index;
    int rc;
    struct command_arena *arena;
};
static int propose(void *user, struct raft_buf *data, uint64_t *index)
{
    struct log *log = user;
    const Cmd__Batch *batch;

    if (log->rc != 0)
        return log->rc;
    assert_int_equal(command_batch_decode(log->arena, data->data, data->len, &batch), 0);
    assert_true(batch->n_commands <= COMMAND_BATCH_COMMANDS_MAX);
    log->entries++;
    log->commands += (unsigned)batch->n_commands;
    *index = ++log->index;
    return 0;
}

struct queue_world {
    struct log log;
    struct leader_queue *queue;
    uint8_t *octets;
    size_t len;
    bool is_gathering;
};

static void queue_open(struct queue_world *world)
{
    Cmd__OpenSession open = CMD__OPEN_SESSION__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    *world = (struct queue_world){.log.arena = command_arena_new()};
    world->queue = leader_queue_new(propose, &world->log);
    command.client_id = 5;
    command.kind_case = CMD__COMMAND__KIND_OPEN_SESSION;
    command.open_session = &open;
    assert_int_equal(command_encode(&command, &world->octets, &world->len), 0);
}

static void queue_close(struct queue_world *world)
{
    free(world->octets);
    leader_queue_free(world->queue);
    command_arena_free(world->log.arena);
}

static void queue_add(struct queue_world *world, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(leader_queue_add(world->queue, world->octets, world->len), 0);
}

/* Pump at @now_us; how many commands are in the log after it? */
static unsigned queue_pump(struct queue_world *world, uint64_t now_us)
{
    assert_int_equal(leader_queue_pump(world->queue, now_us, &world->is_gathering), 0);
    return world->log.commands;
}

static void test_queue_packs_and_bounds_flight(void **state)
{
    struct queue_world world;

    (void)state;
    queue_open(&world);
    queue_add(&world, 6000);
    assert_int_equal(queue_pump(&world, 9000), 4000);
    assert_int_equal(world.log.entries, LEADER_QUEUE_FLIGHT_MAX);
    leader_queue_applied(world.queue, 1, 9000);
    assert_int_equal(queue_pump(&world, 9000), 5000);
    leader_queue_applied(world.queue, 5, 9000);
    world.log.rc = RAFT_EBUSY;
    assert_int_equal(queue_pump(&world, 9000), 5000);
    assert_int_equal(leader_queue_count(world.queue), 1000); /* kept for the next time */
    world.log.rc = 0;
    assert_int_equal(queue_pump(&world, 9000), 6000);
    assert_int_equal(leader_queue_count(world.queue), 0);
    queue_close(&world);
}

static void test_queue_few_commands_never_wait(void **state)
{
    struct queue_world world;

    (void)state;
    queue_open(&world);
    for (unsigned i = 1; i <= LEADER_QUEUE_FLIGHT_MAX; i++) {
        queue_add(&world, 1);
        assert_int_equal(queue_pump(&world, 9000), i);
        assert_false(world.is_gathering);
    }
    queue_close(&world);
}

/* 64 clients, each asking again once answered: what they ask is in one entry each time. */
static void test_queue_many_commands_gather(void **state)
{
    struct queue_world world;

    (void)state;
    queue_open(&world);
    queue_add(&world, 20);
    assert_int_equal(queue_pump(&world, 9000), 20);
    queue_add(&world, 44);
    assert_int_equal(queue_pump(&world, 9100), 20);
    assert_true(world.is_gathering);
    leader_queue_applied(world.queue, 1, 10000);
    queue_add(&world, 5);
    assert_int_equal(queue_pump(&world, 10100), 20); /* 15 more may come */
    assert_true(world.is_gathering);
    queue_add(&world, 15);
    assert_true(leader_queue_count(world.queue) == 64 && !leader_queue_is_busy(world.queue));
    assert_int_equal(queue_pump(&world, 10200), 84);
    assert_true(!world.is_gathering && leader_queue_is_busy(world.queue));
    queue_close(&world);
}

static void test_queue_gathers_for_a_bounded_time(void **state)
{
    struct queue_world world;

    (void)state;
    queue_open(&world);
    queue_add(&world, 40);
    assert_int_equal(queue_pump(&world, 9000), 40);
    queue_add(&world, 1);
    assert_int_equal(queue_pump(&world, 9000 + LEADER_QUEUE_OVERLAP_US - 1), 40);
    assert_int_equal(queue_pump(&world, 9000 + LEADER_QUEUE_OVERLAP_US), 41); /* far members */
    leader_queue_applied(world.queue, 2, 15000);
    queue_add(&world, 1);
    assert_int_equal(queue_pump(&world, 15000 + LEADER_QUEUE_GATHER_US - 1), 41);
    assert_int_equal(queue_pump(&world, 15000 + LEADER_QUEUE_GATHER_US), 42);
    queue_add(&world, LEADER_QUEUE_LARGE);
    assert_int_equal(queue_pump(&world, 15600), 42 + LEADER_QUEUE_LARGE);
    queue_close(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_submit_before_session_waits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_result_of_others_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_sent_once_until_silence_or_new_leader, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_deliver_fails_tried_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tick_deadline_outcome_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_submit_window_full_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_result_no_session_renewed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_result_no_session_after_skip_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bulk_bound_busy, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_pending_told, setup, teardown),
        cmocka_unit_test(test_queue_packs_and_bounds_flight),
        cmocka_unit_test(test_queue_few_commands_never_wait),
        cmocka_unit_test(test_queue_many_commands_gather),
        cmocka_unit_test(test_queue_gathers_for_a_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
