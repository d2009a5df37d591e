/* links: query test_exchange test_world test_route */
/* wraps: geo_database_find geo_database_prefetch geo_database_unref */
/* Which record sets a question gets: truth tables of policies, "all unhealthy" rules, trees and
 * limits. Each case is asked with many draws; all that was answered is what the table says. */
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "lib/test_world.h"
#include "zone/image.h"
#include "zone/record_set.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { DRAWS = 200, SLOTS = 16, ANSWERS_SEEN_MAX = 32, TEXT_SIZE = 256 };

struct story {
    const char *routes;   /* what the zone has besides SOA and NS */
    const char *down;     /* slots that are unhealthy, those that went last at the end */
    const char *client;   /* client subnet, or NULL: sent by 192.0.2.9 without one */
    const char *question; /* NULL: www A */
    const char *answers;  /* last octets of addresses joined by "+", sorted; "-": none. All that
                           * were seen, sorted, joined by "|" */
    unsigned scope;
};

static const char base[] = "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 NS ns\n";
static const struct sockaddr_in sender = {.sin_family = AF_INET, .sin_addr = {0x090200c0}};

static void set_up_story(const struct story *story)
{
    char *next = (char *)(uintptr_t)story->down;
    for (uint32_t slot = 1; slot < SLOTS; slot++)
        test_route_set_health(test_exchange_publisher, slot, true, 1);
    for (uint64_t index = 2; *next != '\0'; index++)
        test_route_set_health(test_exchange_publisher, (uint32_t)strtoul(next, &next, 10), false,
                              index);
    test_image_serve(test_exchange_publisher, "example.com.", base);
    test_route_put(test_exchange_publisher, "example.com.", story->routes);
}

/* The option of "10.1.2.0/24"; returns its length. */
static uint16_t make_ecs(const char *subnet, uint8_t out[32])
{
    char address[64];
    uint8_t octets[16] = {0};
    const char *slash = strchr(subnet, '/');
    snprintf(address, sizeof address, "%.*s", (int)(slash - subnet), subnet);
    const bool is_ipv6 = strchr(address, ':') != NULL;
    assert_int_equal(inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, octets), 1);
    const unsigned bits = (unsigned)strtoul(slash + 1, NULL, 10);
    const uint16_t len = (uint16_t)((bits + 7) / 8);
    dns_wire_put16(out, DNS_OPTION_ECS);
    dns_wire_put16(out + 2, (uint16_t)(4 + len));
    dns_wire_put16(out + 4, is_ipv6 ? DNS_ECS_IPV6 : DNS_ECS_IPV4);
    out[6] = (uint8_t)bits;
    out[7] = 0;
    memcpy(out + 8, octets, len);
    return (uint16_t)(8 + len);
}

static void check_scope(const knot_pkt_t *packet, const struct story *story)
{
    const uint8_t *option = knot_edns_get_option(packet->opt_rr, DNS_OPTION_ECS, NULL);
    if (story->client == NULL) {
        assert_null(option);
        return;
    }
    assert_non_null(option);
    assert_int_equal(option[4 + 3], story->scope);
}

static int compare_numbers(const void *a, const void *b)
{
    return *(const uint8_t *)a - *(const uint8_t *)b;
}

/* "1+2", "-" or a code. */
static void describe(const knot_pkt_t *packet, char out[TEXT_SIZE])
{
    const knot_pktsection_t *answer = knot_pkt_section(packet, KNOT_ANSWER);
    uint8_t last[64];
    unsigned count = 0;
    for (uint16_t i = 0; i < answer->count; i++) {
        const knot_rrset_t *rr = knot_pkt_rr(answer, i);
        assert_true(count < sizeof last);
        if (rr->type == KNOT_RRTYPE_A)
            last[count++] = knot_rdataset_at(&rr->rrs, 0)->data[3];
    }
    qsort(last, count, 1, compare_numbers);
    snprintf(out, TEXT_SIZE, "%s", answer->count == 0 ? "-" : "CNAME");
    if (knot_pkt_ext_rcode(packet) != KNOT_RCODE_NOERROR)
        snprintf(out, TEXT_SIZE, "code %u", knot_pkt_ext_rcode(packet));
    else if (count == 0) /* RFC 2308: no answer, but the zone's SOA */
        assert_int_equal(knot_pkt_section(packet, KNOT_AUTHORITY)->count, 1);
    for (unsigned i = 0, len = 0; i < count; i++)
        len += (unsigned)snprintf(out + len, TEXT_SIZE - len, i > 0 ? "+%u" : "%u", last[i]);
}

