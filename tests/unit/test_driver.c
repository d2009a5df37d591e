/* tests/unit/test_driver.c: drivers elect, replicate, restart, trim and catch up by snapshot. */
/* links: raft_io raft_core test_driver_lib */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "lib/fake_driver.h"

static int setup(void **state)
{
    struct fake_cluster *cluster = malloc(sizeof(*cluster));
    fake_cluster_init(cluster);
    *state = cluster;
    return 0;
}

static int teardown(void **state)
{
    fake_cluster_fini(*state);
    free(*state);
    return 0;
}

static void start_three(struct fake_cluster *cluster)
{
    fake_node_bootstrap(&cluster->nodes[0]);
    fake_node_start(&cluster->nodes[0], 0);
    fake_wait_leader(cluster);
    fake_grow(cluster, 3);
}

static struct fake_node *a_follower(struct fake_cluster *cluster)
{
    struct fake_node *leader = fake_wait_leader(cluster);
    return leader == &cluster->nodes[0] ? &cluster->nodes[1] : &cluster->nodes[0];
}

static struct raft_driver_status status_of(struct fake_node *node)
{
    struct raft_driver_status status;
    raft_driver_status(node->driver, &status);
    return status;
}

struct outcome {
    int calls, code;
    bool was_current;
};

static void on_done(void *user, int code)
{
    struct outcome *outcome = user;
    outcome->calls++;
    outcome->code = code;
}

static void on_read(void *user, int code, bool was_current)
{
    struct outcome *outcome = user;
    on_done(user, code);
    outcome->was_current = was_current;
}

static bool is_called(void *user)
{
    return ((struct outcome *)user)->calls > 0;
}

static void test_single_node_applies_and_restarts(void **state)
{
    struct fake_cluster *cluster = *state;
    struct fake_node *node = &cluster->nodes[0];
    fake_node_bootstrap(node);
    fake_node_start(node, 0);
    fake_propose(cluster, 100, 50);
    fake_wait_equal(cluster);
    uint64_t hash = node->hash, index = node->state.index;
    assert_int_equal(node->data_count, 100);
    assert_true(node->role_calls > 0 && node->conf_calls > 0);
    fake_node_stop(node);
    fake_node_start(node, 0); /* nothing was flushed: all of it is applied again */
    assert_int_equal(node->state.index, 0);
    fake_wait_leader(cluster);
    fake_wait_equal(cluster);
    assert_true(node->state.index > index);
    assert_int_equal(node->data_count, 100);
    assert_int_not_equal(node->hash, hash); /* the new term's no-op came on top */
}

static void test_bootstrap_twice_is_refused(void **state)
{
    struct fake_cluster *cluster = *state;
    struct fake_node *node = &cluster->nodes[0];
    fake_node_bootstrap(node);
    assert_int_equal(raft_driver_bootstrap(node->dir, 5, NULL, node->message), RAFT_EINVALID);
    assert_non_null(strstr(node->message, "belongs to a cluster"));
}

static void test_three_nodes_replicate_and_survive_the_leader(void **state)
{
    struct fake_cluster *cluster = *state;
    start_three(cluster);
    fake_propose(cluster, 500, 100);
    fake_wait_equal(cluster);
    struct fake_node *first = fake_wait_leader(cluster);
    fake_node_stop(first);
    uint64_t start_ns = uv_hrtime();
    struct fake_node *second = fake_wait_leader(cluster);
    assert_ptr_not_equal(first, second);
    assert_true(uv_hrtime() - start_ns < 2000000000u);
    fake_propose(cluster, 100, 100);
    fake_node_start(first, 0);
    fake_wait_equal(cluster);
    assert_int_equal(first->data_count, 600);
    assert_int_equal(status_of(second).peer_count, 3);
}

