/* links: test_net raft_io raft_core
 * The NNG transport over loopback: delivery, and everybody who must be kept out. */
#include "raft/io/transport_nng.h"

#include <arpa/inet.h>
#include <nng/nng.h>
#include <nng/protocol/pipeline0/pull.h>
#include <nng/protocol/pipeline0/push.h>
#include <nng/supplemental/tls/tls.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/test_net.h"
#include "raft/io/nng_socket.h"

#define WAIT_MS 10000

struct node {
    raft_id id;
    struct test_cert cert;
    struct transport_nng *nng;
    struct transport transport;
    char address[64];
    uint32_t messages, apps, unreachables, strangers;
    uint64_t last_round;
    bool is_out_of_order;
    char stranger_address[64];
    bool is_closed;
};

static uv_loop_t loop;
static struct test_ca *ca;

static void on_message(void *user, const struct raft_message *msg)
{
    struct node *node = user;
    assert_int_equal(msg->to, node->id);
    node->is_out_of_order |= node->messages > 0 && msg->round <= node->last_round;
    node->last_round = msg->round;
    node->messages++;
}

static void on_app(void *user, raft_id from, const uint8_t *data, size_t len)
{
    struct node *node = user;
    assert_int_not_equal(from, node->id);
    assert_true(len == 0 || data[0] == 0xaa);
    node->apps++;
}

static void on_unreachable(void *user, raft_id peer)
{
    struct node *node = user;
    assert_int_not_equal(peer, 0);
    node->unreachables++;
}

static void on_stranger(void *user, raft_id from, const char *address)
{
    struct node *node = user;
    assert_int_not_equal(from, node->id);
    (void)snprintf(node->stranger_address, sizeof(node->stranger_address), "%s", address);
    node->strangers++;
}

static int node_open_as(struct node *node, const struct transport_tls *tls, const char *listen,
                        const char *advertise)
{
    struct transport_handler handler = {node,           on_message,  on_app,
                                        on_unreachable, on_stranger, NULL};
    struct transport_nng_options options = {.loop = &loop,
                                            .keys = test_keys(node->id),
                                            .tls = *tls,
                                            .listen = listen,
                                            .advertise = advertise,
                                            .send_frames_max = 256};
    int code = transport_nng_open(&options, &handler, &node->nng);
    if (code != 0)
        return code;
    node->is_closed = false;
    node->transport = transport_nng_as_transport(node->nng);
    (void)snprintf(node->address, sizeof(node->address), "127.0.0.1:%u",
                   transport_nng_port(node->nng));
    return 0;
}

static void node_open(struct node *node, raft_id id)
{
    node->id = id;
    node->cert = test_cert_new_member(ca, id);
    struct transport_tls tls = test_tls(ca, &node->cert);
    assert_int_equal(node_open_as(node, &tls, "127.0.0.1:0", "192.0.2.7:5301"), 0);
}

static void on_closed(void *user)
{
    ((struct node *)user)->is_closed = true;
}

static bool is_closed(void *user)
{
    return ((struct node *)user)->is_closed;
}

static void node_stop(struct node *node)
{
    transport_nng_close(node->nng, on_closed, node);
    assert_true(test_run_until(&loop, is_closed, node, WAIT_MS));
}

static void node_close(struct node *node)
{
    node_stop(node);
    test_cert_free(&node->cert);
}

static void introduce_at(struct node *node, raft_id id, const char *address)
{
    struct transport_member member = {.id = id};
    (void)snprintf(member.address, sizeof(member.address), "%s", address);
    assert_int_equal(node->transport.ops->set_members(node->transport.self, &member, 1), 0);
}

static void introduce(struct node *left, struct node *right)
{
    introduce_at(left, right->id, right->address);
    introduce_at(right, left->id, left->address);
}

static int send_round(struct node *node, raft_id to, uint64_t round)
{
    struct raft_message msg = {
        .kind = RAFT_MSG_APPEND_REPLY, .from = node->id, .to = to, .term = 1, .round = round};
    return node->transport.ops->send(node->transport.self, &msg);
}

static struct transport_counters counters_of(const struct node *node)
{
    struct transport_counters counters;
    transport_nng_counters(node->nng, &counters);
    return counters;
}