static void ask_once(const struct story *story, uint64_t draw, char out[TEXT_SIZE])
{
    uint8_t options[32];
    const struct query_env env = {.client = (const struct sockaddr *)&sender, .draw = draw};
    const bool is_any = story->question != NULL && strncmp(story->question, "ANY ", 4) == 0;
    const struct ask ask = {
        .name = story->question == NULL ? "www.example.com." : story->question + (is_any ? 4 : 0),
        .type = is_any ? DNS_TYPE_ANY : DNS_TYPE_A,
        .edns_size = 1232,
        .env = &env,
        .options = options,
        .options_len = story->client != NULL ? make_ecs(story->client, options) : 0,
    };
    enum query_outcome outcome;
    knot_pkt_t *packet = test_exchange_ask(&ask, &outcome);
    check_scope(packet, story);
    describe(packet, out);
    assert_int_equal(outcome, strncmp(out, "code", 4) == 0 ? QUERY_FAILED : QUERY_ANSWERED);
    knot_pkt_free(packet);
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void tell(const struct story *story)
{
    static char seen[ANSWERS_SEEN_MAX][TEXT_SIZE];
    char all[ANSWERS_SEEN_MAX * TEXT_SIZE] = "", text[TEXT_SIZE];
    unsigned count = 0;
    set_up_story(story);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        unsigned i = 0;
        ask_once(story, draw, text);
        while (i < count && strcmp(seen[i], text) != 0)
            i++;
        assert_true(i < ANSWERS_SEEN_MAX);
        if (i == count)
            memcpy(seen[count++], text, sizeof text);
    }
    qsort(seen, count, TEXT_SIZE, compare_texts);
    for (unsigned i = 0; i < count; i++) {
        strncat(all, i > 0 ? "|" : "", sizeof all - strlen(all) - 1);
        strncat(all, seen[i], sizeof all - strlen(all) - 1);
    }
    if (strcmp(all, story->answers) != 0)
        fail_msg("%sdown: %s; client %s:\n%s instead of %s", story->routes, story->down,
                 story->client != NULL ? story->client : "-", all, story->answers);
}

static void tell_all(const struct story *stories, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tell(&stories[i]);
}
#define TELL(stories) tell_all(stories, sizeof(stories) / sizeof(stories)[0])

/* ---- policies: route53.md 6.2, a table each ---- */

static void test_simple_health_does_not_matter(void **state)
{
    (void)state;
#define SIMPLE "www 60 A - simple check=1 = 192.0.2.1; 192.0.2.2\n"
    static const struct story stories[] = {
        {SIMPLE, "", NULL, NULL, "1+2", 0},
        {SIMPLE, "1", "10.1.2.0/24", NULL, "1+2", 0},
        {"www 60 A - simple = 192.0.2.1; 192.0.2.2\n", "", NULL, NULL, "1+2", 0},
    };
    TELL(stories);
}

static void test_weighted_by_health_and_weight(void **state)
{
    (void)state;
#define WEIGHTED(extension)                                                                        \
    "www 60 A a weighted weight=1 check=1 " extension " = 192.0.2.1\n"                             \
    "www 60 A b weighted weight=2 check=2 " extension " = 192.0.2.2\n"                             \
    "www 60 A c weighted weight=0 check=3 " extension " = 192.0.2.3\n"
#define ALL_ZERO                                                                                   \
    "www 60 A a weighted weight=0 check=1 = 192.0.2.1\n"                                           \
    "www 60 A b weighted weight=0 check=2 = 192.0.2.2\n"
    static const struct story stories[] = {
        {WEIGHTED(""), "", "10.1.2.0/24", NULL, "1|2", 0},
        {WEIGHTED(""), "1", NULL, NULL, "2", 0},
        {WEIGHTED(""), "2", NULL, NULL, "1", 0},
        {WEIGHTED(""), "1 2", NULL, NULL, "3", 0},
        {WEIGHTED(""), "1 2 3", NULL, NULL, "1|2", 0},
        {WEIGHTED("closed"), "1 2 3", NULL, NULL, "-", 0},
        {WEIGHTED("last-good"), "1 2 3", NULL, NULL, "3", 0},
        {WEIGHTED("last-good"), "2 3 1", NULL, NULL, "1", 0},
        {WEIGHTED("fallback=other") "other 60 A - simple = 192.0.2.9\n", "1 2 3", NULL, NULL, "9",
         0},
        {WEIGHTED("fallback=nowhere"), "1 2 3", NULL, NULL, "-", 0},
        {WEIGHTED("answers=2"), "", NULL, NULL, "1+2", 0},
        {WEIGHTED("answers=2"), "1", NULL, NULL, "2+3", 0},
        {WEIGHTED("answers=3"), "", NULL, NULL, "1+2+3", 0},
        {ALL_ZERO, "", NULL, NULL, "1|2", 0},
        {ALL_ZERO, "2", NULL, NULL, "1", 0},
        {ALL_ZERO, "1 2", NULL, NULL, "1|2", 0},
    };
    TELL(stories);
}

