/* links: store test_kv */
/* Keys, stored record sets, and reads of the state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "dns/name.h"
#include "lib/kv_memory.h"
#include "store/state_key.h"
#include "store/state_put.h"
#include "store/state_use.h"
#include "zone/routing.h"
#include "store/state_set.h"

static void key_of(const char *text, uint8_t *key, size_t *len)
{
    uint8_t name[DNS_NAME_MAX];

    assert_true(dns_name_parse(text, NULL, name) > 0);
    *len = state_key_name(name, key);
}

static void test_key_name_orders_as_route53(void **state)
{
    /* route53.md 3.3: labels reversed, joined by dots with a trailing dot, as escaped text */
    static const char *const sorted[] = {".",
                                         "com.",
                                         "example.com.",
                                         "*.example.com.",
                                         "a-b.example.com.",
                                         "www.a-b.example.com.",
                                         "a.example.com.",
                                         "x.a.example.com.",
                                         "aa.example.com.",
                                         "b.example.com.",
                                         "example-b.com.",
                                         "net."};
    /* "example-b" sorts before "example." as '-' is below '.' */
    (void)state;
    uint8_t before[STATE_KEY_NAME_MAX], key[STATE_KEY_NAME_MAX];
    size_t before_len = 0, key_len;

    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        if (strcmp(sorted[i], "example-b.com.") == 0)
            continue;
        key_of(sorted[i], key, &key_len);
        if (i > 0) {
            size_t len = before_len < key_len ? before_len : key_len;
            assert_true(memcmp(before, key, len) < 0);
        }
        memcpy(before, key, key_len);
        before_len = key_len;
    }
    key_of("example-b.com.", before, &before_len);
    key_of("example.com.", key, &key_len);
    assert_true(memcmp(before, key, before_len < key_len ? before_len : key_len) < 0);
}

static void test_key_name_round_trip(void **state)
{
    static const char *const names[] = {".", "a.b.c.", "*.example.", "\\000\\255\\.\\\\.x.",
                                        "_a-1.z."};

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint8_t name[DNS_NAME_MAX], key[STATE_KEY_NAME_MAX], back[DNS_NAME_MAX];
        int name_len = dns_name_parse(names[i], NULL, name);
        assert_true(name_len > 0);
        size_t len = state_key_name(name, key);
        assert_int_equal(state_key_name_decode(key, len, back), len);
        assert_memory_equal(name, back, (size_t)name_len);
    }
}

static void test_key_name_longest_fits(void **state)
{
    uint8_t name[DNS_NAME_MAX] = {0}, key[STATE_KEY_NAME_MAX], back[DNS_NAME_MAX];
    static const uint8_t lens[] = {63, 63, 63, 61};
    size_t at = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(lens); i++) {
        name[at] = lens[i];
        memset(name + at + 1, 1, lens[i]);
        at += lens[i] + 1u;
    }
    size_t len = state_key_name(name, key);
    assert_int_equal(len, 250 * 4 + 4 + 1);
    assert_int_equal(state_key_name_decode(key, len, back), len);
    assert_memory_equal(name, back, DNS_NAME_MAX);
}

static void test_key_name_decode_malformed_is_corrupt(void **state)
{
    static const char *const keys[] = {"abc.", "a", "..", "\\12", "\\999.", "\\141.", "A.", "a\\"};
    uint8_t name[DNS_NAME_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        size_t len = strlen(keys[i]) + (i >= 2); /* the first two lack the zero octet */
        assert_int_equal(state_key_name_decode((const uint8_t *)keys[i], len, name), ERR_CORRUPT);
    }
}

static void test_key_type_orders_by_name(void **state)
{
    static const uint16_t sorted[] = {1, 28, 257, 5,  43, 65, 15, 35, 2,    12,
                                      6, 99, 33,  44, 64, 52, 16, 48, 65534};
    uint8_t before[STATE_KEY_TYPE_LEN], key[STATE_KEY_TYPE_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof(sorted) / sizeof(sorted[0]); i++) {
        state_key_type(sorted[i], key);
        assert_int_equal(state_key_type_decode(key), sorted[i]);
        if (i > 0)
            assert_true(memcmp(before, key, sizeof(key)) < 0);
        memcpy(before, key, sizeof(key));
    }
}

