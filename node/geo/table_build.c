/* node/geo/table_build.c: tables from ranges in order, and from prefixes that may nest. */
#include "geo/table.h"

#include "base/assert.h"
#include "base/err.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 64u
#define ROOTS_FROM 1024u /* ranges: fewer are searched as fast without */
#define ROOT_COUNT 65536u
#define LINE 64u
#define DEPTH_MAX 129u /* prefixes that hold one another */

struct family {
    geo__number start; /* of the range that is not written yet, as its value may be replaced */
    uint32_t value;
    uint32_t written; /* value of the range before, if count is not 0 */
};

struct geo_table_builder {
    struct geo_table *table;
    struct family families[2]; /* [is_ipv6] */
    uint32_t capacity4, capacity6, fine_capacity, fine_start_capacity;
    uint32_t fine_count, fine_start_count;
    int failure;
};

/* Make room for one more of each of two arrays that grow together; @second may be NULL. */
struct growth {
    void **first, **second;
    size_t first_size, second_size; /* of an item */
    uint32_t *capacity;
};

static int resize(void **array, size_t size)
{
    void *grown = realloc(*array, size);
    if (grown == NULL)
        return ERR_NOMEM;
    *array = grown;
    return 0;
}

static int make_room(uint32_t count, const struct growth *growth)
{
    if (count < *growth->capacity)
        return 0;
    if (count >= GEO_TABLE_RANGES_MAX)
        return ERR_LIMIT;
    const uint32_t capacity = count == 0 ? FIRST_CAPACITY : 2 * count;
    if (resize(growth->first, capacity * growth->first_size) != 0 ||
        (growth->second != NULL && resize(growth->second, capacity * growth->second_size) != 0))
        return ERR_NOMEM;
    *growth->capacity = capacity;
    return 0;
}

struct geo_table_builder *geo__table_begin(void)
{
    struct geo_table_builder *builder = calloc(1, sizeof *builder);
    if (builder == NULL)
        return NULL;
    builder->table = calloc(1, sizeof *builder->table);
    if (builder->table == NULL) {
        free(builder);
        return NULL;
    }
    builder->families[0].value = builder->families[1].value = GEO_TABLE_NONE;
    return builder;
}

void geo__table_abandon(struct geo_table_builder *builder)
{
    if (builder == NULL)
        return;
    geo__table_free(builder->table);
    free(builder);
}

int geo__table_failure(const struct geo_table_builder *builder)
{
    return builder->failure;
}

static int append4(struct geo_table_builder *builder, uint32_t start, uint32_t value)
{
    struct geo_table *table = builder->table;
    const struct growth growth = {.first = (void **)&table->ranges4,
                                  .first_size = sizeof table->ranges4[0],
                                  .capacity = &builder->capacity4};
    int err = make_room(table->count4, &growth);
    if (err == 0)
        table->ranges4[table->count4++] = (struct geo__range4){start, value};
    return err;
}

static int append_high(struct geo_table_builder *builder, uint64_t high, uint32_t value)
{
    struct geo_table *table = builder->table;
    const struct growth growth = {.first = (void **)&table->levels6[0],
                                  .second = (void **)&table->values6,
                                  .first_size = sizeof(uint64_t),
                                  .second_size = sizeof(uint32_t),
                                  .capacity = &builder->capacity6};
    int err = make_room(table->counts6[0], &growth);
    if (err == 0) {
        table->levels6[0][table->counts6[0]] = high;
        table->values6[table->counts6[0]++] = value;
    }
    return err;
}

static int append_fine_start(struct geo_table_builder *builder, uint64_t low, uint32_t value)
{
    struct geo_table *table = builder->table;
    const struct growth growth = {.first = (void **)&table->fine_starts,
                                  .second = (void **)&table->fine_values,
                                  .first_size = sizeof(uint64_t),
                                  .second_size = sizeof(uint32_t),
                                  .capacity = &builder->fine_start_capacity};
    int err = make_room(builder->fine_start_count, &growth);
    if (err == 0) {
        table->fine_starts[builder->fine_start_count] = low;
        table->fine_values[builder->fine_start_count++] = value;
        table->fines[builder->fine_count - 1].count++;
    }
    return err;
}

/* The /64 at @high has several ranges, the first of value @value. */
static int append_fine(struct geo_table_builder *builder, uint64_t high, uint32_t value)
{
    struct geo_table *table = builder->table;
    const struct growth growth = {.first = (void **)&table->fines,
                                  .first_size = sizeof table->fines[0],
                                  .capacity = &builder->fine_capacity};
    const uint32_t count = table->counts6[0];
    int err = make_room(builder->fine_count, &growth);
    if (err == 0 && table->levels6[0][count - 1] != high)
        err = append_high(builder, high, GEO_TABLE_NONE);
    if (err != 0)
        return err;
    table->values6[table->counts6[0] - 1] = GEO__FINE_BIT | builder->fine_count;
    table->fines[builder->fine_count++] = (struct geo__fine){.first = builder->fine_start_count};
    return append_fine_start(builder, 0, value);
}

