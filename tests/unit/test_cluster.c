/* links: cluster
 * Three whole clusters' nodes in one process on loopback: init, token, join, commands by way of a
 * follower, loss of the leader, restart, removal. Real network, real storage, one event loop.
 * wraps: publish_rebuild_step */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <uv.h>

#include "base/clock.h"
#include "base/file.h"
#include "cluster/apply.h"
#include "cluster/cluster.h"
#include "cluster/certificate.h"
#include "cluster/import_expiry.h"
#include "cluster/init.h"
#include "cluster/internal.h"
#include "cluster/publish_internal.h"
#include "cluster/renew.h"
#include "cluster/status.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"
#include "store/store.h"
#include "zone/image.h"

#define NODES 3
#define WAIT_MS 120000 /* a sanitizer on a busy machine opens a store in 5 s */

struct node {
    char folder[64];
    char name[8];
    unsigned port;
    struct cluster *cluster; /* NULL: stopped */
};
struct fixture {
    uv_loop_t loop;
    uv_timer_t kick; /* the loop always has something to wake up for */
    struct node nodes[NODES];
};
static struct fixture *fixture; /* one test at a time */

/* The outcome of one asynchronous call. */
struct outcome {
    bool is_done;
    int rc;
    char message[512];
    uint64_t index;
};

static void on_done(void *user, int rc, const char *message)
{
    struct outcome *outcome = user;
    outcome->is_done = true;
    outcome->rc = rc;
    snprintf(outcome->message, sizeof(outcome->message), "%s", message ? message : "");
}

static void on_token(void *user, int rc, const char *text, uint64_t expires_wall_ms)
{
    (void)expires_wall_ms;
    on_done(user, rc, text);
}

static void on_result(void *user, int rc, const struct apply_result *result)
{
    struct outcome *outcome = user;
    on_done(user, rc != 0 ? rc : result->code, rc != 0 ? "" : result->message);
    outcome->index = rc != 0 ? 0 : result->index;
}

static void on_read(void *user, int rc, bool was_current)
{
    (void)was_current;
    on_done(user, rc, "");
}

static void on_fatal(void *user, const char *message)
{
    (void)user;
    fail_msg("fatal: %s", message);
}

static void on_kick(uv_timer_t *timer)
{
    (void)timer;
}

static void on_closed(void *user)
{
    *(bool *)user = true;
}

static void turn(void)
{
    uv_run(&fixture->loop, UV_RUN_ONCE);
}

static void wait_for(struct outcome *outcome)
{
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;

    while (!outcome->is_done && clock_mono_ms() < end_ms)
        turn();
    if (!outcome->is_done)
        fail_msg("no outcome in %d ms", WAIT_MS);
}

static void open_node(struct node *node)
{
    static const char *const addresses[] = {"192.0.2.1", "2001:db8::1"};
    struct cluster_options options = {.loop = &fixture->loop,
                                      .data_dir = node->folder,
                                      .name = node->name,
                                      .region = "test",
                                      .public_addresses = addresses,
                                      .public_address_count = 2,
                                      .fatal = on_fatal};
    char error[CLUSTER_ERROR_MAX];

    snprintf(options.listen.peer, CLUSTER_TEXT_MAX, "127.0.0.1:%u", node->port);
    snprintf(options.listen.admin, CLUSTER_TEXT_MAX, "127.0.0.1:%u", node->port + 1);
    snprintf(options.listen.snapshot, CLUSTER_TEXT_MAX, "127.0.0.1:%u", node->port + 2);
    if (cluster_open(&options, &node->cluster, error) != 0)
        fail_msg("open %s: %s", node->name, error);
}

static void close_node(struct node *node)
{
    bool is_closed = false;

    if (!node->cluster)
        return;
    cluster_close(node->cluster, on_closed, &is_closed);
    while (!is_closed)
        turn();
    node->cluster = NULL;
}