static bool has_message(void *user)
{
    return ((struct node *)user)->messages > 0;
}
static bool has_200_messages(void *user)
{
    return ((struct node *)user)->messages >= 200;
}
static bool has_app(void *user)
{
    return ((struct node *)user)->apps > 0;
}
static bool has_unreachable(void *user)
{
    return ((struct node *)user)->unreachables > 0;
}
static bool has_stranger(void *user)
{
    return ((struct node *)user)->strangers > 0;
}
static bool has_redial(void *user)
{
    return counters_of(user).redials > 0;
}

static bool has_connection(void *user)
{
    struct transport_counters counters = counters_of(user);
    return counters.connects > counters.disconnects;
}

static bool has_refused_mac(void *user)
{
    return counters_of(user).refused[CODEC_REFUSED_MAC] > 0;
}
static bool has_refused_length(void *user)
{
    return counters_of(user).refused[CODEC_REFUSED_LENGTH] > 0;
}
static bool has_hangup(void *user)
{
    return counters_of(user).hangups > 0;
}

static int setup(void **state)
{
    (void)state;
    ca = test_ca_new();
    return uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    test_ca_free(ca);
    return uv_loop_close(&loop);
}

/* ---- delivery ---- */

static void test_send_many_messages_arrive_in_order(void **state)
{
    struct node a = {0}, b = {0};
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    for (uint64_t i = 1; i <= 200; i++)
        assert_int_equal(send_round(&a, 2, i), 0);
    assert_true(test_run_until(&loop, has_200_messages, &b, WAIT_MS));
    assert_false(b.is_out_of_order);
    assert_int_equal(b.messages, 200);
    assert_int_equal(send_round(&a, 3, 1), RAFT_ENOENT);
    assert_true(counters_of(&b).received_frames >= 200);
    node_close(&a);
    node_close(&b);
}

static void test_send_app_large_arrives(void **state)
{
    struct node a = {0}, b = {0};
    uint8_t *data = malloc(CODEC_APP_LEN_MAX + 1);
    (void)state;
    assert_non_null(data);
    memset(data, 0xaa, CODEC_APP_LEN_MAX + 1);
    node_open(&a, 1);
    node_open(&b, 2);
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS)); /* or it may be stale */
    assert_int_equal(a.transport.ops->send_app(a.transport.self, 2, data, CODEC_APP_LEN_MAX + 1),
                     RAFT_ELIMIT);
    assert_int_equal(a.transport.ops->send_app(a.transport.self, 2, data, CODEC_APP_LEN_MAX), 0);
    assert_true(test_run_until(&loop, has_app, &b, WAIT_MS));
    free(data);
    node_close(&a);
    node_close(&b);
}

static void test_open_sec1_key_works(void **state)
{
    struct node a = {0}, b = {.id = 2};
    (void)state;
    node_open(&a, 1);
    b.cert = test_cert_new_sec1(ca, 2);
    struct transport_tls tls = test_tls(ca, &b.cert);
    assert_int_equal(node_open_as(&b, &tls, "127.0.0.1:0", NULL), 0);
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    assert_true(test_run_until(&loop, has_connection, &b, WAIT_MS));
    node_close(&a);
    node_close(&b);
}

static void test_open_bad_options_fails(void **state)
{
    struct node a = {.id = 1};
    struct test_cert cert = test_cert_new_member(ca, 1);
    struct transport_tls good = test_tls(ca, &cert);
    struct transport_tls bad = {"not", "a", "certificate"};
    (void)state;
    assert_int_equal(node_open_as(&a, &bad, "127.0.0.1:0", NULL), RAFT_EINVALID);
    assert_int_equal(node_open_as(&a, &good, "127.0.0.1", NULL), RAFT_EADDR);
    assert_int_equal(node_open_as(&a, &good, "127.0.0.1:99999", NULL), RAFT_EADDR);
    assert_int_equal(node_open_as(&a, &good, "192.0.2.1:5301", NULL), RAFT_EADDR);
    test_run_for(&loop, 50);
    test_cert_free(&cert);
}

/* ---- peers that are gone ---- */

