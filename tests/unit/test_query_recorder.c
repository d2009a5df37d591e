/* links: query test_image test_world test_route */
/* wraps: geo_database_find geo_database_prefetch geo_database_unref */
/* Whoever watches an answer sees what is sent: over 100,000 random questions the sets that are told
 * as chosen are the answer on the wire, and each was taken from a group that was told. Watching
 * changes nothing, and what is assumed of health is answered as if it were so. */
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "lib/test_world.h"
#include "policy/health.h"
#include "query.h"
#include "query_recorder.h"
#include "zone/group.h"
#include "zone/image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUESTIONS = 100000, SLOTS = 13, EVENTS_MAX = 512, ANSWER_MAX = 64, ASSUMED_MAX = 4 };

static struct zone_publisher *publisher;

static const char zone[] = "@ 60 SOA ns h 1 7200 900 1209600 60\n@ 60 NS ns\nns 60 A 192.0.2.250\n"
                           "plain 60 A 192.0.2.1\nplain 60 A 192.0.2.2\nplain 60 A 192.0.2.3\n"
                           "c 60 CNAME top\nd 60 DNAME w\n";
static const char routes[] =
    "top 0 A a latency region=128 => use\ntop 0 A b latency region=130 => aps\n"
    "top 0 A c latency region=129 check=1 -> geo\n"
    "use 60 A a weighted weight=1 check=2 = 192.0.2.11\n"
    "use 60 A b weighted weight=3 check=3 = 192.0.2.12; 192.0.2.13\n"
    "aps 60 A a failover check=4 override=5 = 192.0.2.14\n"
    "aps 0 A b failover secondary check=6 => multi\n"
    "multi 60 A a multi check=7 = 192.0.2.15\nmulti 30 A b multi check=8 = 192.0.2.16\n"
    "multi 60 A c multi check=9 = 192.0.2.15; 192.0.2.17\n"
    "geo 60 A a geo place=EU check=1 closed = 192.0.2.18\n"
    "geo 60 A b geo place=US check=2 closed = 192.0.2.19\n"
    "cidr 60 A a cidr cidr=7/a check=3 fallback=near = 192.0.2.20\n"
    "cidr 60 A b cidr cidr=7/b check=4 fallback=near = 192.0.2.21\n"
    "near 60 A a near region=129 bias=10 check=5 answers=2 = 192.0.2.22\n"
    "near 60 A b near at=10,20 check=6 answers=2 = 192.0.2.23\n"
    "near 0 A c near at=-10,-20 check=10 answers=2 => plain\n"
    "sticky 60 A a weighted weight=2 sticky check=7 = 192.0.2.24\n"
    "sticky 60 A b weighted weight=1 sticky check=8 = 192.0.2.25\n"
    "name 60 CNAME a weighted weight=1 check=9 = top\n"
    "name 60 CNAME b weighted weight=1 check=10 = cidr\n"
    "loop 0 A a failover check=11 => loop2\nloop 60 A b failover secondary check=12 = 192.0.2.26\n"
    "loop2 0 A - simple => loop\n"
    "*.w 60 A a multi check=12 = 192.0.2.27\n*.w 0 A b multi => sticky\n"
    "out 0 A - simple -> elsewhere.test.\n"
    "mail 60 MX a multi check=1 = 10 top\nmail 60 MX b multi check=2 = 20 aps\n";
static const char *const names[] = {"top",    "use",  "aps",  "multi", "geo", "cidr", "near",
                                    "sticky", "name", "loop", "loop2", "x.w", "out",  "mail",
                                    "plain",  "c",    "none", "ns",    "a.d"};
static const uint16_t types[] = {DNS_TYPE_A,  DNS_TYPE_A,   DNS_TYPE_A,    DNS_TYPE_A,
                                 DNS_TYPE_MX, DNS_TYPE_ANY, DNS_TYPE_AAAA, DNS_TYPE_CNAME};

static unsigned draw(unsigned limit)
{
    static uint64_t state = 7;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)((state >> 11) % limit);
}

/* ---- what was told ---- */

struct told {
    unsigned count;
    struct query_event events[EVENTS_MAX];
    uint8_t names[EVENTS_MAX][DNS_NAME_MAX];
    uint16_t type; /* of the question */
    unsigned chosen_count;
    const struct zone_wire_set *chosen[ANSWER_MAX];
};

static void on_event(void *user, const struct query_event *event)
{
    struct told *told = user;
    assert_true(told->count < EVENTS_MAX);
    if (event->name != NULL)
        dns_name_lower(event->name, told->names[told->count]);
    told->events[told->count++] = *event;
    if (event->kind == QUERY_EVENT_CHOSEN) {
        assert_true(told->chosen_count < ANSWER_MAX);
        told->chosen[told->chosen_count++] = event->set;
    }
}