static int setup(void **state)
{
    unsigned base =
        20000 + (unsigned)getpid() % 12000; /* below the ports of outgoing connections */

    (void)state;
    fixture = calloc(1, sizeof(*fixture));
    assert_int_equal(uv_loop_init(&fixture->loop), 0);
    uv_timer_init(&fixture->loop, &fixture->kick);
    uv_timer_start(&fixture->kick, on_kick, 10, 10);
    for (unsigned i = 0; i < NODES; i++) {
        struct node *node = &fixture->nodes[i];
        snprintf(node->folder, sizeof(node->folder), "/tmp/quartet-cluster-XXXXXX");
        assert_non_null(mkdtemp(node->folder));
        snprintf(node->name, sizeof(node->name), "ns%u", i + 1);
        node->port = base + 10 * i;
        open_node(node);
    }
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES; i++) {
        close_node(&fixture->nodes[i]);
        file_remove_tree(fixture->nodes[i].folder);
    }
    uv_close((uv_handle_t *)&fixture->kick, NULL);
    uv_run(&fixture->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&fixture->loop), 0);
    free(fixture);
    return 0;
}

static void init_first(void)
{
    struct outcome outcome = {0};

    assert_int_equal(cluster_init(fixture->nodes[0].cluster, "Example.ORG", on_done, &outcome), 0);
    wait_for(&outcome);
    assert_int_equal(outcome.rc, 0);
    assert_string_equal(cluster_domain(fixture->nodes[0].cluster), "example.org.");
}

static void make_token(unsigned at, unsigned uses, char text[512])
{
    struct outcome outcome = {0};

    assert_int_equal(
        cluster_token_create(fixture->nodes[at].cluster, 3600000, uses, on_token, &outcome), 0);
    wait_for(&outcome);
    assert_int_equal(outcome.rc, 0);
    snprintf(text, 512, "%s", outcome.message);
}

static struct outcome join(unsigned who, unsigned via, const char *token)
{
    struct outcome outcome = {0};
    char address[64];

    snprintf(address, sizeof(address), "127.0.0.1:%u", fixture->nodes[via].port + 1);
    int rc = cluster_join(fixture->nodes[who].cluster, address, token, NULL, on_done, &outcome);
    if (rc != 0)
        on_done(&outcome, rc, "");
    wait_for(&outcome);
    return outcome;
}

static void join_rest(void)
{
    char token[512];

    make_token(0, NODES - 1, token);
    for (unsigned i = 1; i < NODES; i++) {
        struct outcome outcome = join(i, 0, token);
        if (outcome.rc != 0)
            fail_msg("join: %s", outcome.message);
    }
}

/* A status of node @at that @is_wanted likes, within the time. */
static struct cluster_status last;
static void on_status(void *user, const struct cluster_status *status)
{
    last = *status;
    on_done(user, 0, "");
}
static void wait_status(unsigned at, bool (*is_wanted)(const struct cluster_status *))
{
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;

    for (;;) {
        struct outcome outcome = {0};
        assert_int_equal(cluster_status(fixture->nodes[at].cluster, on_status, &outcome), 0);
        wait_for(&outcome);
        if (is_wanted(&last))
            return;
        if (clock_mono_ms() > end_ms)
            fail_msg("status: %u voters, %u alive, health %d: %s", last.voters, last.voters_alive,
                     (int)last.health, last.advice);
        uint64_t pause_ms = clock_mono_ms() + 50;
        while (clock_mono_ms() < pause_ms)
            turn();
    }
}
static bool three_voters(const struct cluster_status *status)
{
    return status->health == CLUSTER_HEALTHY && status->voters == 3 && status->can_lose == 1;
}
static bool has_leader(const struct cluster_status *status)
{
    return status->leader != 0 && status->health != CLUSTER_NO_QUORUM;
}
static bool two_members(const struct cluster_status *status)
{
    return status->member_count == 2 && status->voters == 1;
}
static bool replica_took_over(const struct cluster_status *status)
{
    const struct cluster *second = fixture->nodes[1].cluster;
    bool is_clean = true;

    for (unsigned i = 0; i < status->member_count; i++)
        is_clean = is_clean && status->members[i].is_alive && !status->members[i].is_quarantined;
    return is_clean && status->leader == second->identity.id && status->voters == 1;
}
static bool removed(const struct cluster_status *status)
{
    return status->phase == CLUSTER_REMOVED && status->health == CLUSTER_NOT_MEMBER;
}

