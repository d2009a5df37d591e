/* links: zone dns base */
/* The image against a plain model: random zones, changes, generations and questions. The model is a
 * list of record sets per zone and RFC 1034 4.3.2, RFC 4592 and RFC 6672 written as they read. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ZONES_MAX 6
#define SETS_MAX 60
#define HELD_MAX 4

struct model_set {
    uint8_t name[DNS_NAME_MAX];
    uint8_t rdata[24];
    uint16_t type;
    uint16_t count; /* records: rdata with its first octet counted up */
    uint32_t ttl_s;
};

struct model_zone {
    uint8_t apex[DNS_NAME_MAX];
    bool is_served;
    size_t count;
    struct model_set sets[SETS_MAX];
};

struct model {
    struct model_zone zones[ZONES_MAX];
};

static uint64_t random_state;

static unsigned draw(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % limit);
}

/* ---- the model's answers ---- */

static const struct model_set *model_find(const struct model_zone *zone, const uint8_t *name,
                                          uint16_t type)
{
    const struct model_set *first = NULL;

    for (size_t i = 0; i < zone->count; i++) {
        const struct model_set *set = &zone->sets[i];
        if (!dns_name_is_equal(set->name, name))
            continue;
        if (set->type == type)
            return set;
        if (type == DNS_TYPE_ANY && (!first || set->type < first->type))
            first = set;
    }
    return first;
}

/* A name exists when it, or something below it, has records; the apex exists anyway. */
static bool model_exists(const struct model_zone *zone, const uint8_t *name)
{
    if (dns_name_is_equal(name, zone->apex))
        return true;
    for (size_t i = 0; i < zone->count; i++)
        if (dns_name_is_within(zone->sets[i].name, name))
            return true;
    return false;
}

static const struct model_zone *model_zone_of(const struct model *model, const uint8_t *name,
                                              bool is_strict)
{
    const struct model_zone *best = NULL;

    for (size_t i = 0; i < ZONES_MAX; i++) {
        const struct model_zone *zone = &model->zones[i];
        if (!zone->is_served || !dns_name_is_within(name, zone->apex) ||
            (is_strict && dns_name_is_equal(name, zone->apex)))
            continue;
        if (!best || dns_name_len(zone->apex) > dns_name_len(best->apex))
            best = zone;
    }
    return best;
}

struct expected {
    enum zone_outcome outcome;
    const struct model_zone *zone;
    const struct model_set *set;
    unsigned owner_offset;
    unsigned encloser_offset;
    bool is_wildcard;
};

static void model_answer(const struct model_zone *zone, const uint8_t *node, uint16_t qtype,
                         struct expected *out)
{
    out->set = model_find(zone, node, qtype);
    out->outcome = out->set ? ZONE_OUTCOME_ANSWER : ZONE_OUTCOME_NODATA;
    if (!out->set && (out->set = model_find(zone, node, DNS_TYPE_CNAME)))
        out->outcome = ZONE_OUTCOME_CNAME;
}

/* From the apex down to the name: does authority end on the way? */
static bool model_stops(const struct model_zone *zone, const uint8_t *name, uint16_t qtype,
                        struct expected *out)
{
    const unsigned labels = dns_name_label_count(name);

    for (unsigned i = dns_name_label_count(zone->apex); i <= labels; i++) {
        const uint8_t *above = dns_name_skip(name, labels - i);
        const bool is_apex = dns_name_is_equal(above, zone->apex);
        const bool is_name = above == name;
        out->owner_offset = (unsigned)(above - name);
        if (!is_apex && !(is_name && qtype == DNS_TYPE_DS) &&
            (out->set = model_find(zone, above, DNS_TYPE_NS))) {
            out->outcome = ZONE_OUTCOME_DELEGATION;
            return true;
        }
        if (!is_name && (out->set = model_find(zone, above, DNS_TYPE_DNAME))) {
            out->outcome = ZONE_OUTCOME_DNAME;
            return true;
        }
    }
    out->owner_offset = 0;
    return false;
}