static void test_key_successor_carries(void **state)
{
    uint8_t key[] = {1, 0xff, 0xff}, last[] = {0xff};

    (void)state;
    assert_int_equal(state_key_successor(key, 3), 1);
    assert_int_equal(key[0], 2);
    assert_int_equal(state_key_successor(last, 1), 0);
}

static struct state_record_set set_of(const char *rdata, size_t len, uint16_t count, uint32_t ttl_s)
{
    return (struct state_record_set){.name = (const uint8_t *)"\1a\0",
                                     .type = 1,
                                     .rdata = (const uint8_t *)rdata,
                                     .rdata_len = len,
                                     .rdata_count = count,
                                     .ttl_s = ttl_s};
}

static void test_set_round_trip_and_equality(void **state)
{
    struct state_record_set a = set_of("\0\1x\0\2yz", 7, 2, 300),
                            b = set_of("\0\2yz\0\1x", 7, 2, 300);
    struct state_record_set c = set_of("\0\2yz\0\1w", 7, 2, 300), back = a;
    uint8_t value[STATE_SET_VALUE_MAX];

    (void)state;
    size_t len = state_set_encode(&a, value);
    assert_int_equal(state_set_decode(kv_slice(value, len), &back), 0);
    assert_true(state_set_is_equal(&a, &back));
    assert_true(state_set_is_equal(&a, &b));
    assert_false(state_set_is_equal(&a, &c));
    b.ttl_s = 301;
    assert_false(state_set_is_equal(&a, &b));
}

/* As data of MX (RFC 4034 6.2), "x." and "X." are one record; as TXT they are two. */
static void test_set_records_in_other_case_are_the_same(void **state)
{
    static const uint8_t UP[] = "\0\1\1X";
    struct state_record_set a = set_of("\0\5\0\1\1x\0\0\5\0\1\1y\0", 14, 2, 300);
    struct state_record_set b = set_of("\0\5\0\1\1Y\0\0\5\0\1\1X\0", 14, 2, 300);

    (void)state;
    a.type = b.type = 15;
    assert_true(state_set_has(&a, UP, sizeof(UP)));
    assert_true(state_set_is_equal(&a, &b));
    a.type = b.type = 16;
    assert_false(state_set_has(&a, UP, sizeof(UP)));
    assert_false(state_set_is_equal(&a, &b));
}

static void test_set_decode_malformed_refused(void **state)
{
    struct state_record_set out = {0};

    (void)state;
    assert_int_equal(state_set_decode(kv_slice("\1\0\0\0\0\0", 6), &out), ERR_CORRUPT);
    assert_int_equal(state_set_decode(kv_slice("\5\0\0\0\0\0\0", 7), &out), ERR_VERSION);
    assert_int_equal(state_set_decode(kv_slice("\1\0\0\0\0\0\1", 7), &out), ERR_CORRUPT);
    assert_int_equal(state_set_decode(kv_slice("\1\0\0\0\0\0\1\0\5x", 10), &out), ERR_CORRUPT);
    assert_int_equal(state_set_decode(kv_slice("\1\0\0\0\0\0\1\0", 8), &out), ERR_CORRUPT);
}

/* A state with four sets in content 5 and one each in 4 and 6. */
static void fill(struct kv *kv)
{
    struct overlay *overlay = overlay_new(kv);
    struct state_applied point = {1, 1, {0, 0}};
    static const char *const names[] = {"\0", "\1a\0", "\1a\0", "\1b\0"};
    static const uint16_t types[] = {6, 1, 16, 1};

    for (size_t i = 0; i < 4; i++) {
        struct state_record_set set = set_of("\0\1x", 3, 1, 60);
        set.name = (const uint8_t *)names[i];
        set.type = types[i];
        assert_int_equal(state_put_record_set(overlay, 5, NULL, &set), 0);
    }
    struct state_record_set set = set_of("\0\1x", 3, 1, 60);
    assert_int_equal(state_put_record_set(overlay, 4, NULL, &set), 0);
    assert_int_equal(state_put_record_set(overlay, 6, NULL, &set), 0);
    assert_int_equal(state_commit(overlay, kv, &point), 0);
    overlay_free(overlay);
}

