/* links: query test_world test_reference test_image */
/* wraps: geo_database_find geo_database_prefetch geo_database_unref */
/* Random trees of groups with random health, asked by random clients: the answer path says what the
 * slow, plain reference in tests/lib says, set for set. ROUTE_MODEL_SEED=N repeats a run from its
 * seed, ROUTE_MODEL_CASES=N sets how many questions are asked. */
#include "base/random.h"
#include "dns/type.h"
#include "geo/location.h"
#include "geo/region.h"
#include "lib/route_reference.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "lib/test_world.h"
#include "policy/health.h"
#include "query_internal.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CASES 20000u
#elif defined(__clang__)
#define CASES 50000u /* some of its variants are sanitized */
#else
#define CASES 1000000u
#endif

enum {
    LEVELS = 5,
    LEVEL_NAMES = 3,
    TREE_NAMES = LEVELS * LEVEL_NAMES,
    GROUPS_MAX = TREE_NAMES + 3, /* and a wildcard, one in another zone, an external one */
    SETS_MAX = 12,
    SLOTS = 40,
    QUESTIONS_A_WORLD = 500,
    QUESTIONS_A_HEALTH = 10,
    REGION_FIRST = 128,
    REGION_COUNT = 4, /* the last of them is not known */
};

/* ---- chance ---- */

static uint64_t chance;

