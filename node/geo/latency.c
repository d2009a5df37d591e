/* node/geo/latency.c: a row holds the figures of its own prefix alone, found by counting bits; what
 * it lacks is asked of the row of the prefix around it. */
#include "geo/latency.h"

#include "base/assert.h"
#include "base/err.h"
#include "geo/region.h"
#include "geo/table.h"
#include "geo/view.h"

#include <stdlib.h>
#include <string.h>

#define WORD_BITS 64u
#define WORDS (GEO_REGIONS_MAX / WORD_BITS)
#define MEASURED_LEN4 24u
#define MEASURED_LEN6 48u
#define ROLLED_UP_LEN4 16u
#define ROLLED_UP_LEN6 32u

struct figure {
    uint16_t ms;
    uint8_t region;
    uint8_t source;
};

struct geo_latency_row {
    uint64_t has[WORDS];                  /* by region */
    const struct figure *figures;         /* by region */
    const struct geo_latency_row *parent; /* of the prefix around it; NULL: there is none */
    struct prefix prefix;
};

struct geo_latency {
    uint32_t references;
    uint32_t row_count;
    uint64_t version;
    struct geo_table *table; /* index of `rows` */
    struct geo_latency_row *rows;
    struct figure *figures;
    size_t memory;
};

struct item { /* an entry, ready to sort */
    geo__number start;
    uint32_t order; /* as given */
    struct figure figure;
    uint8_t len;
    bool is_ipv6;
};

struct items {
    struct item *items;
    size_t count;
};

static int compare_prefixes(const struct item *left, const struct item *right)
{
    if (left->is_ipv6 != right->is_ipv6)
        return left->is_ipv6 ? 1 : -1;
    if (left->start != right->start)
        return left->start < right->start ? -1 : 1;
    return (int)left->len - (int)right->len;
}

/* Is it about the same prefix and region? */
static int compare_places(const struct item *left, const struct item *right)
{
    const int order = compare_prefixes(left, right);
    return order != 0 ? order : (int)left->figure.region - (int)right->figure.region;
}

/* Of those about the same, the one that counts comes first. */
static int compare_items(const void *a, const void *b)
{
    const struct item *left = a, *right = b;
    const int order = compare_places(left, right);
    if (order != 0)
        return order;
    if (left->figure.source != right->figure.source)
        return (int)left->figure.source - (int)right->figure.source;
    return left->order > right->order ? -1 : left->order < right->order;
}

static int sort_entries(const struct geo_latency_entry *entries, size_t count, struct items *out)
{
    struct item *items = malloc((count + 1) * sizeof *items);
    size_t kept = 0;
    if (items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct geo_latency_entry *entry = &entries[i];
        ASSERT(entry->ms < GEO_LATENCY_NONE && entry->source != 0);
        items[i] = (struct item){
            .start = geo__number_of(entry->prefix.octets, entry->prefix.is_ipv6),
            .order = (uint32_t)i,
            .figure = {.ms = entry->ms, .region = entry->region, .source = entry->source},
            .len = entry->prefix.len,
            .is_ipv6 = entry->prefix.is_ipv6,
        };
    }
    qsort(items, count, sizeof *items, compare_items);
    for (size_t i = 0; i < count; i++)
        if (kept == 0 || compare_places(&items[kept - 1], &items[i]) != 0)
            items[kept++] = items[i];
    *out = (struct items){items, kept};
    return 0;
}

struct roll_up { /* the measured figures within one wider prefix */
    struct item wide;
    bool is_open;
    uint64_t sums[GEO_REGIONS_MAX];
    uint32_t counts[GEO_REGIONS_MAX];
};

static void close_roll_up(struct roll_up *roll_up, struct items *out)
{
    for (unsigned region = 0; roll_up->is_open && region < GEO_REGIONS_MAX; region++) {
        const uint64_t count = roll_up->counts[region];
        if (count == 0)
            continue;
        struct item *item = &out->items[out->count++];
        *item = roll_up->wide;
        item->figure = (struct figure){
            .ms = (uint16_t)((roll_up->sums[region] + count / 2) / count),
            .region = (uint8_t)region,
            .source = GEO_LATENCY_ROLLED_UP,
        };
    }
    *roll_up = (struct roll_up){.is_open = false};
}