static int on_set(void *user, const struct state_record_set *set)
{
    char *out = user, text[DNS_NAME_TEXT_SIZE];
    size_t len = strlen(out);

    assert_true(dns_name_format(set->name, text, sizeof(text)) > 0);
    snprintf(out + len, 256 - len, "%s/%u ", text, set->type);
    return strstr(out, "b./1") ? 1 : 0;
}

static int count_set(void *user, const struct state_record_set *set)
{
    (void)set;
    ++*(unsigned *)user;
    return 0;
}

static const char *list(const struct kv *kv, const struct state_set_start *start)
{
    static char out[256];

    out[0] = 0;
    assert_int_equal(state_list_record_sets(kv, 5, start, on_set, out), 0);
    return out;
}

static void test_list_record_sets_from_anywhere(void **state)
{
    struct kv kv;
    struct state_set_start start = {0};

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    fill(&kv);
    assert_string_equal(list(&kv, NULL), "./6 a./1 a./16 b./1 ");
    start.name = (const uint8_t *)"\1a\0";
    assert_string_equal(list(&kv, &start), "a./1 a./16 b./1 ");
    start.type = 1;
    start.is_after = true;
    assert_string_equal(list(&kv, &start), "a./16 b./1 ");
    start.type = 2; /* not there: NS sorts between A and TXT */
    start.is_after = false;
    assert_string_equal(list(&kv, &start), "a./16 b./1 ");
    start.name = (const uint8_t *)"\1c\0";
    assert_string_equal(list(&kv, &start), "");
    kv_close(&kv);
}

static void test_commit_failure_writes_nothing(void **state)
{
    struct kv kv;
    struct state_applied point = {2, 1, {1, 1}}, read;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    fill(&kv);
    struct overlay *overlay = overlay_new(&kv);
    state_put_setting(overlay, "a", "b");
    kv_memory_fail_next(&kv, ERR_IO);
    assert_int_equal(state_commit(overlay, &kv, &point), ERR_IO);
    assert_int_equal(point.hash.high, 1);
    assert_int_equal(state_get_applied(&kv, &read), 0);
    assert_int_equal(read.index, 1);
    overlay_free(overlay);
    kv_close(&kv);
}

/* Every field of routing, at its longest. */
static struct zone_routing full_routing(void)
{
    struct zone_routing routing = {.kind = POLICY_IP_BASED,
                                   .weight = 255,
                                   .has_coordinates = true,
                                   .latitude_cdeg = -9000,
                                   .longitude_cdeg = 18000,
                                   .bias = -99,
                                   .is_secondary = true,
                                   .is_alias = true,
                                   .evaluate_target_health = true,
                                   .is_sticky = true,
                                   .answers_max = 16,
                                   .all_down = POLICY_ALL_DOWN_FALLBACK,
                                   .continent = "EU",
                                   .country = "US",
                                   .subdivision = "WA3",
                                   .alias_target = (const uint8_t *)"\1t\0",
                                   .fallback = (const uint8_t *)"\1f\1x\0"};

    memset(routing.region, 'r', sizeof(routing.region) - 1);
    memset(routing.cidr_collection_id, 'c', sizeof(routing.cidr_collection_id) - 1);
    memset(routing.cidr_location, 'l', sizeof(routing.cidr_location) - 1);
    memset(routing.health_check_id, 'h', sizeof(routing.health_check_id) - 1);
    memset(routing.hosted_zone_id, 'Z', sizeof(routing.hosted_zone_id) - 1);
    return routing;
}

