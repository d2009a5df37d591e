/* tests/sim/history.c: arrays by index; small lists for what is rare. */
#include "sim/history.h"

#include "sim/alloc.h"

struct committed {
    uint64_t term, commit_term;
    bool has_hash;
    struct machine_hash hash;
};

struct committed_conf {
    uint64_t index;
    struct raft_conf conf;
};

struct effects { /* of one client, by sequence */
    uint64_t client_id;
    uint64_t *indexes;
    size_t count, room;
};

struct history {
    struct committed *items; /* items[i] is index i + 1 */
    size_t count, room;
    struct committed_conf *confs;
    size_t conf_count, conf_room;
    struct effects *clients;
    size_t client_count, client_room;
    struct image **images;
    size_t image_count, image_room;
};

struct history *history_new(void)
{
    return sim_new(sizeof(struct history));
}

void history_free(struct history *history)
{
    for (size_t i = 0; i < history->client_count; i++)
        sim_free(history->clients[i].indexes);
    for (size_t i = 0; i < history->image_count; i++)
        image_unref(history->images[i]);
    sim_free(history->images);
    sim_free(history->clients);
    sim_free(history->confs);
    sim_free(history->items);
    sim_free(history);
}

static const struct committed *find(const struct history *history, uint64_t index)
{
    return index == 0 || index > history->count ? NULL : &history->items[index - 1];
}

uint64_t history_term(const struct history *history, uint64_t index)
{
    const struct committed *item = find(history, index);
    return item != NULL ? item->term : 0;
}

uint64_t history_commit_term(const struct history *history, uint64_t index)
{
    const struct committed *item = find(history, index);
    return item != NULL ? item->commit_term : 0;
}

uint64_t history_last(const struct history *history)
{
    return history->count;
}

static void note_conf(struct history *history, const struct raft_entry *entry)
{
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;
    sim_grow((void **)&history->confs, &history->conf_room, history->conf_count + 1,
             sizeof *history->confs);
    struct committed_conf *item = &history->confs[history->conf_count];
    item->index = entry->index;
    SIM_ASSERT(raft_conf_entry_decode(entry->data, &item->conf, &change, &context, &context_len) ==
               0);
    history->conf_count++;
}

void history_commit(struct history *history, const struct raft_entry *entry, uint64_t commit_term)
{
    SIM_ASSERT(entry->index == history->count + 1);
    sim_grow((void **)&history->items, &history->room, history->count + 1, sizeof *history->items);
    history->items[history->count++] =
        (struct committed){.term = entry->term, .commit_term = commit_term};
    if (entry->kind == RAFT_ENTRY_CONF)
        note_conf(history, entry);
}

const struct raft_conf *history_conf_at(const struct history *history, uint64_t index)
{
    for (size_t i = history->conf_count; i > 0; i--) {
        if (history->confs[i - 1].index <= index)
            return &history->confs[i - 1].conf;
    }
    return NULL;
}

bool history_hash(struct history *history, uint64_t index, struct machine_hash hash)
{
    SIM_ASSERT(index >= 1 && index <= history->count);
    struct committed *item = &history->items[index - 1];
    if (!item->has_hash) {
        item->has_hash = true;
        item->hash = hash;
    }
    return item->hash.high == hash.high && item->hash.low == hash.low;
}

static struct effects *effects_of(const struct history *history, uint64_t client_id)
{
    for (size_t i = 0; i < history->client_count; i++) {
        if (history->clients[i].client_id == client_id)
            return &history->clients[i];
    }
    return NULL;
}

uint64_t history_effect_of(const struct history *history, uint64_t client_id, uint64_t sequence)
{
    const struct effects *effects = effects_of(history, client_id);
    return effects != NULL && sequence < effects->count ? effects->indexes[sequence] : 0;
}

uint64_t history_effect(struct history *history, uint64_t client_id, uint64_t sequence,
                        uint64_t index)
{
    struct effects *effects = effects_of(history, client_id);
    if (effects == NULL) {
        sim_grow((void **)&history->clients, &history->client_room, history->client_count + 1,
                 sizeof *history->clients);
        effects = &history->clients[history->client_count++];
        *effects = (struct effects){.client_id = client_id};
    }
    sim_grow((void **)&effects->indexes, &effects->room, (size_t)sequence + 1,
             sizeof *effects->indexes);
    while (effects->count <= sequence)
        effects->indexes[effects->count++] = 0;
    if (effects->indexes[sequence] == 0)
        effects->indexes[sequence] = index;
    return effects->indexes[sequence];
}

static void fork_effects(struct effects *to, const struct effects *from, uint64_t last)
{
    *to = (struct effects){.client_id = from->client_id, .count = from->count, .room = from->count};
    to->indexes = sim_new((from->count + 1) * sizeof *to->indexes);
    for (size_t i = 0; i < from->count; i++)
        to->indexes[i] = from->indexes[i] <= last ? from->indexes[i] : 0;
}

struct history *history_fork(const struct history *from, uint64_t last)
{
    struct history *to = history_new();
    to->count = last < from->count ? (size_t)last : from->count;
    sim_grow((void **)&to->items, &to->room, to->count + 1, sizeof *to->items);
    for (size_t i = 0; i < to->count; i++)
        to->items[i] = from->items[i];
    sim_grow((void **)&to->confs, &to->conf_room, from->conf_count + 1, sizeof *to->confs);
    while (to->conf_count < from->conf_count && from->confs[to->conf_count].index <= to->count) {
        to->confs[to->conf_count] = from->confs[to->conf_count];
        to->conf_count++;
    }
    sim_grow((void **)&to->clients, &to->client_room, from->client_count + 1, sizeof *to->clients);
    for (; to->client_count < from->client_count; to->client_count++)
        fork_effects(&to->clients[to->client_count], &from->clients[to->client_count], to->count);
    return to;
}

uint64_t history_keep_image(struct history *history, struct image *image_take)
{
    sim_grow((void **)&history->images, &history->image_room, history->image_count + 1,
             sizeof(struct image *));
    history->images[history->image_count] = image_take;
    return history->image_count++;
}

struct image *history_image(const struct history *history, uint64_t number)
{
    SIM_ASSERT(number < history->image_count);
    return history->images[number];
}
