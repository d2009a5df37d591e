/* links: zone policy geo dns base */
/* Groups in the image against a plain model: record sets with and without routing are put and taken
 * out in random order, and each generation must hold, group by group, what the model holds. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define NAMES 5u
#define TYPES 4u
#define IDENTIFIERS 14u
#define RECORDS_MAX 3u
#define RDATA_MAX 9u

static const uint8_t APEX[] = "\007example";
static const uint8_t TARGET[] = "\003www\007example";
static const uint8_t TARGET_ODD[] = "\004ftp1\007example";
static const uint16_t TYPE_OF[TYPES] = {DNS_TYPE_A, DNS_TYPE_CNAME, DNS_TYPE_TXT, 65280};

static uint64_t random_state;

static unsigned draw(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % limit);
}

/* ---- the model ---- */

struct model_set {
    bool is_there;
    bool is_alias, evaluates;
    unsigned key; /* weight, region number … */
    unsigned count;
    unsigned rdata_len;
    unsigned seed; /* of the records' octets */
    uint32_t ttl_s;
    uint32_t check_slot, override_slot;
};
struct model_place {   /* one name and type */
    bool is_plain;     /* sets[0] is all there is */
    unsigned kind;     /* of the group; with POLICY_SIMPLE, too, sets[0] is all there is */
    unsigned all_down; /* as the set put last said */
    unsigned answers_max;
    bool is_sticky;
    uint32_t cidr_slot;
    struct model_set sets[IDENTIFIERS]; /* by identifier; 0 is none */
};
struct model {
    struct model_place places[NAMES][TYPES];
};

static unsigned model_count(const struct model_place *place)
{
    unsigned count = 0;
    for (unsigned i = 0; i < IDENTIFIERS; i++)
        count += place->sets[i].is_there;
    return count;
}

static void name_of(unsigned index, uint8_t *out)
{
    uint8_t label[2] = {1, (uint8_t)('a' + index)};
    assert_true(dns_name_join(label, 2, APEX, out) > 0);
}

/* Identifiers of lengths 0 to 12, and the longest. */
static const char *identifier_of(unsigned index, size_t *len)
{
    static char text[ZONE_SET_IDENTIFIER_MAX];
    *len = index == IDENTIFIERS - 1 ? ZONE_SET_IDENTIFIER_MAX : index;
    memset(text, 'a' + (int)index, sizeof(text));
    return *len > 0 ? text : NULL;
}

struct storage { /* what a zone_record_set points to */
    uint8_t name[DNS_NAME_MAX];
    struct zone_rdata rdatas[RECORDS_MAX];
    uint8_t octets[RECORDS_MAX][RDATA_MAX];
    struct zone_routing routing;
};

static void fill_routing(const struct model_place *place, const struct model_set *set,
                         struct zone_routing *out)
{
    *out = (struct zone_routing){
        .kind = (enum policy_kind)place->kind,
        .weight = (uint8_t)set->key,
        .region_number = (uint8_t)set->key,
        .is_secondary = set->key & 1,
        .continent = "EU",
        .cidr_location = "home",
        .is_alias = set->is_alias,
        .evaluate_target_health = set->evaluates,
        .alias_target = set->is_alias ? (set->seed & 1 ? TARGET : TARGET_ODD) : NULL,
        .is_sticky = place->is_sticky,
        .answers_max = (uint8_t)place->answers_max,
        .all_down = (enum policy_all_down)place->all_down,
        .fallback = place->all_down == POLICY_ALL_DOWN_FALLBACK ? TARGET_ODD : NULL,
        .check_slot = set->check_slot,
        .override_slot = set->override_slot,
        .cidr_slot = place->cidr_slot,
    };
}

static void fill_set(const struct model_place *place, unsigned name, unsigned type, unsigned index,
                     struct storage *storage, struct zone_record_set *out)
{
    const struct model_set *set = &place->sets[index];
    size_t len;

    name_of(name, storage->name);
    for (unsigned i = 0; i < set->count; i++) {
        for (unsigned k = 0; k < set->rdata_len; k++)
            storage->octets[i][k] = (uint8_t)(set->seed + i * 31 + k);
        storage->rdatas[i] = (struct zone_rdata){storage->octets[i], (uint16_t)set->rdata_len};
    }
    fill_routing(place, set, &storage->routing);
    *out = (struct zone_record_set){
        .name = storage->name,
        .type = TYPE_OF[type],
        .rdata_count = (uint16_t)set->count,
        .ttl_s = set->ttl_s,
        .rdatas = storage->rdatas,
        .set_identifier = identifier_of(index, &len),
        .routing = place->is_plain ? NULL : &storage->routing,
    };
    out->set_identifier_len = (uint8_t)len;
}