/* One answer for each /24 and /48, whatever the draw; the scope says so. */
static void test_sticky_depends_on_the_prefix_alone(void **state)
{
    (void)state;
    char expected[2][TEXT_SIZE];
    struct story story = {WEIGHTED("sticky"), "", "10.1.2.0/24", NULL, NULL, 24};
    unsigned seen[2] = {0};
    set_up_story(&story);
    for (unsigned i = 0; i < 100; i++) {
        char client[32], text[TEXT_SIZE];
        snprintf(client, sizeof client, "10.1.%u.0/24", i);
        story.client = client;
        ask_once(&story, 1, expected[0]);
        ask_once(&story, 2 + i, expected[1]);
        assert_string_equal(expected[0], expected[1]);
        snprintf(client, sizeof client, "10.1.%u.77/32", i); /* no more than the /24 is used */
        ask_once(&story, 3, text);
        assert_string_equal(text, expected[0]);
        seen[text[0] - '1']++;
    }
    assert_in_range(seen[0], 15, 55); /* a third */
    assert_int_equal(seen[0] + seen[1], 100);
    story.client = "2001:db8:7::/48";
    story.scope = 48;
    ask_once(&story, 1, expected[0]);
    story.client = "2001:db8:7:1::/64";
    ask_once(&story, 2, expected[1]);
    assert_string_equal(expected[0], expected[1]);
    story.client = "0.0.0.0/0"; /* does not want to be known: by chance */
    story.scope = 0;
    story.answers = "1|2";
    tell(&story);
}

static void test_failover_by_health(void **state)
{
    (void)state;
#define FAILOVER(extension)                                                                        \
    "www 60 A a failover check=1 " extension " = 192.0.2.1\n"                                      \
    "www 60 A b failover secondary check=2 " extension " = 192.0.2.2\n"
    static const struct story stories[] = {
        {FAILOVER(""), "", NULL, NULL, "1", 0},
        {FAILOVER(""), "1", NULL, NULL, "2", 0},
        {FAILOVER(""), "2", NULL, NULL, "1", 0},
        {FAILOVER(""), "1 2", NULL, NULL, "1", 0},
        {FAILOVER("closed"), "1 2", NULL, NULL, "-", 0},
        {FAILOVER("last-good"), "1 2", NULL, NULL, "2", 0},
        {FAILOVER("last-good"), "2 1", NULL, NULL, "1", 0},
        {FAILOVER("fallback=other") "other 60 A x failover = 192.0.2.9\n", "1 2", NULL, NULL, "9",
         0},
        {"www 60 A b failover secondary check=2 = 192.0.2.2\n", "", NULL, NULL, "2", 0},
    };
    TELL(stories);
}

static void test_multivalue_all_that_are_healthy(void **state)
{
    (void)state;
#define MULTI(extension)                                                                           \
    "www 60 A a multi check=1 " extension " = 192.0.2.1\n"                                         \
    "www 60 A b multi check=2 " extension " = 192.0.2.2\n"                                         \
    "www 30 A c multi check=3 " extension " = 192.0.2.3; 192.0.2.1\n"
    static const struct story stories[] = {
        {MULTI(""), "", NULL, NULL, "1+2+3", 0}, /* no record twice */
        {MULTI(""), "3", NULL, NULL, "1+2", 0},
        {MULTI(""), "1 2", NULL, NULL, "1+3", 0},
        {MULTI(""), "1 2 3", NULL, NULL, "1+2+3", 0},
        {MULTI("closed"), "1 2 3", NULL, NULL, "-", 0},
        {MULTI("last-good"), "1 3 2", NULL, NULL, "2", 0},
        {MULTI("answers=2"), "3", NULL, NULL, "1+2", 0},
        {MULTI("answers=2"), "", NULL, NULL, "1+2|1+2+3|1+3", 0},
    };
    TELL(stories);
}

static void test_geolocation_most_specific_first(void **state)
{
    (void)state;
#define GEO(extension)                                                                             \
    "www 60 A a geo place=US-WA check=1 " extension " = 192.0.2.1\n"                               \
    "www 60 A b geo place=US check=2 " extension " = 192.0.2.2\n"                                  \
    "www 60 A c geo place=NA check=3 " extension " = 192.0.2.3\n"                                  \
    "www 60 A d geo place=EU check=4 " extension " = 192.0.2.4\n"
#define DEFAULT "www 60 A e geo place=* check=5 = 192.0.2.5\n"
    static const struct story stories[] = {
        {GEO("") DEFAULT, "", "20.1.1.0/24", NULL, "1", 16},
        {GEO("") DEFAULT, "", "30.1.1.0/24", NULL, "2", 16},
        {GEO("") DEFAULT, "", "10.1.1.0/24", NULL, "4", 16},
        {GEO("") DEFAULT, "", "10.2.1.0/24", NULL, "4", 16},
        {GEO("") DEFAULT, "", "40.1.1.0/24", NULL, "5", 16},
        {GEO("") DEFAULT, "", "99.1.1.0/24", NULL, "5", 8},
        {GEO("") DEFAULT, "", NULL, NULL, "5", 0},
        {GEO("") DEFAULT, "", "2001:db8:1::/48", NULL, "5", 16},
        {GEO("") DEFAULT, "", "0.0.0.0/0", NULL, "5", 0},
        {GEO("") DEFAULT, "1", "20.1.1.0/24", NULL, "2", 16},
        {GEO("") DEFAULT, "1 2", "20.1.1.0/24", NULL, "3", 16},
        {GEO("") DEFAULT, "1 2 3", "20.1.1.0/24", NULL, "5", 16},
        {GEO("") DEFAULT, "1 2 3 5", "20.1.1.0/24", NULL, "1", 16},
        {GEO(""), "", "40.1.1.0/24", NULL, "-", 16},
        {GEO(""), "4", "10.1.1.0/24", NULL, "4", 16},
        {GEO("closed"), "4", "10.1.1.0/24", NULL, "-", 16},
        {GEO("last-good"), "2 1 3", "20.1.1.0/24", NULL, "3", 16},
        {GEO("fallback=other") "other 60 A - simple = 192.0.2.9\n", "", "40.1.1.0/24", NULL, "9",
         16},
    };
    TELL(stories);
}

