/* tests/bench/bench_driver.c: commands per second through the driver: core, codec-free network in
 * the process, real log and fsync.
 * usage: bench_driver NODES COMMANDS_PER_ENTRY COMMAND_LEN ENTRIES_IN_FLIGHT SECONDS */
/* links: raft_io raft_core test_driver_lib */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/fake_driver.h"

struct load {
    uint32_t commands, command_len, in_flight;
    uint64_t seconds;
};

static uint64_t number(const char *text)
{
    char *end = NULL;
    uint64_t value = strtoull(text, &end, 10);
    if (end == text || *end != '\0')
        exit(2);
    return value;
}

/* Keep the leader's pipe full for the whole time; returns entries applied there. */
static uint64_t run(struct fake_cluster *cluster, const struct load *load)
{
    struct fake_node *leader = fake_wait_leader(cluster);
    struct raft_buf *data = raft_buf_new(NULL, (size_t)load->commands * load->command_len);
    uint64_t first = leader->data_count, sent = first, index, term;
    uint64_t end_ns = uv_hrtime() + load->seconds * 1000000000u;
    while (uv_hrtime() < end_ns) {
        while (sent - leader->data_count < load->in_flight &&
               raft_driver_propose(leader->driver, &data, 1, &index, &term) == 0)
            sent++;
        uv_run(&cluster->loop, UV_RUN_ONCE);
    }
    raft_buf_unref(data);
    return leader->data_count - first;
}

int main(int argc, char **argv)
{
    struct fake_cluster *cluster = malloc(sizeof(*cluster));
    struct raft_driver_status status;
    if (argc != 6 || cluster == NULL)
        return 2;
    const struct load load = {.commands = (uint32_t)number(argv[2]),
                              .command_len = (uint32_t)number(argv[3]),
                              .in_flight = (uint32_t)number(argv[4]),
                              .seconds = number(argv[5])};
    fake_cluster_init(cluster);
    fake_node_bootstrap(&cluster->nodes[0]);
    fake_node_start(&cluster->nodes[0], 0);
    fake_grow(cluster, (uint32_t)number(argv[1]));
    uint64_t entries = run(cluster, &load);
    raft_driver_status(fake_wait_leader(cluster)->driver, &status);
    printf("nodes=%s entries_s=%" PRIu64 " commands_s=%" PRIu64 " syncs=%" PRIu64
           " sync_p50_us=%" PRIu64 " sync_p99_us=%" PRIu64 " sync_max_us=%" PRIu64 "\n",
           argv[1], entries / load.seconds, entries * load.commands / load.seconds,
           status.sync_count, status.sync_p50_us, status.sync_p99_us, status.sync_max_us);
    fake_cluster_fini(cluster);
    free(cluster);
    return 0;
}
