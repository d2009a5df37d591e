/* links: test_net raft_io raft_core
 * Snapshot server and fetcher over loopback, with a relay between them that can be cut. */
#include "raft/io/snapshot_fetch.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/test_net.h"
#include "raft/io/snapshot_manifest.h"
#include "raft/io/snapshot_server.h"

#define WAIT_MS 20000
#define SERVER 0x10
#define CLIENT 0x20
#define BIG_LEN (5u * CODEC_CHUNK_LEN + 12345)

static uv_loop_t loop;
static struct test_ca *ca;
static struct test_cert server_cert, client_cert;
static char root[64];

struct fixture {
    struct snapshot_server *server;
    char source[128], staging[128];
    int added; /* 1: not yet */
    uint8_t id[CODEC_SNAPSHOT_ID_LEN];
    bool is_closed;
    struct snapshot_fetch *fetch;
    int result; /* 1: not yet */
    uint64_t done_len, total_len;
};

/* ---- files ---- */

static void path_of(char *out, size_t capacity, const char *directory, const char *name)
{
    int len = snprintf(out, capacity, "%s/%s", directory, name);
    assert_true(len > 0 && (size_t)len < capacity);
}

static void write_file(const char *directory, const char *name, size_t len, uint32_t seed)
{
    char path[256];
    path_of(path, sizeof(path), directory, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    for (size_t i = 0; i < len; i++)
        putc((int)((seed = seed * 1664525u + 1013904223u) >> 24), file);
    assert_int_equal(fclose(file), 0);
}

static void flip_octet(const char *directory, const char *name, off_t offset)
{
    char path[256];
    uint8_t octet;
    path_of(path, sizeof(path), directory, name);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, offset), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, offset), 1);
    close(fd);
}

static bool exists(const char *directory, const char *name)
{
    char path[256];
    path_of(path, sizeof(path), directory, name);
    return access(path, F_OK) == 0;
}

static void assert_same(const struct fixture *f, const char *name)
{
    char command[512];
    (void)snprintf(command, sizeof(command), "cmp -s '%s/%s' '%s/%s'", f->source, name, f->staging,
                   name);
    assert_int_equal(system(command), 0);
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* ---- server and fetch ---- */

static void on_added(void *user, int result, const uint8_t *snapshot_id)
{
    struct fixture *f = user;
    f->added = result;
    memcpy(f->id, snapshot_id, sizeof(f->id));
}
static void on_closed(void *user)
{
    ((struct fixture *)user)->is_closed = true;
}
static void on_progress(void *user, uint64_t done, uint64_t total)
{
    struct fixture *f = user;
    f->done_len = done;
    f->total_len = total;
}
static void on_done(void *user, int result)
{
    ((struct fixture *)user)->result = result;
}
static bool is_added(void *user)
{
    return ((struct fixture *)user)->added != 1;
}
static bool is_closed(void *user)
{
    return ((struct fixture *)user)->is_closed;
}
static bool is_done(void *user)
{
    return ((struct fixture *)user)->result != 1;
}
static bool has_served_two_chunks(void *user)
{
    struct snapshot_server_counters counters;
    snapshot_server_counters(((struct fixture *)user)->server, &counters);
    return counters.chunks >= 2;
}

static void server_open(struct fixture *f, uint32_t expiry_ms)
{
    struct snapshot_server_options options = {.loop = &loop,
                                              .keys = test_keys(SERVER),
                                              .tls = test_tls(ca, &server_cert),
                                              .listen = "127.0.0.1:0",
                                              .expiry_ms = expiry_ms};
    assert_int_equal(snapshot_server_open(&options, &f->server), 0);
}

static int server_add(struct fixture *f)
{
    f->added = 1;
    assert_int_equal(snapshot_server_add(f->server, f->source, on_added, f), 0);
    assert_true(test_run_until(&loop, is_added, f, WAIT_MS));
    return f->added;
}

static void server_close(struct fixture *f)
{
    snapshot_server_close(f->server, on_closed, f);
    assert_true(test_run_until(&loop, is_closed, f, WAIT_MS));
}

static void fetch_start(struct fixture *f, uint16_t port, uint32_t give_up_ms)
{
    struct snapshot_fetch_options options = {.loop = &loop,
                                             .keys = test_keys(CLIENT),
                                             .tls = test_tls(ca, &client_cert),
                                             .directory = f->staging,
                                             .give_up_ms = give_up_ms};
    options.locator.server = SERVER;
    memcpy(options.locator.snapshot_id, f->id, sizeof(f->id));
    (void)snprintf(options.locator.address, sizeof(options.locator.address), "127.0.0.1:%u", port);
    f->result = 1;
    assert_int_equal(snapshot_fetch_start(&options, on_progress, on_done, f, &f->fetch), 0);
}

static int fetch_run(struct fixture *f, uint16_t port, uint32_t give_up_ms)
{
    fetch_start(f, port, give_up_ms);
    assert_true(test_run_until(&loop, is_done, f, WAIT_MS));
    return f->result;
}

static uint64_t chunks_served(const struct fixture *f)
{
    struct snapshot_server_counters counters;
    snapshot_server_counters(f->server, &counters);
    return counters.chunks;
}

static int setup_fixture(void **state)
{
    static int number;
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->source, sizeof(f->source), "%s/source%d", root, ++number);
    (void)snprintf(f->staging, sizeof(f->staging), "%s/staging%d", root, number);
    assert_int_equal(mkdir(f->source, 0700), 0);
    write_file(f->source, "000007.sst", BIG_LEN, 1);
    write_file(f->source, "CURRENT", 16, 2);
    write_file(f->source, "EMPTY", 0, 3);
    write_file(f->source, "MANIFEST-000004", CODEC_CHUNK_LEN, 4);
    server_open(f, 0);
    *state = f;
    return 0;
}