static struct outcome put_setting(unsigned at, const char *name, const char *value)
{
    struct outcome outcome = {0};
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    setting.name = (char *)(uintptr_t)name;
    setting.value = (char *)(uintptr_t)value;
    command.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command.put_setting = &setting;
    int rc = cluster_propose(fixture->nodes[at].cluster, &command, 0, on_result, &outcome);
    if (rc != 0)
        on_done(&outcome, rc, "");
    wait_for(&outcome);
    return outcome;
}

static unsigned leader_at(void)
{
    for (unsigned i = 0; i < NODES; i++) {
        struct cluster *cluster = fixture->nodes[i].cluster;
        if (cluster && cluster_self(cluster) == cluster_leader(cluster) && cluster_self(cluster))
            return i;
    }
    fail_msg("no leader");
    return 0;
}

static void expect_setting(unsigned at, const char *name, const char *value)
{
    struct outcome outcome = {0};
    char got[STATE_SETTING_SIZE] = "";

    assert_int_equal(cluster_read_barrier(fixture->nodes[at].cluster, 0, on_read, &outcome), 0);
    wait_for(&outcome);
    assert_int_equal(outcome.rc, 0);
    assert_int_equal(state_get_setting(cluster_state(fixture->nodes[at].cluster), name, got), 0);
    assert_string_equal(got, value);
}

static void on_sync(void *user, const struct cluster_sync *sync)
{
    on_done(user, sync->is_insync, "");
}

static void test_cluster_life_as_promised(void **state)
{
    (void)state;
    init_first();
    join_rest();
    wait_status(2, three_voters);

    /* a command by way of a follower; read from another */
    unsigned leader = leader_at(), follower = (leader + 1) % NODES, other = (leader + 2) % NODES;
    struct outcome outcome = put_setting(follower, "test.a", "1");
    assert_int_equal(outcome.rc, 0);
    expect_setting(other, "test.a", "1");

    /* in sync once every image serves it */
    uint64_t end_ms = clock_mono_ms() + 5000;
    struct outcome sync = {0};
    do {
        sync = (struct outcome){0};
        assert_int_equal(
            cluster_change_status(fixture->nodes[other].cluster, outcome.index, on_sync, &sync), 0);
        wait_for(&sync);
    } while (!sync.rc && clock_mono_ms() < end_ms);
    assert_true(sync.rc);

    /* the own zone is served by everybody */
    for (unsigned i = 0; i < NODES; i++) {
        zone_reader_register();
        const struct zone_image *image =
            zone_image_read_begin(cluster_image(fixture->nodes[i].cluster));
        assert_int_equal(zone_image_zone_count(image), 1);
        zone_image_read_end();
        zone_reader_unregister();
    }

    /* the leader goes; the others go on; it comes back */
    close_node(&fixture->nodes[leader]);
    outcome = put_setting(follower, "test.a", "2");
    assert_int_equal(outcome.rc, 0);
    wait_status(follower, has_leader);
    open_node(&fixture->nodes[leader]);
    wait_status(leader, three_voters);
    expect_setting(leader, "test.a", "2");

    /* one is removed, the leader itself: it hands over first */
    leader = leader_at();
    struct outcome gone = {0};
    struct cluster_member_request request = {.op = CLUSTER_REMOVE,
                                             .id = cluster_self(fixture->nodes[leader].cluster)};
    assert_int_equal(cluster_member_change(fixture->nodes[(leader + 1) % NODES].cluster, &request,
                                           on_done, &gone),
                     0);
    wait_for(&gone);
    if (gone.rc != 0)
        fail_msg("remove: %s", gone.message);
    wait_status((leader + 1) % NODES, two_members);
    /* it has not heard so in the log; it asks, and goes on answering DNS */
    wait_status(leader, removed);
    assert_int_equal(put_setting(leader, "test.a", "3").rc, ERR_UNAVAILABLE);
    close_node(&fixture->nodes[leader]);
    open_node(&fixture->nodes[leader]);
    wait_status(leader, removed);
}