static void model_lookup(const struct model *model, const uint8_t *name, uint16_t qtype,
                         struct expected *out)
{
    uint8_t wildcard[DNS_NAME_MAX + 2] = {1, '*'};
    const uint8_t *encloser = name;

    *out = (struct expected){.outcome = ZONE_OUTCOME_NONE};
    out->zone = model_zone_of(model, name, false);
    if (out->zone && qtype == DNS_TYPE_DS && dns_name_is_equal(out->zone->apex, name) &&
        model_zone_of(model, name, true))
        out->zone = model_zone_of(model, name, true);
    if (!out->zone || model_stops(out->zone, name, qtype, out))
        return;
    if (model_exists(out->zone, name)) {
        model_answer(out->zone, name, qtype, out);
        return;
    }
    while (!model_exists(out->zone, encloser))
        encloser = dns_name_skip(encloser, 1);
    out->encloser_offset = (unsigned)(encloser - name);
    memcpy(wildcard + 2, encloser, dns_name_len(encloser));
    out->outcome = ZONE_OUTCOME_NXDOMAIN;
    if (!model_exists(out->zone, wildcard))
        return;
    out->is_wildcard = true;
    model_answer(out->zone, wildcard, qtype, out);
}

/* Addresses of name servers: the name's own, or its wildcard's, whatever cuts are on the way. */
static const struct model_set *model_glue(const struct model_zone *zone, const uint8_t *name,
                                          uint16_t type)
{
    uint8_t wildcard[DNS_NAME_MAX + 2] = {1, '*'};
    const uint8_t *encloser = name;

    if (model_exists(zone, name))
        return model_find(zone, name, type);
    while (!model_exists(zone, encloser))
        encloser = dns_name_skip(encloser, 1);
    memcpy(wildcard + 2, encloser, dns_name_len(encloser));
    return model_find(zone, wildcard, type);
}

/* ---- comparing ---- */

static void fill_set(const struct model_set *set, struct zone_rdata *rdatas, uint8_t (*octets)[24],
                     struct zone_record_set *out)
{
    for (unsigned i = 0; i < set->count; i++) {
        memcpy(octets[i], set->rdata, sizeof(set->rdata));
        octets[i][0] = (uint8_t)(octets[i][0] + i);
        rdatas[i] = (struct zone_rdata){octets[i], sizeof(set->rdata)};
    }
    *out = (struct zone_record_set){.name = set->name,
                                    .type = set->type,
                                    .rdata_count = set->count,
                                    .ttl_s = set->ttl_s,
                                    .rdatas = rdatas};
}

static void assert_same_set(const struct zone_wire_set *wire, const struct model_set *set)
{
    assert_int_equal(wire->type, set->type);
    assert_int_equal(wire->record_count, set->count);
    assert_int_equal(wire->wire_len, set->count * (ZONE_WIRE_RDATA_OFFSET + sizeof(set->rdata)));
    for (unsigned i = 0; i < set->count; i++) {
        const uint8_t *at = wire->wire + i * (ZONE_WIRE_RDATA_OFFSET + sizeof(set->rdata));
        const uint8_t head[] = {0xc0,
                                0x0c,
                                (uint8_t)(set->type >> 8),
                                (uint8_t)set->type,
                                0,
                                1,
                                (uint8_t)(set->ttl_s >> 24),
                                (uint8_t)(set->ttl_s >> 16),
                                (uint8_t)(set->ttl_s >> 8),
                                (uint8_t)set->ttl_s,
                                0,
                                sizeof(set->rdata),
                                (uint8_t)(set->rdata[0] + i)};
        assert_memory_equal(at, head, sizeof(head));
        assert_memory_equal(at + sizeof(head), set->rdata + 1, sizeof(set->rdata) - 1);
    }
}