static void test_send_dead_peer_reports_unreachable_and_bounds_queue(void **state)
{
    struct node a = {0};
    (void)state;
    node_open(&a, 1);
    introduce_at(&a, 2, "127.0.0.1:1");
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(send_round(&a, 2, i), 0);
    assert_int_equal(counters_of(&a).dropped_frames, 1000 - 256);
    assert_true(test_run_until(&loop, has_unreachable, &a, WAIT_MS));
    test_run_for(&loop, 1500);
    assert_int_equal(counters_of(&a).dropped_frames, 1000); /* the rest was stale */
    assert_true(a.unreachables <= 3);
    node_close(&a);
}

static void test_send_restarted_peer_gets_messages_again(void **state)
{
    struct node a = {0}, b = {0};
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    node_stop(&b);
    test_run_for(&loop, 300);
    struct transport_tls tls = test_tls(ca, &b.cert);
    char address[64];
    memcpy(address, b.address, sizeof(address));
    assert_int_equal(node_open_as(&b, &tls, address, NULL), 0);
    introduce_at(&b, a.id, a.address);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    assert_int_equal(send_round(&a, 2, 1), 0);
    assert_true(test_run_until(&loop, has_message, &b, WAIT_MS));
    node_close(&a);
    node_close(&b);
}

/* A raw socket with TLS, as someone who holds @cert (NULL: no certificate). */
static nng_socket raw_open(int (*open)(nng_socket *))
{
    nng_socket socket;
    assert_int_equal(open(&socket), 0);
    return socket;
}

static nng_tls_config *raw_tls(nng_tls_mode mode, const struct test_cert *cert, raft_id peer)
{
    nng_tls_config *config;
    char name[TRANSPORT_SERVER_NAME_LEN + 1];
    assert_int_equal(nng_tls_config_alloc(&config, mode), 0);
    assert_int_equal(nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED), 0);
    assert_int_equal(nng_tls_config_ca_chain(config, test_ca_pem(ca), NULL), 0);
    if (cert != NULL)
        assert_int_equal(nng_tls_config_own_cert(config, cert->cert_pem, cert->key_pem, NULL), 0);
    transport_server_name(peer, name);
    if (mode == NNG_TLS_MODE_CLIENT)
        assert_int_equal(nng_tls_config_server_name(config, name), 0);
    return config;
}

static int raw_dial(nng_socket socket, const struct node *node, const struct test_cert *cert,
                    int flags)
{
    char url[96];
    nng_dialer dialer;
    nng_tls_config *config = raw_tls(NNG_TLS_MODE_CLIENT, cert, node->id);
    (void)snprintf(url, sizeof(url), "tls+tcp://%s", node->address);
    assert_int_equal(nng_dialer_create(&dialer, socket, url), 0);
    assert_int_equal(nng_dialer_set_ptr(dialer, NNG_OPT_TLS_CONFIG, config), 0);
    nng_tls_config_free(config);
    return nng_dialer_start(dialer, flags);
}

/* A port that takes all and never says anything; the caller closes it and frees *@config. */
static nng_socket raw_listen(const struct test_cert *cert, nng_tls_config **config,
                             char address[64])
{
    int port = 0;
    nng_listener listener;
    nng_socket socket = raw_open(nng_pull0_open);
    *config = raw_tls(NNG_TLS_MODE_SERVER, cert, 0);
    assert_int_equal(nng_listener_create(&listener, socket, "tls+tcp://127.0.0.1:0"), 0);
    assert_int_equal(nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, *config), 0);
    assert_int_equal(nng_listener_start(listener, 0), 0);
    assert_int_equal(nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port), 0);
    (void)snprintf(address, 64, "127.0.0.1:%d", port);
    return socket;
}

static void test_silent_peer_is_dialled_anew(void **state)
{
    struct node a = {0};
    char address[64];
    nng_tls_config *config;
    (void)state;
    node_open(&a, 1);
    struct test_cert cert = test_cert_new_member(ca, 2);
    nng_socket socket = raw_listen(&cert, &config, address);
    introduce_at(&a, 2, address);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    assert_true(test_run_until(&loop, has_redial, &a, WAIT_MS));
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    (void)nng_socket_close(socket.id);
    nng_tls_config_free(config);
    test_cert_free(&cert);
    node_close(&a);
}