/* ---- comparing ---- */

static void assert_records(const struct zone_wire_set *wire, unsigned type,
                           const struct model_set *set)
{
    const uint8_t *at = wire->wire;

    assert_int_equal(wire->type, TYPE_OF[type]);
    assert_int_equal(wire->record_count, set->count);
    assert_int_equal(wire->wire_len, set->count * (ZONE_WIRE_RDATA_OFFSET + set->rdata_len));
    for (unsigned i = 0; i < set->count; i++) {
        assert_int_equal(at[6] << 24 | at[7] << 16 | at[8] << 8 | at[9], set->ttl_s);
        for (unsigned k = 0; k < set->rdata_len; k++)
            assert_int_equal(at[ZONE_WIRE_RDATA_OFFSET + k], (uint8_t)(set->seed + i * 31 + k));
        at += ZONE_WIRE_RDATA_OFFSET + set->rdata_len;
    }
}

static unsigned identifier_index(const struct policy_group *group, unsigned index)
{
    size_t len, expected_len;
    const char *text = zone_group_identifier(group, index, &len);
    const unsigned found = len == ZONE_SET_IDENTIFIER_MAX ? IDENTIFIERS - 1 : (unsigned)len;

    assert_true(found < IDENTIFIERS);
    const char *expected = identifier_of(found, &expected_len);
    assert_int_equal(len, expected_len);
    if (len > 0)
        assert_memory_equal(text, expected, len);
    return found;
}

static void assert_candidate(const struct policy_group *group, unsigned index, unsigned type,
                             const struct model_set *set)
{
    const struct policy_set *candidate = &group->sets[index];
    const uint8_t *expected = set->seed & 1 ? TARGET : TARGET_ODD;

    assert_true(set->is_there);
    assert_int_equal(candidate->check_slot, set->check_slot);
    assert_int_equal(candidate->override_slot, set->override_slot);
    assert_int_equal(candidate->flags & POLICY_SET_ALIAS ? 1 : 0, set->is_alias);
    assert_int_equal(candidate->flags & POLICY_SET_EVALUATE_TARGET_HEALTH ? 1 : 0,
                     set->is_alias && set->evaluates);
    if (group->kind == POLICY_WEIGHTED || group->kind == POLICY_LATENCY)
        assert_int_equal(candidate->key, set->key);
    assert_int_equal(zone_group_records(group, index) == NULL, set->is_alias);
    assert_int_equal(zone_group_target(group, index) != NULL, set->is_alias);
    if (set->is_alias)
        assert_true(dns_name_is_equal(zone_group_target(group, index), expected));
    else
        assert_records(zone_group_records(group, index), type, set);
}

static void assert_group(const struct policy_group *group, const struct model_place *place,
                         unsigned type)
{
    unsigned weights = 0;

    assert_int_equal(group->kind, place->kind);
    assert_int_equal(group->type, TYPE_OF[type]);
    assert_int_equal(group->count, model_count(place));
    assert_int_equal(group->is_sticky, place->is_sticky);
    assert_int_equal(group->answers_max, place->answers_max);
    assert_int_equal(group->all_down, place->all_down);
    assert_int_equal(group->cidr_slot, place->cidr_slot);
    assert_int_equal(zone_group_fallback(group) != NULL,
                     place->all_down == POLICY_ALL_DOWN_FALLBACK);
    if (zone_group_fallback(group))
        assert_true(dns_name_is_equal(zone_group_fallback(group), TARGET_ODD));
    for (unsigned i = 0; i < group->count; i++) {
        assert_candidate(group, i, type, &place->sets[identifier_index(group, i)]);
        weights += group->kind == POLICY_WEIGHTED ? group->sets[i].key : 0;
        if (i > 0)
            assert_true(policy_set_compare((enum policy_kind)group->kind, &group->sets[i - 1],
                                           &group->sets[i]) < 0);
    }
    assert_int_equal(group->weight_sum, weights);
}