static void test_routing_round_trip(void **state)
{
    struct zone_routing routing = full_routing(), back, none = {0};
    uint8_t octets[STATE_ROUTING_MAX], again[STATE_ROUTING_MAX];

    (void)state;
    size_t len = state_routing_encode(&routing, octets);
    assert_int_equal(state_routing_decode(kv_slice(octets, len), &back), 0);
    assert_int_equal(state_routing_encode(&back, again), len);
    assert_memory_equal(octets, again, len);
    assert_string_equal(back.region, routing.region);
    assert_string_equal(back.subdivision, "WA3");
    assert_int_equal(back.latitude_cdeg, -9000);
    assert_int_equal(back.longitude_cdeg, 18000);
    assert_int_equal(back.bias, -99);
    assert_true(dns_name_is_equal(back.fallback, routing.fallback));
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(state_routing_decode(kv_slice(octets, cut), &back), ERR_CORRUPT);
    octets[len] = 0;
    assert_int_equal(state_routing_decode(kv_slice(octets, len + 1), &back), ERR_CORRUPT);
    len = state_routing_encode(&none, octets);
    assert_int_equal(state_routing_decode(kv_slice(octets, len), &back), 0);
    assert_int_equal(back.kind, POLICY_SIMPLE);
}

static void test_routing_decode_malformed_is_corrupt(void **state)
{
    static const struct {
        size_t at;
        uint8_t octet;
    } changes[] = {
        {0, POLICY_KIND_COUNT}, {1, 32}, {5, 4}, {10, 65}, {11, 0} /* NUL in a text */,
    };
    struct zone_routing routing = full_routing(), back;
    uint8_t octets[STATE_ROUTING_MAX];
    size_t len = state_routing_encode(&routing, octets);

    (void)state;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        uint8_t was = octets[changes[i].at];
        octets[changes[i].at] = changes[i].octet;
        assert_int_equal(state_routing_decode(kv_slice(octets, len), &back), ERR_CORRUPT);
        octets[changes[i].at] = was;
    }
    octets[len - 4] = 'F'; /* names are lower case */
    assert_int_equal(state_routing_decode(kv_slice(octets, len), &back), ERR_CORRUPT);
}

static struct state_record_set routed_set(const struct zone_routing *routing,
                                          const char *identifier, uint8_t octets[STATE_ROUTING_MAX])
{
    struct state_record_set set = set_of("\0\1x", 3, 1, 60);

    set.routing = octets;
    set.routing_len = state_routing_encode(routing, octets);
    set.set_identifier = identifier;
    set.set_identifier_len = strlen(identifier);
    return set;
}

static void test_set_with_routing_round_trip(void **state)
{
    struct zone_routing routing = full_routing();
    uint8_t octets[STATE_ROUTING_MAX], value[STATE_SET_VALUE_MAX], other[STATE_ROUTING_MAX];
    struct state_record_set set = routed_set(&routing, "id", octets), back = set;
    struct state_record_set plain = set_of("\0\1x", 3, 1, 60);

    (void)state;
    assert_int_equal(state_set_encode(&plain, value), 10);
    assert_memory_equal(value, "\1\0\0\0\74\0\1\0\1x", 10); /* as ever */
    size_t len = state_set_encode(&set, value);
    assert_int_equal(value[0], 2);
    assert_int_equal(len, state_set_value_len(&set));
    assert_int_equal(state_set_decode(kv_slice(value, len), &back), 0);
    assert_true(state_set_is_equal(&set, &back));
    assert_false(state_set_is_equal(&set, &plain));
    routing.weight = 1;
    struct state_record_set changed = routed_set(&routing, "id", other);
    assert_false(state_set_is_equal(&set, &changed));
    for (size_t cut = 0; cut < len; cut++)
        assert_true(state_set_decode(kv_slice(value, cut), &back) != 0);
    value[7] = 0xff; /* the routing's length */
    assert_int_equal(state_set_decode(kv_slice(value, len), &back), ERR_CORRUPT);
}

