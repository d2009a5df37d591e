/* links: test_net raft_io raft_core
 * The NNG transport where the way is slow: a relay holds back every octet for a while. */
#include "raft/io/transport_nng.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/test_net.h"
#include "raft/io/transport_internal.h"

/* TLS 1.2 goes there and back twice: longer than the silence after which a link is dialled anew. */
#define DELAY_MS 1000
#define WAIT_MS 25000

static uv_loop_t loop;

/* ---- the relay ---- */

struct side {
    uv_tcp_t tcp;
    struct pair *pair;
    struct side *other;
};

struct pair {
    struct relay *relay;
    struct side near, far;
    uv_connect_t connect;
    unsigned open, held; /* handles; pieces under way */
    unsigned number;     /* of the relay's connections, from 1 */
    bool is_closing;
};

struct relay {
    uv_tcp_t listener;
    struct sockaddr_in to;
    char address[64];
    uint64_t delay_ms;
    unsigned accepted, swallowed_up_to; /* the first so many connections are */
};

struct piece {
    uv_timer_t timer;
    uv_write_t write;
    struct side *to;
    size_t len; /* 0: the end */
    char octets[];
};

static void free_if_done(struct pair *pair)
{
    if (pair->open == 0 && pair->held == 0)
        free(pair);
}

static void on_side_closed(uv_handle_t *handle)
{
    struct side *side = handle->data;

    side->pair->open--;
    free_if_done(side->pair);
}

static void pair_close(struct pair *pair)
{
    if (pair->is_closing)
        return;
    pair->is_closing = true;
    uv_close((uv_handle_t *)&pair->near.tcp, on_side_closed);
    uv_close((uv_handle_t *)&pair->far.tcp, on_side_closed);
}

static void on_piece_closed(uv_handle_t *handle)
{
    struct piece *piece = handle->data;
    struct pair *pair = piece->to->pair;

    free(piece);
    pair->held--;
    free_if_done(pair);
}

static void on_written(uv_write_t *write, int status)
{
    struct piece *piece = write->data;

    (void)status;
    uv_close((uv_handle_t *)&piece->timer, on_piece_closed);
}

static void on_due(uv_timer_t *timer)
{
    struct piece *piece = timer->data;
    uv_buf_t octets = uv_buf_init(piece->octets, (unsigned)piece->len);

    if (piece->len == 0)
        pair_close(piece->to->pair);
    if (piece->to->pair->is_closing ||
        uv_write(&piece->write, (uv_stream_t *)&piece->to->tcp, &octets, 1, on_written) != 0)
        uv_close((uv_handle_t *)timer, on_piece_closed);
}

static void hold_back(struct side *from, const char *octets, size_t len)
{
    struct piece *piece = calloc(1, sizeof(*piece) + len);

    assert_non_null(piece);
    if (len > 0)
        memcpy(piece->octets, octets, len);
    piece->len = len;
    piece->to = from->other;
    piece->timer.data = piece->write.data = piece;
    from->pair->held++;
    (void)uv_timer_init(&loop, &piece->timer);
    (void)uv_timer_start(&piece->timer, on_due, from->pair->relay->delay_ms, 0);
}

static void on_space(uv_handle_t *handle, size_t wanted, uv_buf_t *out)
{
    static char space[65536];

    (void)handle;
    (void)wanted;
    *out = uv_buf_init(space, sizeof(space));
}

static void on_octets(uv_stream_t *stream, ssize_t len, const uv_buf_t *octets)
{
    struct side *side = stream->data;

    if (len == 0 || (len > 0 && side == &side->pair->near &&
                     side->pair->number <= side->pair->relay->swallowed_up_to))
        return;
    if (len < 0)
        (void)uv_read_stop(stream);
    hold_back(side, octets->base, len < 0 ? 0 : (size_t)len);
}

static void on_far(uv_connect_t *connect, int status)
{
    struct pair *pair = connect->data;

    if (status != 0) {
        pair_close(pair);
        return;
    }
    (void)uv_read_start((uv_stream_t *)&pair->near.tcp, on_space, on_octets);
    (void)uv_read_start((uv_stream_t *)&pair->far.tcp, on_space, on_octets);
}