static bool is_grouped(const struct model_place *place)
{
    return !place->is_plain && (place->kind != POLICY_SIMPLE || place->sets[0].is_alias ||
                                place->sets[0].check_slot || place->sets[0].override_slot);
}

static void assert_name(const struct zone_image *image, const struct model *model, unsigned name)
{
    uint8_t octets[DNS_NAME_MAX];
    struct zone_match match;
    const struct zone_wire_set *next = NULL;

    name_of(name, octets);
    zone_lookup(image, octets, DNS_TYPE_ANY, &match);
    for (unsigned type = 0; type < TYPES; type++) {
        const struct model_place *place = &model->places[name][type];
        const struct zone_wire_set *set = zone_find_record_set(image, octets, TYPE_OF[type]);
        assert_int_equal(set != NULL, model_count(place) > 0);
        if (!set)
            continue;
        next = zone_node_next_set(match.node, next);
        assert_ptr_equal(next, set);
        assert_int_equal(zone_set_is_group(set), is_grouped(place));
        if (zone_set_is_group(set))
            assert_group(zone_set_group(set), place, type);
        else
            assert_records(set, type, &place->sets[0]);
    }
    if (match.node)
        assert_null(zone_node_next_set(match.node, next));
}

static void assert_image(const struct zone_image *image, const struct model *model)
{
    for (unsigned name = 0; name < NAMES; name++)
        assert_name(image, model, name);
}

/* ---- changes ---- */

static void draw_set(struct model_set *set)
{
    *set = (struct model_set){
        .is_there = true,
        .key = draw(4) == 0 ? 7 : draw(256), /* equal ones too */
        .count = 1 + draw(RECORDS_MAX),
        .rdata_len = draw(RDATA_MAX + 1),
        .seed = draw(256),
        .ttl_s = draw(1u << 31),
        .check_slot = draw(3) == 0 ? 1 + draw(1000) : 0,
        .override_slot = draw(5) == 0 ? 1 + draw(1000) : 0,
    };
    if (draw(4) == 0) {
        set->is_alias = true;
        set->evaluates = draw(2) == 0;
        set->count = 0;
        set->ttl_s = 0;
    }
}

static void model_put(struct model_place *place, unsigned *index)
{
    const unsigned kind = draw(12) == 0 ? draw(POLICY_KIND_COUNT) : place->kind;
    const bool is_plain = kind == POLICY_SIMPLE && draw(2) == 0;

    *index = kind == POLICY_SIMPLE ? 0 : 1 + draw(IDENTIFIERS - 1);
    if (kind != place->kind || kind == POLICY_SIMPLE)
        memset(place->sets, 0, sizeof(place->sets));
    draw_set(&place->sets[*index]);
    place->kind = kind;
    place->is_plain = is_plain;
    if (is_plain && place->sets[0].is_alias)
        place->is_plain = false;
    place->all_down = draw(4);
    place->answers_max = draw(3);
    place->is_sticky = draw(2) == 0;
    place->cidr_slot = draw(9);
}

static void change_put(struct zone_publisher *publisher, struct zone_content *content,
                       struct model *model)
{
    const unsigned name = draw(NAMES), type = draw(TYPES);
    struct model_place *place = &model->places[name][type];
    struct zone_record_set set;
    struct storage storage;
    unsigned index;

    model_put(place, &index);
    fill_set(place, name, type, index, &storage, &set);
    assert_int_equal(content ? zone_content_put(publisher, content, &set)
                             : zone_change_put(publisher, APEX, &set),
                     0);
}

static void change_remove(struct zone_publisher *publisher, struct model *model)
{
    const unsigned name = draw(NAMES), type = draw(TYPES), index = draw(IDENTIFIERS);
    struct model_set *there = &model->places[name][type].sets[index];
    uint8_t octets[DNS_NAME_MAX];
    size_t len;
    const char *identifier = identifier_of(index, &len);

    name_of(name, octets);
    assert_int_equal(zone_change_remove(publisher, APEX, octets, TYPE_OF[type], identifier, len),
                     there->is_there ? 0 : ERR_NOT_FOUND);
    there->is_there = false;
}