/* Sets whose values were not written as they are written out, with routing and without. */
static void test_set_with_texts_round_trip(void **state)
{
    static const char TEXTS[] = "\0\0\0\3A B"; /* the first as it is written out */
    struct zone_routing routing = full_routing();
    uint8_t octets[STATE_ROUTING_MAX], value[STATE_SET_VALUE_MAX];
    struct state_record_set sets[] = {set_of("\0\1x\0\1y", 6, 2, 60),
                                      routed_set(&routing, "id", octets)};

    (void)state;
    sets[1].rdata = sets[0].rdata;
    sets[1].rdata_len = sets[0].rdata_len;
    sets[1].rdata_count = 2;
    for (size_t i = 0; i < 2; i++) {
        struct state_record_set back = sets[i], without = sets[i];
        sets[i].texts = (const uint8_t *)TEXTS;
        sets[i].texts_len = sizeof(TEXTS) - 1;
        size_t len = state_set_encode(&sets[i], value);
        assert_int_equal(value[0], 4);
        assert_int_equal(len, state_set_value_len(&sets[i]));
        assert_int_equal(state_set_decode(kv_slice(value, len), &back), 0);
        assert_int_equal(back.texts_len, sizeof(TEXTS) - 1);
        assert_memory_equal(back.texts, TEXTS, sizeof(TEXTS) - 1);
        assert_int_equal(back.rdata_len, 6);
        assert_true((back.routing != NULL) == (i == 1));
        assert_true(state_set_is_equal(&sets[i], &without)); /* however they were written */
        for (size_t cut = 0; cut < len; cut++)
            assert_true(state_set_decode(kv_slice(value, cut), &back) != 0);
        value[len - 6 - sizeof(TEXTS) + 2] = 1; /* the first text's length */
        assert_int_equal(state_set_decode(kv_slice(value, len), &back), ERR_CORRUPT);
    }
}

/* Sets that a traffic policy instance made say so, with routing and without. */
static void test_set_of_instance_round_trip(void **state)
{
    static const char ID[] = "00112233-4455-6677-8899-aabbccddeeff";
    struct zone_routing routing = full_routing();
    uint8_t octets[STATE_ROUTING_MAX], value[STATE_SET_VALUE_MAX];
    struct state_record_set sets[] = {set_of("\0\1x", 3, 1, 60),
                                      routed_set(&routing, "id", octets)};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct state_record_set back = sets[i], by_hand = sets[i];
        sets[i].instance_id = ID;
        sets[i].is_hidden = i == 1;
        size_t len = state_set_encode(&sets[i], value);
        assert_int_equal(value[0], 3);
        assert_int_equal(len, state_set_value_len(&sets[i]));
        assert_int_equal(state_set_decode(kv_slice(value, len), &back), 0);
        assert_true(state_set_is_equal(&sets[i], &back));
        assert_false(state_set_is_equal(&sets[i], &by_hand));
        assert_int_equal(back.is_hidden, i == 1);
        assert_true(state_set_is_of(&back, ID) && !state_set_is_of(&back, NULL));
        assert_true(state_set_is_of(&by_hand, NULL) && !state_set_is_of(&by_hand, ID));
        assert_true((back.routing != NULL) == (i == 1));
        for (size_t cut = 0; cut < len; cut++)
            assert_true(state_set_decode(kv_slice(value, cut), &back) != 0);
        value[7] = 2; /* a flag that is not known */
        assert_int_equal(state_set_decode(kv_slice(value, len), &back), ERR_CORRUPT);
        back.is_hidden = sets[i].is_hidden;
    }
    struct state_record_set shown = sets[1];
    shown.is_hidden = false;
    assert_false(state_set_is_equal(&sets[1], &shown));
}

static int on_routed(void *user, uint64_t content, const struct state_record_set *set)
{
    char *out = user;
    size_t len = strlen(out);

    snprintf(out + len, 256 - len, "%u/%.*s ", (unsigned)content, (int)set->set_identifier_len,
             set->set_identifier ? set->set_identifier : "");
    return 0;
}