static void test_join_wrong_token_refused(void **state)
{
    char token[512], used[512];

    (void)state;
    init_first();
    make_token(0, 1, token);
    snprintf(used, sizeof(used), "%s", token);

    /* another secret: the last digit but one */
    token[strlen(token) - 2] = token[strlen(token) - 2] == 'A' ? 'B' : 'A';
    assert_int_equal(join(1, 0, token).rc, ERR_DENIED);
    /* another CA */
    snprintf(token, sizeof(token), "%s", used);
    token[40] = token[40] == 'A' ? 'B' : 'A';
    assert_int_equal(join(1, 0, token).rc, ERR_DENIED);
    /* nobody there */
    assert_int_equal(join(1, 2, used).rc, ERR_UNAVAILABLE);
    /* malformed */
    assert_int_equal(join(1, 0, "QT1.").rc, ERR_INVALID);

    struct outcome good = join(1, 0, used);
    if (good.rc != 0)
        fail_msg("join: %s", good.message);
    assert_int_equal(join(1, 0, used).rc, 0);          /* already a member */
    assert_int_equal(join(2, 0, used).rc, ERR_DENIED); /* used up */
    struct outcome again = {0};
    assert_int_equal(cluster_init(fixture->nodes[1].cluster, "other.example", on_done, &again),
                     ERR_CONFLICT);
}

static void test_restart_single_node_serves_zone(void **state)
{
    (void)state;
    init_first();
    close_node(&fixture->nodes[0]);
    open_node(&fixture->nodes[0]);
    zone_reader_register();
    const struct zone_image *image =
        zone_image_read_begin(cluster_image(fixture->nodes[0].cluster));
    assert_int_equal(zone_image_zone_count(image), 1); /* before there is a leader */
    zone_image_read_end();
    zone_reader_unregister();
    wait_status(0, has_leader);
}

static int count_set(void *user, const struct state_record_set *set)
{
    *(unsigned *)user += set->rdata_count;
    return 0;
}

/* Addresses of ns1 in the cluster's own zone, as node 0 has them. */
static unsigned own_addresses(void)
{
    const struct kv *kv = cluster_state(fixture->nodes[0].cluster);
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    struct state_zone zone;
    unsigned count = 0;

    assert_true(dns_name_parse("example.org.", NULL, apex) > 0);
    assert_true(dns_name_parse("ns1.example.org.", NULL, name) > 0);
    if (state_get_zone_by_name(kv, apex, &zone) != 0)
        return 0;
    struct state_record_set a = {.name = name, .type = DNS_TYPE_A};
    struct state_record_set aaaa = {.name = name, .type = DNS_TYPE_AAAA};
    (void)state_get_record_set(kv, zone.content, &a, count_set, &count);
    (void)state_get_record_set(kv, zone.content, &aaaa, count_set, &count);
    return count;
}

static void test_init_own_zone_has_addresses_at_once(void **state)
{
    (void)state;
    init_first();
    uint64_t end_ms = clock_mono_ms() + 4000; /* a repeated try comes after 5 s */
    while (own_addresses() < 2 && clock_mono_ms() < end_ms)
        turn();
    assert_int_equal(own_addresses(), 2);
}

/* The only voter does not trust its state: a replica gets the vote and the leadership, and from it
 * the other one a good state. */
static void test_quarantine_only_voter_hands_over(void **state)
{
    char token[512];

    (void)state;
    init_first();
    make_token(0, 1, token);
    assert_int_equal(join(1, 0, token).rc, 0);
    struct cluster *first = fixture->nodes[0].cluster;
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;
    pthread_rwlock_rdlock(&first->store_lock); /* as a long verification does */
    assert_int_equal(store_quarantine(first->store, "a test says so"), 0);
    while (!first->install.dir && clock_mono_ms() < end_ms)
        turn();
    assert_non_null(first->install.dir);
    pthread_rwlock_unlock(&first->store_lock);
    wait_status(1, replica_took_over);
    assert_null(store_quarantine_reason(fixture->nodes[0].cluster->store));
    assert_int_equal(put_setting(0, "test.a", "1").rc, 0);
}

int __real_publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max);
int __wrap_publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max);
static struct {
    unsigned left; /* so often the image cannot take what was installed … */
    int code;      /* … because of this */
} refusals;

int __wrap_publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max)
{
    if (refusals.left == 0)
        return __real_publish_rebuild_step(publish, kv, sets_max);
    refusals.left--;
    publish_freeze(publish, err_text(refusals.code));
    publish_rebuild_cancel(publish);
    return refusals.code;
}

static bool serves_all(const struct cluster *cluster)
{
    return publish_index(cluster->publish) == cluster->commit_index &&
           !publish_is_frozen(cluster->publish) && !store_quarantine_reason(cluster->store);
}

