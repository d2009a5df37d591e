/* tests/unit/test_driver_net.c: three drivers over the production network: NNG and mutual TLS on
 * loopback, a snapshot through its own socket. */
/* links: raft_io raft_core test_driver_lib test_net */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/fake_driver.h"
#include "lib/test_net.h"

#define NODES 3

struct fixture {
    struct fake_cluster cluster;
    struct raft_net *nets[NODES];
    struct raft_driver_address addresses[NODES];
    char snapshot_listen[NODES][32];
    struct test_ca *ca;
    struct test_cert certs[NODES];
    int closed_count;
};

/* "127.0.0.1:PORT" with a port that was free a moment ago. */
static void free_address(char *out, size_t out_len)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    close(fd);
    snprintf(out, out_len, "127.0.0.1:%u", ntohs(address.sin_port));
}

static void open_net(struct fixture *f, uint32_t i)
{
    struct fake_node *node = &f->cluster.nodes[i];
    f->certs[i] = test_cert_new_member(f->ca, node->id);
    f->addresses[i].id = node->id;
    free_address(f->addresses[i].peer, sizeof(f->addresses[i].peer));
    free_address(f->snapshot_listen[i], sizeof(f->snapshot_listen[i]));
    const struct raft_net_options options = {.loop = &f->cluster.loop,
                                             .keys = test_keys(node->id),
                                             .tls = test_tls(f->ca, &f->certs[i]),
                                             .peer_listen = f->addresses[i].peer,
                                             .peer_advertise = f->addresses[i].peer,
                                             .snapshot_listen = f->snapshot_listen[i]};
    assert_int_equal(raft_net_open(&options, &f->nets[i]), 0);
    node->options.net = f->nets[i];
    node->options.keep_entries = 50;
    node->options.election_timeout_ms = 400;
    node->options.heartbeat_ms = 60;
}

static void start_node(struct fixture *f, uint32_t i)
{
    fake_node_start(&f->cluster.nodes[i], 0);
    assert_int_equal(raft_driver_set_addresses(f->cluster.nodes[i].driver, f->addresses, NODES), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    fake_cluster_init(&f->cluster);
    f->ca = test_ca_new();
    for (uint32_t i = 0; i < NODES; i++)
        open_net(f, i);
    *state = f;
    return 0;
}

static void on_closed(void *user)
{
    struct fixture *f = user;
    f->closed_count++;
}

static bool are_closed(void *user)
{
    return ((struct fixture *)user)->closed_count == NODES;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    for (uint32_t i = 0; i < NODES; i++) {
        fake_node_stop(&f->cluster.nodes[i]);
        raft_net_close(f->nets[i], on_closed, f);
    }
    fake_run_until(&f->cluster, are_closed, f, "the networks are closed");
    fake_cluster_fini(&f->cluster);
    for (uint32_t i = 0; i < NODES; i++)
        test_cert_free(&f->certs[i]);
    test_ca_free(f->ca);
    free(f);
    return 0;
}

static bool is_trimmed(void *user)
{
    struct raft_driver_status status;
    struct fake_node *leader = fake_leader(user);
    if (leader == NULL)
        return false;
    raft_driver_status(leader->driver, &status);
    return status.first_index > 200;
}

static void test_cluster_replicates_and_sends_a_snapshot(void **state)
{
    struct fixture *f = *state;
    struct fake_cluster *cluster = &f->cluster;
    struct raft_driver_status status;
    fake_node_bootstrap(&cluster->nodes[0]);
    start_node(f, 0);
    start_node(f, 1);
    fake_wait_leader(cluster);
    fake_change(cluster, cluster->nodes[1].id, RAFT_CONF_ADD_LEARNER);
    fake_change(cluster, cluster->nodes[1].id, RAFT_CONF_PROMOTE);
    fake_propose(cluster, 400, 100);
    fake_wait_equal(cluster);
    fake_run_until(cluster, is_trimmed, cluster, "the log is trimmed");
    start_node(f, 2); /* what it needs is no longer in the log */
    fake_change(cluster, cluster->nodes[2].id, RAFT_CONF_ADD_LEARNER);
    fake_propose(cluster, 10, 100);
    fake_wait_equal(cluster);
    raft_driver_status(cluster->nodes[2].driver, &status);
    assert_int_equal(status.snapshots_installed, 1);
    assert_int_equal(cluster->nodes[2].data_count, 410);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        test_cluster_replicates_and_sends_a_snapshot, setup, teardown)};
    return cmocka_run_group_tests_name("driver_net", tests, NULL, NULL);
}
