/* links: zone dns base
 *
 * bench_change [NAMES]: one change after the other in a zone of NAMES names (1,000,000), each
 * published by itself, 2,000 a second, while a reader looks names up in batches. What a change
 * costs the writer and what the reader notices, in one line of JSON: times of put and publish, of
 * what is freed after each, and of a batch of 32 lookups without and with the writer. Two
 * processors, or the reader's times are those of sharing one. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dns/name.h"
#include "dns/type.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"

#define NAMES_MAX 100000000u
#define BATCH 32u
#define QUESTIONS (1u << 16)
#define SAMPLES_MAX 2000000u
#define QUIET_S 2
#define CHANGES 4000u
#define CHANGE_EVERY_S 5e-4
#define RECLAIM_BLOCKS 100

static const char APEX[] = "big.test.";

/* What the reader measures, and when it ends. */
enum phase { PHASE_QUIET, PHASE_BUSY, PHASE_COUNT };
struct times {
    uint32_t *ns;
    size_t count;
};
struct reader {
    const struct zone_publisher *publisher;
    unsigned names;
    _Atomic int phase;
    struct times batches[PHASE_COUNT];
};
struct writer {
    struct zone_publisher *publisher;
    unsigned names;
    struct times changes, reclaims;
};

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void must(int err)
{
    if (err < 0) {
        fprintf(stderr, "bench_change: failed: %d\n", err);
        exit(1);
    }
}

static void *memory(size_t size)
{
    void *got = malloc(size);
    if (!got) {
        fprintf(stderr, "bench_change: out of memory\n");
        exit(1);
    }
    return got;
}

static uint32_t scramble(uint32_t value)
{
    value = (value ^ (value >> 16)) * 0x45d9f3bu;
    value = (value ^ (value >> 16)) * 0x45d9f3bu;
    return value ^ (value >> 16);
}

static void make_name(unsigned index, uint8_t *out)
{
    char text[64];
    snprintf(text, sizeof(text), "host-%08x.%s", scramble(index), APEX);
    must(dns_name_parse(text, NULL, out));
}

static void fill(struct zone_publisher *publisher, unsigned names)
{
    struct zone_content *content;
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];

    must(dns_name_parse(APEX, NULL, apex));
    must(zone_content_new(publisher, apex, &content));
    for (unsigned i = 0; i < names; i++) {
        const struct zone_rdata rdata = {(const uint8_t *)&i, 4};
        make_name(i, name);
        const struct zone_record_set set = {
            .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 300, .rdatas = &rdata};
        must(zone_content_put(publisher, content, &set));
    }
    must(zone_change_serve(publisher, content));
    must(zone_publish(publisher, 1));
}

/* ---- times ---- */

static void note(struct times *times, double start_s)
{
    times->ns[times->count++ % SAMPLES_MAX] = (uint32_t)((now_s() - start_s) * 1e9);
}

static int compare(const void *a, const void *b)
{
    uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;
    return (left > right) - (left < right);
}

static void tell(const char *name, struct times *times, const char *end)
{
    size_t count = times->count < SAMPLES_MAX ? times->count : SAMPLES_MAX;
    qsort(times->ns, count, sizeof(*times->ns), compare);
    double p50 = count > 0 ? times->ns[count / 2] / 1e3 : 0;
    double p99 = count > 0 ? times->ns[count - 1 - count / 100] / 1e3 : 0;
    printf("\"%s_p50_us\": %.2f, \"%s_p99_us\": %.2f%s", name, p50, name, p99, end);
}

/* ---- the reader ---- */

static size_t read_batch(const struct zone_publisher *publisher, uint8_t (*names)[64])
{
    size_t found = 0;
    const struct zone_image *image = zone_image_read_begin(publisher);
    for (unsigned i = 0; i < BATCH; i++) {
        struct zone_match match;
        zone_lookup(image, names[i], DNS_TYPE_A, &match);
        found += match.outcome == ZONE_OUTCOME_ANSWER;
    }
    zone_image_read_end();
    return found;
}

static void *read_all_along(void *user)
{
    struct reader *reader = user;
    uint8_t(*names)[64] = memory(QUESTIONS * sizeof(*names));

    for (unsigned i = 0; i < QUESTIONS; i++)
        make_name(scramble(i * 7919u) % reader->names, names[i]);
    zone_reader_register();
    unsigned next = 0;
    for (int phase; (phase = atomic_load(&reader->phase)) != PHASE_COUNT; next += BATCH) {
        double start_s = now_s();
        size_t found = read_batch(reader->publisher, names + next % QUESTIONS);
        note(&reader->batches[phase], start_s);
        if (found != BATCH) {
            fprintf(stderr, "bench_change: a name went missing while others changed\n");
            exit(1);
        }
    }
    zone_reader_unregister();
    free(names);
    return NULL;
}

/* ---- the writer ---- */

static void wait_until(double until_s)
{
    while (now_s() < until_s)
        nanosleep(&(struct timespec){0, 50000}, NULL);
}

static void change_one(struct writer *writer, const uint8_t *apex, unsigned number)
{
    uint8_t name[DNS_NAME_MAX];
    const struct zone_rdata rdata = {(const uint8_t *)&number, 4};
    make_name(scramble(number + 77u) % writer->names, name);
    const struct zone_record_set set = {
        .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 300, .rdatas = &rdata};

    double start_s = now_s();
    must(zone_change_put(writer->publisher, apex, &set));
    must(zone_publish(writer->publisher, 2 + number));
    note(&writer->changes, start_s);
    start_s = now_s();
    zone_image_reclaim(writer->publisher, RECLAIM_BLOCKS);
    note(&writer->reclaims, start_s);
}

static void change_all(struct writer *writer)
{
    uint8_t apex[DNS_NAME_MAX];
    double began_s = now_s();

    must(dns_name_parse(APEX, NULL, apex));
    for (unsigned i = 0; i < CHANGES; i++) {
        wait_until(began_s + i * CHANGE_EVERY_S);
        change_one(writer, apex, i);
    }
}

int main(int argc, char **argv)
{
    const unsigned long names = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
    struct zone_publisher *publisher;
    pthread_t thread;

    if (names == 0 || names > NAMES_MAX || argc > 2) {
        fprintf(stderr, "usage: bench_change [NAMES]\n");
        return 2;
    }
    zone_reader_register();
    must(zone_publisher_new(&publisher));
    fill(publisher, (unsigned)names);
    struct reader reader = {.publisher = publisher, .names = (unsigned)names};
    struct writer writer = {.publisher = publisher, .names = (unsigned)names};
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        reader.batches[phase].ns = memory(SAMPLES_MAX * sizeof(uint32_t));
    writer.changes.ns = memory(CHANGES * sizeof(uint32_t));
    writer.reclaims.ns = memory(CHANGES * sizeof(uint32_t));
    must(-pthread_create(&thread, NULL, read_all_along, &reader));
    wait_until(now_s() + QUIET_S);
    atomic_store(&reader.phase, PHASE_BUSY);
    change_all(&writer);
    atomic_store(&reader.phase, PHASE_COUNT);
    pthread_join(thread, NULL);
    printf("{\"names\": %lu, ", names);
    tell("change", &writer.changes, ", ");
    tell("reclaim", &writer.reclaims, ", ");
    tell("read", &reader.batches[PHASE_QUIET], ", ");
    tell("read_busy", &reader.batches[PHASE_BUSY], "}\n");
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        free(reader.batches[phase].ns);
    free(writer.changes.ns);
    free(writer.reclaims.ns);
    zone_publisher_free(publisher);
    zone_reader_unregister();
    return 0;
}