/* The first node of two gets a snapshot whose image fails: it heals without a restart, and what
 * is applied after that is seen. Returns how many snapshots it took. */
static uint64_t install_with(unsigned times, int code)
{
    struct raft_driver_status before, after;
    struct cluster *first = fixture->nodes[0].cluster;
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;
    struct outcome outcome = {0};

    raft_driver_status(first->driver, &before);
    refusals.left = times;
    refusals.code = code;
    assert_int_equal(store_quarantine(first->store, "a test says so"), 0);
    while (refusals.left > 0 && clock_mono_ms() < end_ms)
        turn();
    assert_int_equal(refusals.left, 0);
    assert_int_equal(cluster_status(first, on_status, &outcome), 0); /* questions end meanwhile */
    wait_for(&outcome);
    while (!serves_all(first) && clock_mono_ms() < end_ms)
        turn();
    if (!serves_all(first))
        fail_msg(
            "image at %" PRIu64 " of %" PRIu64 "%s, quarantine: %s", publish_index(first->publish),
            first->commit_index, publish_is_frozen(first->publish) ? ", frozen" : "",
            store_quarantine_reason(first->store) ? store_quarantine_reason(first->store) : "none");
    assert_int_equal(put_setting(0, "test.a", "1").rc, 0);
    assert_true(serves_all(first));
    raft_driver_status(first->driver, &after);
    return after.snapshots_installed - before.snapshots_installed;
}

static void test_install_that_the_image_cannot_take_is_repeated(void **state)
{
    char token[512];

    (void)state;
    init_first();
    make_token(0, 1, token);
    assert_int_equal(join(1, 0, token).rc, 0);
    assert_int_equal(install_with(1, ERR_NOMEM), 1);   /* the same again */
    assert_int_equal(install_with(1, ERR_CORRUPT), 2); /* another one */
}

/* As if @made_ms_ago the CA had given node 0 its certificate, for a year. */
static void age_certificate(struct cluster *cluster, uint64_t made_ms_ago)
{
    struct identity *identity = &cluster->identity;
    char *request = NULL, name[] = INIT_CA_KEY;
    struct kv_buffer sealed = {0};
    uint8_t key[CERTIFICATE_PEM_MAX + 1] = {0};

    assert_int_equal(state_get_secret(cluster_state(cluster), name, &sealed), 0);
    assert_int_equal(secrets_open(&cluster->secrets, name, sealed.data, sealed.len, key), 0);
    kv_buffer_fini(&sealed);
    assert_int_equal(certificate_make_request(identity->key_pem, identity->id, &request), 0);
    free(identity->cert_pem);
    assert_int_equal(certificate_sign(identity->ca_pem, (char *)key, request, identity->id,
                                      clock_wall_ms() - made_ms_ago, &identity->cert_pem),
                     0);
    free(request);
    renew_note(cluster);
}

/* A node that runs for years: when two thirds of its certificate's life are over it makes another
 * one, and its ports use that. */
static void test_certificate_renewed_while_running(void **state)
{
    struct cluster *cluster = fixture->nodes[0].cluster;
    uint64_t now_wall_ms = clock_wall_ms(), expiry_wall_ms = 0, day_ms = 86400000;
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;
    char token[512];

    (void)state;
    init_first();
    struct identity *identity = &cluster->identity;
    struct admin_port *before = cluster->admin_port;
    age_certificate(cluster, 243 * day_ms); /* 243.3 are two thirds */
    renew_tick(cluster, clock_mono_ms() + 2 * RENEW_LOOK_MS);
    assert_ptr_equal(cluster->admin_port, before);
    age_certificate(cluster, 244 * day_ms);
    renew_tick(cluster, clock_mono_ms() + 4 * RENEW_LOOK_MS);
    assert_int_equal(certificate_expiry(identity->cert_pem, &expiry_wall_ms), 0);
    assert_true(expiry_wall_ms > now_wall_ms + 360 * day_ms);
    assert_ptr_not_equal(cluster->admin_port, before);
    while (!cluster->admin_port && clock_mono_ms() < end_ms)
        turn();
    make_token(0, 1, token);
    assert_int_equal(join(1, 0, token).rc, 0);
    cluster->identity.cert_pem[0] = 'x'; /* unreadable counts as due; and then it is closed */
    renew_note(cluster);
    renew_tick(cluster, clock_mono_ms() + 6 * RENEW_LOOK_MS);
    renew_tick(cluster, clock_mono_ms() + 6 * RENEW_LOOK_MS + NODES * RENEW_TURN_MS);
    assert_true(cluster->renew.is_admin_closing);
}