static int teardown_fixture(void **state)
{
    struct fixture *f = *state;
    server_close(f);
    free(f);
    return 0;
}

/* ---- a relay between fetcher and server that can be cut ---- */

struct relay {
    uv_tcp_t listener;
    uint16_t port, to;
    struct relay_pair *pairs;
};
struct relay_pair {
    struct relay_pair *next;
    uv_tcp_t ends[2];
    uv_connect_t connect;
    int open;
};

static void on_relay_alloc(uv_handle_t *handle, size_t len, uv_buf_t *out)
{
    (void)handle;
    *out = uv_buf_init(malloc(len), (unsigned)len);
}
static void on_relay_written(uv_write_t *request, int status)
{
    (void)status;
    free(request->data);
    free(request);
}

static void on_relay_end_closed(uv_handle_t *handle)
{
    struct relay_pair *pair = handle->data;
    pair->open--;
}

static void relay_pair_cut(struct relay_pair *pair)
{
    for (int i = 0; i < 2; i++) {
        if (!uv_is_closing((uv_handle_t *)&pair->ends[i]))
            uv_close((uv_handle_t *)&pair->ends[i], on_relay_end_closed);
    }
}

static void on_relay_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf)
{
    struct relay_pair *pair = stream->data;
    uv_stream_t *other = (uv_stream_t *)&pair->ends[stream == (uv_stream_t *)&pair->ends[0]];
    if (len <= 0 || uv_is_closing((uv_handle_t *)other)) {
        free(buf->base);
        if (len < 0)
            relay_pair_cut(pair);
        return;
    }
    uv_write_t *request = malloc(sizeof(*request));
    uv_buf_t out = uv_buf_init(buf->base, (unsigned)len);
    request->data = buf->base;
    assert_int_equal(uv_write(request, other, &out, 1, on_relay_written), 0);
}

static void on_relay_connected(uv_connect_t *request, int status)
{
    struct relay_pair *pair = request->data;
    if (status != 0) {
        relay_pair_cut(pair);
        return;
    }
    for (int i = 0; i < 2; i++)
        uv_read_start((uv_stream_t *)&pair->ends[i], on_relay_alloc, on_relay_read);
}

static void on_relay_connection(uv_stream_t *listener, int status)
{
    struct relay *relay = listener->data;
    struct relay_pair *pair = calloc(1, sizeof(*pair));
    struct sockaddr_in to;
    assert_int_equal(status, 0);
    pair->next = relay->pairs;
    relay->pairs = pair;
    pair->open = 2;
    for (int i = 0; i < 2; i++) {
        uv_tcp_init(&loop, &pair->ends[i]);
        pair->ends[i].data = pair;
    }
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&pair->ends[0]), 0);
    uv_ip4_addr("127.0.0.1", relay->to, &to);
    pair->connect.data = pair;
    assert_int_equal(
        uv_tcp_connect(&pair->connect, &pair->ends[1], (struct sockaddr *)&to, on_relay_connected),
        0);
}