/* All sets of each name at once, shuffled within their types. */
static void serve_afresh(struct zone_publisher *publisher, const struct model *model)
{
    static struct storage storages[TYPES * IDENTIFIERS];
    struct zone_record_set sets[TYPES * IDENTIFIERS];
    struct zone_content *content;

    assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
    for (unsigned name = 0; name < NAMES; name++) {
        unsigned count = 0;
        for (unsigned type = 0; type < TYPES; type++) {
            const struct model_place *place = &model->places[name][type];
            const unsigned first = count;
            for (unsigned i = 0; i < IDENTIFIERS; i++)
                if (place->sets[i].is_there) {
                    fill_set(place, name, type, i, &storages[count], &sets[count]);
                    /* identifier_of() has one place for all */
                    sets[count].set_identifier =
                        sets[count].set_identifier
                            ? strndup(sets[count].set_identifier, sets[count].set_identifier_len)
                            : NULL;
                    count++;
                }
            for (unsigned i = first; i < count; i++) {
                const unsigned other = first + draw(count - first);
                const struct zone_record_set set = sets[i];
                sets[i] = sets[other];
                sets[other] = set;
            }
        }
        if (count > 0)
            assert_int_equal(zone_content_put_name(publisher, content, sets, count), 0);
        for (unsigned i = 0; i < count; i++)
            free((void *)(uintptr_t)sets[i].set_identifier);
    }
    assert_int_equal(zone_change_serve(publisher, content), 0);
}

static void change_something(struct zone_publisher *publisher, struct model *model)
{
    struct zone_content *content;
    const unsigned kind = draw(60);

    if (kind == 0) {
        memset(model, 0, sizeof(*model));
        assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
        for (unsigned i = 0; i < 20; i++)
            change_put(publisher, content, model);
        assert_int_equal(zone_change_serve(publisher, content), 0);
    } else if (kind < 3) {
        serve_afresh(publisher, model);
    } else if (kind < 35) {
        change_put(publisher, NULL, model);
    } else {
        change_remove(publisher, model);
    }
}

static void assert_all_reclaimed(struct zone_publisher *publisher, uint64_t index)
{
    struct zone_memory memory;

    assert_int_equal(zone_change_drop(publisher, APEX), 0);
    assert_int_equal(zone_publish(publisher, index), 0);
    for (unsigned i = 0; i < 5000; i++) {
        zone_image_reclaim(publisher, 50);
        zone_image_memory(publisher, &memory);
        if (memory.used_octets == 0 && memory.retired_blocks == 0)
            break;
        usleep(1000); /* the grace period is over some time */
    }
    assert_int_equal(memory.used_octets, 0);
    assert_int_equal(memory.reserved_octets, 0);
}

static struct zone_publisher *publisher_with_zone(void)
{
    struct zone_publisher *publisher;
    struct zone_content *content;

    assert_int_equal(zone_publisher_new(&publisher), 0);
    assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
    assert_int_equal(zone_change_serve(publisher, content), 0);
    return publisher;
}

/* A generation that is held keeps what it had, whatever is done to groups that it shares. */
static void run_seed(uint64_t seed)
{
    static struct model model, held_model;
    const struct zone_image *held = NULL;
    struct zone_publisher *publisher = publisher_with_zone();
    uint64_t round = 1;

    random_state = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    memset(&model, 0, sizeof(model));
    for (; round <= 60; round++) {
        for (unsigned i = draw(16); i > 0; i--)
            change_something(publisher, &model);
        assert_int_equal(zone_publish(publisher, round), 0);
        assert_image(zone_image_read_begin(publisher), &model);
        zone_image_read_end();
        if (held)
            assert_image(held, &held_model);
        if (held && draw(6) == 0) {
            zone_image_read_end();
            held = NULL;
        } else if (!held && draw(3) == 0) {
            held = zone_image_read_begin(publisher);
            held_model = model;
        }
        zone_image_reclaim(publisher, 50);
    }
    if (held)
        zone_image_read_end();
    if (seed % 16 == 0)
        assert_all_reclaimed(publisher, round);
    zone_publisher_free(publisher);
}

static void test_groups_in_random_order_match_model(void **state)
{
    const char *first = getenv("QUARTET_SEED");
    uint64_t seed = first ? strtoull(first, NULL, 10) : 1;

    (void)state;
    for (uint64_t end = seed + (first ? 1 : 120); seed < end; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        run_seed(seed);
    }
}

/* ---- single cases ---- */

struct simple_set {
    uint8_t octets[4];
    struct zone_rdata rdata;
    struct zone_routing routing;
    struct zone_record_set set;
    char identifier[8];
};