static int count_import(void *user, const struct state_import *import)
{
    (void)import;
    ++*(unsigned *)user;
    return 0;
}

static unsigned import_count(void)
{
    unsigned count = 0;

    assert_int_equal(
        state_list_imports(cluster_state(fixture->nodes[0].cluster), count_import, &count), 0);
    return count;
}

static void begin_import(const char *zone_id, const char *change_id, uint64_t begun_wall_ms)
{
    struct outcome outcome = {0};
    Cmd__ImportBegin begin = CMD__IMPORT_BEGIN__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    begin.zone_id = (char *)(uintptr_t)zone_id;
    begin.change_id = (char *)(uintptr_t)change_id;
    command.kind_case = CMD__COMMAND__KIND_IMPORT_BEGIN;
    command.import_begin = &begin;
    command.time_wall_ms = begun_wall_ms;
    assert_int_equal(cluster_propose(fixture->nodes[0].cluster, &command, 0, on_result, &outcome),
                     0);
    wait_for(&outcome);
    if (outcome.rc != 0)
        fail_msg("import: %d %s", outcome.rc, outcome.message);
}

/* Clients that are killed leave imports; only those of long ago are given up. */
static void test_imports_that_nobody_ends_expire(void **state)
{
    uint64_t now_wall_ms = clock_wall_ms(), end_ms = clock_mono_ms() + WAIT_MS;
    uint8_t apex[DNS_NAME_MAX];
    struct state_zone zone;

    (void)state;
    init_first();
    struct cluster *cluster = fixture->nodes[0].cluster;
    assert_true(dns_name_parse("example.org.", NULL, apex) > 0);
    while (state_get_zone_by_name(cluster_state(cluster), apex, &zone) != 0 &&
           clock_mono_ms() < end_ms)
        turn();
    begin_import(zone.id, "C00000000000000000001", now_wall_ms);
    begin_import(zone.id, "C00000000000000000002", now_wall_ms - IMPORT_EXPIRY_MS - 60000);
    assert_int_equal(import_count(), 2);
    while (import_count() == 2 && clock_mono_ms() < end_ms)
        turn();
    assert_int_equal(import_count(), 1);
    cluster->imports_looked_mono_ms = 0; /* look at the other one, too */
    for (end_ms = clock_mono_ms() + 500; clock_mono_ms() < end_ms;)
        turn();
    assert_int_equal(import_count(), 1);
}

/* A process that ends in the middle of an init goes on with it when it starts again. */
static void test_init_cut_off_resumed(void **state)
{
    struct outcome outcome = {0};
    uint64_t end_ms = clock_mono_ms() + WAIT_MS;

    (void)state;
    assert_int_equal(cluster_init(fixture->nodes[0].cluster, "example.org", on_done, &outcome), 0);
    close_node(&fixture->nodes[0]);
    assert_int_equal(outcome.rc, ERR_CLOSED);
    open_node(&fixture->nodes[0]);
    assert_int_equal(cluster_phase(fixture->nodes[0].cluster), CLUSTER_MEMBER);
    for (size_t zones = 0; zones == 0;) {
        turn();
        zone_reader_register();
        zones =
            zone_image_zone_count(zone_image_read_begin(cluster_image(fixture->nodes[0].cluster)));
        zone_image_read_end();
        zone_reader_unregister();
        assert_true(clock_mono_ms() < end_ms);
    }
    char token[512];
    make_token(0, 1, token);
    assert_int_equal(join(1, 0, token).rc, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart_single_node_serves_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_init_cut_off_resumed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_init_own_zone_has_addresses_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_quarantine_only_voter_hands_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_install_that_the_image_cannot_take_is_repeated, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_certificate_renewed_while_running, setup, teardown),
        cmocka_unit_test_setup_teardown(test_imports_that_nobody_ends_expire, setup, teardown),
        cmocka_unit_test_setup_teardown(test_join_wrong_token_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cluster_life_as_promised, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