#define REGIONS(policy, extension)                                                                 \
    "www 60 A a " policy " region=128 check=1 " extension " = 192.0.2.1\n"                         \
    "www 60 A b " policy " region=129 check=2 " extension " = 192.0.2.2\n"                         \
    "www 60 A c " policy " region=130 check=3 " extension " = 192.0.2.3\n"

static void test_latency_least_time_first(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {REGIONS("latency", ""), "", "20.2.1.0/24", NULL, "2", 16}, /* as measured */
        {REGIONS("latency", ""), "2", "20.2.1.0/24", NULL, "1", 16},
        {REGIONS("latency", ""), "1 2", "20.2.1.0/24", NULL, "3", 16}, /* by distance */
        {REGIONS("latency", ""), "1 2 3", "20.2.1.0/24", NULL, "2", 16},
        {REGIONS("latency", "closed"), "1 2 3", "20.2.1.0/24", NULL, "-", 16},
        {REGIONS("latency", "last-good"), "2 1 3", "20.2.1.0/24", NULL, "3", 16},
        {REGIONS("latency", ""), "", "10.1.1.0/24", NULL, "1", 16}, /* all by distance */
        {REGIONS("latency", ""), "1", "10.1.1.0/24", NULL, "2", 16},
        {REGIONS("latency", "answers=2"), "", "10.1.1.0/24", NULL, "1+2", 16},
        {REGIONS("latency", ""), "", "40.1.1.0/24", NULL, "3", 16},
    };
    TELL(stories);
}

/* Times within 10 ms are equal: which of the two it is hangs on the prefix, not on chance. */
static void test_latency_equal_times_keep_to_the_prefix(void **state)
{
    (void)state;
    const struct story story = {REGIONS("latency", ""), "", "20.1.1.0/24", NULL, NULL, 16};
    char first[TEXT_SIZE], text[TEXT_SIZE];
    set_up_story(&story);
    ask_once(&story, 0, first);
    assert_true(strcmp(first, "1") == 0 || strcmp(first, "2") == 0);
    for (uint64_t draw = 1; draw < DRAWS; draw++) {
        ask_once(&story, draw, text);
        assert_string_equal(text, first);
    }
}

static void test_geoproximity_nearest_with_bias(void **state)
{
    (void)state;
#define BIASED                                                                                     \
    "www 60 A a near region=128 bias=-50 check=1 = 192.0.2.1\n"                                    \
    "www 60 A b near at=0,90 bias=90 check=2 = 192.0.2.2\n"
    static const struct story stories[] = {
        {REGIONS("near", ""), "", "10.1.1.0/24", NULL, "1", 16},
        {REGIONS("near", ""), "", "20.1.1.0/24", NULL, "2", 16},
        {REGIONS("near", ""), "2", "20.1.1.0/24", NULL, "1", 16},
        {REGIONS("near", ""), "1 2", "20.1.1.0/24", NULL, "3", 16},
        {REGIONS("near", ""), "1 2 3", "20.1.1.0/24", NULL, "2", 16},
        {REGIONS("near", "closed"), "1 2 3", "20.1.1.0/24", NULL, "-", 16},
        {REGIONS("near", "answers=2"), "", "40.1.1.0/24", NULL, "1+3", 16},
        {BIASED, "", "10.1.1.0/24", NULL, "2", 16}, /* 10 / .5 against 80 * .1 */
        {BIASED, "2", "10.1.1.0/24", NULL, "1", 16},
    };
    TELL(stories);
}