static uint64_t draw64(void)
{
    uint64_t x = chance += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static unsigned draw(unsigned limit)
{
    return (unsigned)((draw64() >> 32) * limit >> 32);
}

static bool is_drawn(unsigned percent)
{
    return draw(100) < percent;
}

/* ---- a world, as the reference has it ---- */

static const char *const tree_names[TREE_NAMES] = {
    "a0.m.", "b0.m.", "c0.m.", "a1.m.", "b1.m.", "c1.m.", "a2.m.", "b2.m.",
    "c2.m.", "a3.m.", "b3.m.", "c3.m.", "a4.m.", "b4.m.", "c4.m.",
};
/* Targets beside the tree: by the wildcard, in the other zone, external, below a delegation, and
 * three that lead nowhere. */
static const char *const other_targets[] = {"x.w.m.",  "k.",      "e.ext.", "y.d.m.",
                                            "gone.m.", "x.a0.m.", "no.ext."};
static const char *const delegations[] = {"d.m."};

struct model {
    struct reference_world world;
    struct reference_zone zones[2];
    struct reference_group tree[GROUPS_MAX]; /* of zone m. */
    struct reference_group other;            /* of zone k. */
    struct reference_group externals[2];
    struct reference_set sets[GROUPS_MAX + 3][SETS_MAX];
    char identifiers[SETS_MAX][4];
    struct reference_slot slots[SLOTS];
    struct reference_place regions[REFERENCE_REGIONS_MAX];
    uint64_t index; /* of the log: of the last change of health */
};

static struct model model;
static struct zone_publisher *publisher;

static const char *draw_target(unsigned level)
{
    if (is_drawn(15))
        return other_targets[draw(sizeof other_targets / sizeof *other_targets)];
    if (is_drawn(20))
        return tree_names[draw(TREE_NAMES)]; /* perhaps in a circle */
    if (level + 1 >= LEVELS)
        return other_targets[draw(4)];
    return tree_names[(level + 1) * LEVEL_NAMES + draw(LEVEL_NAMES)];
}

/* What tells the sets of a group apart; each place or location once. */
static void draw_keys(struct reference_group *group, unsigned turn, unsigned number,
                      struct reference_set *set)
{
    static const uint32_t weights[] = {0, 1, 2, 3, 100, 255};
    static const char *const places[][3] = {{"EU"},
                                            {"NA"},
                                            {"AS"},
                                            {NULL, "FR"},
                                            {NULL, "DE"},
                                            {NULL, "US"},
                                            {NULL, "US", "WA"},
                                            {NULL, "*"},
                                            {NULL, "JP"}};
    static const char *const locations[] = {"a", "b", "c", "six", "*"};
    const char *const *place = places[(turn + number) % 9];
    set->weight = group->kind == POLICY_WEIGHTED ? weights[draw(6)] : 0;
    set->is_secondary = group->kind == POLICY_FAILOVER && number == 1;
    set->region = REGION_FIRST + draw(REGION_COUNT);
    set->has_coordinates = group->kind == POLICY_GEOPROXIMITY && is_drawn(50);
    if (set->has_coordinates) {
        set->region = 0;
        set->latitude_cdeg = (int)draw(18001) - 9000;
        set->longitude_cdeg = (int)draw(36001) - 18000;
    }
    set->bias = group->kind == POLICY_GEOPROXIMITY ? (int)draw(199) - 99 : 0;
    if (group->kind == POLICY_GEOLOCATION) {
        set->continent = place[0];
        set->country = place[1];
        set->subdivision = place[2];
    }
    if (group->kind == POLICY_IP_BASED)
        set->cidr_location = locations[(turn + number) % 5];
}

static unsigned draw_count(enum policy_kind kind)
{
    switch (kind) {
    case POLICY_SIMPLE: return 1;
    case POLICY_FAILOVER: return 1 + draw(2);
    case POLICY_IP_BASED: return 1 + draw(5);
    case POLICY_MULTIVALUE: return 1 + draw(SETS_MAX);
    default: return 1 + draw(6);
    }
}

static void draw_extensions(struct reference_group *group)
{
    group->is_sticky = group->kind == POLICY_WEIGHTED && is_drawn(30);
    group->answers_max = is_drawn(20) ? 1 + draw(POLICY_ANSWERS_MAX) : 0;
    group->all_down = is_drawn(50) ? POLICY_ALL_DOWN_OPEN : (enum policy_all_down)draw(4);
    group->fallback =
        group->all_down == POLICY_ALL_DOWN_FALLBACK ? draw_target(draw(LEVELS)) : NULL;
    group->cidr_slot = group->kind == POLICY_IP_BASED ? 7 + is_drawn(10) : 0;
}

static void draw_group(const char *name, unsigned level, struct reference_set *sets,
                       struct reference_group *out)
{
    const unsigned turn = draw(1000);
    *out = (struct reference_group){.name = name,
                                    .type = DNS_TYPE_A,
                                    .kind = (enum policy_kind)draw(POLICY_KIND_COUNT),
                                    .sets = sets};
    out->is_plain = is_drawn(8);
    out->kind = out->is_plain ? POLICY_SIMPLE : out->kind;
    out->count = draw_count(out->kind);
    if (!out->is_plain)
        draw_extensions(out);
    for (unsigned i = 0; i < out->count; i++) {
        sets[i] = (struct reference_set){.identifier = model.identifiers[i]};
        if (out->kind == POLICY_SIMPLE)
            sets[i].identifier = "";
        draw_keys(out, turn, i, &sets[i]);
        sets[i].check_slot = !out->is_plain && is_drawn(70) ? 1 + draw(SLOTS - 1) : 0;
        sets[i].override_slot = !out->is_plain && is_drawn(15) ? 1 + draw(SLOTS - 1) : 0;
        if (out->is_plain || is_drawn(level + 1 < LEVELS ? 40 : 85))
            continue;
        sets[i].target = draw_target(level);
        sets[i].evaluates_target = is_drawn(70);
        if (out->kind == POLICY_MULTIVALUE) /* the rules allow none there, the answer path does */
            sets[i].evaluates_target = true;
    }
    if (out->kind == POLICY_SIMPLE && !out->is_plain && sets[0].target == NULL &&
        sets[0].check_slot == 0 && sets[0].override_slot == 0)
        sets[0].check_slot = 1; /* what makes it a group */
}

static void draw_plain(const char *name, struct reference_set *set, struct reference_group *out)
{
    *set = (struct reference_set){.identifier = ""};
    *out = (struct reference_group){
        .name = name, .type = DNS_TYPE_A, .is_plain = true, .sets = set, .count = 1};
}

static void draw_world(void)
{
    unsigned count = 0;
    memset(&model, 0, sizeof model);
    for (unsigned i = 0; i < SETS_MAX; i++)
        snprintf(model.identifiers[i], sizeof model.identifiers[i], "%c%u", 'a' + draw(26), i);
    for (unsigned i = 0; i < TREE_NAMES; i++)
        if (i == 0 || is_drawn(90)) {
            draw_group(tree_names[i], i / LEVEL_NAMES, model.sets[count], &model.tree[count]);
            count++;
        }
    draw_group("*.w.m.", 3, model.sets[count], &model.tree[count]);
    count++;
    draw_group("k.", 3, model.sets[count], &model.other);
    draw_plain("e.ext.", model.sets[count + 1], &model.externals[0]);
    draw_plain("y.d.m.", model.sets[count + 2], &model.externals[1]);
    model.zones[0] = (struct reference_zone){"m.", delegations, 1, model.tree, count};
    model.zones[1] = (struct reference_zone){"k.", NULL, 0, &model.other, 1};
    for (unsigned i = 0; i < 3; i++)
        model.regions[REGION_FIRST + i] = (struct reference_place){true, 0,
                                                                   i == 0   ? 0
                                                                   : i == 1 ? 9000
                                                                            : -9000};
    model.world = (struct reference_world){.zones = model.zones,
                                           .zone_count = 2,
                                           .externals = model.externals,
                                           .external_count = 2,
                                           .slots = model.slots,
                                           .slot_count = SLOTS,
                                           .regions = model.regions};
    for (unsigned i = 0; i < SLOTS; i++)
        model.slots[i].is_healthy = true;
}

/* ---- the same world as an image ---- */

static void wire_name(const char *text, uint8_t out[DNS_NAME_MAX])
{
    assert_true(dns_name_parse(text, NULL, out) > 0);
}

static void address_of(const struct reference_set *set, uint8_t out[4])
{
    const unsigned number = (unsigned)(set - &model.sets[0][0]);
    memcpy(out, (const uint8_t[]){10, 0, (uint8_t)(number >> 8), (uint8_t)number}, 4);
}

static void fill_routing(const struct reference_group *group, const struct reference_set *set,
                         struct zone_routing *out)
{
    *out = (struct zone_routing){.kind = group->kind,
                                 .weight = (uint8_t)set->weight,
                                 .region_number = (uint8_t)set->region,
                                 .has_coordinates = set->has_coordinates,
                                 .latitude_cdeg = (int16_t)set->latitude_cdeg,
                                 .longitude_cdeg = (int16_t)set->longitude_cdeg,
                                 .bias = (int8_t)set->bias,
                                 .is_secondary = set->is_secondary,
                                 .is_alias = set->target != NULL,
                                 .evaluate_target_health = set->evaluates_target,
                                 .is_sticky = group->is_sticky,
                                 .answers_max = (uint8_t)group->answers_max,
                                 .all_down = group->all_down,
                                 .check_slot = set->check_slot,
                                 .override_slot = set->override_slot,
                                 .cidr_slot = group->cidr_slot};
    if (group->kind != POLICY_LATENCY && group->kind != POLICY_GEOPROXIMITY)
        out->region_number = 0;
    snprintf(out->continent, sizeof out->continent, "%s",
             set->continent != NULL ? set->continent : "");
    snprintf(out->country, sizeof out->country, "%s", set->country != NULL ? set->country : "");
    snprintf(out->subdivision, sizeof out->subdivision, "%s",
             set->subdivision != NULL ? set->subdivision : "");
    snprintf(out->cidr_location, sizeof out->cidr_location, "%s",
             set->cidr_location != NULL ? set->cidr_location : "");
}

static int put_set(const char *apex_text, const struct reference_group *group,
                   const struct reference_set *set)
{
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX], target[DNS_NAME_MAX], fallback[DNS_NAME_MAX];
    uint8_t address[4];
    struct zone_routing routing;
    const struct zone_rdata data = {address, sizeof address};
    struct zone_record_set out = {.name = name, .type = group->type};
    address_of(set, address);
    wire_name(group->name, name);
    fill_routing(group, set, &routing);
    if (set->target != NULL) {
        wire_name(set->target, target);
        routing.alias_target = target;
    } else {
        out.ttl_s = 60;
        out.rdata_count = 1;
        out.rdatas = &data;
    }
    if (group->fallback != NULL) {
        wire_name(group->fallback, fallback);
        routing.fallback = fallback;
    }
    if (set->identifier[0] != '\0') {
        out.set_identifier = set->identifier;
        out.set_identifier_len = (uint8_t)strlen(set->identifier);
    }
    out.routing = group->is_plain ? NULL : &routing;
    if (apex_text == NULL)
        return zone_change_external_put(publisher, &out);
    wire_name(apex_text, apex);
    return zone_change_put(publisher, apex, &out);
}