/* The wider prefixes' means, in order. There are at most as many as figures that they are of. */
static int roll_up_measured(const struct items *from, struct items *out)
{
    struct roll_up roll_up = {.is_open = false};
    *out = (struct items){.items = malloc((from->count + 1) * sizeof *out->items)};
    if (out->items == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < from->count; i++) {
        const struct item *item = &from->items[i];
        if (item->figure.source != GEO_LATENCY_MEASURED ||
            item->len != (item->is_ipv6 ? MEASURED_LEN6 : MEASURED_LEN4))
            continue;
        struct item wide = {.len = item->is_ipv6 ? ROLLED_UP_LEN6 : ROLLED_UP_LEN4,
                            .is_ipv6 = item->is_ipv6};
        wide.start = item->start & ~(geo__number)0 << (128u - wide.len);
        if (!roll_up.is_open || compare_prefixes(&roll_up.wide, &wide) != 0)
            close_roll_up(&roll_up, out);
        roll_up.wide = wide;
        roll_up.is_open = true;
        roll_up.sums[item->figure.region] += item->figure.ms;
        roll_up.counts[item->figure.region]++;
    }
    close_roll_up(&roll_up, out);
    return 0;
}

/* Both in one order; of two about the same @better counts. */
static int merge(const struct items *better, const struct items *worse, struct items *out)
{
    size_t i = 0, j = 0;
    *out = (struct items){.items = malloc((better->count + worse->count + 1) * sizeof *out->items)};
    if (out->items == NULL)
        return ERR_NOMEM;
    while (i < better->count || j < worse->count) {
        const int order = i == better->count  ? 1
                          : j == worse->count ? -1
                                              : compare_places(&better->items[i], &worse->items[j]);
        out->items[out->count++] = order <= 0 ? better->items[i] : worse->items[j];
        i += order <= 0;
        j += order >= 0;
    }
    return 0;
}

static void write_prefix(const struct item *item, struct prefix *out)
{
    *out = (struct prefix){.len = item->len, .is_ipv6 = item->is_ipv6};
    for (unsigned i = 0; i < 16; i++)
        out->octets[i] = (uint8_t)(item->start >> (120u - 8 * i));
}

static bool holds(const struct prefix *outer, const struct prefix *inner)
{
    const unsigned octets = outer->len / 8u;
    if (outer->is_ipv6 != inner->is_ipv6 || outer->len > inner->len ||
        memcmp(outer->octets, inner->octets, octets) != 0)
        return false;
    return outer->len % 8u == 0 ||
           ((outer->octets[octets] ^ inner->octets[octets]) >> (8u - outer->len % 8u)) == 0;
}

static size_t count_rows(const struct items *items)
{
    size_t count = 0;
    for (size_t i = 0; i < items->count; i++)
        count += i == 0 || compare_prefixes(&items->items[i - 1], &items->items[i]) != 0;
    return count;
}

static void begin_row(struct geo_latency *latency, const struct item *item,
                      const struct figure *figures)
{
    struct geo_latency_row *row = &latency->rows[latency->row_count];
    const struct geo_latency_row *parent =
        latency->row_count > 0 ? &latency->rows[latency->row_count - 1] : NULL;

    *row = (struct geo_latency_row){.figures = figures};
    write_prefix(item, &row->prefix);
    while (parent != NULL && !holds(&parent->prefix, &row->prefix))
        parent = parent->parent;
    row->parent = parent;
    latency->row_count++;
}

static int make_rows(struct geo_latency *latency, const struct items *items)
{
    const size_t row_count = count_rows(items);
    latency->rows = malloc((row_count + 1) * sizeof latency->rows[0]);
    latency->figures = malloc((items->count + 1) * sizeof latency->figures[0]);
    if (latency->rows == NULL || latency->figures == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < items->count; i++) {
        const struct item *item = &items->items[i];
        latency->figures[i] = item->figure;
        if (i == 0 || compare_prefixes(item - 1, item) != 0)
            begin_row(latency, item, &latency->figures[i]);
        latency->rows[latency->row_count - 1].has[item->figure.region / WORD_BITS] |=
            (uint64_t)1 << item->figure.region % WORD_BITS;
    }
    ASSERT(latency->row_count == row_count);
    latency->memory = sizeof *latency + row_count * sizeof latency->rows[0] +
                      items->count * sizeof latency->figures[0];
    return 0;
}