/* An address, weighted 1, at the apex. */
static void make_weighted(struct simple_set *out, unsigned index)
{
    *out = (struct simple_set){.octets = {192, 0, 2, (uint8_t)index}};
    snprintf(out->identifier, sizeof(out->identifier), "%u", index);
    out->rdata = (struct zone_rdata){out->octets, 4};
    out->routing = (struct zone_routing){.kind = POLICY_WEIGHTED, .weight = 1};
    out->set = (struct zone_record_set){.name = APEX,
                                        .type = DNS_TYPE_A,
                                        .rdata_count = 1,
                                        .ttl_s = 60,
                                        .rdatas = &out->rdata,
                                        .set_identifier = out->identifier,
                                        .set_identifier_len = (uint8_t)strlen(out->identifier),
                                        .routing = &out->routing};
}

static const struct policy_group *apex_group(struct zone_publisher *publisher)
{
    static uint64_t index;
    assert_int_equal(zone_publish(publisher, ++index), 0);
    const struct zone_wire_set *set =
        zone_find_record_set(zone_image_read_begin(publisher), APEX, DNS_TYPE_A);
    zone_image_read_end(); /* the writer is here: nothing goes */
    return set && zone_set_is_group(set) ? zone_set_group(set) : NULL;
}

static void test_put_same_sets_in_any_order_gives_equal_octets(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    void *first = NULL;

    (void)state;
    random_state = 5;
    for (unsigned round = 0; round < 20; round++) {
        struct simple_set one;
        const unsigned start = draw(37);
        for (unsigned i = 0; i < 37; i++) {
            make_weighted(&one, (start + i * 5) % 37);
            assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
        }
        const struct policy_group *group = apex_group(publisher);
        assert_int_equal(group->count, 37);
        if (!first)
            assert_non_null(first = memcpy(malloc(group->size), group, group->size));
        assert_memory_equal(first, group, group->size);
        for (unsigned i = 0; i < 37; i++) {
            make_weighted(&one, (start + i * 3) % 37);
            assert_int_equal(zone_change_remove(publisher, APEX, APEX, DNS_TYPE_A, one.identifier,
                                                one.set.set_identifier_len),
                             0);
        }
        assert_null(apex_group(publisher));
    }
    free(first);
    zone_publisher_free(publisher);
}

static void test_put_beyond_count_or_size_is_refused_without_effect(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    uint8_t *large = calloc(1, ZONE_WIRE_LEN_MAX);
    struct simple_set one;
    unsigned count = 0;

    (void)state;
    assert_non_null(large);
    for (unsigned i = 0; i < POLICY_SETS_MAX; i++) {
        make_weighted(&one, i);
        assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    }
    make_weighted(&one, POLICY_SETS_MAX);
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_LIMIT);
    assert_int_equal(apex_group(publisher)->count, POLICY_SETS_MAX);
    make_weighted(&one, 3); /* there already */
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);

    one.routing.kind = POLICY_MULTIVALUE; /* begins anew */
    one.rdata = (struct zone_rdata){large, ZONE_WIRE_LEN_MAX - ZONE_WIRE_RDATA_OFFSET + 1};
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_LIMIT);
    one.rdata.len--;
    for (int err = 0; err == 0; count += err == 0) {
        snprintf(one.identifier, sizeof(one.identifier), "%u", count);
        one.set.set_identifier_len = (uint8_t)strlen(one.identifier);
        err = zone_change_put(publisher, APEX, &one.set);
        assert_true(err == 0 || err == ERR_LIMIT);
    }
    assert_int_equal(count, ZONE_GROUP_SIZE_MAX / ZONE_WIRE_LEN_MAX);
    assert_int_equal(apex_group(publisher)->count, count);
    free(large);
    zone_publisher_free(publisher);
}

