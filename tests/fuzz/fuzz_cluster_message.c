/* links: cluster
 * Application messages between members, into a leader that has parts but no network: forwarded
 * commands, reports, questions, answers. */
#include <stdint.h>
#include <stdlib.h>

#include "cluster/ask.h"
#include "cluster/command.h"
#include "cluster/internal.h"
#include "cluster/leader_queue.h"
#include "proto/cluster.pb-c.h"
#include "raft/core/raft.h"

static int refuse(void *user, struct raft_buf *data, uint64_t *index)
{
    (void)user;
    (void)data;
    (void)index;
    return RAFT_EBUSY;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct cluster *cluster;
    static char driver; /* present, never called: nothing in these paths sends */

    if (!cluster) {
        cluster = calloc(1, sizeof(*cluster));
        if (!cluster)
            return 0;
        cluster->arena = command_arena_new();
        cluster->queue = leader_queue_new(refuse, NULL);
        cluster->asks = asks_new(cluster);
    }
    /* As a leader for what is forwarded; without a driver for the rest, which might send. */
    Clu__Message *message = clu__message__unpack(NULL, len, data);
    bool is_forward = message && message->kind_case == CLU__MESSAGE__KIND_FORWARD;
    if (message)
        clu__message__free_unpacked(message, NULL);
    cluster->role = RAFT_LEADER;
    cluster->driver = is_forward ? (struct raft_driver *)&driver : NULL;
    message_receive(cluster, 2, data, len);
    leader_queue_clear(cluster->queue);
    return 0;
}