static const char *routed(const struct kv *kv, uint64_t content)
{
    static char out[256];

    out[0] = 0;
    assert_int_equal(state_list_routed(kv, content, on_routed, out), 0);
    return out;
}

static void test_routed_index_follows_the_sets(void **state)
{
    struct zone_routing routing = {.kind = POLICY_WEIGHTED}, check = {.health_check_id = "h"};
    uint8_t octets[STATE_ROUTING_MAX], of_check[STATE_ROUTING_MAX];
    struct state_applied point = {2, 1, {0, 0}};
    struct state_record_set plain = set_of("\0\1x", 3, 1, 60);
    struct kv kv;
    bool has_routed;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    fill(&kv);
    assert_int_equal(state_has_routed(&kv, 0, &has_routed), 0);
    assert_false(has_routed);
    struct overlay *overlay = overlay_new(&kv);
    struct state_record_set a = routed_set(&routing, "a", octets), b = a, none;
    b.set_identifier = "b";
    none = routed_set(&check, "", of_check);
    assert_int_equal(state_put_record_set(overlay, 5, NULL, &b), 0);
    assert_int_equal(state_put_record_set(overlay, 5, NULL, &a), 0);
    assert_int_equal(state_put_record_set(overlay, 7, NULL, &none), 0);
    assert_int_equal(state_commit(overlay, &kv, &point), 0);
    assert_string_equal(routed(&kv, 0), "5/a 5/b 7/ ");
    assert_string_equal(routed(&kv, 7), "7/ ");
    assert_string_equal(routed(&kv, 4), "");
    overlay_reset(overlay, &kv);
    assert_int_equal(state_delete_record_set(overlay, 5, &a), 0);
    assert_int_equal(state_put_record_set(overlay, 7, &none, &plain),
                     0); /* loses its health check */
    assert_int_equal(state_commit(overlay, &kv, &point), 0);
    assert_string_equal(routed(&kv, 0), "5/b ");
    overlay_reset(overlay, &kv);
    assert_int_equal(state_delete_content(overlay, 5), 0);
    assert_int_equal(state_commit(overlay, &kv, &point), 0);
    assert_string_equal(routed(&kv, 0), "");
    overlay_free(overlay);
    kv_close(&kv);
}

static int on_use(void *user, uint64_t content, uint64_t count)
{
    char *out = user;
    size_t len = strlen(out);

    snprintf(out + len, 256 - len, "%ux%u ", (unsigned)content, (unsigned)count);
    return 0;
}

static const char *uses(const struct kv *kv, enum state_use_kind kind, const char *id,
                        const char *location)
{
    struct state_use use = {kind, id, location};
    static char out[256];

    out[0] = 0;
    assert_int_equal(state_list_uses(kv, &use, on_use, out), 0);
    return out;
}

static void commit(struct overlay *overlay, struct kv *kv)
{
    struct state_applied point = {2, 1, {0, 0}};

    assert_int_equal(state_commit(overlay, kv, &point), 0);
    overlay_reset(overlay, kv);
}

