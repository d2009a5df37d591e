/* Messages of proto/cluster.proto. What comes in is from a member (the transport has checked its
 * MAC and its id), but every command is decoded before it can get into the log: an entry that
 * cannot be decoded would stop every node. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/ask.h"
#include "cluster/command.h"
#include "cluster/feature.h"
#include "cluster/hash_check.h"
#include "cluster/internal.h"
#include "cluster/leader_queue.h"
#include "cluster/proposer.h"
#include "cluster/report.h"
#include "cluster/verdicts.h"
#include "proto/cluster.pb-c.h"
#include "proto/command.pb-c.h"
#include "raft/io/codec.h"

#define MESSAGE_VERSION 1

int message_send(struct cluster *cluster, uint64_t to, const Clu__Message *message)
{
    Clu__Message own = *message;

    if (!cluster->driver)
        return ERR_UNAVAILABLE;
    own.version = MESSAGE_VERSION;
    size_t len = clu__message__get_packed_size(&own);
    if (len > CODEC_APP_LEN_MAX)
        return ERR_LIMIT;
    uint8_t *packed = malloc(len);
    if (!packed)
        return ERR_NOMEM;
    clu__message__pack(&own, packed);
    int rc = raft_driver_send_app(cluster->driver, to, packed, len);
    free(packed);
    return cluster__error(rc);
}

int message_deliver(void *user, const uint8_t *const *commands, const size_t *lens, unsigned count)
{
    struct cluster *cluster = user;
    Clu__Forward forward = CLU__FORWARD__INIT;
    Clu__Message message = CLU__MESSAGE__INIT;
    ProtobufCBinaryData list[PROPOSER_DELIVER_COMMANDS];

    if (cluster__leads(cluster)) {
        for (unsigned i = 0; i < count; i++) { /* what finds no room is repeated later */
            int rc = leader_queue_add(cluster->queue, commands[i], lens[i]);
            if (rc != 0)
                return i > 0 ? 0 : rc;
        }
        return 0;
    }
    if (cluster->leader == 0)
        return ERR_UNAVAILABLE;
    for (unsigned i = 0; i < count; i++)
        list[i] = (ProtobufCBinaryData){lens[i], (uint8_t *)(uintptr_t)commands[i]};
    forward.n_commands = count;
    forward.commands = list;
    message.kind_case = CLU__MESSAGE__KIND_FORWARD;
    message.forward = &forward;
    return message_send(cluster, cluster->leader, &message);
}

static void take_forward(struct cluster *cluster, uint64_t from, const Clu__Forward *forward)
{
    if (!cluster__leads(cluster))
        return;
    for (size_t i = 0; i < forward->n_commands; i++) {
        const ProtobufCBinaryData *octets = &forward->commands[i];
        const struct Cmd__Command *command;
        if (octets->len > COMMAND_LEN_MAX ||
            command_decode(cluster->arena, octets->data, octets->len, &command) != 0) {
            log_warn("cluster", "command_refused from=%016llx", (unsigned long long)from);
            continue;
        }
        if (feature_of_kind((int)command->kind_case) > cluster->feature_level) {
            log_warn("cluster", "command_refused from=%016llx why=\"feature level\"",
                     (unsigned long long)from);
            continue; /* the sender is ahead of this node's state: it repeats it */
        }
        if (leader_queue_add(cluster->queue, octets->data, octets->len) != 0)
            break; /* full: the sender repeats the rest */
    }
    cluster__wake(cluster);
}

void message_receive(struct cluster *cluster, uint64_t from, const uint8_t *data, size_t len)
{
    Clu__Message *message = clu__message__unpack(NULL, len, data);

    if (!message)
        return;
    if (message->version == MESSAGE_VERSION) {
        switch (message->kind_case) {
        case CLU__MESSAGE__KIND_FORWARD: take_forward(cluster, from, message->forward); break;
        case CLU__MESSAGE__KIND_STATUS: report_received(cluster, from, message->status); break;
        case CLU__MESSAGE__KIND_POKE: report_send(cluster); break;
        case CLU__MESSAGE__KIND_QUARANTINE:
            hash_check_told(cluster, from, message->quarantine);
            break;
        case CLU__MESSAGE__KIND_ASK: ask_received(cluster, from, message->ask); break;
        case CLU__MESSAGE__KIND_ANSWER: ask_answered(cluster, message->answer); break;
        case CLU__MESSAGE__KIND_OPINIONS: verdicts_take(cluster, from, message->opinions); break;
        default: break; /* a later program's */
        }
    }
    clu__message__free_unpacked(message, NULL);
}