/* A port where the kernel takes connections and nobody answers: a handshake without an end. */
static int mute_listen(char address[64])
{
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(place);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&place, sizeof(place)), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&place, &len), 0);
    (void)snprintf(address, 64, "127.0.0.1:%u", ntohs(place.sin_port));
    return fd;
}

static void test_handshake_without_an_end_is_given_up(void **state)
{
    struct node a = {0}, b = {0};
    char address[64];
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    int fd = mute_listen(address);
    introduce_at(&b, 1, a.address);
    introduce_at(&a, 2, address); /* b is heard, so it is not silent */
    assert_true(test_run_until(&loop, has_redial, &a, WAIT_MS));
    int first = accept(fd, NULL, NULL), second = -1;
    assert_true(first >= 0);
    for (int i = 0; i < 100 && second < 0; i++) {
        test_run_for(&loop, 100);
        second = accept(fd, NULL, NULL);
    }
    assert_true(second >= 0);
    close(first);
    close(second);
    close(fd);
    node_close(&a);
    node_close(&b);
}

#define HASTY_THREADS 4
#define HASTY_DIALS 100

/* A member that closes its links while they are being made: what stops a listener of NNG's sockets,
 * 1.5.2. */
static void *dial_and_close(void *user)
{
    const struct node *node = user;
    struct test_cert cert = test_cert_new_member(ca, 9);
    for (unsigned i = 0; i < HASTY_DIALS; i++) {
        nng_socket socket = raw_open(nng_push0_open);
        (void)raw_dial(socket, node, &cert, NNG_FLAG_NONBLOCK);
        usleep(i * 7919 % 30000);
        (void)nng_socket_close(socket.id);
    }
    test_cert_free(&cert);
    return NULL;
}

static void test_hasty_diallers_do_not_shut_others_out(void **state)
{
    struct node a = {0}, b = {0};
    pthread_t threads[HASTY_THREADS];
    (void)state;
    node_open(&a, 1);
    for (unsigned i = 0; i < HASTY_THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, dial_and_close, &a), 0);
    for (unsigned i = 0; i < HASTY_THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    node_open(&b, 2);
    introduce(&a, &b);
    for (uint32_t round = 1; a.messages == 0 && round < 3 * WAIT_MS / 50; round++) {
        (void)send_round(&b, 1, round);
        test_run_for(&loop, 50);
    }
    assert_true(a.messages > 0);
    node_close(&a);
    node_close(&b);
}

/* ---- who must be kept out ---- */

static void test_connect_other_ca_is_refused(void **state)
{
    struct node a = {0}, b = {.id = 2};
    (void)state;
    node_open(&a, 1);
    struct test_ca *other = test_ca_new();
    b.cert = test_cert_new_member(other, 2);
    struct transport_tls tls = test_tls(other, &b.cert);
    assert_int_equal(node_open_as(&b, &tls, "127.0.0.1:0", NULL), 0);
    introduce(&a, &b);
    test_run_for(&loop, 700);
    assert_int_equal(counters_of(&a).connects + counters_of(&b).connects, 0);
    assert_int_equal(counters_of(&a).accepts + counters_of(&b).accepts, 0);
    node_close(&a);
    node_close(&b);
    test_ca_free(other);
}

static void test_connect_wrong_server_name_is_refused(void **state)
{
    struct node a = {0}, b = {0};
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    introduce_at(&a, 3, b.address); /* b cannot prove to be 3 */
    test_run_for(&loop, 700);
    assert_int_equal(counters_of(&a).connects, 0);
    node_close(&a);
    node_close(&b);
}

static void test_connect_without_certificate_is_refused(void **state)
{
    struct node a = {0};
    (void)state;
    node_open(&a, 1);
    nng_socket socket = raw_open(nng_push0_open);
    assert_int_not_equal(raw_dial(socket, &a, NULL, 0), 0);
    test_run_for(&loop, 200);
    assert_int_equal(counters_of(&a).accepts, 0);
    (void)nng_socket_close(socket.id);
    node_close(&a);
}

