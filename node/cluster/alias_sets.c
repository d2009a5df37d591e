#include "cluster/alias_sets.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/random.h"
#include "base/siphash.h"
#include "dns/name.h"
#include "store/state_key.h"
#include "store/state_set.h"
#include "store/state_set_routing.h"
#include "zone/routing.h"

#define FIRST_CAPACITY 64u
#define SWEEP_BUCKETS 4096u /* in one step */

struct table {
    struct alias_link **buckets;
    uint32_t bucket_count, count; /* buckets: a power of two */
};
/* One record set that leads somewhere. */
struct entry {
    struct alias_link link;
    struct entry *next_of_content, **link_of_content;
    struct alias_target *alias, *fallback; /* each may be NULL */
    uint32_t generation;
    uint16_t key_len;
    uint8_t key[]; /* state_set_key(), which begins with the content */
};
struct content {
    struct alias_link link;
    struct entry *entries;
    uint64_t number;
};
struct alias_sets {
    uint8_t hash_key[SIPHASH_KEY_LEN];
    struct table entries, contents, targets;
    struct alias_target **list; /* all targets */
    uint32_t list_capacity;
    struct alias_target *changed, **changed_end;
    uint32_t generation;
    uint32_t swept; /* buckets of this sweep */
};

/* ---- tables ---- */

static int table_init(struct table *table)
{
    table->buckets = calloc(FIRST_CAPACITY, sizeof(struct alias_link *));
    table->bucket_count = FIRST_CAPACITY;
    return table->buckets ? 0 : ERR_NOMEM;
}