static bool is_fine(uint32_t value)
{
    return (value & GEO__FINE_BIT) != 0 && value != GEO_TABLE_NONE;
}

/* What holds behind a /64 with several ranges is written out, unless the next range begins in that
 * /64 or right behind it. @next: its upper half; NULL: there is none. */
static int close_fine(struct geo_table_builder *builder, const uint64_t *next, uint32_t value)
{
    const struct geo_table *table = builder->table;
    if (table->counts6[0] == 0)
        return 0;
    const uint32_t last = table->counts6[0] - 1;
    const uint64_t high = table->levels6[0][last];
    if (!is_fine(table->values6[last]) || high == UINT64_MAX)
        return 0;
    if (next != NULL && (*next == high || *next == high + 1))
        return 0;
    return append_high(builder, high + 1, value);
}

static int append6(struct geo_table_builder *builder, geo__number start, uint32_t value)
{
    const uint64_t high = (uint64_t)(start >> 64), low = (uint64_t)start;
    const uint32_t before = builder->families[1].written;
    const struct geo_table *table = builder->table;

    int err = close_fine(builder, &high, before);
    if (err != 0 || low == 0)
        return err != 0 ? err : append_high(builder, high, value);
    const uint32_t last = table->counts6[0] - 1;
    if (table->levels6[0][last] != high || !is_fine(table->values6[last]))
        err = append_fine(builder, high, before);
    return err != 0 ? err : append_fine_start(builder, low, value);
}

/* Write the range that waits, if its value differs from that of the one before. */
static int flush(struct geo_table_builder *builder, bool is_ipv6)
{
    struct family *family = &builder->families[is_ipv6];
    const bool is_first = is_ipv6 ? builder->table->counts6[0] == 0 : builder->table->count4 == 0;
    if (!is_first && family->value == family->written)
        return 0;
    int err = is_ipv6 ? append6(builder, family->start, family->value)
                      : append4(builder, (uint32_t)(family->start >> 96), family->value);
    family->written = family->value;
    return err;
}

void geo__table_add(struct geo_table_builder *builder, bool is_ipv6, geo__number start,
                    uint32_t value)
{
    struct family *family = &builder->families[is_ipv6];
    ASSERT(start >= family->start);
    ASSERT(value < GEO_TABLE_VALUES_MAX || value == GEO_TABLE_NONE);
    if (builder->failure == 0 && start != family->start)
        builder->failure = flush(builder, is_ipv6);
    family->start = start;
    family->value = value;
}

static int make_roots(struct geo_table *table)
{
    if (table->count4 < ROOTS_FROM)
        return 0;
    table->roots4 = malloc((ROOT_COUNT + 1) * sizeof table->roots4[0]);
    if (table->roots4 == NULL)
        return ERR_NOMEM;
    uint32_t at = 0;
    for (uint32_t root = 0; root < ROOT_COUNT; root++) {
        while (at < table->count4 && table->ranges4[at].start >> 16 < root)
            at++;
        table->roots4[root] = at;
    }
    table->roots4[ROOT_COUNT] = table->count4;
    table->memory += (ROOT_COUNT + 1) * sizeof table->roots4[0];
    return 0;
}

/* Keys of a level, padded and aligned: the caller's to free. */
static uint64_t *make_level(struct geo_table *table, unsigned level, uint32_t count,
                            uint32_t stride, const uint64_t *from)
{
    const uint32_t padded = (count + GEO__FANOUT - 1) / GEO__FANOUT * GEO__FANOUT;
    uint64_t *keys = aligned_alloc(LINE, padded * sizeof keys[0]);
    if (keys == NULL)
        return NULL;
    for (uint32_t i = 0; i < padded; i++)
        keys[i] = i < count ? from[(size_t)i * stride] : UINT64_MAX;
    table->counts6[level] = count;
    table->memory += padded * sizeof keys[0];
    return keys;
}

static int make_levels(struct geo_table *table)
{
    uint64_t *starts = table->levels6[0];
    uint32_t count = table->counts6[0];

    table->levels6[0] = make_level(table, 0, count, 1, starts);
    free(starts);
    if (table->levels6[0] == NULL)
        return ERR_NOMEM;
    for (table->level_count6 = 1; count > GEO__FANOUT; table->level_count6++) {
        const unsigned level = table->level_count6;
        ASSERT(level < GEO__LEVELS_MAX);
        count = (count + GEO__FANOUT - 1) / GEO__FANOUT;
        table->levels6[level] =
            make_level(table, level, count, GEO__FANOUT, table->levels6[level - 1]);
        if (table->levels6[level] == NULL)
            return ERR_NOMEM;
    }
    return 0;
}

