/* Batches of UDP requests without a socket. links: net test_image test_route */
#include "net/batch.h"

#include "base/ring.h"
#include "dns/answer.h"
#include "dns/type.h"
#include "dnstap/record.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "net/counters.h"
#include "net/net.h"
#include "policy/policy.h"
#include "zone/image.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { QUERY_COUNT = 8 };

static const uint8_t query[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1n\4test\0\0\1\0\1";
static uint8_t replies[QUERY_COUNT][DNS_UDP_SIZE_MAX];

static void prepare(struct net_batch *batch)
{
    static const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = {0x010200c0}};
    for (unsigned i = 0; i < QUERY_COUNT; i++) {
        net_batch_set_reply(batch, i, replies[i], sizeof replies[i]);
        net_batch_set(batch, i, (const struct sockaddr *)&client, query, sizeof query - 1);
    }
}

static void answer(struct net_batch *batch)
{
    prepare(batch);
    net_batch_answer(batch, QUERY_COUNT);
}

static void test_batch_answer_limited_counts_replies_that_are_sent(void **state)
{
    static struct net_batch batch;
    static struct net_cells cells;
    struct zone_publisher *publisher = test_image_new();
    struct net_counters counters = {0};
    struct rrl_options limits;
    struct net_env env;
    (void)state;
    test_image_serve(publisher, "test.", "@ 60 SOA n h 1 2 3 4 5\n@ 60 NS n\nn 60 A 192.0.2.1\n");
    rrl_options_default(&limits);
    limits.rates_s[RRL_ANSWER] = 1; /* one goes out, every other of the rest truncated */
    const struct net_options options = {.publisher = publisher, .rrl = &limits};
    assert_int_equal(net_env_init(&env, &options), 0);
    assert_int_equal(net_batch_init(&batch, &env, &cells), 0);
    zone_reader_register();
    answer(&batch);
    net_cells_sum(&cells, &counters);
    unsigned sent = 0;
    for (unsigned i = 0; i < QUERY_COUNT; i++)
        sent += net_batch_reply_len(&batch, i) > 0;
    assert_int_equal(counters.events[NET_RRL_DROPPED], QUERY_COUNT - sent);
    assert_in_range(counters.events[NET_RRL_DROPPED], 3, 4);
    assert_int_equal(counters.rcodes[DNS_RCODE_NOERROR], sent);
    assert_int_equal(counters.events[NET_UDP_TRUNCATED], sent - 1);
    assert_int_equal(counters.outcomes[QUERY_ANSWERED], QUERY_COUNT);
    zone_reader_unregister();
    net_batch_fini(&batch);
    net_env_fini(&env);
    test_image_free(publisher);
}

static void assert_record(const struct dnstap_record *record, const struct net_batch *batch,
                          unsigned index)
{
    assert_int_equal(record->query_len, sizeof query - 1);
    assert_memory_equal(record->octets, query, sizeof query - 1);
    assert_int_equal(record->response_len, net_batch_reply_len(batch, index));
    assert_memory_equal(record->octets + record->query_len, replies[index], record->response_len);
    assert_int_equal(record->client.address_len, 4);
    assert_memory_equal(record->client.address, "\xc0\0\2\1", 4);
    assert_int_equal(record->server.port, index);
    assert_int_equal(record->is_cut, index == 2);
    assert_true(record->query_wall_ns > 0 && record->query_wall_ns <= record->response_wall_ns);
}

/* The tap has every query, and the reply as it goes out after the limiter, if one does; what is no
 * query is not there. */
static void test_batch_answer_tapped_tells_what_came_and_went(void **state)
{
    static struct net_batch batch;
    static struct net_cells cells;
    static const _Atomic bool heard = true;
    static struct sockaddr_in servers[QUERY_COUNT];
    struct net_tapped tapped[QUERY_COUNT];
    struct zone_publisher *publisher = test_image_new();
    struct ring *ring = ring_new(1 << 16);
    struct dnstap_tap tap = {.ring = ring, .is_heard = &heard, .sample = 1, .left = 1};
    struct rrl_options limits;
    struct net_env env;
    (void)state;
    test_image_serve(publisher, "test.", "@ 60 SOA n h 1 2 3 4 5\n@ 60 NS n\nn 60 A 192.0.2.1\n");
    rrl_options_default(&limits);
    limits.rates_s[RRL_ANSWER] = 1;
    const struct net_options options = {.publisher = publisher, .rrl = &limits};
    assert_int_equal(net_env_init(&env, &options), 0);
    assert_int_equal(net_batch_init(&batch, &env, &cells), 0);
    batch.tap = &tap;
    zone_reader_register();
    prepare(&batch);
    for (unsigned i = 0; i < QUERY_COUNT; i++) {
        servers[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)i)};
        tapped[i] = (struct net_tapped){(const struct sockaddr *)&servers[i], i == 2};
    }
    batch.items[1].request_len = 11; /* shorter than a header */
    net_batch_answer_tapped(&batch, QUERY_COUNT, tapped);
    for (unsigned i = 0; i < QUERY_COUNT; i++) {
        size_t len;
        if (i == 1)
            continue;
        const struct dnstap_record *record = ring_front(ring, &len);
        assert_non_null(record);
        assert_record(record, &batch, i);
        ring_pop(ring);
    }
    assert_int_equal(ring_dropped(ring), 0);
    zone_reader_unregister();
    batch.tap = NULL;
    net_batch_fini(&batch);
    net_env_fini(&env);
    ring_free(ring);
    test_image_free(publisher);
}