static void relay_open(struct relay *relay, uint16_t port, uint16_t to)
{
    struct sockaddr_in address;
    int len = sizeof(address);
    relay->pairs = NULL;
    relay->to = to;
    uv_tcp_init(&loop, &relay->listener);
    relay->listener.data = relay;
    uv_ip4_addr("127.0.0.1", port, &address);
    assert_int_equal(uv_tcp_bind(&relay->listener, (struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&relay->listener, 8, on_relay_connection), 0);
    uv_tcp_getsockname(&relay->listener, (struct sockaddr *)&address, &len);
    relay->port = ntohs(address.sin_port);
}

static bool relay_is_gone(void *user)
{
    const struct relay *relay = user;
    for (const struct relay_pair *pair = relay->pairs; pair != NULL; pair = pair->next) {
        if (pair->open > 0)
            return false;
    }
    return true;
}

static void relay_cut(struct relay *relay)
{
    uv_close((uv_handle_t *)&relay->listener, NULL);
    for (struct relay_pair *pair = relay->pairs; pair != NULL; pair = pair->next)
        relay_pair_cut(pair);
    assert_true(test_run_until(&loop, relay_is_gone, relay, WAIT_MS));
    while (relay->pairs != NULL) {
        struct relay_pair *next = relay->pairs->next;
        free(relay->pairs);
        relay->pairs = next;
    }
}

/* ---- tests ---- */

static void test_fetch_whole_snapshot_is_complete(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(server_add(f), 0);
    assert_int_equal(snapshot_fetch_is_complete(f->staging, f->id), RAFT_ENOENT);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), WAIT_MS), 0);
    assert_same(f, "000007.sst");
    assert_same(f, "CURRENT");
    assert_same(f, "EMPTY");
    assert_same(f, "MANIFEST-000004");
    assert_int_equal(snapshot_fetch_is_complete(f->staging, f->id), 0);
    assert_int_equal(f->done_len, BIG_LEN + 16 + CODEC_CHUNK_LEN);
    assert_int_equal(f->total_len, f->done_len);
    f->id[0] ^= 1;
    assert_int_equal(snapshot_fetch_is_complete(f->staging, f->id), RAFT_ENOENT);
    f->id[0] ^= 1;
}

static void test_fetch_again_takes_only_what_is_missing(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(server_add(f), 0);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), WAIT_MS), 0);
    uint64_t first = chunks_served(f);
    assert_int_equal(first, 6 + 1 + 1);
    flip_octet(f->staging, "000007.sst", 2 * CODEC_CHUNK_LEN + 5);
    write_file(f->staging, "stranger", 10, 9);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), WAIT_MS), 0);
    assert_int_equal(chunks_served(f), first + 1);
    assert_same(f, "000007.sst");
    assert_false(exists(f->staging, "stranger"));
}

static void test_fetch_server_unreachable_for_a_while_goes_on(void **state)
{
    struct fixture *f = *state;
    struct relay relay;
    assert_int_equal(server_add(f), 0);
    relay_open(&relay, 0, snapshot_server_port(f->server));
    uint16_t port = relay.port;
    fetch_start(f, port, 12000);
    assert_true(test_run_until(&loop, has_served_two_chunks, f, WAIT_MS));
    relay_cut(&relay);
    test_run_for(&loop, 500);
    relay_open(&relay, port, snapshot_server_port(f->server));
    assert_true(test_run_until(&loop, is_done, f, WAIT_MS));
    assert_int_equal(f->result, 0);
    assert_same(f, "000007.sst");
    relay_cut(&relay);
}

static void test_fetch_no_server_times_out(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(fetch_run(f, 1, 300), RAFT_ETIMEDOUT);
    assert_int_equal(snapshot_fetch_is_complete(f->staging, f->id), RAFT_ENOENT);
}

static void test_fetch_corrupt_source_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(server_add(f), 0);
    flip_octet(f->source, "000007.sst", 100);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), WAIT_MS), RAFT_ECORRUPT);
    assert_int_equal(snapshot_fetch_is_complete(f->staging, f->id), RAFT_ENOENT);
    flip_octet(f->source, "000007.sst", 100); /* healed: what was fetched still counts */
    uint64_t before = chunks_served(f);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), 10000), 0);
    assert_true(chunks_served(f) - before < 8);
}

