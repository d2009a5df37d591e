/* node/geo/table.c: lookups. IPv4 costs a root (they fit into the second-level cache) and a line or
 * two of ranges; IPv6 a walk down a static tree of 16 keys a node. */
#include "geo/table.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define IPV4_SCOPE_USUAL 24u /* what callers cut a client's address to, at most */
#define IPV6_SCOPE_USUAL 48u

static uint32_t number4(const struct geo_address *address)
{
    uint32_t number;
    memcpy(&number, address->octets, sizeof number);
    return be32toh(number);
}

static uint64_t number_half(const uint8_t *octets)
{
    uint64_t number;
    memcpy(&number, octets, sizeof number);
    return be64toh(number);
}

geo__number geo__number_of(const uint8_t *octets, bool is_ipv6)
{
    const struct geo_address address = {.octets = {octets[0], octets[1], octets[2], octets[3]}};
    if (!is_ipv6)
        return (geo__number)number4(&address) << 96;
    return (geo__number)number_half(octets) << 64 | number_half(octets + 8);
}

/* How many leading bits two numbers of 64 bits share, and one more: the shortest prefix of the one
 * without the other. */
static unsigned apart(uint64_t a, uint64_t b)
{
    return (unsigned)__builtin_clzll(a ^ b) + 1;
}

static unsigned longer(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Finer than is known of the address is of no use to its sender, except below what callers cut
 * addresses to: then it says that more has to be known. */
static unsigned useful_scope(unsigned scope, unsigned known, unsigned usual)
{
    const unsigned most = longer(known, usual);
    return scope < most ? scope : most;
}

/* Index of the last range that starts at or before @number. */
static uint32_t find4(const struct geo_table *table, uint32_t number)
{
    const uint32_t *roots = table->roots4;
    const struct geo__range4 *ranges = table->ranges4;
    uint32_t at = roots != NULL ? roots[number >> 16] : 0; /* all before it start at or before */
    uint32_t count = (roots != NULL ? roots[(number >> 16) + 1] : table->count4) - at;

    while (count > 0) { /* the answer lies among at - 1 … at + count - 1 */
        const uint32_t half = (count + 1) / 2;
        at += ranges[at + half - 1].start <= number ? half : 0;
        count -= half;
    }
    return at - 1;
}

static uint32_t lookup4(const struct geo_table *table, const struct geo_address *address,
                        unsigned *scope_bits)
{
    const uint32_t number = number4(address);
    const uint32_t at = find4(table, number);
    const struct geo__range4 *range = &table->ranges4[at];
    const uint64_t high = (uint64_t)number << 32;
    unsigned scope = 0;

    if (at > 0)
        scope = apart(high, (uint64_t)(range->start - 1) << 32);
    if (at + 1 < table->count4)
        scope = longer(scope, apart(high, (uint64_t)range[1].start << 32));
    *scope_bits = useful_scope(scope, address->bits, IPV4_SCOPE_USUAL);
    return range->value;
}

static uint32_t find6(const struct geo_table *table, uint64_t high)
{
    uint32_t node = 0;
    for (unsigned level = table->level_count6; level-- > 0;) {
        const uint64_t *keys = table->levels6[level] + (size_t)node * GEO__FANOUT;
        uint32_t count = 0;
        for (unsigned i = 0; i < GEO__FANOUT; i++)
            count += keys[i] <= high;
        node = node * GEO__FANOUT + count - 1; /* the first key of a node is never above */
        if (node >= table->counts6[level])     /* padding is as high as the highest address */
            node = table->counts6[level] - 1;
    }
    return node;
}

/* Within one /64. */
static uint32_t lookup_fine(const struct geo_table *table, uint32_t number, uint64_t low,
                            unsigned *scope)
{
    const struct geo__fine *fine = &table->fines[number];
    const uint64_t *starts = table->fine_starts + fine->first;
    uint32_t at = 0, count = fine->count;

    while (count > 1) { /* the answer lies among at … at + count - 1 */
        const uint32_t half = count / 2;
        at += starts[at + half] <= low ? half : 0;
        count -= half;
    }
    *scope = 64;
    if (at > 0)
        *scope = 64 + apart(low, starts[at] - 1);
    if (at + 1 < fine->count)
        *scope = longer(*scope, 64 + apart(low, starts[at + 1]));
    return table->fine_values[fine->first + at];
}

static uint32_t lookup6(const struct geo_table *table, const struct geo_address *address,
                        unsigned *scope_bits)
{
    const uint64_t high = number_half(address->octets);
    const uint32_t at = find6(table, high);
    const uint64_t *starts = table->levels6[0] + at;
    uint32_t value = table->values6[at];
    unsigned scope = 0;

    if ((value & GEO__FINE_BIT) != 0 && value != GEO_TABLE_NONE) {
        value =
            lookup_fine(table, value & ~GEO__FINE_BIT, number_half(address->octets + 8), &scope);
    } else {
        if (at > 0)
            scope = apart(high, starts[0] - 1);
        if (at + 1 < table->counts6[0])
            scope = longer(scope, apart(high, starts[1]));
    }
    *scope_bits = useful_scope(scope, address->bits, IPV6_SCOPE_USUAL);
    return value;
}

uint32_t geo__table_find(const struct geo_table *table, const struct geo_address *address,
                         unsigned *scope_bits)
{
    return address->is_ipv6 ? lookup6(table, address, scope_bits)
                            : lookup4(table, address, scope_bits);
}

struct geo_fetch geo__table_prefetch(const struct geo_table *table,
                                     const struct geo_address *address)
{
    if (address->is_ipv6 || table->roots4 == NULL)
        return (struct geo_fetch){.root = NULL};
    const uint32_t *root = &table->roots4[number4(address) >> 16];
    __builtin_prefetch(root);
    return (struct geo_fetch){.root = root, .ranges = table->ranges4};
}

void geo_fetch_more(const struct geo_fetch *fetch)
{
    if (fetch->root != NULL)
        __builtin_prefetch(&fetch->ranges[*fetch->root]);
}

void geo__table_free(struct geo_table *table)
{
    if (table == NULL)
        return;
    free(table->ranges4);
    free(table->roots4);
    for (unsigned level = 0; level < GEO__LEVELS_MAX; level++)
        free(table->levels6[level]);
    free(table->values6);
    free(table->fines);
    free(table->fine_starts);
    free(table->fine_values);
    free(table);
}

size_t geo__table_memory(const struct geo_table *table)
{
    return table->memory;
}