/* Every query is counted once by type and reply, once by zone and result, and, where there is a
 * policy, once by what it made of it. */
static void test_batch_answer_counts_type_zone_and_policy(void **state)
{
    static struct net_batch batch;
    static struct net_cells cells;
    static struct net_zone_counters zones;
    struct zone_publisher *publisher = test_image_new();
    struct net_counters counters = {0};
    struct net_env env;
    static const uint8_t unknown[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1x\3com\0\0\1\0\1";
    static const uint8_t missing[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1x\4test\0\0\x1c\0\1";
    static const uint8_t routed[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1w\4test\0\0\1\0\1";
    static const uint8_t reply[] = "\0\7\x80\0\0\1\0\0\0\0\0\0\1w\4test\0\0\1\0\1";
    static const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = {0x010200c0}};
    (void)state;
    test_image_serve(publisher, "test.", "@ 60 SOA n h 1 2 3 4 5\n@ 60 NS n\nn 60 A 192.0.2.1\n");
    test_route_put(publisher, "test.", "w 60 A a weighted weight=1 = 192.0.2.1\n");
    test_route_publish(publisher);
    const struct net_options options = {.publisher = publisher};
    const uint8_t *const requests[] = {query, unknown, missing, routed, reply};
    const uint16_t lens[] = {sizeof query - 1, sizeof unknown - 1, sizeof missing - 1,
                             sizeof routed - 1, sizeof reply - 1};
    assert_int_equal(net_env_init(&env, &options), 0);
    assert_int_equal(net_batch_init(&batch, &env, &cells), 0);
    zone_reader_register();
    for (unsigned i = 0; i < 5; i++) {
        net_batch_set_reply(&batch, i, replies[i], sizeof replies[i]);
        net_batch_set(&batch, i, (const struct sockaddr *)&client, requests[i], lens[i]);
    }
    net_batch_answer(&batch, 5);
    net_cells_sum(&cells, &counters);
    net_cells_sum_zones(&cells, &zones);
    const unsigned a = net_type_table[DNS_TYPE_A], aaaa = net_type_table[DNS_TYPE_AAAA];
    assert_string_equal(net_type_name(a), "A");
    assert_string_equal(net_type_name(net_type_table[0]), "none");
    assert_int_equal(counters.replies[a][DNS_RCODE_NOERROR], 2);
    assert_int_equal(counters.replies[a][DNS_RCODE_REFUSED], 1);
    assert_int_equal(counters.replies[aaaa][DNS_RCODE_NXDOMAIN], 1);
    assert_int_equal(counters.replies[net_type_table[0]][NET_REPLY_NONE], 1);
    assert_int_equal(counters.rcodes[DNS_RCODE_NOERROR], 2);
    assert_int_equal(counters.outcomes[QUERY_ANSWERED], 3);
    assert_int_equal(counters.outcomes[QUERY_REJECTED], 1);
    assert_int_equal(counters.outcomes[QUERY_DROPPED], 1);
    assert_int_equal(zones.results[0][NET_RESULT_NXDOMAIN], 1);
    assert_int_equal(zones.results[0][NET_RESULT_ANSWERED], 2);
    assert_int_equal(counters.routed[POLICY_WEIGHTED][QUERY_ROUTED_HEALTHY], 1);
    assert_int_equal(counters.batches, 1);
    assert_true(counters.batch_time.sum_ns > 0); /* the first is timed */
    zone_reader_unregister();
    net_batch_fini(&batch);
    net_env_fini(&env);
    test_image_free(publisher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batch_answer_limited_counts_replies_that_are_sent),
        cmocka_unit_test(test_batch_answer_tapped_tells_what_came_and_went),
        cmocka_unit_test(test_batch_answer_counts_type_zone_and_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
