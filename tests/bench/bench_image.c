/* links: zone dns base */
/* bench_image [NAMES [ZONES]]: load so many names, one address each, spread over so many zones; say
 * how long that took, octets a name, and lookups a second on one thread. */
#include "dns/name.h"
#include "dns/type.h"
#include "zone/image.h"
#include "zone/probe.h"
#include "zone/record_set.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOOKUPS 4000000u
#define SIDE_BY_SIDE 16u

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static uint32_t scramble(uint32_t value)
{
    value = (value ^ (value >> 16)) * 0x45d9f3bu;
    value = (value ^ (value >> 16)) * 0x45d9f3bu;
    return value ^ (value >> 16);
}

static void must(int err)
{
    if (err < 0) {
        fprintf(stderr, "failed: %d\n", err);
        exit(1);
    }
}

static void make_apex(unsigned zone, uint8_t *out)
{
    char text[64];
    snprintf(text, sizeof(text), "zone%u.example.", zone);
    must(dns_name_parse(text, NULL, out));
}

static void make_name(unsigned index, unsigned zones, const char *kind, uint8_t *out)
{
    char text[64];
    snprintf(text, sizeof(text), "%s-%u.zone%u.example.", kind, scramble(index) % 100000000u,
             index % zones);
    must(dns_name_parse(text, NULL, out));
}

static void fill(struct zone_publisher *publisher, unsigned names, unsigned zones)
{
    for (unsigned zone = 0; zone < zones; zone++) {
        struct zone_content *content;
        uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
        make_apex(zone, apex);
        must(zone_content_new(publisher, apex, &content));
        for (unsigned i = zone; i < names; i += zones) {
            uint32_t address = scramble(i);
            const struct zone_rdata rdata = {(const uint8_t *)&address, 4};
            make_name(i, zones, "host", name);
            const struct zone_record_set set = {
                .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 300, .rdatas = &rdata};
            must(zone_content_put(publisher, content, &set));
        }
        must(zone_change_serve(publisher, content));
    }
    must(zone_publish(publisher, 1));
}

/* As the UDP workers do it. */
static size_t look_up_many(const struct zone_image *image, uint8_t (*names)[64])
{
    static struct zone_probe probes[SIDE_BY_SIDE];
    size_t found = 0;
    bool is_busy;

    for (unsigned i = 0; i < SIDE_BY_SIDE; i++)
        zone_probe_begin(&probes[i], image, names[i], dns_name_len(names[i]), DNS_TYPE_A);
    do {
        is_busy = false;
        for (unsigned i = 0; i < SIDE_BY_SIDE; i++)
            is_busy |= zone_probe_step(&probes[i]);
    } while (is_busy);
    for (unsigned i = 0; i < SIDE_BY_SIDE; i++) {
        struct zone_match match;
        zone_probe_end(&probes[i], &match);
        found += match.outcome == ZONE_OUTCOME_ANSWER;
    }
    return found;
}

/* Questions are made beforehand, so that only lookups are timed. */
static void ask(const struct zone_publisher *publisher, unsigned names, unsigned zones,
                const char *kind)
{
    const unsigned count = 1u << 18;
    uint8_t(*questions)[64] = malloc(count * sizeof(*questions));
    size_t found = 0;

    if (!questions)
        exit(1);
    for (unsigned i = 0; i < count; i++)
        make_name(scramble(i * 7919u) % names, zones, kind, questions[i]);
    const struct zone_image *image = zone_image_read_begin(publisher);
    double start = now_s();
    for (unsigned i = 0; i < LOOKUPS; i++) {
        struct zone_match match;
        zone_lookup(image, questions[i % count], DNS_TYPE_A, &match);
        found += match.outcome == ZONE_OUTCOME_ANSWER;
    }
    double taken = now_s() - start;
    start = now_s();
    for (unsigned i = 0; i < LOOKUPS; i += SIDE_BY_SIDE)
        found += look_up_many(image, &questions[i % count]);
    double taken_many = now_s() - start;
    zone_image_read_end();
    printf("%s: %.2f million lookups/s one by one, %.2f side by side, %.0f %% found\n", kind,
           LOOKUPS / taken / 1e6, LOOKUPS / taken_many / 1e6, 50.0 * (double)found / LOOKUPS);
    free(questions);
}

/* Single changes, each published by itself, as they come from commands. */
static void change(struct zone_publisher *publisher, unsigned names, unsigned zones)
{
    const unsigned count = 200000;
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    double start = now_s();

    for (unsigned i = 0; i < count; i++) {
        unsigned index = scramble(i) % names;
        const struct zone_rdata rdata = {(const uint8_t *)&i, 4};
        make_name(index, zones, "host", name);
        make_apex(index % zones, apex);
        const struct zone_record_set set = {
            .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 300, .rdatas = &rdata};
        must(zone_change_put(publisher, apex, &set));
        must(zone_publish(publisher, 2 + i));
        zone_image_reclaim(publisher, 100);
    }
    printf("%.0f thousand changes/s, each its own generation\n", count / (now_s() - start) / 1e3);
}

int main(int argc, char **argv)
{
    const unsigned names = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    const unsigned zones = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 1;
    struct zone_publisher *publisher;
    struct zone_memory memory;

    zone_reader_register();
    must(zone_publisher_new(&publisher));
    double start = now_s();
    fill(publisher, names, zones);
    double taken = now_s() - start;
    zone_image_memory(publisher, &memory);
    printf("%u names in %u zones: %.2f s, %.1f octets a name in use, %.1f reserved\n", names, zones,
           taken, (double)memory.used_octets / names, (double)memory.reserved_octets / names);
    ask(publisher, names, zones, "host");
    ask(publisher, names, zones, "none");
    change(publisher, names, zones);
    zone_publisher_free(publisher);
    zone_reader_unregister();
    return 0;
}