static void test_read_on_follower_sees_what_was_acknowledged(void **state)
{
    struct fake_cluster *cluster = *state;
    struct outcome outcomes[20] = {0};
    start_three(cluster);
    fake_propose(cluster, 10, 10);
    fake_wait_equal(cluster);
    struct fake_node *leader = fake_wait_leader(cluster), *follower = a_follower(cluster);
    for (int i = 0; i < 20; i++)
        assert_int_equal(
            raft_driver_read(i % 2 ? leader->driver : follower->driver, 0, on_read, &outcomes[i]),
            0);
    for (int i = 0; i < 20; i++) {
        fake_run_until(cluster, is_called, &outcomes[i], "a read");
        assert_int_equal(outcomes[i].code, 0);
        assert_true(outcomes[i].was_current);
    }
    assert_int_equal(follower->data_count, 10);
}

static bool has_ten(void *user)
{
    const struct fake_node *node = user;
    return node->data_count == 10;
}

static void test_read_on_node_that_was_behind_says_so(void **state)
{
    struct fake_cluster *cluster = *state;
    struct outcome outcome = {0};
    start_three(cluster);
    struct fake_node *leader = fake_wait_leader(cluster), *follower = a_follower(cluster);
    follower->is_cut = true;
    fake_propose(cluster, 10, 10);
    fake_run_until(cluster, has_ten, leader, "the leader applies");
    assert_int_equal(follower->data_count, 0);
    follower->is_cut = false;
    assert_int_equal(raft_driver_read(follower->driver, 0, on_read, &outcome), 0);
    fake_run_until(cluster, is_called, &outcome, "a read");
    assert_int_equal(outcome.code, 0);
    assert_int_equal(follower->data_count, 10);
    assert_false(outcome.was_current);
}

static void test_read_without_quorum_times_out(void **state)
{
    struct fake_cluster *cluster = *state;
    struct outcome outcome = {0};
    for (int i = 0; i < 3; i++)
        cluster->nodes[i].options.read_timeout_ms = 300;
    start_three(cluster);
    struct fake_node *leader = fake_wait_leader(cluster);
    leader->is_cut = true;
    assert_int_equal(raft_driver_read(leader->driver, 0, on_read, &outcome), 0);
    fake_run_until(cluster, is_called, &outcome, "the time-out");
    assert_int_equal(outcome.code, RAFT_ETIMEDOUT);
}

static void test_transfer_moves_the_leader(void **state)
{
    struct fake_cluster *cluster = *state;
    struct outcome outcome = {0};
    start_three(cluster);
    struct fake_node *leader = fake_wait_leader(cluster), *target = a_follower(cluster);
    assert_int_equal(raft_driver_transfer(target->driver, 0, on_done, &outcome), RAFT_ENOTLEADER);
    assert_int_equal(raft_driver_transfer(leader->driver, target->id, on_done, &outcome), 0);
    fake_run_until(cluster, is_called, &outcome, "the transfer's outcome");
    assert_int_equal(outcome.code, 0);
    assert_ptr_equal(fake_wait_leader(cluster), target);
    assert_int_equal(outcome.calls, 1);
}

static bool has_app_message(void *user)
{
    return ((struct fake_node *)user)->app_from != 0;
}

static void test_send_app_arrives(void **state)
{
    struct fake_cluster *cluster = *state;
    start_three(cluster);
    assert_int_equal(raft_driver_send_app(cluster->nodes[0].driver, 102, "hello", 5), 0);
    fake_run_until(cluster, has_app_message, &cluster->nodes[2], "the message");
    assert_int_equal(cluster->nodes[2].app_from, 100);
    assert_string_equal(cluster->nodes[2].app_data, "hello");
}

static bool is_trimmed(void *user)
{
    struct fake_node *leader = fake_leader(user);
    return leader != NULL && status_of(leader).first_index > 300;
}

static bool has_installed(void *user)
{
    return status_of(user).snapshots_installed > 0;
}