static void side_init(struct pair *pair, struct side *side, struct side *other)
{
    side->pair = pair;
    side->other = other;
    side->tcp.data = side;
    assert_int_equal(uv_tcp_init(&loop, &side->tcp), 0);
    pair->open++;
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->data;
    struct pair *pair = calloc(1, sizeof(*pair));

    assert_int_equal(status, 0);
    assert_non_null(pair);
    side_init(pair, &pair->near, &pair->far);
    side_init(pair, &pair->far, &pair->near);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&pair->near.tcp), 0);
    pair->connect.data = pair;
    pair->relay = relay;
    pair->number = ++relay->accepted;
    assert_int_equal(
        uv_tcp_connect(&pair->connect, &pair->far.tcp, (const struct sockaddr *)&relay->to, on_far),
        0);
}

static void relay_open(struct relay *relay, uint16_t port, uint64_t delay_ms)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof(here);

    relay->to = here;
    relay->to.sin_port = htons(port);
    relay->delay_ms = delay_ms;
    relay->listener.data = relay;
    assert_int_equal(uv_tcp_init(&loop, &relay->listener), 0);
    assert_int_equal(uv_tcp_bind(&relay->listener, (const struct sockaddr *)&here, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&relay->listener, 16, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&here, &len), 0);
    (void)snprintf(relay->address, sizeof(relay->address), "127.0.0.1:%u", ntohs(here.sin_port));
}

/* ---- the nodes ---- */

struct node {
    struct test_cert cert;
    struct transport_nng *nng;
    bool is_closed;
};

static void node_open(struct node *node, struct test_ca *ca, raft_id id)
{
    struct transport_handler handler = test_quiet_handler(node);

    node->cert = test_cert_new_member(ca, id);
    struct transport_nng_options options = {.loop = &loop,
                                            .keys = test_keys(id),
                                            .tls = test_tls(ca, &node->cert),
                                            .listen = "127.0.0.1:0",
                                            .advertise = "127.0.0.1:1"};
    assert_int_equal(transport_nng_open(&options, &handler, &node->nng), 0);
}

static void introduce(struct node *node, raft_id id, const char *address)
{
    struct transport transport = transport_nng_as_transport(node->nng);
    struct transport_member member = {.id = id};

    (void)snprintf(member.address, sizeof(member.address), "%s", address);
    assert_int_equal(transport.ops->set_members(transport.self, &member, 1), 0);
}

static void on_closed(void *user)
{
    ((struct node *)user)->is_closed = true;
}

static bool is_closed(void *user)
{
    return ((struct node *)user)->is_closed;
}

static void node_close(struct node *node)
{
    transport_nng_close(node->nng, on_closed, node);
    assert_true(test_run_until(&loop, is_closed, node, 10000));
    test_cert_free(&node->cert);
}

static struct transport_counters counters_of(const struct node *node)
{
    struct transport_counters counters;

    transport_nng_counters(node->nng, &counters);
    return counters;
}

static bool hears_each_other(void *user)
{
    const struct node *nodes = user;

    return counters_of(&nodes[0]).received_frames > 0 && counters_of(&nodes[1]).received_frames > 0;
}

static void introduce_both(struct node *nodes, const struct relay *relays)
{
    introduce(&nodes[0], 2, relays[1].address);
    introduce(&nodes[1], 1, relays[0].address);
    assert_true(test_run_until(&loop, hears_each_other, nodes, WAIT_MS));
}

static void open_both(struct test_ca *ca, struct node *nodes, struct relay *relays,
                      uint64_t delay_ms)
{
    for (unsigned i = 0; i < 2; i++) {
        node_open(&nodes[i], ca, i + 1);
        relay_open(&relays[i], transport_nng_port(nodes[i].nng), delay_ms);
    }
    introduce_both(nodes, relays);
}

static void close_both(struct node *nodes, struct relay *relays)
{
    for (unsigned i = 0; i < 2; i++) {
        node_close(&nodes[i]);
        uv_close((uv_handle_t *)&relays[i].listener, NULL);
    }
    test_run_for(&loop, 100 + 2 * (uint32_t)relays->delay_ms); /* the end goes through them, too */
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
}

/* ---- the tests ---- */