static void test_ip_based_longest_block_that_is_known_whole(void **state)
{
    (void)state;
#define CIDR(extension)                                                                            \
    "www 60 A a cidr cidr=7/a check=1 " extension " = 192.0.2.1\n"                                 \
    "www 60 A b cidr cidr=7/b check=2 " extension " = 192.0.2.2\n"                                 \
    "www 60 A s cidr cidr=7/six check=3 " extension " = 192.0.2.6\n"
#define STAR "www 60 A z cidr cidr=7/* check=4 = 192.0.2.9\n"
    static const struct story stories[] = {
        {CIDR("") STAR, "", "10.1.2.0/24", NULL, "2", 24},
        {CIDR("") STAR, "", "10.1.2.5/32", NULL, "2", 24},
        {CIDR("") STAR, "2", "10.1.2.0/24", NULL, "9", 24},
        {CIDR("") STAR, "2 4", "10.1.2.0/24", NULL, "2", 24},
        {CIDR("") STAR, "", "2001:db8:5::/48", NULL, "6", 32},
        {CIDR("") STAR, "", "0.0.0.0/0", NULL, "9", 0},
        {CIDR("") STAR, "", NULL, NULL, "9", 0},
        {CIDR("closed"), "1 2", "10.1.2.0/24", NULL, "-", 24},
    };
    TELL(stories);
}

/* ---- trees ---- */

/* route53.md 6.4. */
#define EXAMPLE(evaluates)                                                                         \
    "www 0 A use latency region=128 " evaluates " use\n"                                           \
    "www 0 A aps latency region=130 => aps\n"                                                      \
    "use 60 A 1 weighted weight=1 check=1 = 192.0.2.1\n"                                           \
    "use 60 A 2 weighted weight=1 check=2 = 192.0.2.2\n"                                           \
    "aps 60 A 3 weighted weight=1 check=3 = 192.0.2.3\n"                                           \
    "aps 60 A 4 weighted weight=1 check=4 = 192.0.2.4\n"
static void test_tree_worked_example(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {EXAMPLE("=>"), "", "20.2.1.0/24", NULL, "1|2", 16},
        {EXAMPLE("=>"), "1", "20.2.1.0/24", NULL, "2", 16},
        {EXAMPLE("=>"), "1 2", "20.2.1.0/24", NULL, "3|4", 16},
        {EXAMPLE("=>"), "1 2 3", "20.2.1.0/24", NULL, "4", 16},
        {EXAMPLE("=>"), "1 2 3 4", "20.2.1.0/24", NULL, "1|2", 16},
        {EXAMPLE("->"), "1 2", "20.2.1.0/24", NULL, "1|2", 16},
        {EXAMPLE("=>") "use 60 A 5 weighted weight=1 = 192.0.2.5\n", "1 2", "20.2.1.0/24", NULL,
         "5", 16},
        {EXAMPLE("=>"), "", "40.1.1.0/24", NULL, "3|4", 16},
    };
    TELL(stories);
}

static void test_tree_alias_health_is_its_own_and_its_targets(void **state)
{
    (void)state;
#define PAIR(flags, arrow, target)                                                                 \
    "www 0 A a failover " flags " " arrow " " target "\n"                                          \
    "www 60 A b failover secondary check=2 = 192.0.2.2\n"
#define LEAF "leaf 60 A - simple check=3 = 192.0.2.3\n"
#define GROUP "leaf 60 A x weighted weight=1 check=3 = 192.0.2.3\n"
    static const struct story stories[] = {
        {PAIR("check=1", "=>", "leaf") GROUP, "", NULL, NULL, "3", 0},
        {PAIR("check=1", "=>", "leaf") GROUP, "1", NULL, NULL, "2", 0},
        {PAIR("check=1", "=>", "leaf") GROUP, "3", NULL, NULL, "2", 0},
        {PAIR("check=1", "->", "leaf") GROUP, "3", NULL, NULL, "3", 0},
        {PAIR("check=1", "->", "leaf") GROUP, "1", NULL, NULL, "2", 0},
        {PAIR("", "=>", "leaf") LEAF, "3", NULL, NULL, "3", 0}, /* simple: always healthy */
        {PAIR("", "=>", "leaf") GROUP, "3 2", NULL, NULL, "3", 0},
        {PAIR("", "=>", "gone"), "", NULL, NULL, "2", 0},
        {PAIR("", "=>", "gone"), "2", NULL, NULL, "2",
         0}, /* as if healthy: the next that is there */
        {PAIR("", "->", "gone"), "", NULL, NULL, "-", 0},
        {PAIR("", "=>", "leaf") "leaf 60 CNAME - simple = other\n", "", NULL, NULL, "2", 0},
        {PAIR("check=1", "=>",
              "leaf") "www 60 A b failover secondary check=2 closed = 192.0.2.2\n" GROUP,
         "2 3", NULL, NULL, "-", 0},
    };
    TELL(stories);
}