/* Is @set what the event is about: what a look-up found, the candidate that was taken, or what an
 * alias leads to? */
static bool is_about(const struct zone_image *image, const struct told *told, unsigned index,
                     const struct zone_wire_set *set)
{
    const struct query_event *event = &told->events[index];
    struct zone_match match;
    switch (event->kind) {
    case QUERY_EVENT_LOOKUP:
        zone_lookup(image, told->names[index], told->type, &match);
        return match.set == set;
    case QUERY_EVENT_CANDIDATE:
        return event->verdict == QUERY_VERDICT_TAKEN &&
               zone_group_records(event->group, event->index) == set;
    case QUERY_EVENT_ALIAS:
        return !event->is_missing &&
               zone_find_record_set(image, told->names[index], set->type) == set;
    default: return false;
    }
}

/* Each chosen set comes from an event before it. Was there a group? */
static bool check_explained(const struct told *told)
{
    const struct zone_image *image = zone_image_read_begin(publisher);
    unsigned groups = 0;
    for (unsigned i = 0; i < told->count; i++) {
        bool is_explained = told->events[i].kind != QUERY_EVENT_CHOSEN;
        for (unsigned k = 0; k < i && !is_explained; k++)
            is_explained = is_about(image, told, k, told->events[i].set);
        assert_true(is_explained);
        groups += told->events[i].kind == QUERY_EVENT_GROUP;
    }
    zone_image_read_end();
    return groups > 0 && told->chosen_count > 0;
}

static void check_order(const struct told *told)
{
    unsigned groups = 0, depth = 0;
    assert_int_equal(told->events[0].kind, QUERY_EVENT_CLIENT);
    for (unsigned i = 1; i < told->count; i++) {
        const struct query_event *event = &told->events[i];
        assert_int_not_equal(event->kind, QUERY_EVENT_CLIENT);
        groups += event->kind == QUERY_EVENT_GROUP;
        if (event->kind == QUERY_EVENT_CANDIDATE || event->kind == QUERY_EVENT_ALIAS) {
            assert_true(groups > 0 && event->depth <= depth + 1);
            depth = event->depth;
        }
        if (event->kind == QUERY_EVENT_GROUP) {
            assert_true(event->depth <= depth + 1);
            depth = event->depth;
        }
    }
}

/* ---- the wire ---- */

struct record {
    uint16_t type;
    const uint8_t *data; /* with its length in front */
    uint16_t len;
};

static unsigned read_answer(const struct dns_writer *reply, struct record out[ANSWER_MAX])
{
    const uint8_t *at = reply->octets + reply->body_at;
    unsigned count = dns_wire_get16(reply->octets + 6);
    assert_true(count <= ANSWER_MAX);
    for (unsigned i = 0; i < count; i++) {
        out[i] = (struct record){.type = dns_wire_get16(at + 2),
                                 .data = at + 10,
                                 .len = (uint16_t)(2 + dns_wire_get16(at + 10))};
        at += dns_rrset_record_len(at);
    }
    return count;
}

static bool is_in_set(const struct record *record, const struct zone_wire_set *set)
{
    const uint8_t *at = set->wire;
    for (unsigned i = 0; i < set->record_count; i++, at += dns_rrset_record_len(at))
        if (set->type == record->type && memcmp(at + 10, record->data, record->len) == 0)
            return true;
    return false;
}

static bool is_in_answer(const uint8_t *wire_record, uint16_t type, const struct record *answer,
                         unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (answer[i].type == type && memcmp(wire_record + 10, answer[i].data, answer[i].len) == 0)
            return true;
    return false;
}

/* The chosen sets have the answer's records, all of them, and no others; but for the CNAME that a
 * DNAME made. */
static void check_chosen(const struct told *told, const struct dns_writer *reply)
{
    struct record answer[ANSWER_MAX];
    const unsigned count = read_answer(reply, answer);
    for (unsigned i = 0; i < count; i++) {
        bool is_told = i > 0 && answer[i - 1].type == DNS_TYPE_DNAME;
        for (unsigned k = 0; k < told->chosen_count; k++)
            is_told |= is_in_set(&answer[i], told->chosen[k]);
        assert_true(is_told);
    }
    for (unsigned k = 0; k < told->chosen_count; k++) {
        const struct zone_wire_set *set = told->chosen[k];
        const uint8_t *at = set->wire;
        assert_true(set->record_count > 0);
        for (unsigned i = 0; i < set->record_count; i++, at += dns_rrset_record_len(at))
            assert_true(is_in_answer(at, set->type, answer, count));
    }
}

/* ---- questions ---- */

struct question {
    uint8_t request[512];
    uint16_t len;
    uint16_t type;
    uint64_t draw;
};