static void test_put_what_no_group_can_hold_is_refused(void **state)
{
    static const uint16_t TYPES_REFUSED[] = {DNS_TYPE_SOA, DNS_TYPE_NS, DNS_TYPE_DS,
                                             DNS_TYPE_DNAME};
    struct zone_publisher *publisher = publisher_with_zone();
    struct simple_set one;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        make_weighted(&one, 1);
        one.set.type = TYPES_REFUSED[i];
        assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    }
    make_weighted(&one, 1);
    one.set.set_identifier_len = 0;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    make_weighted(&one, 1);
    one.routing.kind = POLICY_KIND_COUNT;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    make_weighted(&one, 1);
    one.routing.kind = POLICY_GEOLOCATION;
    memcpy(one.routing.continent, "XX", 3);
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    make_weighted(&one, 1);
    one.routing.is_alias = true;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    make_weighted(&one, 1);
    one.set.rdata_count = 0;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    one.set.routing = NULL;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    make_weighted(&one, 1);
    one.routing.all_down = POLICY_ALL_DOWN_FALLBACK;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), ERR_INVALID);
    assert_null(apex_group(publisher));
    zone_publisher_free(publisher);
}

/* A check or an override makes a simple set a group, but never one that DNS stands on. */
static void test_put_simple_set_with_check_is_group_unless_ns(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    struct simple_set one;

    (void)state;
    make_weighted(&one, 1);
    one.routing = (struct zone_routing){.kind = POLICY_SIMPLE};
    one.set.set_identifier_len = 0;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    assert_null(apex_group(publisher));
    one.routing.check_slot = 5;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    assert_int_equal(apex_group(publisher)->sets[0].check_slot, 5);
    one.routing = (struct zone_routing){.kind = POLICY_SIMPLE, .override_slot = 6};
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    assert_int_equal(apex_group(publisher)->sets[0].check_slot, 0);
    assert_int_equal(apex_group(publisher)->sets[0].override_slot, 6);
    one.set.type = DNS_TYPE_NS;
    assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
    assert_int_equal(zone_publish(publisher, 1000000), 0);
    const struct zone_wire_set *ns =
        zone_find_record_set(zone_image_read_begin(publisher), APEX, DNS_TYPE_NS);
    zone_image_read_end();
    assert_int_equal(ns->record_count, 1);
    zone_publisher_free(publisher);
}

/* The hash of identifier @index in the group of (name, type). */
static uint32_t hash_of(struct zone_publisher *publisher, const uint8_t *name, uint16_t type,
                        unsigned index)
{
    const struct zone_wire_set *set =
        zone_find_record_set(zone_image_read_begin(publisher), name, type);
    zone_image_read_end();
    assert_non_null(set);
    const struct policy_group *group = zone_set_group(set);
    unsigned at = 0;
    while (identifier_index(group, at) != index)
        assert_in_range(++at, 1, group->count - 1u);
    return group->sets[at].id_hash;
}

/* A sticky group chooses by these: apart from one above it, alike for the types of a name. */
static void test_identifier_hashes_tell_names_apart_and_no_types(void **state)
{
    struct zone_publisher *publisher = publisher_with_zone();
    static const struct {
        const uint8_t *name;
        uint16_t type;
    } places[] = {{APEX, DNS_TYPE_A}, {APEX, 65280}, {TARGET, DNS_TYPE_A}};

    (void)state;
    for (unsigned index = 1; index < IDENTIFIERS; index++)
        for (unsigned i = 0; i < 3; i++) {
            struct simple_set one;
            make_weighted(&one, index);
            one.set.name = places[i].name;
            one.set.type = places[i].type;
            size_t len;
            one.set.set_identifier = identifier_of(index, &len);
            one.set.set_identifier_len = (uint8_t)len;
            assert_int_equal(zone_change_put(publisher, APEX, &one.set), 0);
        }
    assert_non_null(apex_group(publisher)); /* and published */
    for (unsigned index = 1; index < IDENTIFIERS; index++) {
        const uint32_t hash = hash_of(publisher, APEX, DNS_TYPE_A, index);
        assert_int_equal(hash_of(publisher, APEX, 65280, index), hash);
        assert_int_not_equal(hash_of(publisher, TARGET, DNS_TYPE_A, index), hash);
    }
    zone_publisher_free(publisher);
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
        cmocka_unit_test(test_groups_in_random_order_match_model),
        cmocka_unit_test(test_put_same_sets_in_any_order_gives_equal_octets),
        cmocka_unit_test(test_put_beyond_count_or_size_is_refused_without_effect),
        cmocka_unit_test(test_put_what_no_group_can_hold_is_refused),
        cmocka_unit_test(test_put_simple_set_with_check_is_group_unless_ns),
        cmocka_unit_test(test_identifier_hashes_tell_names_apart_and_no_types),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