/* The group below has its own rule when its alias does not evaluate; strict groups have none. */
static void test_tree_rules_of_groups_below(void **state)
{
    (void)state;
#define TOP(arrow) "www 0 A a weighted weight=1 " arrow " mid\n"
#define MID(extension)                                                                             \
    "mid 60 A x weighted weight=1 check=1 " extension " = 192.0.2.1\n"                             \
    "mid 60 A y weighted weight=1 check=2 " extension " = 192.0.2.2\n"
    static const struct story stories[] = {
        {TOP("->") MID(""), "1 2", NULL, NULL, "1|2", 0},
        {TOP("->") MID("closed"), "1 2", NULL, NULL, "-", 0},
        {TOP("->") MID("last-good"), "2 1", NULL, NULL, "1", 0},
        {TOP("->") MID("fallback=other") "other 60 A - simple = 192.0.2.9\n", "1 2", NULL, NULL,
         "9", 0},
        {TOP("=>") MID("closed"), "1 2", NULL, NULL, "1|2", 0}, /* the top is open */
        {TOP("=>") MID("last-good"), "1 2", NULL, NULL, "1|2", 0},
        {"www 0 A a failover last-good => mid\nwww 60 A b failover last-good secondary check=3 = "
         "192.0.2.3\n" MID(""),
         "1 3 2", NULL, NULL, "1|2", 0},
        {"www 0 A a failover last-good => mid\nwww 60 A b failover last-good secondary check=3 = "
         "192.0.2.3\n" MID(""),
         "1 2 3", NULL, NULL, "3", 0},
    };
    TELL(stories);
}

/* Where several answers are wanted, an alias without one leaves those of the others. */
static void test_tree_several_answers_but_for_an_alias_without(void **state)
{
    (void)state;
#define TWO(words) "www 60 A a weighted weight=1 " words " = 192.0.2.1\n"
    static const struct story stories[] = {
        {TWO("answers=2") "www 0 A b weighted weight=1 answers=2 -> gone\n", "", NULL, NULL, "1",
         0},
        {TWO("answers=2") "www 0 A b weighted weight=1 answers=2 => gone\n", "", NULL, NULL, "1",
         0},
        {TWO("answers=2 check=1") "www 0 A b weighted weight=1 answers=2 -> gone\n", "1", NULL,
         NULL, "-", 0},
        {TWO("answers=2") "www 0 A b weighted weight=1 answers=2 -> gone\n"
                          "www 60 A c weighted weight=1 answers=2 = 192.0.2.3\n",
         "", NULL, NULL, "1|1+3|3", 0},
    };
    TELL(stories);
}

static void test_tree_targets_of_all_kinds(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"www 0 A - simple -> a.wild\n*.wild 60 A - simple = 192.0.2.1\n", "", NULL, NULL, "1", 0},
        {"www 0 A - simple -> a.wild\n*.wild 60 A x weighted weight=3 = 192.0.2.1\n", "", NULL,
         NULL, "1", 0},
        {"*.w 0 A - simple -> b\nb 60 A - simple = 192.0.2.1\n", "", NULL, "x.w.example.com.", "1",
         0},
        {"www 0 A - simple -> outside.test.\n", "", NULL, NULL, "-", 0},
        {"www 0 A - simple -> known.test.\n", "", NULL, NULL, "77", 0},
        {"www 0 A - simple -> known.sub\nsub 60 NS - simple = ns.test.\n", "", NULL, NULL, "78", 0},
        {"www 0 A - simple -> known.sub\n", "", NULL, NULL, "-", 0},
        {"www 60 CNAME a weighted weight=1 check=1 = x\nwww 60 CNAME b weighted weight=1 check=2 = "
         "y\nx 60 A - simple = 192.0.2.1\ny 60 A - simple = 192.0.2.2\n",
         "", NULL, NULL, "1|2", 0},
        {"www 60 CNAME a weighted weight=1 check=1 = x\nwww 60 CNAME b weighted weight=1 check=2 = "
         "y\nx 60 A - simple = 192.0.2.1\ny 60 A - simple = 192.0.2.2\n",
         "1", NULL, NULL, "2", 0},
        {"www 60 CNAME a geo place=EU closed = x\nx 60 A - simple = 192.0.2.1\n", "", "20.1.1.0/24",
         NULL, "-", 16},
        {"www 60 CNAME a multi check=1 = x\nx 60 A - simple = 192.0.2.1\n", "", NULL, NULL, "1", 0},
        {"www 60 CNAME a geo place=EU = x\nx 60 A b cidr cidr=7/b = 192.0.2.1\n", "", "10.1.2.0/24",
         NULL, "1", 24}, /* the scope of both */
        {"www 60 A a weighted weight=1 = 192.0.2.1\nwww 60 A b weighted weight=1 = 192.0.2.2\n"
         "www 60 TXT - simple = t\n",
         "", NULL, "ANY www.example.com.", "1|2", 0},
    };
    TELL(stories);
}

/* ---- circles and limits ---- */

static void test_loops_fail_unless_there_is_another_way(void **state)
{
    (void)state;
    static const struct story stories[] = {
        {"www 0 A - simple -> www\n", "", NULL, NULL, "code 2", 0},
        {"www 0 A - simple => www\n", "", NULL, NULL, "code 2", 0},
        {"www 0 A a weighted weight=1 => b\nb 0 A c weighted weight=1 => www\n", "", NULL, NULL,
         "code 2", 0},
        {"www 0 A a failover => b\nwww 60 A z failover secondary = 192.0.2.1\n"
         "b 0 A c weighted weight=1 => www\n",
         "", NULL, NULL, "1", 0},
        {"www 60 A a weighted weight=1 check=1 fallback=b = 192.0.2.1\nb 0 A - simple -> www\n",
         "1", NULL, NULL, "code 2", 0},
        {"www 60 A a weighted weight=1 check=1 fallback=b = 192.0.2.1\nb 0 A - simple -> www\n", "",
         NULL, NULL, "1", 0},
    };
    TELL(stories);
}