static void draw_question(struct question *out)
{
    static const uint8_t firsts[][2] = {{10, 1}, {10, 2}, {20, 1}, {20, 2},
                                        {30, 0}, {40, 0}, {99, 0}};
    uint8_t origin[DNS_NAME_MAX];
    memcpy(out->request, "\0\1\0\0\0\1\0\0\0\0\0\1", DNS_HEADER_LEN);
    assert_true(dns_name_parse("test.", NULL, origin) > 0);
    const int name_len = dns_name_parse(names[draw(sizeof names / sizeof *names)], origin,
                                        out->request + DNS_HEADER_LEN);
    uint8_t *at = out->request + DNS_HEADER_LEN + name_len;
    out->type = types[draw(sizeof types / sizeof *types)];
    dns_wire_put16(at, out->type);
    memcpy(at + 2, "\0\1\0\0\x29\4\xd0\0\0\0\0\0\xb\0\10\0\7\0\1\x18\0", 21);
    memcpy(at + 23, firsts[draw(sizeof firsts / sizeof *firsts)], 2);
    at[25] = (uint8_t)draw(4);
    out->len = (uint16_t)(at + 26 - out->request);
    out->draw = draw(1u << 31);
}

static void ask(const struct question *question, const struct query_recorder *recorder,
                struct dns_writer *reply)
{
    const struct query_env env = {
        .image = zone_image_read_begin(publisher), .draw = question->draw, .recorder = recorder};
    reply->capacity = DNS_UDP_SIZE_MAX;
    query_answer(&env, question->request, question->len, reply);
    zone_image_read_end();
}

static void draw_health(uint64_t index)
{
    for (uint32_t slot = 1; slot < SLOTS; slot++)
        test_route_set_health(publisher, slot, draw(3) != 0, index);
}

static void test_recorder_tells_what_is_sent(void **state)
{
    static struct told told;
    static uint8_t octets[2][DNS_UDP_SIZE_MAX];
    const struct query_recorder recorder = {.user = &told, .event = on_event};
    unsigned routed = 0;
    (void)state;
    for (unsigned i = 0; i < QUESTIONS; i++) {
        struct dns_writer watched = {.octets = octets[0]}, alone = {.octets = octets[1]};
        struct question question;
        if (i % 10 == 0)
            draw_health(i + 1);
        draw_question(&question);
        told.count = told.chosen_count = 0;
        told.type = question.type;
        ask(&question, &recorder, &watched);
        ask(&question, NULL, &alone);
        assert_int_equal(watched.len, alone.len);
        assert_memory_equal(octets[0], octets[1], alone.len);
        check_order(&told);
        check_chosen(&told, &watched);
        routed += check_explained(&told);
    }
    assert_true(routed > QUESTIONS / 4);
}

/* An assumption is answered as the same health would be. */
static void test_recorder_assumptions_stand_for_health(void **state)
{
    static struct told told;
    static uint8_t octets[2][DNS_UDP_SIZE_MAX];
    struct query_assumption assumed[ASSUMED_MAX];
    struct query_recorder recorder = {.user = &told, .event = on_event, .assumptions = assumed};
    unsigned different = 0;
    (void)state;
    for (unsigned i = 0; i < QUESTIONS / 10; i++) {
        struct dns_writer watched = {.octets = octets[0]}, true_one = {.octets = octets[1]};
        struct question question;
        draw_health(i + 1);
        draw_question(&question);
        recorder.assumption_count = draw(ASSUMED_MAX + 1);
        for (unsigned k = 0; k < recorder.assumption_count; k++)
            assumed[k] =
                (struct query_assumption){.slot = 1 + k * 3 + draw(3), .is_healthy = draw(2) == 0};
        told.count = told.chosen_count = 0;
        ask(&question, NULL, &true_one);
        const uint32_t len = true_one.len;
        ask(&question, &recorder, &watched);
        different += len != watched.len || memcmp(octets[0], octets[1], len) != 0;
        for (unsigned k = 0; k < recorder.assumption_count; k++)
            test_route_set_health(publisher, assumed[k].slot, assumed[k].is_healthy, i + 1);
        ask(&question, NULL, &true_one);
        assert_int_equal(watched.len, true_one.len);
        assert_memory_equal(octets[0], octets[1], watched.len);
    }
    assert_true(different > QUESTIONS / 200); /* they mattered */
}

static int set_up(void **state)
{
    (void)state;
    publisher = test_image_new();
    zone_reader_register();
    test_image_serve(publisher, "test.", zone);
    test_route_put(publisher, "test.", routes);
    test_world_put(publisher);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    zone_reader_unregister();
    test_image_free(publisher);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorder_tells_what_is_sent),
        cmocka_unit_test(test_recorder_assumptions_stand_for_health),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
