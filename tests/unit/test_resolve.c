/* Names resolved through a DNS server on loopback that runs in this process, on the same loop.
 * links: resolve zone dns base */
#include "resolve/resolve.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "zone/record_set.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <uv.h>

static const uint8_t name[] = "\1a\7example";

struct bench {
    uv_loop_t loop;
    uv_udp_t server;
    uv_timer_t limit;
    struct resolve *resolve;
    char servers[64];
    /* the server's */
    unsigned asked;
    uint8_t rcode;
    bool is_silent, is_negative;
    uint8_t last_octet;
    uint32_t ttl_s;
    /* told */
    unsigned changes, count;
    uint32_t told_ttl_s;
    uint8_t told[4];
    bool is_late, is_closed;
};

static void give_room(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    static char room[65536];

    (void)handle;
    (void)wanted;
    *out = uv_buf_init(room, sizeof room);
}

static void on_question(uv_udp_t *server, ssize_t len, const uv_buf_t *buf,
                        const struct sockaddr *from, unsigned flags)
{
    struct bench *bench = server->data;
    uint8_t reply[512] = {0};
    size_t end = (size_t)len;

    (void)flags;
    if (len <= 0)
        return;
    bench->asked++;
    if (bench->is_silent)
        return;
    memcpy(reply, buf->base, end);
    dns_wire_put16(reply + 2, (uint16_t)(DNS_FLAG_QR | DNS_FLAG_RA | bench->rcode));
    if (bench->is_negative) {
        dns_wire_put16(reply + 2, DNS_FLAG_QR | DNS_FLAG_AA | DNS_RCODE_NXDOMAIN);
    } else if (bench->rcode == 0) {
        const uint8_t record[] = {0xc0, 12,
                                  0,    1,
                                  0,    1,
                                  0,    0,
                                  0,    (uint8_t)bench->ttl_s,
                                  0,    4,
                                  192,  0,
                                  2,    bench->last_octet};
        memcpy(reply + end, record, sizeof record);
        end += sizeof record;
        dns_wire_put16(reply + 6, 1);
    }
    uv_buf_t out = uv_buf_init((char *)reply, (unsigned)end);
    uv_udp_try_send(server, &out, 1, from);
}

static void on_changed(void *user, const struct zone_record_set *set)
{
    struct bench *bench = user;

    bench->changes++;
    bench->count = set->rdata_count;
    bench->told_ttl_s = set->ttl_s;
    if (set->rdata_count > 0)
        memcpy(bench->told, set->rdatas[0].data, 4);
}

static void on_limit(uv_timer_t *timer)
{
    ((struct bench *)timer->data)->is_late = true;
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct sockaddr_in address;
    int len = sizeof address;

    assert_non_null(bench);
    uv_loop_init(&bench->loop);
    uv_udp_init(&bench->loop, &bench->server);
    uv_timer_init(&bench->loop, &bench->limit);
    bench->server.data = bench->limit.data = bench;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_udp_bind(&bench->server, (struct sockaddr *)&address, 0), 0);
    uv_udp_getsockname(&bench->server, (struct sockaddr *)&address, &len);
    uv_udp_recv_start(&bench->server, give_room, on_question);
    snprintf(bench->servers, sizeof bench->servers, "127.0.0.1:%u", ntohs(address.sin_port));
    bench->last_octet = 1;
    bench->ttl_s = 60;
    struct resolve_options options = {.loop = &bench->loop,
                                      .servers = bench->servers,
                                      .ttl_floor_s = 1,
                                      .changed = on_changed,
                                      .user = bench};
    assert_int_equal(resolve_open(&options, &bench->resolve), 0);
    *state = bench;
    return 0;
}

static void on_gone(void *user)
{
    ((struct bench *)user)->is_closed = true;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;

    resolve_close(bench->resolve, on_gone, bench);
    uv_close((uv_handle_t *)&bench->server, NULL);
    uv_close((uv_handle_t *)&bench->limit, NULL);
    uv_run(&bench->loop, UV_RUN_DEFAULT);
    assert_true(bench->is_closed);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
    free(bench);
    return 0;
}

/* Run until @changes were told. false: not within @limit_ms. */
static bool run_until(struct bench *bench, unsigned changes, uint64_t limit_ms)
{
    bench->is_late = false;
    uv_update_time(&bench->loop);
    uv_timer_start(&bench->limit, on_limit, limit_ms, 0);
    while (bench->changes < changes && !bench->is_late)
        uv_run(&bench->loop, UV_RUN_ONCE);
    uv_timer_stop(&bench->limit);
    return bench->changes >= changes;
}