/* The numbers that stand for identifiers and places are the image's own. */
static void learn_numbers(const struct zone_image *image, struct reference_group *group,
                          struct reference_set *sets)
{
    uint8_t name[DNS_NAME_MAX];
    struct zone_match match;
    wire_name(group->name, name);
    zone_lookup(image, name, group->type, &match);
    assert_non_null(match.set);
    assert_int_equal(zone_set_is_group(match.set), !group->is_plain);
    if (group->is_plain)
        return;
    const struct policy_group *there = zone_set_group(match.set);
    assert_int_equal(there->count, group->count);
    for (unsigned i = 0; i < group->count; i++)
        for (unsigned k = 0; k < group->count; k++) {
            size_t len;
            const char *identifier = zone_group_identifier(there, k, &len);
            if (len != strlen(sets[i].identifier) ||
                memcmp(identifier, sets[i].identifier, len) != 0)
                continue;
            sets[i].id_hash = there->sets[k].id_hash;
            sets[i].place_key = there->sets[k].key;
        }
}

static void serve_world(void)
{
    static const char text[] = "@ 60 SOA ns h 1 7200 900 1209600 60\n@ 60 NS ns\n";
    test_image_serve(publisher, "m.",
                     "@ 60 SOA ns h 1 7200 900 1209600 60\n@ 60 NS ns\nd 60 NS ns\n");
    test_image_serve(publisher, "k.", text);
    for (size_t i = 0; i < model.zones[0].group_count; i++)
        for (unsigned k = 0; k < model.tree[i].count; k++)
            assert_int_equal(put_set("m.", &model.tree[i], &model.tree[i].sets[k]), 0);
    for (unsigned k = 0; k < model.other.count; k++)
        assert_int_equal(put_set("k.", &model.other, &model.other.sets[k]), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(put_set(NULL, &model.externals[i], model.externals[i].sets), 0);
    test_route_publish(publisher);
    while (zone_image_reclaim(publisher, 1000) == 1000)
        ;
    const struct zone_image *image = zone_image_read_begin(publisher);
    for (size_t i = 0; i < model.zones[0].group_count; i++)
        learn_numbers(image, &model.tree[i], model.sets[i]);
    learn_numbers(image, &model.other, model.sets[model.zones[0].group_count]);
    zone_image_read_end();
}

/* ---- health ---- */

static void write_slot(unsigned slot, uint8_t octet)
{
    struct reference_slot *there = &model.slots[slot];
    const bool is_healthy = policy_is_healthy(octet);
    if (is_healthy != there->is_healthy)
        there->since = model.index;
    there->is_healthy = is_healthy;
    there->is_forced_up = octet == (POLICY_HEALTHY_BIT | POLICY_HEALTH_FORCED_UP);
    assert_int_equal(policy_health_set(zone_publisher_health(publisher), slot, octet, model.index),
                     0);
}

static void draw_health(void)
{
    static const uint8_t octets[] = {POLICY_HEALTHY_BIT | POLICY_HEALTH_HEALTHY,
                                     POLICY_HEALTHY_BIT | POLICY_HEALTH_FORCED_UP,
                                     POLICY_HEALTH_UNHEALTHY, POLICY_HEALTH_FORCED_DOWN};
    static const unsigned shares[] = {0, 10, 50, 90, 100};
    const unsigned down_percent = shares[draw(5)];
    for (unsigned slot = 1; slot < SLOTS; slot++) {
        model.index += draw(2); /* some flip in one entry of the log */
        write_slot(slot, octets[(is_drawn(down_percent) ? 2 : 0) + draw(8) / 7]);
    }
}

/* A new world starts with all healthy and never flipped, as far as anyone can tell. */
static void forget_health(void)
{
    static uint64_t last = 1;
    for (unsigned slot = 1; slot < SLOTS; slot++) {
        model.index = ++last;
        write_slot(slot, POLICY_HEALTH_UNHEALTHY);
        model.index = ++last;
        write_slot(slot, POLICY_HEALTHY_BIT | POLICY_HEALTH_HEALTHY);
    }
    last += 1u << 20;
}

/* ---- clients: the rows of tests/lib/test_world.h ---- */

static const struct row {
    const char *octets; /* the first two */
    bool is_ipv6;
    struct reference_client client;
    const char *location; /* in collection 7 */
} rows[] = {
    {"\x0a\x01", false, {.continent = "EU", .country = "FR", .place = {true, 0, 1000}}, "a"},
    {"\x0a\x02", false, {.continent = "EU", .country = "DE", .place = {true, 0, 2000}}, NULL},
    {"\x14\x01",
     false,
     {.continent = "NA", .country = "US", .subdivision = "WA", .place = {true, 0, 8000}},
     "c"},
    {"\x14\x02",
     false,
     {.continent = "NA", .country = "US", .subdivision = "WA", .place = {true, 0, 8000}},
     "c"},
    {"\x1e\x05", false, {.continent = "NA", .country = "US"}, NULL},
    {"\x28\x05", false, {.continent = "AS", .country = "JP", .place = {true, 0, -8000}}, NULL},
    {"\x20\x01", true, {.continent = "AS", .country = "JP", .place = {true, 0, -8000}}, "six"},
    {"\x63\x05", false, {.continent = NULL}, NULL},
};
enum { ROW_COUNT = sizeof rows / sizeof *rows, ROW_NOWHERE = ROW_COUNT - 1 };

struct asker {
    struct geo_address address;
    struct reference_client client;
    const char *locations[8];
    int latency_ms[REFERENCE_REGIONS_MAX];
    uint8_t ecs[32]; /* the option; its length 0: none, and the address is that of the sender */
    uint16_t ecs_len;
    struct sockaddr_in6 sender;
};

static void measure(struct asker *asker, unsigned row)
{
    static const int times[2][3] = {{20, 25, 90}, {50, 20, -1}};
    if (row != 2 && row != 3)
        return;
    for (unsigned i = 0; i < REFERENCE_REGIONS_MAX; i++)
        asker->latency_ms[i] = -1;
    for (unsigned i = 0; i < 3; i++)
        asker->latency_ms[REGION_FIRST + i] = times[row - 2][i];
    asker->client.latency_ms = asker->latency_ms;
}

static void make_option(struct asker *asker)
{
    const struct geo_address *address = &asker->address;
    const uint16_t len = (uint16_t)((address->bits + 7) / 8);
    dns_wire_put16(asker->ecs, DNS_OPTION_ECS);
    dns_wire_put16(asker->ecs + 2, (uint16_t)(4 + len));
    dns_wire_put16(asker->ecs + 4, address->is_ipv6 ? DNS_ECS_IPV6 : DNS_ECS_IPV4);
    asker->ecs[6] = address->bits;
    asker->ecs[7] = 0;
    memcpy(asker->ecs + 8, address->octets, len);
    asker->ecs_len = (uint16_t)(8 + len);
}

static void make_sender(struct asker *asker)
{
    const struct geo_address *address = &asker->address;
    if (address->is_ipv6) {
        asker->sender.sin6_family = AF_INET6;
        memcpy(&asker->sender.sin6_addr, address->octets, 16);
    } else {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)(void *)&asker->sender;
        ipv4->sin_family = AF_INET;
        memcpy(&ipv4->sin_addr, address->octets, 4);
    }
}