static void test_follower_left_behind_gets_a_snapshot(void **state)
{
    struct fake_cluster *cluster = *state;
    for (int i = 0; i < 3; i++)
        cluster->nodes[i].options.keep_entries = 50;
    start_three(cluster);
    struct fake_node *late = a_follower(cluster);
    fake_node_stop(late);
    fake_propose(cluster, 500, 100);
    fake_run_until(cluster, is_trimmed, cluster, "the leader's log is trimmed");
    cluster->fetch_code = RAFT_ETIMEDOUT; /* the first fetch fails; it must be tried again */
    fake_node_start(late, 0);
    while (cluster->fetch_count == 0)
        uv_run(&cluster->loop, UV_RUN_ONCE);
    cluster->fetch_code = 0;
    fake_run_until(cluster, has_installed, late, "the snapshot is installed");
    fake_propose(cluster, 10, 100);
    fake_wait_equal(cluster);
    assert_int_equal(late->data_count, 510);
    assert_true(cluster->fetch_count >= 2);
    assert_true(late->applied_here < 300);
    fake_node_stop(late); /* and what it has on disk is whole */
    fake_node_start(late, 0);
    fake_wait_equal(cluster);
}

static void test_quarantined_follower_gets_a_snapshot(void **state)
{
    struct fake_cluster *cluster = *state;
    start_three(cluster);
    fake_propose(cluster, 100, 100);
    fake_wait_equal(cluster);
    struct fake_node *bad = a_follower(cluster);
    bad->hash ^= 1;
    assert_int_equal(raft_driver_need_snapshot(bad->driver), 0);
    fake_run_until(cluster, has_installed, bad, "the snapshot is installed");
    fake_propose(cluster, 10, 100);
    fake_wait_equal(cluster);
}

/* A full disk, say: it is tried again, but not in each heartbeat. */
static void test_failed_checkpoint_is_repeated_in_measure(void **state)
{
    struct fake_cluster *cluster = *state;
    start_three(cluster);
    struct fake_node *leader = fake_wait_leader(cluster);
    struct fake_node *bad = a_follower(cluster);
    leader->checkpoint_code = RAFT_EIO;
    assert_int_equal(raft_driver_need_snapshot(bad->driver), 0);
    uint64_t end_ns = uv_hrtime() + UINT64_C(1500000000);
    while (uv_hrtime() < end_ns)
        uv_run(&cluster->loop, UV_RUN_ONCE);
    assert_in_range(leader->checkpoint_calls, 1, 2);
    leader->checkpoint_code = 0;
    fake_run_until(cluster, has_installed, bad, "the snapshot is installed");
}

/* The process ended between the swap of the state and the reset of the log. */
static void test_open_state_beyond_log_resets_log(void **state)
{
    struct fake_cluster *cluster = *state;
    struct fake_node *node = &cluster->nodes[0];
    struct raft_snapshot swapped = {.index = 1000, .term = 5};
    swapped.conf.count = 1;
    swapped.conf.members[0] = (struct raft_member){.id = node->id, .role = RAFT_VOTER};
    fake_node_bootstrap(node);
    fake_node_write_state(node, &swapped);
    fake_node_start(node, 0);
    assert_int_equal(status_of(node).first_index, 1001);
    assert_int_equal(status_of(node).applied_index, 1000);
    fake_propose(cluster, 3, 10);
    fake_wait_equal(cluster);
    assert_true(status_of(node).term > 5);
}

static void test_open_state_behind_log_is_refused(void **state)
{
    struct fake_cluster *cluster = *state;
    struct fake_node *node = &cluster->nodes[0];
    const struct raft_snapshot nothing = {0};
    struct raft_snapshot swapped = {.index = 1000, .term = 5};
    swapped.conf.count = 1;
    swapped.conf.members[0] = (struct raft_member){.id = node->id, .role = RAFT_VOTER};
    fake_node_bootstrap(node);
    fake_node_write_state(node, &swapped);
    fake_node_start(node, 0);
    fake_node_stop(node);
    fake_node_write_state(node, &nothing);
    fake_node_start(node, RAFT_EINVALID);
    assert_non_null(strstr(node->message, "join again"));
}