/* Nobody but a member may hold a connection for longer than a greeting takes. */
static void test_mute_connection_is_hung_up(void **state)
{
    struct test_ca *ca = test_ca_new();
    struct node node = {0};
    char octet;

    (void)state;
    node_open(&node, ca, 1);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(transport_nng_port(node.nng)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    test_run_for(&loop, TRANSPORT__GREETING_MS / 2);
    assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), -1);
    test_run_for(&loop, TRANSPORT__GREETING_MS / 2 + 1500);
    assert_int_equal(recv(fd, &octet, 1, MSG_DONTWAIT), 0);
    close(fd);
    node_close(&node);
    test_run_for(&loop, 100);
    assert_int_equal(uv_loop_close(&loop), 0);
    assert_int_equal(uv_loop_init(&loop), 0);
    test_ca_free(ca);
}

/* A busy machine is slow, too: what takes longer than patience lasts must not begin again for ever.
 */
static void test_slow_handshake_comes_through(void **state)
{
    struct test_ca *ca = test_ca_new();
    struct node nodes[2] = {0};
    struct relay relays[2] = {0};

    (void)state;
    open_both(ca, nodes, relays, DELAY_MS);
    struct transport_counters before[2] = {counters_of(&nodes[0]), counters_of(&nodes[1])};
    test_run_for(&loop, 2 * TRANSPORT_SILENCE_MS); /* and what came up stays */
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(counters_of(&nodes[i]).redials, before[i].redials);
        assert_int_equal(counters_of(&nodes[i]).relistens, 0);
        assert_true(relays[i].accepted <= 4);
    }
    close_both(nodes, relays);
    test_ca_free(ca);
}

struct awaited {
    const struct node *node;
    uint64_t frames;
};

static bool hears_more(void *user)
{
    const struct awaited *awaited = user;

    return counters_of(awaited->node).received_frames > awaited->frames;
}

static bool has_relisten(void *user)
{
    return counters_of(user).relistens > 0;
}

/* Nothing of the first node comes through any more, and only the second can know: the first goes on
 * hearing it, and its sends go well. */
static void test_deaf_end_is_dialled_anew(void **state)
{
    struct test_ca *ca = test_ca_new();
    struct node nodes[2] = {0};
    struct relay relays[2] = {0};

    (void)state;
    open_both(ca, nodes, relays, 1);
    relays[1].swallowed_up_to = relays[1].accepted;
    test_run_for(&loop, 500); /* what was under way arrives */
    struct awaited awaited = {&nodes[1], counters_of(&nodes[1]).received_frames};
    uint64_t heard = counters_of(&nodes[0]).received_frames;
    assert_true(test_run_until(&loop, hears_more, &awaited, WAIT_MS));
    assert_true(counters_of(&nodes[0]).received_frames > heard);
    assert_int_equal(counters_of(&nodes[0]).redials, 1);
    assert_int_equal(counters_of(&nodes[1]).relistens, 0);
    close_both(nodes, relays);
    test_ca_free(ca);
}

/* New connections do not help, and the port hears its own probe: it is opened anew all the same,
 * for the other one is there. */
static void test_port_that_shuts_a_member_out_is_opened_anew(void **state)
{
    struct test_ca *ca = test_ca_new();
    struct node nodes[2] = {0};
    struct relay relays[2] = {0};

    (void)state;
    open_both(ca, nodes, relays, 1);
    relays[1].swallowed_up_to = UINT32_MAX;
    assert_true(test_run_until(&loop, has_relisten, &nodes[1], WAIT_MS));
    relays[1].swallowed_up_to = 0;
    struct awaited awaited = {&nodes[1], counters_of(&nodes[1]).received_frames};
    assert_true(test_run_until(&loop, hears_more, &awaited, WAIT_MS));
    assert_int_equal(counters_of(&nodes[1]).relistens, 1);
    close_both(nodes, relays);
    test_ca_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mute_connection_is_hung_up),
        cmocka_unit_test(test_deaf_end_is_dialled_anew),
        cmocka_unit_test(test_port_that_shuts_a_member_out_is_opened_anew),
        cmocka_unit_test(test_slow_handshake_comes_through)};

    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR || uv_loop_init(&loop) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed != 0 ? failed : uv_loop_close(&loop);
}