static struct alias_link **bucket_of(const struct table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

/* Without memory the chains stay long. true: links have moved to other buckets. */
static bool table_grow(struct table *table)
{
    if (table->count < table->bucket_count || table->bucket_count > UINT32_MAX / 2)
        return false;
    struct table larger = {.bucket_count = 2 * table->bucket_count, .count = table->count};
    larger.buckets = calloc(larger.bucket_count, sizeof(struct alias_link *));
    if (!larger.buckets)
        return false;
    for (uint32_t i = 0; i < table->bucket_count; i++) {
        struct alias_link *next;
        for (struct alias_link *link = table->buckets[i]; link; link = next) {
            struct alias_link **bucket = bucket_of(&larger, link->hash);
            next = link->next;
            link->next = *bucket;
            *bucket = link;
        }
    }
    free(table->buckets);
    *table = larger;
    return true;
}

static bool table_add(struct table *table, struct alias_link *link, uint64_t hash)
{
    const bool has_moved = table_grow(table);
    struct alias_link **bucket = bucket_of(table, hash);

    link->hash = hash;
    link->next = *bucket;
    *bucket = link;
    table->count++;
    return has_moved;
}

static void table_remove(struct table *table, const struct alias_link *link)
{
    struct alias_link **at = bucket_of(table, link->hash);

    while (*at != link)
        at = &(*at)->next;
    *at = link->next;
    table->count--;
}

static void table_fini(struct table *table)
{
    for (uint32_t i = 0; table->buckets && i < table->bucket_count; i++) {
        struct alias_link *next;
        for (struct alias_link *link = table->buckets[i]; link; link = next) {
            next = link->next;
            free(link); /* the first member of each kind */
        }
    }
    free(table->buckets);
}

struct alias_sets *alias_sets_new(void)
{
    struct alias_sets *sets = calloc(1, sizeof(*sets));

    if (!sets)
        return NULL;
    random_bytes(sets->hash_key, sizeof(sets->hash_key));
    sets->changed_end = &sets->changed;
    if (table_init(&sets->entries) == 0 && table_init(&sets->contents) == 0 &&
        table_init(&sets->targets) == 0)
        return sets;
    alias_sets_free(sets);
    return NULL;
}

void alias_sets_free(struct alias_sets *sets)
{
    if (!sets)
        return;
    table_fini(&sets->entries);
    table_fini(&sets->contents);
    table_fini(&sets->targets);
    free(sets->list);
    free(sets);
}

/* ---- targets ---- */

static uint64_t target_hash(const struct alias_sets *sets, const uint8_t *name, uint16_t type)
{
    return siphash_24(sets->hash_key, name, dns_name_len(name)) ^ type;
}

struct alias_target *alias_sets_find(const struct alias_sets *sets, const uint8_t *name,
                                     uint16_t type)
{
    const uint64_t hash = target_hash(sets, name, type);

    for (struct alias_link *link = *bucket_of(&sets->targets, hash); link; link = link->next) {
        struct alias_target *target = (struct alias_target *)link;
        if (link->hash == hash && target->type == type && dns_name_is_equal(target->name, name))
            return target;
    }
    return NULL;
}

static void note_changed(struct alias_sets *sets, struct alias_target *target)
{
    if (target->is_changed)
        return;
    target->is_changed = true;
    target->next_changed = NULL;
    *sets->changed_end = target;
    sets->changed_end = &target->next_changed;
}

/* One more user of (name, type). NULL: no memory. */
static struct alias_target *target_ref(struct alias_sets *sets, const uint8_t *name, uint16_t type)
{
    struct alias_target *target = alias_sets_find(sets, name, type);

    if (!target) {
        const uint32_t count = sets->targets.count;
        if (count == sets->list_capacity) {
            const uint32_t capacity = count > 0 ? 2 * count : FIRST_CAPACITY;
            void *larger = realloc(sets->list, capacity * sizeof(struct alias_target *));
            if (!larger)
                return NULL;
            sets->list = larger;
            sets->list_capacity = capacity;
        }
        const unsigned name_len = dns_name_len(name);
        target = calloc(1, sizeof(*target) + name_len);
        if (!target)
            return NULL;
        target->type = type;
        memcpy(target->name, name, name_len);
        target->place = count;
        sets->list[count] = target;
        table_add(&sets->targets, &target->link, target_hash(sets, name, type));
    }
    if (target->used_by_count++ == 0)
        note_changed(sets, target);
    return target;
}

static void target_unref(struct alias_sets *sets, struct alias_target *target)
{
    if (target && --target->used_by_count == 0)
        note_changed(sets, target);
}

uint32_t alias_sets_target_count(const struct alias_sets *sets)
{
    return sets->targets.count;
}

struct alias_target *alias_sets_target(const struct alias_sets *sets, uint32_t place)
{
    ASSERT(place < sets->targets.count);
    return sets->list[place];
}

struct alias_target *alias_sets_next_changed(struct alias_sets *sets)
{
    struct alias_target *target = sets->changed;

    if (!target)
        return NULL;
    sets->changed = target->next_changed;
    if (!sets->changed)
        sets->changed_end = &sets->changed;
    target->is_changed = false;
    return target;
}

void alias_sets_settle(struct alias_sets *sets, struct alias_target *target)
{
    ASSERT(target->used_by_count == 0 && !target->is_changed);
    table_remove(&sets->targets, &target->link);
    struct alias_target *last = sets->list[sets->targets.count];
    sets->list[target->place] = last;
    last->place = target->place;
    free(target);
}

/* ---- record sets ---- */

static uint64_t number_hash(const struct alias_sets *sets, uint64_t number)
{
    return siphash_24(sets->hash_key, (const uint8_t *)&number, sizeof(number));
}

static struct content *find_content(const struct alias_sets *sets, uint64_t number)
{
    const uint64_t hash = number_hash(sets, number);

    for (struct alias_link *link = *bucket_of(&sets->contents, hash); link; link = link->next) {
        struct content *content = (struct content *)link;
        if (content->number == number)
            return content;
    }
    return NULL;
}

static struct entry *find_entry(const struct alias_sets *sets, const uint8_t *key, size_t key_len,
                                uint64_t hash)
{
    for (struct alias_link *link = *bucket_of(&sets->entries, hash); link; link = link->next) {
        struct entry *entry = (struct entry *)link;
        if (link->hash == hash && entry->key_len == key_len &&
            memcmp(entry->key, key, key_len) == 0)
            return entry;
    }
    return NULL;
}

/* The content goes with its last entry. */
static void forget(struct alias_sets *sets, struct entry *entry)
{
    struct content *content = find_content(sets, state_key_u64_decode(entry->key));

    *entry->link_of_content = entry->next_of_content;
    if (entry->next_of_content)
        entry->next_of_content->link_of_content = entry->link_of_content;
    if (!content->entries) {
        table_remove(&sets->contents, &content->link);
        free(content);
    }
    target_unref(sets, entry->alias);
    target_unref(sets, entry->fallback);
    table_remove(&sets->entries, &entry->link);
    free(entry);
}

static struct content *make_content(struct alias_sets *sets, uint64_t number)
{
    struct content *content = find_content(sets, number);

    if (content)
        return content;
    content = calloc(1, sizeof(*content));
    if (!content)
        return NULL;
    content->number = number;
    table_add(&sets->contents, &content->link, number_hash(sets, number));
    return content;
}

/* NULL: no memory. */
static struct entry *make_entry(struct alias_sets *sets, const uint8_t *key, size_t key_len,
                                uint64_t hash)
{
    struct entry *entry = calloc(1, sizeof(*entry) + key_len);
    struct content *content = entry ? make_content(sets, state_key_u64_decode(key)) : NULL;

    if (!content) {
        free(entry);
        return NULL;
    }
    entry->key_len = (uint16_t)key_len;
    memcpy(entry->key, key, key_len);
    entry->next_of_content = content->entries;
    entry->link_of_content = &content->entries;
    if (content->entries)
        content->entries->link_of_content = &entry->next_of_content;
    content->entries = entry;
    if (table_add(&sets->entries, &entry->link, hash))
        sets->swept = 0; /* a sweep begins anew */
    return entry;
}

/* Let *@to lead to (name, type) in place of what it did; NULL: nowhere. */
static int lead(struct alias_sets *sets, struct alias_target **to, const uint8_t *name,
                uint16_t type)
{
    struct alias_target *target = name ? target_ref(sets, name, type) : NULL;

    if (name && !target)
        return ERR_NOMEM;
    target_unref(sets, *to);
    *to = target;
    return 0;
}

int alias_sets_put(struct alias_sets *sets, uint64_t content, const struct state_record_set *set)
{
    struct zone_routing routing = {0};
    uint8_t key[STATE_KEY_SET_MAX];
    const size_t key_len = state_set_key(content, set, key);
    const uint64_t hash = siphash_24(sets->hash_key, key, key_len);
    struct entry *entry = find_entry(sets, key, key_len, hash);

    if (set->routing &&
        state_routing_decode(kv_slice(set->routing, set->routing_len), &routing) != 0)
        return ERR_CORRUPT;
    if (!routing.is_alias && !routing.fallback) {
        if (entry)
            forget(sets, entry);
        return 0;
    }
    if (!entry)
        entry = make_entry(sets, key, key_len, hash);
    if (!entry)
        return ERR_NOMEM;
    entry->generation = sets->generation;
    int rc = lead(sets, &entry->alias, routing.is_alias ? routing.alias_target : NULL, set->type);
    if (rc == 0)
        rc = lead(sets, &entry->fallback, routing.fallback, set->type);
    return rc;
}

void alias_sets_remove(struct alias_sets *sets, uint64_t content,
                       const struct state_record_set *set)
{
    uint8_t key[STATE_KEY_SET_MAX];
    const size_t key_len = state_set_key(content, set, key);
    struct entry *entry = find_entry(sets, key, key_len, siphash_24(sets->hash_key, key, key_len));

    if (entry)
        forget(sets, entry);
}

void alias_sets_drop(struct alias_sets *sets, uint64_t content)
{
    struct content *found;

    while ((found = find_content(sets, content)))
        forget(sets, found->entries);
}

void alias_sets_begin(struct alias_sets *sets)
{
    sets->generation++;
    sets->swept = 0;
}

bool alias_sets_sweep(struct alias_sets *sets)
{
    for (unsigned i = 0; i < SWEEP_BUCKETS && sets->swept < sets->entries.bucket_count; i++) {
        struct alias_link *next;
        for (struct alias_link *link = sets->entries.buckets[sets->swept++]; link; link = next) {
            struct entry *entry = (struct entry *)link;
            next = link->next;
            if (entry->generation != sets->generation)
                forget(sets, entry);
        }
    }
    return sets->swept < sets->entries.bucket_count;
}