static void test_fetch_unknown_id_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(server_add(f), 0);
    assert_int_equal(snapshot_server_remove(f->server, f->id), 0);
    assert_int_equal(snapshot_server_remove(f->server, f->id), RAFT_ENOENT);
    assert_int_equal(fetch_run(f, snapshot_server_port(f->server), 5000), RAFT_ENOENT);
    test_run_for(&loop, 100);
    assert_int_not_equal(access(f->source, F_OK), 0); /* removed with its files */
}

static void test_fetch_cancel_ends_at_once(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(server_add(f), 0);
    fetch_start(f, 1, 60000); /* nobody there: waiting to connect */
    test_run_for(&loop, 50);
    snapshot_fetch_cancel(f->fetch);
    assert_true(test_run_until(&loop, is_done, f, WAIT_MS));
    assert_int_equal(f->result, RAFT_ECLOSED);
    fetch_start(f, snapshot_server_port(f->server), 60000);
    snapshot_fetch_cancel(f->fetch); /* before anything has begun */
    assert_true(test_run_until(&loop, is_done, f, WAIT_MS));
    assert_int_equal(f->result, RAFT_ECLOSED);
}

static void test_add_directory_not_flat_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[256];
    path_of(path, sizeof(path), f->source, "nested");
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(server_add(f), RAFT_EINVALID);
    assert_int_equal(rmdir(path), 0);
    path_of(path, sizeof(path), f->source, "link");
    assert_int_equal(symlink("/etc/passwd", path), 0);
    assert_int_equal(server_add(f), RAFT_EINVALID);
    assert_true(exists(f->source, "CURRENT")); /* still the caller's */
}

static void test_add_too_many_is_refused(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < SNAPSHOT_SERVED_MAX; i++)
        assert_int_equal(server_add(f), 0);
    assert_int_equal(snapshot_server_add(f->server, f->source, on_added, f), RAFT_EBUSY);
}

static void test_snapshot_unused_expires(void **state)
{
    struct fixture *f = *state;
    struct snapshot_server_counters counters;
    server_close(f);
    f->is_closed = false;
    server_open(f, 100);
    assert_int_equal(server_add(f), 0);
    test_run_for(&loop, 2500);
    snapshot_server_counters(f->server, &counters);
    assert_int_equal(counters.expired, 1);
    assert_int_not_equal(access(f->source, F_OK), 0);
}

/* What is served stays; whom it is served to, and by what name, is the new certificate's matter. */
static void test_set_certificate_serves_on(void **state)
{
    struct fixture *f = *state;
    struct test_ca *other_ca = test_ca_new();
    struct test_cert other = test_cert_new_member(other_ca, SERVER);
    struct transport_tls others = test_tls(other_ca, &other), own = test_tls(ca, &server_cert);
    struct transport_tls bad = {"not", "a", "certificate"};
    uint16_t port = snapshot_server_port(f->server);

    assert_int_equal(server_add(f), 0);
    assert_int_equal(snapshot_server_set_certificate(f->server, &bad), RAFT_EINVALID);
    assert_int_equal(snapshot_server_set_certificate(f->server, &others), 0);
    test_run_for(&loop, 500);
    assert_int_equal(fetch_run(f, port, 1000), RAFT_ETIMEDOUT);
    assert_int_equal(snapshot_server_set_certificate(f->server, &others), 0);
    assert_int_equal(snapshot_server_set_certificate(f->server, &own), 0); /* while it restarts */
    assert_int_equal(fetch_run(f, port, 10000), 0);
    assert_int_equal(snapshot_server_port(f->server), port);
    assert_same(f, "000007.sst");
    assert_int_equal(snapshot_server_set_certificate(f->server, &own), 0); /* then it is closed */
    test_cert_free(&other);
    test_ca_free(other_ca);
}

static void test_fetch_wrong_cluster_gets_no_answer(void **state)
{
    struct fixture *f = *state;
    struct snapshot_server_counters counters;
    assert_int_equal(server_add(f), 0);
    struct snapshot_fetch_options options = {.loop = &loop,
                                             .keys = test_keys(CLIENT),
                                             .tls = test_tls(ca, &client_cert),
                                             .directory = f->staging};
    options.keys.mac_key[0] ^= 1;
    options.locator.server = SERVER;
    (void)snprintf(options.locator.address, sizeof(options.locator.address), "127.0.0.1:%u",
                   snapshot_server_port(f->server));
    f->result = 1;
    assert_int_equal(snapshot_fetch_start(&options, NULL, on_done, f, &f->fetch), 0);
    test_run_for(&loop, 700);
    assert_int_equal(f->result, 1);
    snapshot_server_counters(f->server, &counters);
    assert_true(counters.refused[CODEC_REFUSED_MAC] >= 1);
    snapshot_fetch_cancel(f->fetch);
    assert_true(test_run_until(&loop, is_done, f, WAIT_MS));
}