static void assert_question(const struct zone_image *image, const struct model *model,
                            const uint8_t *name, uint16_t qtype)
{
    struct expected expected;
    struct zone_match match;

    model_lookup(model, name, qtype, &expected);
    zone_lookup(image, name, qtype, &match);
    assert_int_equal(match.outcome, expected.outcome);
    if (expected.outcome == ZONE_OUTCOME_NONE) {
        assert_null(match.zone);
        return;
    }
    assert_true(dns_name_is_equal(zone_apex(match.zone), expected.zone->apex));
    assert_true(dns_name_is_equal(name + match.apex_offset, expected.zone->apex));
    assert_int_equal(match.owner_offset, expected.owner_offset);
    assert_int_equal(match.encloser_offset, expected.encloser_offset);
    assert_int_equal(match.is_wildcard, expected.is_wildcard);
    assert_int_equal(match.set != NULL, expected.set != NULL);
    assert_int_equal(match.node != NULL, expected.set != NULL);
    if (expected.set)
        assert_same_set(match.set, expected.set);
    const struct model_set *soa = model_find(expected.zone, expected.zone->apex, DNS_TYPE_SOA);
    assert_int_equal(match.soa != NULL, soa != NULL);
    if (soa)
        assert_same_set(match.soa, soa);
    const struct model_set *glue = model_glue(expected.zone, name, qtype);
    const struct zone_wire_set *found = zone_find_glue(match.zone, name, qtype);
    assert_int_equal(found != NULL, glue != NULL && qtype != DNS_TYPE_ANY);
    found = zone_find_record_set(image, name, qtype);
    assert_ptr_equal(found, expected.outcome == ZONE_OUTCOME_ANSWER && !expected.is_wildcard &&
                                    qtype != DNS_TYPE_ANY
                                ? match.set
                                : NULL);
}

/* ---- random input ---- */

static const char *const LABELS[] = {"\001a",    "\001b",      "\001*",     "\002ab",
                                     "\001-",    "\003\001ax", "\002\001a", "\001\000",
                                     "\001\377", "\001_",      "\0041234"};

/* A name of few labels in front of @suffix, often an existing one. */
static void draw_name(const uint8_t *suffix, uint8_t *out)
{
    uint8_t prefix[64];
    unsigned len = 0;

    for (unsigned labels = draw(4); labels > 0; labels--) {
        const char *label = LABELS[draw(sizeof(LABELS) / sizeof(LABELS[0]))];
        memcpy(prefix + len, label, 1u + (uint8_t)label[0]);
        len += 1u + (uint8_t)label[0];
    }
    assert_true(dns_name_join(prefix, len, suffix, out) > 0);
}

static uint16_t draw_type(void)
{
    static const uint16_t TYPES[] = {DNS_TYPE_A,  DNS_TYPE_A,   DNS_TYPE_TXT,   DNS_TYPE_TXT,
                                     DNS_TYPE_MX, DNS_TYPE_NS,  DNS_TYPE_CNAME, DNS_TYPE_DNAME,
                                     DNS_TYPE_DS, DNS_TYPE_SOA, 65280};
    return TYPES[draw(sizeof(TYPES) / sizeof(TYPES[0]))];
}

static void draw_set(const struct model_zone *zone, struct model_set *set)
{
    memset(set, 0, sizeof(*set));
    draw_name(zone->apex, set->name);
    set->type = draw_type();
    if ((set->type == DNS_TYPE_NS || set->type == DNS_TYPE_DNAME) && draw(2) == 0)
        set->type = DNS_TYPE_A;
    set->count = (uint16_t)(1 + draw(3));
    set->ttl_s = draw(1u << 31);
    for (size_t i = 0; i < sizeof(set->rdata); i++)
        set->rdata[i] = (uint8_t)draw(256);
}

static void model_put(struct model_zone *zone, const struct model_set *set)
{
    struct model_set *there = (struct model_set *)model_find(zone, set->name, set->type);
    if (!there)
        there = &zone->sets[zone->count++];
    *there = *set;
}

/* ---- one random change, to both ---- */

static void change_put(struct zone_publisher *publisher, struct model_zone *zone)
{
    struct zone_record_set record_set;
    struct zone_rdata rdatas[4];
    uint8_t octets[4][24];
    struct model_set set;

    if (zone->count == SETS_MAX)
        return;
    draw_set(zone, &set);
    fill_set(&set, rdatas, octets, &record_set);
    assert_int_equal(zone_change_put(publisher, zone->apex, &record_set), 0);
    model_put(zone, &set);
}