static void draw_asker(struct asker *out)
{
    const unsigned row = draw(ROW_COUNT);
    const unsigned location_bits = row == ROW_NOWHERE ? 8 : 16;
    memset(out, 0, sizeof *out);
    out->client = rows[row].client;
    out->address.is_ipv6 = rows[row].is_ipv6;
    out->address.bits = rows[row].is_ipv6 ? 48 : 24;
    memcpy(out->address.octets, rows[row].octets, 2);
    if (rows[row].is_ipv6)
        memcpy(out->address.octets + 2, "\x0d\xb8", 2);
    out->address.octets[rows[row].is_ipv6 ? 5 : 2] = (uint8_t)draw(4);
    out->locations[7] = rows[row].location;
    if (row == 0 && out->address.octets[2] == 2)
        out->locations[7] = "b";
    measure(out, row);
    out->client.cidr_locations = out->locations;
    out->client.cidr_location_count = 8;
    out->client.has_address = true;
    out->client.sticky_hash = query__hash_prefix(&out->address, out->address.bits);
    out->client.proximity_hash = query__hash_prefix(&out->address, location_bits);
    out->client.latency_hash = out->client.proximity_hash; /* measured rows are 16 bits too */
    if (is_drawn(80))
        make_option(out);
    else
        make_sender(out);
}