static void test_uses_are_counted(void **state)
{
    struct zone_routing paris = {.kind = POLICY_IP_BASED,
                                 .cidr_collection_id = "c1",
                                 .cidr_location = "paris",
                                 .health_check_id = "h"};
    struct zone_routing rome = paris, mars = {.kind = POLICY_LATENCY, .region = "mars"};
    uint8_t octets[3][STATE_ROUTING_MAX];
    struct kv kv;

    (void)state;
    snprintf(rome.cidr_location, sizeof(rome.cidr_location), "rome");
    assert_int_equal(kv_memory_new(&kv), 0);
    struct overlay *overlay = overlay_new(&kv);
    struct state_record_set a = routed_set(&paris, "a", octets[0]), b = a;
    struct state_record_set moved = routed_set(&rome, "b", octets[1]);
    struct state_record_set far = routed_set(&mars, "c", octets[2]);
    b.set_identifier = "b";
    assert_int_equal(state_put_record_set(overlay, 5, NULL, &a), 0);
    assert_int_equal(state_put_record_set(overlay, 5, NULL, &b), 0);
    assert_int_equal(state_put_record_set(overlay, 7, NULL, &b), 0);
    assert_int_equal(state_put_record_set(overlay, 7, NULL, &far), 0);
    commit(overlay, &kv);
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", "paris"), "5x2 7x1 ");
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", NULL), "5x2 7x1 ");
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", "pari"), "");
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c", NULL), "");
    assert_string_equal(uses(&kv, STATE_USE_CHECK, "h", NULL), "5x2 7x1 ");
    assert_string_equal(uses(&kv, STATE_USE_REGION, "mars", NULL), "7x1 ");
    assert_string_equal(uses(&kv, STATE_USE_REGION, "h", NULL), "");
    assert_int_equal(state_put_record_set(overlay, 5, &b, &moved), 0);
    commit(overlay, &kv);
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", NULL), "5x1 7x1 5x1 ");
    assert_string_equal(uses(&kv, STATE_USE_CHECK, "h", NULL), "5x2 7x1 ");
    assert_int_equal(state_delete_record_set(overlay, 5, &a), 0);
    assert_int_equal(state_delete_content(overlay, 7), 0);
    commit(overlay, &kv);
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", NULL), "5x1 ");
    assert_string_equal(uses(&kv, STATE_USE_CIDR, "c1", "rome"), "5x1 ");
    assert_string_equal(uses(&kv, STATE_USE_CHECK, "h", NULL), "5x1 ");
    assert_string_equal(uses(&kv, STATE_USE_REGION, "mars", NULL), "");
    assert_int_equal(state_delete_record_set(overlay, 5, &a), ERR_CORRUPT); /* not there */
    overlay_free(overlay);
    kv_close(&kv);
}

static int count_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)key;
    (void)value;
    ++*(unsigned *)user;
    return 0;
}

static void test_uses_of_a_content_go_with_it(void **state)
{
    struct kv_range all = {.family = KV_USES};
    uint8_t octets[STATE_ROUTING_MAX];
    unsigned count = 0;
    struct kv kv;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    struct overlay *overlay = overlay_new(&kv);
    for (unsigned i = 0; i < 1000; i++) {
        struct zone_routing routing = {.kind = POLICY_LATENCY};
        char identifier[8];
        snprintf(routing.region, sizeof(routing.region), "r%u", i);
        snprintf(identifier, sizeof(identifier), "%u", i);
        struct state_record_set set = routed_set(&routing, identifier, octets);
        assert_int_equal(state_put_record_set(overlay, 5 + i % 2, NULL, &set), 0);
    }
    commit(overlay, &kv);
    assert_int_equal(state_delete_content(overlay, 5), 0);
    commit(overlay, &kv);
    assert_int_equal(kv_scan(&kv, &all, count_pair, &count), 0);
    assert_int_equal(count, 2 * 500);
    assert_int_equal(state_delete_content(overlay, 6), 0);
    commit(overlay, &kv);
    count = 0;
    assert_int_equal(kv_scan(&kv, &all, count_pair, &count), 0);
    assert_int_equal(count, 0);
    overlay_free(overlay);
    kv_close(&kv);
}