static void change_remove(struct zone_publisher *publisher, struct model_zone *zone)
{
    struct model_set set;

    draw_set(zone, &set);
    if (draw(4) > 0 && zone->count > 0)
        set = zone->sets[draw((unsigned)zone->count)];
    struct model_set *there = (struct model_set *)model_find(zone, set.name, set.type);
    assert_int_equal(zone_change_remove(publisher, zone->apex, set.name, set.type, NULL, 0),
                     there ? 0 : ERR_NOT_FOUND);
    if (there)
        *there = zone->sets[--zone->count];
}

static void content_remove(struct zone_publisher *publisher, struct zone_content *content,
                           struct model_zone *zone)
{
    struct model_set set;

    draw_set(zone, &set);
    if (draw(4) > 0 && zone->count > 0)
        set = zone->sets[draw((unsigned)zone->count)];
    struct model_set *there = (struct model_set *)model_find(zone, set.name, set.type);
    const struct zone_record_set which = {.name = set.name, .type = set.type};
    assert_int_equal(zone_content_remove(publisher, content, &which), there ? 0 : ERR_NOT_FOUND);
    if (there)
        *there = zone->sets[--zone->count];
}

/* Fill a content, publishing something else meanwhile now and then, and serve it or give it up. */
static void change_serve(struct zone_publisher *publisher, struct model_zone *zone)
{
    struct zone_content *content;
    struct model_zone fresh = {.is_served = true};
    struct zone_record_set record_set;
    struct zone_rdata rdatas[4];
    uint8_t octets[4][24];
    struct model_set set;

    memcpy(fresh.apex, zone->apex, sizeof(fresh.apex));
    assert_int_equal(zone_content_new(publisher, zone->apex, &content), 0);
    for (unsigned i = draw(SETS_MAX / 2); i > 0; i--) {
        draw_set(&fresh, &set);
        fill_set(&set, rdatas, octets, &record_set);
        assert_int_equal(zone_content_put(publisher, content, &record_set), 0);
        model_put(&fresh, &set);
        if (draw(4) == 0)
            content_remove(publisher, content, &fresh);
    }
    if (draw(3) == 0) {
        zone_content_drop(publisher, content);
        return;
    }
    assert_int_equal(zone_change_serve(publisher, content), 0);
    *zone = fresh;
}

static void change_something(struct zone_publisher *publisher, struct model *model)
{
    struct model_zone *zone = &model->zones[draw(ZONES_MAX)];
    const unsigned kind = draw(40);

    if (kind == 0) {
        assert_int_equal(zone_change_drop(publisher, zone->apex),
                         zone->is_served ? 0 : ERR_NOT_FOUND);
        zone->is_served = false;
        zone->count = 0;
    } else if (kind < 3 || !zone->is_served) {
        change_serve(publisher, zone);
    } else if (kind < 26) {
        change_put(publisher, zone);
    } else {
        change_remove(publisher, zone);
    }
}

/* ---- the run ---- */

/* A generation that a reader holds, and what it must keep saying. */
struct held {
    const struct zone_image *image;
    struct model model;
    unsigned rounds_left;
};

static void ask(const struct zone_image *image, const struct model *model, unsigned questions)
{
    static const uint16_t QTYPES[] = {DNS_TYPE_A,     DNS_TYPE_TXT, DNS_TYPE_NS,    DNS_TYPE_DS,
                                      DNS_TYPE_CNAME, DNS_TYPE_ANY, DNS_TYPE_DNAME, 65280};
    uint8_t name[DNS_NAME_MAX];

    for (unsigned i = 0; i < questions; i++) {
        draw_name(model->zones[draw(ZONES_MAX)].apex, name);
        assert_question(image, model, name, QTYPES[draw(sizeof(QTYPES) / sizeof(QTYPES[0]))]);
    }
}