/* ---- questions ---- */

static uint16_t make_request(const char *name, const struct asker *asker, uint8_t *out)
{
    memcpy(out, "\0\1\0\0\0\1\0\0\0\0\0\1", DNS_HEADER_LEN);
    uint16_t len = DNS_HEADER_LEN;
    uint8_t wire[DNS_NAME_MAX];
    wire_name(name, wire);
    memcpy(out + len, wire, dns_name_len(wire));
    len = (uint16_t)(len + dns_name_len(wire));
    memcpy(out + len, "\0\1\0\1\0\0\x29\4\xd0\0\0\0\0", 4 + 9);
    dns_wire_put16(out + len + 13, asker->ecs_len);
    memcpy(out + len + 15, asker->ecs, asker->ecs_len);
    return (uint16_t)(len + 15 + asker->ecs_len);
}

static void fail_case(const char *name, const struct reference_answer *expected,
                      const struct dns_writer *reply, uint64_t seed)
{
    fail_msg("ROUTE_MODEL_SEED=%" PRIu64 ": %s: reference outcome %d, %u sets; reply code %u, %u "
             "records",
             seed, name, (int)expected->outcome, expected->count, reply->rcode,
             reply->counts[DNS_SECTION_ANSWER]);
}

/* The records that stand for @expected, in this order. */
static bool is_as_expected(const struct reference_answer *expected, const struct dns_writer *reply)
{
    const unsigned count = expected->outcome == REFERENCE_FOUND ? expected->count : 0;
    const uint16_t rcode =
        expected->outcome == REFERENCE_LOOP ? DNS_RCODE_SERVFAIL : DNS_RCODE_NOERROR;
    unsigned written = 0;
    if (reply->rcode != rcode)
        return false;
    for (unsigned i = 0; i < count; i++) {
        uint8_t address[4];
        const uint8_t *record = reply->octets + reply->body_at + 16 * written;
        bool is_new = true;
        for (unsigned k = 0; k < i; k++) /* one set by two ways is written once */
            is_new &= expected->sets[k] != expected->sets[i];
        if (!is_new)
            continue;
        address_of(expected->sets[i], address);
        if (written++ == reply->counts[DNS_SECTION_ANSWER] || memcmp(record + 12, address, 4) != 0)
            return false;
    }
    return written == reply->counts[DNS_SECTION_ANSWER];
}

