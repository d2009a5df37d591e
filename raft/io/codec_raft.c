/* raft/io/codec_raft.c: struct raft_message ↔ PeerRaft. */
#include "raft/io/codec_internal.h"

#include <stdlib.h>
#include <string.h>

#include "proto/peer.pb-c.h"

/* ---- out ---- */

static int build_entries(const struct raft_message *message, Quartet__PeerRaft *out)
{
    uint32_t count = message->entry_count;
    if (count > RAFT_APPEND_ENTRIES_MAX)
        return RAFT_ELIMIT;
    if (count == 0)
        return 0;
    out->entries = calloc(count, sizeof(*out->entries) + sizeof(**out->entries));
    if (out->entries == NULL)
        return RAFT_ENOMEM;
    Quartet__PeerEntry *entries = (void *)(out->entries + count); /* same block */
    for (uint32_t i = 0; i < count; i++) {
        const struct raft_entry *entry = &message->entries[i];
        quartet__peer_entry__init(&entries[i]);
        entries[i].index = entry->index;
        entries[i].term = entry->term;
        entries[i].kind = (uint32_t)entry->kind;
        if (entry->data != NULL) {
            if (entry->data->len > RAFT_ENTRY_LEN_MAX)
                return RAFT_ELIMIT;
            entries[i].data.data = entry->data->data;
            entries[i].data.len = entry->data->len;
        }
        out->entries[i] = &entries[i];
    }
    out->n_entries = count;
    return 0;
}

static int build_snapshot(const struct raft_snapshot *snapshot, Quartet__PeerRaft *out)
{
    uint32_t count = snapshot->conf.count;
    if (count > RAFT_MEMBERS_MAX || snapshot->locator_len > RAFT_SNAPSHOT_LOCATOR_MAX)
        return RAFT_ELIMIT;
    Quartet__PeerSnapshot *packed = malloc(sizeof(*packed));
    if (packed == NULL)
        return RAFT_ENOMEM;
    quartet__peer_snapshot__init(packed);
    out->snapshot = packed;
    packed->index = snapshot->index;
    packed->term = snapshot->term;
    packed->locator.data = (uint8_t *)snapshot->locator; /* packing only reads */
    packed->locator.len = snapshot->locator_len;
    if (count == 0)
        return 0;
    packed->members = calloc(count, sizeof(*packed->members) + sizeof(**packed->members));
    if (packed->members == NULL)
        return RAFT_ENOMEM;
    Quartet__PeerMember *members = (void *)(packed->members + count);
    for (uint32_t i = 0; i < count; i++) {
        quartet__peer_member__init(&members[i]);
        members[i].id = snapshot->conf.members[i].id;
        members[i].role = (uint32_t)snapshot->conf.members[i].role;
        packed->members[i] = &members[i];
    }
    packed->n_members = count;
    return 0;
}

int codec__raft_build(const struct raft_message *message, Quartet__PeerRaft *out)
{
    quartet__peer_raft__init(out);
    out->kind = (uint32_t)message->kind;
    out->term = message->term;
    out->log_index = message->log_index;
    out->log_term = message->log_term;
    out->commit = message->commit;
    out->hint = message->hint;
    out->round = message->round;
    out->rejected = message->rejected;
    out->transfer = message->transfer;
    out->wants_snapshot = message->wants_snapshot;
    int code = build_entries(message, out);
    if (code == 0 && message->kind == RAFT_MSG_SNAPSHOT && message->snapshot != NULL)
        code = build_snapshot(message->snapshot, out);
    if (code != 0)
        codec__raft_unbuild(out);
    return code;
}

void codec__raft_unbuild(Quartet__PeerRaft *raft)
{
    free(raft->entries);
    raft->entries = NULL;
    if (raft->snapshot != NULL)
        free(raft->snapshot->members);
    free(raft->snapshot);
    raft->snapshot = NULL;
}

/* ---- in: protobuf has checked the form, nothing else ---- */

/* Entries follow log_index without gap, terms never fall and never pass the message's. */
static bool entry_is_valid(const Quartet__PeerRaft *raft, size_t i)
{
    const Quartet__PeerEntry *entry = raft->entries[i];
    uint64_t term_min = i == 0 ? raft->log_term : raft->entries[i - 1]->term;
    return entry->index == raft->log_index + 1 + i && entry->index > raft->log_index &&
           entry->term > 0 && entry->term >= term_min && entry->term <= raft->term &&
           entry->kind >= RAFT_ENTRY_NOOP && entry->kind <= RAFT_ENTRY_CONF &&
           entry->data.len <= RAFT_ENTRY_LEN_MAX &&
           (entry->kind != RAFT_ENTRY_NOOP || entry->data.len == 0);
}