static void test_frames_of_garbage_and_oversize_are_counted(void **state)
{
    struct node a = {0};
    (void)state;
    node_open(&a, 1);
    struct test_cert cert = test_cert_new_member(ca, 2);
    nng_socket socket = raw_open(nng_push0_open);
    uint8_t *junk = calloc(1, TRANSPORT_RECV_LEN_MAX / 8);
    assert_non_null(junk);
    assert_int_equal(raw_dial(socket, &a, &cert, 0), 0);
    assert_int_equal(nng_send(socket, junk, 100, 0), 0);
    assert_true(test_run_until(&loop, has_refused_mac, &a, WAIT_MS));
    assert_int_equal(nng_send(socket, junk, 3, 0), 0);
    assert_true(test_run_until(&loop, has_refused_length, &a, WAIT_MS));
    assert_int_equal(counters_of(&a).hangups, 0);
    assert_int_equal(nng_send(socket, junk, TRANSPORT_RECV_LEN_MAX / 8, 0), 0);
    assert_true(test_run_until(&loop, has_hangup, &a, WAIT_MS));
    assert_int_equal(counters_of(&a).received_frames, 0);
    free(junk);
    (void)nng_socket_close(socket.id);
    test_cert_free(&cert);
    node_close(&a);
}

static void test_port_random_octets_are_survived(void **state)
{
    struct node a = {0}, b = {0};
    uint8_t junk[4096];
    uint32_t seed = 7;
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    for (int round = 0; round < 20; round++) {
        struct sockaddr_in to = {.sin_family = AF_INET,
                                 .sin_port = htons(transport_nng_port(a.nng)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fd >= 0);
        assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
        for (size_t i = 0; i < sizeof(junk); i++)
            junk[i] = (uint8_t)((seed = seed * 1664525u + 1013904223u) >> 24);
        if (round % 2 == 0)
            memcpy(junk, "\x16\x03\x01", 3); /* starts like TLS */
        (void)!send(fd, junk, sizeof(junk), MSG_NOSIGNAL);
        test_run_for(&loop, 10);
        close(fd);
    }
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &b, WAIT_MS));
    assert_int_equal(send_round(&b, 1, 1), 0);
    assert_true(test_run_until(&loop, has_message, &a, WAIT_MS));
    node_close(&a);
    node_close(&b);
}

#define CROWD 400

/* Connections that show no certificate, more than there is room for, and none of them goes. */
static void test_crowd_that_says_nothing_keeps_nobody_out(void **state)
{
    struct node a = {0}, b = {0};
    int crowd[CROWD];
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(transport_nng_port(a.nng)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(crowd[i] >= 0);
        assert_int_equal(connect(crowd[i], (struct sockaddr *)&to, sizeof(to)), 0);
        if (i % 20 == 0)
            test_run_for(&loop, 10);
    }
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &b, TRANSPORT_DIAL_MS));
    assert_int_equal(send_round(&b, 1, 1), 0);
    assert_true(test_run_until(&loop, has_message, &a, WAIT_MS));
    for (int i = 0; i < CROWD; i++)
        close(crowd[i]);
    node_close(&a);
    node_close(&b);
}

static void test_stranger_with_keys_is_announced_and_refused(void **state)
{
    struct node a = {0}, b = {0};
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    introduce_at(&b, 1, a.address);
    assert_int_equal(send_round(&b, 1, 1), 0);
    assert_true(test_run_until(&loop, has_stranger, &a, WAIT_MS));
    test_run_for(&loop, 200);
    assert_string_equal(a.stranger_address, "192.0.2.7:5301");
    assert_int_equal(a.messages, 0);
    assert_true(counters_of(&a).refused_stranger >= 1);
    introduce_at(&a, 2, b.address); /* the cluster decided to hear it */
    assert_int_equal(send_round(&b, 1, 2), 0);
    assert_true(test_run_until(&loop, has_message, &a, WAIT_MS));
    node_close(&a);
    node_close(&b);
}

/* ---- change and close ---- */