static void ask(uint64_t seed, unsigned outcomes[3])
{
    uint8_t request[128], octets[DNS_UDP_SIZE_MAX];
    struct reference_answer expected;
    struct asker asker;
    const char *name = is_drawn(60) ? tree_names[0] : tree_names[draw(TREE_NAMES)];
    struct query_env env = {.draw = draw64()};
    struct dns_writer reply = {.octets = octets, .capacity = sizeof octets};
    draw_asker(&asker);
    const struct reference_group *group = reference_find(&model.world, name, DNS_TYPE_A);
    if (group == NULL)
        return;
    if (asker.ecs_len == 0)
        env.client = (const struct sockaddr *)&asker.sender;
    reference_resolve(&model.world, group, &asker.client, env.draw, &expected);
    env.image = zone_image_read_begin(publisher);
    query_answer(&env, request, make_request(name, &asker, request), &reply);
    zone_image_read_end();
    if (!is_as_expected(&expected, &reply))
        fail_case(name, &expected, &reply, seed);
    outcomes[expected.outcome]++;
}

static void run(uint64_t seed, unsigned cases)
{
    unsigned outcomes[3] = {0};
    print_message("# ROUTE_MODEL_SEED=%" PRIu64 ", %u questions\n", seed, cases);
    chance = seed;
    for (unsigned i = 0; i < cases; i++) {
        if (i % QUESTIONS_A_WORLD == 0) {
            draw_world();
            serve_world();
            forget_health();
        }
        if (i % QUESTIONS_A_HEALTH == 0)
            draw_health();
        ask(seed, outcomes);
    }
    print_message("# found %u, no data %u, in a circle %u\n", outcomes[REFERENCE_FOUND],
                  outcomes[REFERENCE_NODATA], outcomes[REFERENCE_LOOP]);
    if (cases >= 10000) /* the worlds are of all kinds */
        for (unsigned i = 0; i < 3; i++)
            assert_true(outcomes[i] > cases / 1000);
}

static void test_route_model_answers_as_the_reference(void **state)
{
    const char *seed = getenv("ROUTE_MODEL_SEED");
    const char *count = getenv("ROUTE_MODEL_CASES");
    const unsigned cases = count != NULL ? (unsigned)strtoul(count, NULL, 10) : CASES;
    (void)state;
    publisher = test_image_new();
    zone_reader_register();
    test_world_put(publisher);
    if (seed != NULL) {
        run(strtoull(seed, NULL, 10), cases);
    } else {
        run(1, cases / 2);
        run(random_id(), cases - cases / 2);
    }
    zone_reader_unregister();
    test_image_free(publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_route_model_answers_as_the_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