static void test_manifest_bad_names_are_refused(void **state)
{
    static const char *const bad[] = {"",  ".",    "..",       ".hidden", "a/b", "/etc/passwd",
                                      "é", "a\nb", "COMPLETE", "a b"};
    char long_name[SNAPSHOT_NAME_LEN_MAX + 2];
    struct snapshot_manifest *manifest = snapshot_manifest_new(4);
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(snapshot_manifest_add(manifest, bad[i], 1), RAFT_EINVALID);
    memset(long_name, 'a', sizeof(long_name));
    long_name[SNAPSHOT_NAME_LEN_MAX + 1] = '\0';
    assert_int_equal(snapshot_manifest_add(manifest, long_name, 1), RAFT_EINVALID);
    assert_int_equal(snapshot_manifest_add(manifest, "a", UINT64_MAX), RAFT_EINVALID);
    assert_int_equal(snapshot_manifest_add(manifest, "b", 1), 0);
    assert_int_equal(snapshot_manifest_add(manifest, "b", 1), RAFT_EINVALID);
    assert_int_equal(snapshot_manifest_add(manifest, "a", 1), RAFT_EINVALID);
    assert_int_equal(manifest->file_count, 1);
    snapshot_manifest_free(manifest);
}

static void test_locator_round_trips_and_refuses_corruption(void **state)
{
    struct raft_snapshot snapshot = {0};
    struct snapshot_locator locator = {.server = SERVER, .address = "[::1]:5303"};
    struct snapshot_locator out;
    (void)state;
    memset(locator.snapshot_id, 7, sizeof(locator.snapshot_id));
    assert_int_equal(snapshot_locator_encode(&locator, &snapshot), 0);
    assert_int_equal(snapshot_locator_decode(&snapshot, &out), 0);
    assert_memory_equal(&locator, &out, sizeof(out));
    snapshot.locator[0] = 2;
    assert_int_equal(snapshot_locator_decode(&snapshot, &out), RAFT_ECORRUPT);
    snapshot.locator[0] = 1;
    snapshot.locator_len = 25;
    assert_int_equal(snapshot_locator_decode(&snapshot, &out), RAFT_ECORRUPT);
    memset(locator.address, 'a', sizeof(locator.address) - 1);
    assert_int_equal(snapshot_locator_encode(&locator, &snapshot), RAFT_ELIMIT);
}

static int setup(void **state)
{
    (void)state;
    (void)snprintf(root, sizeof(root), "/tmp/quartet-snapshot-XXXXXX");
    ca = test_ca_new();
    server_cert = test_cert_new_member(ca, SERVER);
    client_cert = test_cert_new_member(ca, CLIENT);
    return mkdtemp(root) == NULL ? -1 : uv_loop_init(&loop);
}

static int teardown(void **state)
{
    (void)state;
    test_cert_free(&server_cert);
    test_cert_free(&client_cert);
    test_ca_free(ca);
    (void)nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return uv_loop_close(&loop);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_fixture, teardown_fixture)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(test_fetch_whole_snapshot_is_complete),
        WITH_SERVER(test_fetch_again_takes_only_what_is_missing),
        WITH_SERVER(test_fetch_server_unreachable_for_a_while_goes_on),
        WITH_SERVER(test_fetch_no_server_times_out),
        WITH_SERVER(test_fetch_corrupt_source_is_refused),
        WITH_SERVER(test_fetch_unknown_id_is_refused),
        WITH_SERVER(test_fetch_cancel_ends_at_once),
        WITH_SERVER(test_add_directory_not_flat_is_refused),
        WITH_SERVER(test_add_too_many_is_refused),
        WITH_SERVER(test_snapshot_unused_expires),
        WITH_SERVER(test_set_certificate_serves_on),
        WITH_SERVER(test_fetch_wrong_cluster_gets_no_answer),
        cmocka_unit_test(test_manifest_bad_names_are_refused),
        cmocka_unit_test(test_locator_round_trips_and_refuses_corruption),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