static void test_open_refuses_what_is_no_server(void **state)
{
    struct bench *bench = *state;
    struct resolve *none = NULL;
    struct resolve_options options = {.loop = &bench->loop, .servers = "nowhere:53"};

    assert_int_equal(resolve_open(&options, &none), ERR_INVALID);
    options = (struct resolve_options){.loop = &bench->loop, .ttl_floor_s = 400};
    assert_int_equal(resolve_open(&options, &none), ERR_INVALID);
    assert_null(none);
}

static void test_add_tells_the_answer_and_follows_it(void **state)
{
    struct bench *bench = *state;
    struct resolve_target target;

    assert_int_equal(resolve_add(bench->resolve, name, DNS_TYPE_MX), ERR_INVALID);
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), ERR_NOT_FOUND);
    bench->ttl_s = 1;
    assert_int_equal(resolve_add(bench->resolve, name, DNS_TYPE_A), 0);
    assert_int_equal(resolve_add(bench->resolve, name, DNS_TYPE_A), ERR_EXISTS);
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_RESOLVING);
    assert_true(run_until(bench, 1, 10000));
    assert_int_equal(bench->count, 1);
    assert_memory_equal(bench->told, ((uint8_t[]){192, 0, 2, 1}), 4);
    assert_int_equal(bench->told_ttl_s, 1);
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_GOOD);
    assert_int_equal(target.address_count, 1);
    assert_true(target.next_wall_ms > target.resolved_wall_ms);

    bench->last_octet = 9;
    assert_true(run_until(bench, 2, 10000));
    assert_int_equal(bench->told[3], 9);

    bench->is_negative = true;
    assert_true(run_until(bench, 3, 10000));
    assert_int_equal(bench->count, 0);
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_GOOD);
    assert_int_equal(target.address_count, 0);
}

static void test_refusals_keep_the_answer_and_make_it_stale(void **state)
{
    struct bench *bench = *state;
    struct resolve_target target;

    bench->ttl_s = 1;
    assert_int_equal(resolve_add(bench->resolve, name, DNS_TYPE_A), 0);
    assert_true(run_until(bench, 1, 10000));
    bench->rcode = DNS_RCODE_SERVFAIL;
    assert_false(run_until(bench, 2, 3000));
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_STALE);
    assert_int_equal(target.address_count, 1);
    assert_true(target.problem[0] != '\0');
    bench->rcode = 0;
    bench->last_octet = 3;
    assert_true(run_until(bench, 2, 10000));
    assert_int_equal(bench->told[3], 3);
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_GOOD);
}

static void test_no_answer_ever_is_failed(void **state)
{
    struct bench *bench = *state;
    struct resolve_target target;

    bench->rcode = DNS_RCODE_REFUSED;
    assert_int_equal(resolve_add(bench->resolve, name, DNS_TYPE_A), 0);
    assert_false(run_until(bench, 1, 300));
    assert_int_equal(resolve_get(bench->resolve, name, DNS_TYPE_A, &target), 0);
    assert_int_equal(target.state, RESOLVE_FAILED);
    assert_int_equal(target.address_count, 0);
    assert_int_equal(resolve_remove(bench->resolve, name, DNS_TYPE_A), 0);
    assert_int_equal(resolve_remove(bench->resolve, name, DNS_TYPE_A), ERR_NOT_FOUND);
}

/* A silent server sees no more questions than may be under way; the rest waits. */
static void test_many_are_asked_a_few_at_a_time(void **state)
{
    struct bench *bench = *state;
    uint8_t many[DNS_NAME_MAX];
    char text[32];

    bench->is_silent = true;
    for (unsigned i = 0; i < 500; i++) {
        snprintf(text, sizeof text, "n%u.example.", i);
        dns_name_parse(text, NULL, many);
        assert_int_equal(resolve_add(bench->resolve, many, DNS_TYPE_A), 0);
    }
    assert_false(run_until(bench, 1, 1000));
    assert_int_equal(bench->asked, RESOLVE_ASKING_MAX);
    bench->is_silent = false;
    assert_true(run_until(bench, 500, 20000));
}

static void test_add_beyond_the_bound_is_refused(void **state)
{
    struct bench *bench = *state;
    uint8_t many[DNS_NAME_MAX];
    char text[32];

    for (unsigned i = 0; i <= RESOLVE_TARGETS_MAX; i++) {
        snprintf(text, sizeof text, "n%u.example.", i);
        dns_name_parse(text, NULL, many);
        assert_int_equal(resolve_add(bench->resolve, many, DNS_TYPE_AAAA),
                         i < RESOLVE_TARGETS_MAX ? 0 : ERR_LIMIT);
    }
}

#define RING(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RING(test_open_refuses_what_is_no_server),
        RING(test_add_tells_the_answer_and_follows_it),
        RING(test_refusals_keep_the_answer_and_make_it_stale),
        RING(test_no_answer_ever_is_failed),
        RING(test_many_are_asked_a_few_at_a_time),
        RING(test_add_beyond_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