static void init_model(struct model *model)
{
    static const char *const APEXES[ZONES_MAX] = {
        "", "\001a", "\001b\001a", "\001a\001b\001a", "\002ab", "\001*\001b"};

    memset(model, 0, sizeof(*model));
    for (unsigned i = 0; i < ZONES_MAX; i++)
        memcpy(model->zones[i].apex, APEXES[i], strlen(APEXES[i]) + 1);
}

static size_t count_served(const struct model *model)
{
    size_t count = 0;
    for (unsigned i = 0; i < ZONES_MAX; i++)
        count += model->zones[i].is_served;
    return count;
}

/* Names that have sets, in all served zones. */
static size_t count_names(const struct model *model)
{
    size_t count = 0;
    for (unsigned i = 0; i < ZONES_MAX; i++) {
        const struct model_zone *zone = &model->zones[i];
        for (size_t at = 0; zone->is_served && at < zone->count; at++) {
            size_t before = 0;
            while (!dns_name_is_equal(zone->sets[before].name, zone->sets[at].name))
                before++;
            count += before == at;
        }
    }
    return count;
}

static void hold(struct zone_publisher *publisher, struct held *held, const struct model *model)
{
    if (held->image) {
        ask(held->image, &held->model, 20);
        if (held->rounds_left-- == 0) {
            zone_image_read_end();
            held->image = NULL;
        }
    } else if (draw(3) == 0) {
        held->image = zone_image_read_begin(publisher);
        held->model = *model;
        held->rounds_left = draw(12);
    }
}

/* Everything that was ever allocated is free once nothing is served and nobody reads. */
static void assert_all_reclaimed(struct zone_publisher *publisher, const struct model *model)
{
    struct zone_memory memory;

    for (unsigned i = 0; i < ZONES_MAX; i++)
        if (model->zones[i].is_served)
            assert_int_equal(zone_change_drop(publisher, model->zones[i].apex), 0);
    assert_int_equal(zone_publish(publisher, UINT64_MAX), 0);
    for (unsigned i = 0; i < 5000; i++) {
        zone_image_reclaim(publisher, 7);
        zone_image_memory(publisher, &memory);
        if (memory.used_octets == 0 && memory.retired_blocks == 0)
            break;
        if (i > 1000)
            usleep(1000); /* the grace period is over some time */
    }
    assert_int_equal(memory.used_octets, 0);
    assert_int_equal(memory.reserved_octets, 0);
}

static void run_seed(uint64_t seed)
{
    static struct model model;
    static struct held held[HELD_MAX];
    struct zone_publisher *publisher;

    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    init_model(&model);
    memset(held, 0, sizeof(held));
    assert_int_equal(zone_publisher_new(&publisher), 0);
    for (uint64_t round = 1; round <= 40; round++) {
        for (unsigned i = draw(12); i > 0; i--)
            change_something(publisher, &model);
        assert_int_equal(zone_publish(publisher, round), 0);
        const struct zone_image *image = zone_image_read_begin(publisher);
        assert_int_equal(zone_image_index(image), round);
        assert_int_equal(zone_image_zone_count(image), count_served(&model));
        struct zone_memory memory;
        zone_image_memory(publisher, &memory);
        assert_int_equal(memory.zones, count_served(&model));
        assert_int_equal(memory.names, count_names(&model));
        ask(image, &model, 60);
        zone_image_read_end();
        for (unsigned i = 0; i < HELD_MAX; i++)
            hold(publisher, &held[i], &model);
        zone_image_reclaim(publisher, 50);
    }
    for (unsigned i = 0; i < HELD_MAX; i++)
        if (held[i].image)
            zone_image_read_end();
    if (seed % 16 == 0)
        assert_all_reclaimed(publisher, &model);
    zone_publisher_free(publisher);
}

static void test_lookup_random_zones_matches_model(void **state)
{
    const char *first = getenv("QUARTET_SEED");
    uint64_t seed = first ? strtoull(first, NULL, 10) : 1;

    (void)state;
    for (uint64_t end = seed + (first ? 1 : 150); seed < end; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

static int set_up(void **state)
{
    (void)state;
    zone_reader_register();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zone_reader_unregister();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup_random_zones_matches_model),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
