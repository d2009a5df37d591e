/* links: geo base */
/* What locating clients costs, in processor time: bench_geo [DATABASE]. Without a database only the
 * latency table (1,000,000 entries) and a table of 400,000 prefixes are measured. */
#include "base/prefix.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/table.h"
#include "geo/view.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ADDRESS_COUNT (1u << 20)
#define TABLE_PREFIXES 400000u
#define LATENCY_PREFIXES 125000u
#define LATENCY_REGIONS 8u
#define LATENCY_ENTRIES (LATENCY_PREFIXES * LATENCY_REGIONS)

static struct geo_address addresses[ADDRESS_COUNT];
static uint64_t seed = 1;

static uint64_t draw(void) /* splitmix64 */
{
    uint64_t z = seed += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static void draw_addresses(bool is_ipv6)
{
    for (size_t i = 0; i < ADDRESS_COUNT; i++) {
        struct geo_address *address = &addresses[i];
        const uint64_t high = draw(), low = draw();
        *address = (struct geo_address){.bits = is_ipv6 ? 128 : 32, .is_ipv6 = is_ipv6};
        memcpy(address->octets, &high, is_ipv6 ? 8 : 4);
        if (!is_ipv6)
            continue;
        memcpy(address->octets + 8, &low, 8);
        address->octets[0] = (uint8_t)(0x20 | (high & 0x0f)); /* where addresses are in use */
        address->octets[1] = (uint8_t)(address->octets[1] & 0x0f);
    }
}

/* Of the processor, so that other work on the machine does not count. */
static uint64_t used_ns(void)
{
    struct timespec used;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
    return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static double milliseconds_since(uint64_t begin_ns)
{
    return (double)(used_ns() - begin_ns) / 1e6;
}

typedef uintptr_t (*find_cb)(const void *table, const struct geo_address *address);

static uintptr_t find_location(const void *table, const struct geo_address *address)
{
    unsigned scope;
    return (uintptr_t)geo_database_find(table, address, &scope) + scope;
}

static uintptr_t find_value(const void *table, const struct geo_address *address)
{
    unsigned scope;
    return geo__table_find(table, address, &scope) + scope;
}

static uintptr_t find_row(const void *table, const struct geo_address *address)
{
    unsigned scope;
    const struct geo_latency_row *row = geo_latency_find(table, address, &scope);
    return row == NULL ? scope : geo_latency_ms(row, 3);
}

/* Each address depends on what was found before, so that nothing overlaps. */
static void measure(const char *what, find_cb find, const void *table, bool is_ipv6)
{
    uintptr_t sum = 0;
    draw_addresses(is_ipv6);
    uint64_t begin_ns = used_ns();
    for (size_t i = 0; i < ADDRESS_COUNT; i++)
        sum += find(table, &addresses[i]);
    const double together = milliseconds_since(begin_ns) * 1e6 / ADDRESS_COUNT;
    begin_ns = used_ns();
    for (size_t i = 0; i < ADDRESS_COUNT; i++)
        sum += find(table, &addresses[(i + (sum & 1)) % ADDRESS_COUNT]);
    const double apart = milliseconds_since(begin_ns) * 1e6 / ADDRESS_COUNT;
    printf("  %s, random %s: %.1f ns one after the other, %.1f ns side by side (%d)\n", what,
           is_ipv6 ? "IPv6" : "IPv4", apart, together, (int)(sum & 1));
}

static void bench_database(const char *path)
{
    char error[GEO_ERROR_SIZE];
    struct geo_database *database;
    const uint64_t begin_ns = used_ns();

    if (geo_database_load(path, 0, &database, error) != 0) {
        fprintf(stderr, "bench_geo: %s\n", error);
        exit(1);
    }
    const double load_ms = milliseconds_since(begin_ns);
    const struct geo_database_about *about = geo_database_about(database);
    printf("database: %" PRIu64 " prefixes, %" PRIu64 " locations: loaded in %.0f ms, %.1f MB\n",
           about->prefixes, about->locations, load_ms, (double)about->memory_octets / 1e6);
    measure("find", find_location, database, false);
    measure("find", find_location, database, true);
    geo_database_unref(database);
}

/* The @index-th of some /24 or /48 that lie about at random and are all different. */
static struct prefix scattered_prefix(bool is_ipv6, uint32_t index)
{
    const uint32_t place = (index * 2654435761u) & 0xffffff; /* an odd factor: one to one */
    struct prefix prefix = {.len = is_ipv6 ? 48 : 24, .is_ipv6 = is_ipv6};
    if (is_ipv6)
        prefix.octets[0] = (uint8_t)(0x20 | (place & 0x0f)); /* where addresses are in use */
    for (unsigned i = 0; i < 3; i++)
        prefix.octets[i + 2u * is_ipv6] = (uint8_t)(place >> (16 - 8 * i));
    return prefix;
}

static void bench_table(bool is_ipv6)
{
    struct geo_table_entry *entries = calloc(TABLE_PREFIXES, sizeof *entries);
    struct geo_table *table;
    if (entries == NULL)
        exit(1);
    for (uint32_t i = 0; i < TABLE_PREFIXES; i++)
        entries[i] = (struct geo_table_entry){scattered_prefix(is_ipv6, i), i};
    const uint64_t begin_ns = used_ns();
    if (geo__table_new(entries, TABLE_PREFIXES, &table) != 0)
        exit(1);
    printf("table of %u scattered %s: %.0f ms, %.1f MB\n", TABLE_PREFIXES, is_ipv6 ? "/48" : "/24",
           milliseconds_since(begin_ns), (double)geo__table_memory(table) / 1e6);
    measure("find", find_value, table, is_ipv6);
    geo__table_free(table);
    free(entries);
}

static void bench_latency(void)
{
    struct geo_latency_entry *entries = calloc(LATENCY_ENTRIES, sizeof *entries);
    struct geo_latency *latency;
    if (entries == NULL)
        exit(1);
    for (uint32_t i = 0; i < LATENCY_PREFIXES; i++) {
        const struct prefix prefix = scattered_prefix(false, i);
        for (uint8_t region = 0; region < LATENCY_REGIONS; region++)
            entries[i * LATENCY_REGIONS + region] = (struct geo_latency_entry){
                prefix, (uint8_t)(region + 1), GEO_LATENCY_MEASURED, (uint16_t)(draw() % 400)};
    }
    const uint64_t begin_ns = used_ns();
    if (geo_latency_new(entries, LATENCY_ENTRIES, 1, &latency) != 0)
        exit(1);
    printf("latency table of %u entries (%u prefixes): %.0f ms, %.1f MB\n", LATENCY_ENTRIES,
           LATENCY_PREFIXES, milliseconds_since(begin_ns),
           (double)geo_latency_memory(latency) / 1e6);
    measure("find and ms", find_row, latency, false);
    geo_latency_unref(latency);
    free(entries);
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "usage: bench_geo [DATABASE]\n");
        return 2;
    }
    if (argc == 2)
        bench_database(argv[1]);
    bench_table(false);
    bench_table(true);
    bench_latency();
    return 0;
}
