#include "querylog/table.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

struct entry {
    char zone_id[QUERYLOG_ID_SIZE];
    char *group;
    uint64_t given_up_mono_ms; /* with is_given_up */
    bool is_given_up;
    bool is_marked; /* put since querylog_table_begin() */
};

struct querylog_table {
    pthread_mutex_t lock;  /* of what any thread reads */
    struct entry *entries; /* of slots 1, 2, … */
    uint32_t entry_count, entry_capacity;
    uint32_t given_up_count; /* of them, waiting to be given out again */
    _Atomic uint64_t version;
    _Atomic uint32_t zone_count;
    uint16_t *order; /* slots in use, by zone id; the loop thread's */
    uint32_t order_capacity;
};

struct querylog_table *querylog_table_new(void)
{
    struct querylog_table *table = calloc(1, sizeof(*table));

    if (table)
        pthread_mutex_init(&table->lock, NULL);
    return table;
}

void querylog_table_free(struct querylog_table *table)
{
    if (!table)
        return;
    for (uint32_t i = 0; i < table->entry_count; i++)
        free(table->entries[i].group);
    free(table->entries);
    free(table->order);
    pthread_mutex_destroy(&table->lock);
    free(table);
}

uint64_t querylog_table_version(const struct querylog_table *table)
{
    return atomic_load_explicit(&table->version, memory_order_acquire);
}

unsigned querylog_table_count(const struct querylog_table *table)
{
    return atomic_load_explicit(&table->zone_count, memory_order_relaxed);
}

static struct entry *entry_at(const struct querylog_table *table, uint32_t place)
{
    return &table->entries[table->order[place] - 1];
}

/* Where the zone stands in the order, or belongs. */
static uint32_t place_of(const struct querylog_table *table, const char *zone_id, bool *is_there)
{
    uint32_t low = 0, high = querylog_table_count(table);

    *is_there = false;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(entry_at(table, middle)->zone_id, zone_id);
        *is_there |= order == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint16_t querylog_table_find(const struct querylog_table *table, const char *zone_id)
{
    bool is_there = false;

    if (querylog_table_count(table) == 0)
        return 0;
    uint32_t place = place_of(table, zone_id, &is_there);
    return is_there ? table->order[place] : 0;
}

/* The part of the log group's name behind the last slash, without ":*". */
static char *group_of(const char *arn)
{
    static const char mark[] = ":log-group:";
    const char *name = strstr(arn, mark);

    name = name ? name + sizeof(mark) - 1 : arn;
    size_t len = strcspn(name, ":");
    for (size_t i = len; i > 0; i--) {
        if (name[i - 1] == '/') {
            name += i;
            len -= i;
            break;
        }
    }
    return strndup(name, len < QUERYLOG_GROUP_SIZE ? len : QUERYLOG_GROUP_SIZE - 1);
}

static bool grow(void *array, uint32_t count, uint32_t *capacity, size_t size)
{
    void **storage = array;
    uint32_t wanted = *capacity == 0 ? 16 : 2 * *capacity;

    if (count < *capacity)
        return true;
    void *grown = realloc(*storage, wanted * size);
    if (!grown)
        return false;
    *storage = grown;
    *capacity = wanted;
    return true;
}

/* A slot that nobody has: a rested one, else a new one. 0: no room. Under the lock. */
static uint16_t take_slot(struct querylog_table *table)
{
    const uint64_t now_ms = clock_mono_ms();

    for (uint32_t i = 0; table->given_up_count > 0 && i < table->entry_count; i++) {
        const struct entry *entry = &table->entries[i];
        if (entry->is_given_up && now_ms - entry->given_up_mono_ms >= QUERYLOG_SLOT_REST_MS) {
            table->given_up_count--;
            return (uint16_t)(i + 1);
        }
    }
    if (table->entry_count == UINT16_MAX ||
        !grow(&table->entries, table->entry_count, &table->entry_capacity, sizeof(*table->entries)))
        return 0;
    table->entries[table->entry_count] = (struct entry){.group = NULL};
    return (uint16_t)++table->entry_count;
}

static void note_change(struct querylog_table *table)
{
    atomic_fetch_add_explicit(&table->version, 1, memory_order_release);
}

/* @group_take: freed where it is not kept. */
static uint16_t add(struct querylog_table *table, uint32_t place, const char *zone_id,
                    char *group_take)
{
    const uint32_t count = querylog_table_count(table);
    uint16_t slot = 0;

    pthread_mutex_lock(&table->lock);
    if (count < QUERYLOG_ZONES_MAX &&
        grow(&table->order, count, &table->order_capacity, sizeof(*table->order)))
        slot = take_slot(table);
    if (slot != 0) {
        struct entry *entry = &table->entries[slot - 1];
        free(entry->group);
        *entry = (struct entry){.group = group_take, .is_marked = true};
        memcpy(entry->zone_id, zone_id, strnlen(zone_id, QUERYLOG_ID_SIZE - 1));
        memmove(&table->order[place + 1], &table->order[place],
                (count - place) * sizeof(*table->order));
        table->order[place] = slot;
        atomic_store_explicit(&table->zone_count, count + 1, memory_order_relaxed);
        note_change(table);
    } else {
        free(group_take);
    }
    pthread_mutex_unlock(&table->lock);
    return slot;
}

static void remove_at(struct querylog_table *table, uint32_t place)
{
    const uint32_t count = querylog_table_count(table);

    pthread_mutex_lock(&table->lock);
    entry_at(table, place)->given_up_mono_ms = clock_mono_ms();
    entry_at(table, place)->is_given_up = true;
    table->given_up_count++;
    memmove(&table->order[place], &table->order[place + 1],
            (count - place - 1) * sizeof(*table->order));
    atomic_store_explicit(&table->zone_count, count - 1, memory_order_relaxed);
    note_change(table);
    pthread_mutex_unlock(&table->lock);
}

uint16_t querylog_table_put(struct querylog_table *table, const char *zone_id, const char *arn)
{
    char *group = group_of(arn);
    bool is_there = false;

    if (!group)
        return 0;
    uint32_t place = place_of(table, zone_id, &is_there);
    if (is_there && strcmp(entry_at(table, place)->group, group) == 0) {
        entry_at(table, place)->is_marked = true;
        free(group);
        return table->order[place];
    }
    if (is_there)
        remove_at(table, place);
    return add(table, place, zone_id, group);
}

void querylog_table_remove(struct querylog_table *table, const char *zone_id)
{
    bool is_there = false;
    uint32_t place = place_of(table, zone_id, &is_there);

    if (is_there)
        remove_at(table, place);
}

void querylog_table_begin(struct querylog_table *table)
{
    for (uint32_t i = 0; i < querylog_table_count(table); i++)
        entry_at(table, i)->is_marked = false;
}

void querylog_table_end(struct querylog_table *table)
{
    for (uint32_t i = querylog_table_count(table); i > 0; i--) {
        if (!entry_at(table, i - 1)->is_marked)
            remove_at(table, i - 1);
    }
}

bool querylog_table_get(struct querylog_table *table, uint16_t slot, struct querylog_target *out)
{
    bool is_known = false;

    pthread_mutex_lock(&table->lock);
    if (slot > 0 && slot <= table->entry_count) {
        const struct entry *entry = &table->entries[slot - 1];
        memcpy(out->zone_id, entry->zone_id, sizeof(out->zone_id));
        memcpy(out->group, entry->group, strlen(entry->group) + 1);
        is_known = true;
    }
    pthread_mutex_unlock(&table->lock);
    return is_known;
}