/* A chain of @count groups; the last has records. */
static char *make_chain(unsigned count, const char *arrow)
{
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (unsigned i = 0; i + 1 < count; i++) {
        fprintf(out, i == 0 ? "www" : "n%u", i);
        fprintf(out, " 0 A a weighted weight=1 %s n%u\n", arrow, i + 1);
    }
    fprintf(out, "n%u 60 A a weighted weight=1 = 192.0.2.1\n", count - 1);
    fclose(out);
    return text;
}

static void test_depth_of_16_groups_is_the_end(void **state)
{
    (void)state;
    for (unsigned count = 15; count <= 18; count++)
        for (unsigned kind = 0; kind < 2; kind++) {
            char *text = make_chain(count, kind == 0 ? "=>" : "->");
            const struct story story = {text, "", NULL, NULL, count <= 16 ? "1" : "code 2", 0};
            tell(&story);
            free(text);
        }
}

/* Two aliases a level to the same target: 2^depth ways, none of which is healthy. */
static void test_breadth_is_bounded(void **state)
{
    (void)state;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    for (unsigned i = 0; i < 12; i++)
        for (unsigned k = 0; k < 2; k++) {
            fprintf(out, i == 0 ? "www" : "n%u", i);
            fprintf(out, " 0 A %u failover%s => n%u\n", k, k == 1 ? " secondary" : "", i + 1);
        }
    fprintf(out, "n12 60 A a weighted weight=1 check=1 = 192.0.2.1\n");
    fclose(out);
    const struct story down = {text, "1", NULL, NULL, "code 2", 0};
    const struct story up = {text, "", NULL, NULL, "1", 0};
    tell(&down);
    tell(&up);
    free(text);
}

/* ---- answers as one set ---- */

static void ask_whole(const char *name, uint16_t type, uint64_t draw, const char *expected)
{
    const struct query_env env = {.client = (const struct sockaddr *)&sender, .draw = draw};
    const struct ask ask = {.name = name, .type = type, .edns_size = 1232, .env = &env};
    test_exchange_expect(&ask, QUERY_ANSWERED, expected);
}

static void test_answer_several_sets_have_the_least_ttl(void **state)
{
    (void)state;
    const struct story story = {MULTI(""), "2", NULL, NULL, NULL, 0};
    unsigned seen = 0;
    set_up_story(&story);
    for (uint64_t draw = 0; draw < DRAWS; draw++) {
        const struct query_env env = {.draw = draw};
        const struct ask ask = {.name = "www.example.com.", .type = DNS_TYPE_A, .env = &env};
        enum query_outcome outcome;
        knot_pkt_t *packet = test_exchange_ask(&ask, &outcome);
        char *text = test_exchange_render(packet);
        static const char *const orders[] = {
            "NOERROR aa\nAN www.example.com. 30 A 192.0.2.1\nAN www.example.com. 30 A 192.0.2.3\n",
            "NOERROR aa\nAN www.example.com. 30 A 192.0.2.3\nAN www.example.com. 30 A 192.0.2.1\n"};
        assert_true(strcmp(text, orders[0]) == 0 || strcmp(text, orders[1]) == 0);
        seen |= 1u << (strcmp(text, orders[1]) == 0);
        free(text);
        knot_pkt_free(packet);
    }
    assert_int_equal(seen, 3);
}

static void test_answer_alias_stands_under_the_name_asked(void **state)
{
    (void)state;
    const struct story story = {"WWW 0 A - simple -> x\nx 77 A - simple = 192.0.2.1\n"
                                "www 0 MX - simple -> m\nm 60 MX a multi = 1 x\n"
                                "m 50 MX b multi = 1 x\nnone 0 A - simple -> y\n",
                                "",
                                NULL,
                                NULL,
                                NULL,
                                0};
    set_up_story(&story);
    ask_whole("wWw.example.com.", DNS_TYPE_A, 0,
              "NOERROR aa\nAN wWw.example.com. 77 A 192.0.2.1\n");
    ask_whole("www.example.com.", DNS_TYPE_AAAA, 0,
              "NOERROR aa\nAU example.com. 60 SOA ns.example.com. host.example.com. 1 7200 900 "
              "1209600 60\n");
    ask_whole("none.example.com.", DNS_TYPE_A, 0,
              "NOERROR aa\nAU example.com. 60 SOA ns.example.com. host.example.com. 1 7200 900 "
              "1209600 60\n");
    ask_whole("www.example.com.", DNS_TYPE_MX, 0,
              "NOERROR aa\nAN www.example.com. 50 MX 1 x.example.com.\n"
              "AD x.example.com. 77 A 192.0.2.1\n");
}