static void test_set_certificate_other_ca_moves_the_cluster(void **state)
{
    struct node a = {0}, b = {0};
    (void)state;
    node_open(&a, 1);
    node_open(&b, 2);
    introduce(&a, &b);
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    struct test_ca *other = test_ca_new();
    struct node *nodes[] = {&a, &b};
    for (int i = 0; i < 2; i++) {
        test_cert_free(&nodes[i]->cert);
        nodes[i]->cert = test_cert_new_member(other, nodes[i]->id);
        struct transport_tls tls = test_tls(other, &nodes[i]->cert);
        assert_int_equal(transport_nng_set_certificate(nodes[i]->nng, &tls), 0);
    }
    assert_true(test_run_until(&loop, has_connection, &a, WAIT_MS));
    assert_true(test_run_until(&loop, has_connection, &b, WAIT_MS));
    assert_int_equal(send_round(&a, 2, 1), 0);
    assert_true(test_run_until(&loop, has_message, &b, WAIT_MS));
    struct transport_tls bad = {"x", "y", "z"};
    assert_int_equal(transport_nng_set_certificate(a.nng, &bad), RAFT_EINVALID);
    node_close(&a);
    node_close(&b);
    test_ca_free(other);
}

static void test_set_members_bad_address_changes_nothing(void **state)
{
    struct node a = {0};
    (void)state;
    node_open(&a, 1);
    introduce_at(&a, 2, "127.0.0.1:1");
    struct transport_member bad[2] = {{.id = 3, .address = "127.0.0.1:2"},
                                      {.id = 4, .address = "tcp://no"}};
    assert_int_equal(a.transport.ops->set_members(a.transport.self, bad, 2), RAFT_EADDR);
    assert_int_equal(send_round(&a, 2, 1), 0);
    assert_int_equal(send_round(&a, 3, 1), RAFT_ENOENT);
    assert_int_equal(a.transport.ops->set_members(a.transport.self, NULL, 0), 0);
    assert_int_equal(send_round(&a, 2, 1), RAFT_ENOENT);
    node_close(&a);
}

/* NNG 1.5.2 has deadlocked on close: with links up, half-way up, refused and dead. */
static void test_close_at_any_moment_ends(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < 25; round++) {
        struct node a = {0}, b = {0};
        node_open(&a, 1);
        node_open(&b, 2);
        struct transport_member members[4] = {{.id = 2},
                                              {.id = 3, .address = "127.0.0.1:1"},
                                              {.id = 4, .address = "no-such-host.invalid:5301"},
                                              {.id = 5}};
        memcpy(members[0].address, b.address, sizeof(b.address));
        memcpy(members[3].address, b.address, sizeof(b.address)); /* wrong name: refused */
        assert_int_equal(a.transport.ops->set_members(a.transport.self, members, 4), 0);
        introduce_at(&b, 1, a.address);
        for (uint64_t i = 1; i < 50; i++)
            assert_int_equal(send_round(&a, 2 + i % 4, i), 0);
        test_run_for(&loop, round * round / 2); /* 0 … 288 ms: all stages of the handshake */
        transport_nng_close(a.nng, on_closed, &a);
        node_close(&b);
        assert_true(test_run_until(&loop, is_closed, &a, WAIT_MS));
        test_cert_free(&a.cert);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send_many_messages_arrive_in_order),
        cmocka_unit_test(test_send_app_large_arrives),
        cmocka_unit_test(test_open_sec1_key_works),
        cmocka_unit_test(test_open_bad_options_fails),
        cmocka_unit_test(test_send_dead_peer_reports_unreachable_and_bounds_queue),
        cmocka_unit_test(test_send_restarted_peer_gets_messages_again),
        cmocka_unit_test(test_silent_peer_is_dialled_anew),
        cmocka_unit_test(test_handshake_without_an_end_is_given_up),
        cmocka_unit_test(test_hasty_diallers_do_not_shut_others_out),
        cmocka_unit_test(test_connect_other_ca_is_refused),
        cmocka_unit_test(test_connect_wrong_server_name_is_refused),
        cmocka_unit_test(test_connect_without_certificate_is_refused),
        cmocka_unit_test(test_frames_of_garbage_and_oversize_are_counted),
        cmocka_unit_test(test_port_random_octets_are_survived),
        cmocka_unit_test(test_crowd_that_says_nothing_keeps_nobody_out),
        cmocka_unit_test(test_stranger_with_keys_is_announced_and_refused),
        cmocka_unit_test(test_set_certificate_other_ca_moves_the_cluster),
        cmocka_unit_test(test_set_members_bad_address_changes_nothing),
        cmocka_unit_test(test_close_at_any_moment_ends),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