static int make_table(struct geo_latency *latency)
{
    struct geo_table_entry *entries = malloc((latency->row_count + 1u) * sizeof *entries);
    if (entries == NULL)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < latency->row_count; i++)
        entries[i] = (struct geo_table_entry){.prefix = latency->rows[i].prefix, .value = i};
    int err = geo__table_new(entries, latency->row_count, &latency->table);
    free(entries);
    if (err == 0)
        latency->memory += geo__table_memory(latency->table);
    return err;
}

static int fill(struct geo_latency *latency, const struct geo_latency_entry *entries, size_t count)
{
    struct items given = {0}, rolled_up = {0}, all = {0};

    int err = sort_entries(entries, count, &given);
    if (err == 0)
        err = roll_up_measured(&given, &rolled_up);
    if (err == 0)
        err = merge(&given, &rolled_up, &all);
    free(given.items);
    free(rolled_up.items);
    if (err == 0)
        err = make_rows(latency, &all);
    free(all.items);
    return err == 0 ? make_table(latency) : err;
}

int geo_latency_new(const struct geo_latency_entry *entries, size_t count, uint64_t version,
                    struct geo_latency **out)
{
    if (count > GEO_LATENCY_ENTRIES_MAX)
        return ERR_LIMIT;
    struct geo_latency *latency = calloc(1, sizeof *latency);
    if (latency == NULL)
        return ERR_NOMEM;
    latency->references = 1;
    latency->version = version;
    int err = fill(latency, entries, count);
    if (err != 0) {
        geo_latency_unref(latency);
        return err;
    }
    *out = latency;
    return 0;
}

struct geo_latency *geo_latency_ref(struct geo_latency *latency)
{
    const uint32_t before = __atomic_fetch_add(&latency->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return latency;
}

void geo_latency_unref(struct geo_latency *latency)
{
    if (latency == NULL || __atomic_sub_fetch(&latency->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    geo__table_free(latency->table);
    free(latency->rows);
    free(latency->figures);
    free(latency);
}

uint64_t geo_latency_version(const struct geo_latency *latency)
{
    return latency->version;
}

size_t geo_latency_memory(const struct geo_latency *latency)
{
    return latency->memory;
}

const struct geo_latency_row *geo_latency_find(const struct geo_latency *latency,
                                               const struct geo_address *address,
                                               unsigned *scope_bits)
{
    const uint32_t index = geo__table_find(latency->table, address, scope_bits);
    return index == GEO_TABLE_NONE ? NULL : &latency->rows[index];
}

struct geo_fetch geo_latency_prefetch(const struct geo_latency *latency,
                                      const struct geo_address *address)
{
    return geo__table_prefetch(latency->table, address);
}

/* The row's own figure; NULL: it has none. */
static const struct figure *own_figure(const struct geo_latency_row *row, unsigned region)
{
    const unsigned word = region / WORD_BITS;
    const uint64_t bit = (uint64_t)1 << region % WORD_BITS;
    unsigned before = 0;

    if ((row->has[word] & bit) == 0)
        return NULL;
    for (unsigned i = 0; i < word; i++)
        before += (unsigned)__builtin_popcountll(row->has[i]);
    return row->figures + before + __builtin_popcountll(row->has[word] & (bit - 1));
}

/* The figure that counts for the row, and the row that has it; NULL: there is none. */
static const struct figure *find_figure(const struct geo_latency_row *row, unsigned region,
                                        const struct geo_latency_row **origin)
{
    if (region >= GEO_REGIONS_MAX)
        return NULL;
    for (; row != NULL; row = row->parent) {
        const struct figure *figure = own_figure(row, region);
        *origin = row;
        if (figure != NULL)
            return figure;
    }
    return NULL;
}

uint16_t geo_latency_ms(const struct geo_latency_row *row, unsigned region)
{
    const struct geo_latency_row *origin;
    const struct figure *figure = find_figure(row, region, &origin);
    return figure == NULL ? GEO_LATENCY_NONE : figure->ms;
}

enum geo_latency_source geo_latency_origin(const struct geo_latency_row *row, unsigned region,
                                           struct prefix *prefix)
{
    const struct geo_latency_row *origin;
    const struct figure *figure = find_figure(row, region, &origin);
    if (figure == NULL)
        return 0;
    if (prefix != NULL)
        *prefix = origin->prefix;
    return figure->source;
}

const struct prefix *geo_latency_prefix(const struct geo_latency_row *row)
{
    return &row->prefix;
}