/* Give back what the arrays have too much. A failure leaves them as they are. */
static void trim(struct geo_table_builder *builder)
{
    struct geo_table *table = builder->table;
    const size_t ranges = table->count4 * sizeof table->ranges4[0];
    const size_t values = table->counts6[0] * sizeof table->values6[0];
    const size_t fines = builder->fine_count * sizeof table->fines[0];
    const size_t starts = builder->fine_start_count * sizeof table->fine_starts[0];
    const size_t fine_values = builder->fine_start_count * sizeof table->fine_values[0];

    resize((void **)&table->ranges4, ranges);
    resize((void **)&table->values6, values);
    if (fines != 0) {
        resize((void **)&table->fines, fines);
        resize((void **)&table->fine_starts, starts);
        resize((void **)&table->fine_values, fine_values);
    }
    table->memory += sizeof *table + ranges + values + fines + starts + fine_values;
}

int geo__table_finish(struct geo_table_builder *builder_take, struct geo_table **out)
{
    struct geo_table *table = builder_take->table;
    int err = builder_take->failure;

    if (err == 0)
        err = flush(builder_take, false);
    if (err == 0)
        err = flush(builder_take, true);
    if (err == 0)
        err = close_fine(builder_take, NULL, builder_take->families[1].written);
    if (err == 0) {
        trim(builder_take);
        err = make_roots(table);
    }
    if (err == 0)
        err = make_levels(table);
    if (err != 0) {
        geo__table_abandon(builder_take);
        return err;
    }
    free(builder_take);
    *out = table;
    return 0;
}

struct item { /* an entry, ready to sort */
    geo__number start;
    uint32_t value;
    uint8_t len;
    bool is_ipv6;
};

static geo__number last_of(const struct item *item)
{
    return item->len == 0 ? ~(geo__number)0
                          : item->start | (((geo__number)1 << (128u - item->len)) - 1);
}

static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    if (left->is_ipv6 != right->is_ipv6)
        return left->is_ipv6 ? 1 : -1;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return (int)left->len - (int)right->len;
}

struct sweep { /* the prefixes around the place that has been reached, innermost last */
    struct geo_table_builder *builder;
    const struct item *open[DEPTH_MAX];
    unsigned depth;
};

/* Close the prefixes of one family that end before @item (NULL: all). */
static void close_before(struct sweep *sweep, const struct item *item)
{
    while (sweep->depth > 0) {
        const struct item *closed = sweep->open[sweep->depth - 1];
        const geo__number last = last_of(closed);
        if (item != NULL && item->is_ipv6 == closed->is_ipv6 && last >= item->start)
            return;
        sweep->depth--;
        if (last != ~(geo__number)0)
            geo__table_add(sweep->builder, closed->is_ipv6, last + 1,
                           sweep->depth > 0 ? sweep->open[sweep->depth - 1]->value
                                            : GEO_TABLE_NONE);
    }
}

static int sweep_items(struct geo_table_builder *builder, const struct item *items, size_t count)
{
    struct sweep sweep = {.builder = builder};
    for (size_t i = 0; i < count; i++) {
        close_before(&sweep, &items[i]);
        if (sweep.depth > 0 && compare_items(sweep.open[sweep.depth - 1], &items[i]) == 0)
            return ERR_EXISTS;
        ASSERT(sweep.depth < DEPTH_MAX);
        sweep.open[sweep.depth++] = &items[i];
        geo__table_add(builder, items[i].is_ipv6, items[i].start, items[i].value);
    }
    close_before(&sweep, NULL);
    return geo__table_failure(builder);
}

static bool is_sorted(const struct item *items, size_t count)
{
    for (size_t i = 1; i < count; i++)
        if (compare_items(&items[i - 1], &items[i]) > 0)
            return false;
    return true;
}

static struct item *sorted_items(const struct geo_table_entry *entries, size_t count)
{
    struct item *items = malloc((count + 1) * sizeof *items);
    if (items == NULL)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        const struct prefix *prefix = &entries[i].prefix;
        items[i] = (struct item){.start = geo__number_of(prefix->octets, prefix->is_ipv6),
                                 .value = entries[i].value,
                                 .len = prefix->len,
                                 .is_ipv6 = prefix->is_ipv6};
    }
    if (!is_sorted(items, count))
        qsort(items, count, sizeof *items, compare_items);
    return items;
}

int geo__table_new(const struct geo_table_entry *entries, size_t count, struct geo_table **out)
{
    struct geo_table_builder *builder = geo__table_begin();
    struct item *items = sorted_items(entries, count);
    int err = builder == NULL || items == NULL ? ERR_NOMEM : 0;

    if (err == 0)
        err = sweep_items(builder, items, count);
    free(items);
    if (err == 0)
        return geo__table_finish(builder, out);
    geo__table_abandon(builder);
    return err;
}