static bool is_low(void *user)
{
    return status_of(user).is_low_on_space;
}

static bool leads_no_more(void *user)
{
    return status_of(user).role != RAFT_LEADER;
}

static void test_low_disk_space_hands_over(void **state)
{
    struct fake_cluster *cluster = *state;
    struct raft_buf *data = raft_buf_new("x", 1);
    uint64_t index, term;
    cluster->nodes[0].options.free_space_min = UINT64_MAX / 2;
    fake_node_bootstrap(&cluster->nodes[0]);
    fake_node_start(&cluster->nodes[0], 0);
    struct fake_node *node = fake_wait_leader(cluster);
    fake_grow(cluster, 1);
    fake_run_until(cluster, is_low, node, "the space is seen to be low");
    assert_int_equal(raft_driver_propose(node->driver, &data, 1, &index, &term), RAFT_EBUSY);
    fake_node_stop(node);
    node->options.free_space_min = 1;
    fake_node_start(node, 0);
    fake_wait_leader(cluster);
    fake_grow(cluster, 3);
    fake_node_stop(node);
    node->options.free_space_min = UINT64_MAX / 2;
    fake_node_start(node, 0);
    fake_run_until(cluster, is_low, node, "the space is seen to be low");
    fake_run_until(cluster, leads_no_more, node, "another node leads");
    raft_buf_unref(data);
}

static bool is_fatal(void *user)
{
    return ((struct fake_node *)user)->fatal_calls > 0;
}

static void test_failed_apply_stops_for_good(void **state)
{
    struct fake_cluster *cluster = *state;
    struct fake_node *node = &cluster->nodes[0];
    struct raft_buf *data = raft_buf_new("x", 1);
    uint64_t index, term;
    fake_node_bootstrap(node);
    fake_node_start(node, 0);
    fake_wait_leader(cluster);
    node->apply_code = -7;
    assert_int_equal(raft_driver_propose(node->driver, &data, 1, &index, &term), 0);
    fake_run_until(cluster, is_fatal, node, "fatal()");
    assert_non_null(strstr(node->message, "cannot be applied"));
    assert_int_equal(raft_driver_propose(node->driver, &data, 1, &index, &term), RAFT_ECLOSED);
    for (int i = 0; i < 20; i++)
        uv_run(&cluster->loop, UV_RUN_ONCE);
    assert_int_equal(node->fatal_calls, 1);
    raft_buf_unref(data);
}

static void test_close_answers_reads(void **state)
{
    struct fake_cluster *cluster = *state;
    struct outcome outcome = {0};
    fake_node_start(&cluster->nodes[0], 0); /* a joiner: nobody leads */
    assert_int_equal(raft_driver_read(cluster->nodes[0].driver, 0, on_read, &outcome), 0);
    fake_node_stop(&cluster->nodes[0]);
    assert_int_equal(outcome.calls, 1);
    assert_int_equal(outcome.code, RAFT_ECLOSED);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_single_node_applies_and_restarts),
        CASE(test_bootstrap_twice_is_refused),
        CASE(test_three_nodes_replicate_and_survive_the_leader),
        CASE(test_read_on_follower_sees_what_was_acknowledged),
        CASE(test_read_on_node_that_was_behind_says_so),
        CASE(test_read_without_quorum_times_out),
        CASE(test_transfer_moves_the_leader),
        CASE(test_send_app_arrives),
        CASE(test_follower_left_behind_gets_a_snapshot),
        CASE(test_quarantined_follower_gets_a_snapshot),
        CASE(test_failed_checkpoint_is_repeated_in_measure),
        CASE(test_open_state_beyond_log_resets_log),
        CASE(test_open_state_behind_log_is_refused),
        CASE(test_low_disk_space_hands_over),
        CASE(test_failed_apply_stops_for_good),
        CASE(test_close_answers_reads),
    };
    return cmocka_run_group_tests_name("driver", tests, NULL, NULL);
}