static void test_additional_and_glue_come_from_groups_too(void **state)
{
    (void)state;
    const struct story story = {"mail 60 A a failover check=1 = 192.0.2.1\n"
                                "mail 60 A b failover secondary = 192.0.2.2\n"
                                "www 60 MX - simple = 1 mail\nwww 60 TXT - simple = t\n"
                                "sub 60 NS - simple = ns.sub\n"
                                "ns.sub 60 A - simple check=2 = 192.0.2.3\n"
                                "bad 60 MX - simple = 1 loop\nloop 0 A - simple -> loop\n",
                                "1 2",
                                NULL,
                                NULL,
                                NULL,
                                0};
    const struct ask below = {.name = "x.sub.example.com.", .type = DNS_TYPE_A};
    set_up_story(&story);
    ask_whole("www.example.com.", DNS_TYPE_MX, 0,
              "NOERROR aa\nAN www.example.com. 60 MX 1 mail.example.com.\n"
              "AD mail.example.com. 60 A 192.0.2.2\n");
    ask_whole("bad.example.com.", DNS_TYPE_MX, 0,
              "NOERROR aa\nAN bad.example.com. 60 MX 1 loop.example.com.\n");
    test_exchange_expect(&below, QUERY_REFERRED,
                         "NOERROR\nAU sub.example.com. 60 NS ns.sub.example.com.\n"
                         "AD ns.sub.example.com. 60 A 192.0.2.3\n");
}

/* What does not fit is not cut into: TC, and all of it by TCP. */
static void test_answer_several_sets_that_do_not_fit(void **state)
{
    (void)state;
    char *text;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    for (unsigned i = 0; i < 8; i++) {
        fprintf(out, "www 60 A %u multi = 192.0.2.%u", i, i);
        for (unsigned k = 1; k < 24; k++)
            fprintf(out, "; 192.0.%u.%u", 3 + i % 4, i + k); /* some are in several sets */
        fprintf(out, "\n");
    }
    fclose(out);
    const struct story story = {text, "", NULL, NULL, NULL, 0};
    set_up_story(&story);
    struct ask ask = {.name = "www.example.com.", .type = DNS_TYPE_A, .edns_size = 1232};
    enum query_outcome outcome;
    test_exchange_expect(&ask, QUERY_ANSWERED, "NOERROR aa tc\n");
    ask.proto = QUERY_TCP;
    knot_pkt_t *packet = test_exchange_ask(&ask, &outcome);
    const knot_pktsection_t *answer = knot_pkt_section(packet, KNOT_ANSWER);
    assert_int_equal(answer->count, 8 + 4 * (23 + 4)); /* what two have counts once */
    knot_pkt_free(packet);
    free(text);
}

static void put_external(const char *name_text, uint8_t last_octet)
{
    uint8_t name[DNS_NAME_MAX];
    const uint8_t address[] = {192, 0, 2, last_octet};
    const struct zone_rdata data = {address, sizeof address};
    assert_true(dns_name_parse(name_text, NULL, name) > 0);
    const struct zone_record_set set = {
        .name = name, .type = DNS_TYPE_A, .ttl_s = 60, .rdata_count = 1, .rdatas = &data};
    assert_int_equal(zone_change_external_put(test_exchange_publisher, &set), 0);
    test_route_publish(test_exchange_publisher);
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    test_world_put(test_exchange_publisher);
    put_external("known.test.", 77);
    put_external("known.sub.example.com.", 78);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_simple_health_does_not_matter),
        cmocka_unit_test(test_weighted_by_health_and_weight),
        cmocka_unit_test(test_sticky_depends_on_the_prefix_alone),
        cmocka_unit_test(test_failover_by_health),
        cmocka_unit_test(test_multivalue_all_that_are_healthy),
        cmocka_unit_test(test_geolocation_most_specific_first),
        cmocka_unit_test(test_latency_least_time_first),
        cmocka_unit_test(test_latency_equal_times_keep_to_the_prefix),
        cmocka_unit_test(test_geoproximity_nearest_with_bias),
        cmocka_unit_test(test_ip_based_longest_block_that_is_known_whole),
        cmocka_unit_test(test_tree_worked_example),
        cmocka_unit_test(test_tree_alias_health_is_its_own_and_its_targets),
        cmocka_unit_test(test_tree_rules_of_groups_below),
        cmocka_unit_test(test_tree_several_answers_but_for_an_alias_without),
        cmocka_unit_test(test_tree_targets_of_all_kinds),
        cmocka_unit_test(test_loops_fail_unless_there_is_another_way),
        cmocka_unit_test(test_depth_of_16_groups_is_the_end),
        cmocka_unit_test(test_breadth_is_bounded),
        cmocka_unit_test(test_answer_several_sets_have_the_least_ttl),
        cmocka_unit_test(test_answer_alias_stands_under_the_name_asked),
        cmocka_unit_test(test_additional_and_glue_come_from_groups_too),
        cmocka_unit_test(test_answer_several_sets_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