static void test_sets_of_a_group_in_order_of_identifiers(void **state)
{
    struct zone_routing routing = {.kind = POLICY_WEIGHTED};
    uint8_t octets[STATE_ROUTING_MAX];
    static const char *const identifiers[] = {"b", "a b", "a"};
    struct state_set_start start = {.name = (const uint8_t *)"\1a\0", .type = 1};
    struct state_applied point = {2, 1, {0, 0}};
    unsigned count = 0;
    struct kv kv;

    (void)state;
    assert_int_equal(kv_memory_new(&kv), 0);
    struct overlay *overlay = overlay_new(&kv);
    for (size_t i = 0; i < 3; i++) {
        struct state_record_set set = routed_set(&routing, identifiers[i], octets);
        assert_int_equal(state_put_record_set(overlay, 5, NULL, &set), 0);
    }
    struct state_record_set other = set_of("\0\1x", 3, 1, 60);
    other.type = 28;
    assert_int_equal(state_put_record_set(overlay, 5, NULL, &other), 0);
    assert_int_equal(state_commit(overlay, &kv, &point), 0);
    assert_string_equal(routed(&kv, 5), "5/a 5/a b 5/b ");
    assert_string_equal(list(&kv, &start), "a./1 a./1 a./1 a./28 ");
    start.set_identifier = "a";
    assert_string_equal(list(&kv, &start), "a./1 a./1 a./1 a./28 ");
    start.is_after = true;
    assert_string_equal(list(&kv, &start), "a./1 a./1 a./28 ");
    start.set_identifier = "b";
    assert_string_equal(list(&kv, &start), "a./28 ");
    assert_int_equal(state_list_group(&kv, 5, start.name, 1, count_set, &count), 0);
    assert_int_equal(count, 3);
    struct state_record_set which = routed_set(&routing, "a b", octets);
    assert_int_equal(state_get_record_set(&kv, 5, &which, count_set, &count), 0);
    which.set_identifier_len = 2;
    assert_int_equal(state_get_record_set(&kv, 5, &which, count_set, &count), ERR_NOT_FOUND);
    overlay_free(overlay);
    kv_close(&kv);
}

static void test_zone_of_name_is_the_closest(void **state)
{
    struct state_zone parent = {.id = "Z1", .name = "\1a\0"}, child = {.id = "Z2"}, got;
    struct state_applied point = {1, 1, {0, 0}};
    struct kv kv;

    (void)state;
    memcpy(child.name, "\1b\1a\0", 5);
    assert_int_equal(kv_memory_new(&kv), 0);
    struct overlay *overlay = overlay_new(&kv);
    state_put_zone(overlay, &parent);
    state_put_zone(overlay, &child);
    assert_int_equal(state_commit(overlay, &kv, &point), 0);
    overlay_free(overlay);
    assert_int_equal(state_get_zone_of_name(&kv, (const uint8_t *)"\1x\1b\1a\0", &got), 0);
    assert_string_equal(got.id, "Z2");
    assert_int_equal(state_get_zone_of_name(&kv, (const uint8_t *)"\2xb\1a\0", &got), 0);
    assert_string_equal(got.id, "Z1");
    assert_int_equal(state_get_zone_of_name(&kv, (const uint8_t *)"\1b\0", &got), ERR_NOT_FOUND);
    kv_close(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_key_name_orders_as_route53),
        cmocka_unit_test(test_key_name_round_trip),
        cmocka_unit_test(test_key_name_longest_fits),
        cmocka_unit_test(test_key_name_decode_malformed_is_corrupt),
        cmocka_unit_test(test_key_type_orders_by_name),
        cmocka_unit_test(test_key_successor_carries),
        cmocka_unit_test(test_set_round_trip_and_equality),
        cmocka_unit_test(test_set_records_in_other_case_are_the_same),
        cmocka_unit_test(test_set_decode_malformed_refused),
        cmocka_unit_test(test_list_record_sets_from_anywhere),
        cmocka_unit_test(test_commit_failure_writes_nothing),
        cmocka_unit_test(test_routing_round_trip),
        cmocka_unit_test(test_routing_decode_malformed_is_corrupt),
        cmocka_unit_test(test_set_with_routing_round_trip),
        cmocka_unit_test(test_set_with_texts_round_trip),
        cmocka_unit_test(test_set_of_instance_round_trip),
        cmocka_unit_test(test_routed_index_follows_the_sets),
        cmocka_unit_test(test_uses_are_counted),
        cmocka_unit_test(test_uses_of_a_content_go_with_it),
        cmocka_unit_test(test_sets_of_a_group_in_order_of_identifiers),
        cmocka_unit_test(test_zone_of_name_is_the_closest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