static int read_entry(const Quartet__PeerEntry *entry, struct raft_entry *out)
{
    out->index = entry->index;
    out->term = entry->term;
    out->kind = (enum raft_entry_kind)entry->kind;
    if (entry->data.len > 0) {
        out->data = raft_buf_new(entry->data.data, entry->data.len);
        if (out->data == NULL)
            return RAFT_ENOMEM;
    }
    if (out->kind != RAFT_ENTRY_CONF)
        return 0;
    struct raft_conf conf;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;
    if (out->data == NULL)
        return RAFT_ECORRUPT;
    return raft_conf_entry_decode(out->data, &conf, &change, &context, &context_len);
}

static int read_entries(const Quartet__PeerRaft *raft, struct raft_message *out)
{
    size_t count = raft->n_entries;
    size_t len = 0;
    if (count == 0)
        return 0;
    if (raft->kind != RAFT_MSG_APPEND || count > RAFT_APPEND_ENTRIES_MAX)
        return RAFT_ECORRUPT;
    out->entries = calloc(count, sizeof(*out->entries));
    if (out->entries == NULL)
        return RAFT_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        len += raft->entries[i]->data.len;
        if (!entry_is_valid(raft, i) || len > RAFT_APPEND_LEN_MAX + RAFT_ENTRY_LEN_MAX)
            return RAFT_ECORRUPT;
        out->entry_count++; /* from here released, also when reading it fails */
        int code = read_entry(raft->entries[i], &out->entries[i]);
        if (code != 0)
            return code;
    }
    return 0;
}

static bool conf_read(const Quartet__PeerSnapshot *snapshot, struct raft_conf *out)
{
    if (snapshot->n_members == 0 || snapshot->n_members > RAFT_MEMBERS_MAX)
        return false;
    uint32_t voters = 0;
    raft_id before = 0;
    for (size_t i = 0; i < snapshot->n_members; i++) {
        const Quartet__PeerMember *member = snapshot->members[i];
        if (member->id <= before || member->role < RAFT_VOTER || member->role > RAFT_LEARNER)
            return false;
        before = member->id;
        voters += member->role == RAFT_VOTER;
        out->members[i].id = member->id;
        out->members[i].role = (enum raft_member_role)member->role;
    }
    out->count = (uint32_t)snapshot->n_members;
    return voters > 0 && voters <= RAFT_VOTERS_MAX;
}

static int read_snapshot(const Quartet__PeerRaft *raft, struct raft_message *out)
{
    const Quartet__PeerSnapshot *snapshot = raft->snapshot;
    if ((raft->kind == RAFT_MSG_SNAPSHOT) != (snapshot != NULL))
        return RAFT_ECORRUPT;
    if (snapshot == NULL)
        return 0;
    if (snapshot->index == 0 || snapshot->term == 0 || snapshot->term > raft->term ||
        snapshot->locator.len > RAFT_SNAPSHOT_LOCATOR_MAX)
        return RAFT_ECORRUPT;
    out->snapshot = calloc(1, sizeof(*out->snapshot));
    if (out->snapshot == NULL)
        return RAFT_ENOMEM;
    out->snapshot->index = snapshot->index;
    out->snapshot->term = snapshot->term;
    out->snapshot->locator_len = (uint32_t)snapshot->locator.len;
    if (snapshot->locator.len > 0)
        memcpy(out->snapshot->locator, snapshot->locator.data, snapshot->locator.len);
    return conf_read(snapshot, &out->snapshot->conf) ? 0 : RAFT_ECORRUPT;
}

int codec__raft_read(const Quartet__PeerRaft *raft, struct raft_message *out)
{
    if (raft->kind < RAFT_MSG_PRE_VOTE || raft->kind > RAFT_MSG_READ_REPLY)
        return RAFT_ECORRUPT;
    struct raft_message message = {
        .kind = (enum raft_message_kind)raft->kind,
        .term = raft->term,
        .log_index = raft->log_index,
        .log_term = raft->log_term,
        .commit = raft->commit,
        .hint = raft->hint,
        .round = raft->round,
        .rejected = raft->rejected,
        .transfer = raft->transfer,
        .wants_snapshot = raft->wants_snapshot,
    };
    int code = read_entries(raft, &message);
    if (code == 0)
        code = read_snapshot(raft, &message);
    if (code != 0) {
        codec__raft_release(&message);
        return code;
    }
    *out = message;
    return 0;
}

void codec__raft_release(struct raft_message *message)
{
    for (uint32_t i = 0; i < message->entry_count; i++)
        raft_buf_unref(message->entries[i].data);
    free(message->entries);
    free(message->snapshot);
    memset(message, 0, sizeof(*message));
}
