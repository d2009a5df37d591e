/* tests/lib/fake_driver.c: a cluster of real drivers without sockets. */
#include "lib/fake_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/log_folder.h"
#include "raft/core/assert.h"

#define WAIT_NS (20ull * 1000 * 1000 * 1000)

/* ---- the network ---- */

struct fake_delivery {
    struct fake_delivery *next;
    bool is_app;
    raft_id from;
    struct raft_message msg;
    struct raft_snapshot snapshot;
    size_t len;
    uint8_t data[64];
};

static struct fake_node *find_node(struct fake_cluster *cluster, raft_id id)
{
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++)
        if (cluster->nodes[i].id == id)
            return &cluster->nodes[i];
    return NULL;
}

static void free_delivery(struct fake_delivery *delivery)
{
    for (uint32_t i = 0; i < delivery->msg.entry_count; i++)
        raft_buf_unref(delivery->msg.entries[i].data);
    free(delivery->msg.entries);
    free(delivery);
}

static int post(struct fake_node *from, raft_id to, struct fake_delivery *delivery)
{
    struct fake_node *node = find_node(from->cluster, to);
    delivery->from = from->id;
    if (node == NULL || node->is_cut || from->is_cut || !node->has_handler) {
        free_delivery(delivery);
        return node == NULL ? RAFT_ENOENT : 0;
    }
    *node->end = delivery;
    node->end = &delivery->next;
    uv_async_send(&node->arrived);
    return 0;
}

static int net_send(void *self, const struct raft_message *msg)
{
    struct fake_delivery *delivery = calloc(1, sizeof(*delivery));
    delivery->msg = *msg;
    delivery->msg.entries = calloc(msg->entry_count + 1, sizeof(struct raft_entry));
    for (uint32_t i = 0; i < msg->entry_count; i++) {
        delivery->msg.entries[i] = msg->entries[i];
        raft_buf_ref(msg->entries[i].data);
    }
    if (msg->snapshot != NULL) {
        delivery->snapshot = *msg->snapshot;
        delivery->msg.snapshot = &delivery->snapshot;
    }
    return post(self, msg->to, delivery);
}

static int net_send_app(void *self, raft_id to, const uint8_t *data, size_t len)
{
    struct fake_delivery *delivery = calloc(1, sizeof(*delivery));
    delivery->is_app = true;
    delivery->len = len < sizeof(delivery->data) ? len : sizeof(delivery->data);
    memcpy(delivery->data, data, delivery->len);
    return post(self, to, delivery);
}

static int net_set_members(void *self, const struct transport_member *members, uint32_t count)
{
    (void)self;
    (void)members;
    (void)count;
    return 0;
}

static void net_poll(void *self)
{
    struct fake_node *node = self;
    struct fake_delivery *delivery = node->first;
    node->first = NULL;
    node->end = &node->first;
    while (delivery != NULL) {
        struct fake_delivery *next = delivery->next;
        if (node->has_handler && delivery->is_app)
            node->handler.app(node->handler.user, delivery->from, delivery->data, delivery->len);
        else if (node->has_handler)
            node->handler.message(node->handler.user, &delivery->msg);
        free_delivery(delivery);
        delivery = next;
    }
}

static void on_arrived(uv_async_t *async)
{
    net_poll(async->data);
}

static void net_attach(void *self, const struct transport_handler *handler)
{
    struct fake_node *node = self;
    node->has_handler = handler != NULL;
    if (handler != NULL)
        node->handler = *handler;
}

/* Snapshot callbacks must not come from within the call: they take a turn of the loop. */
struct later {
    uv_timer_t timer;
    snapshot_added_cb added;
    snapshot_done_cb done;
    void *user;
    int code;
    uint8_t id[CODEC_SNAPSHOT_ID_LEN];
};

static void on_later_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_later(uv_timer_t *timer)
{
    struct later *later = timer->data;
    if (later->added != NULL)
        later->added(later->user, later->code, later->id);
    else
        later->done(later->user, later->code);
    uv_close((uv_handle_t *)timer, on_later_closed);
}

static struct later *call_later(struct fake_node *node, void *user)
{
    struct later *later = calloc(1, sizeof(*later));
    later->user = user;
    later->timer.data = later;
    uv_timer_init(&node->cluster->loop, &later->timer);
    uv_timer_start(&later->timer, on_later, 1, 0);
    return later;
}

static int net_serve(void *self, const char *dir, snapshot_added_cb added, void *user)
{
    struct fake_node *node = self;
    struct later *later = call_later(node, user);
    uint64_t number = node->cluster->snapshot_count++ % 64;
    snprintf(node->cluster->snapshots[number], sizeof(node->cluster->snapshots[0]), "%s", dir);
    later->added = added;
    later->id[0] = (uint8_t)number;
    return 0;
}

static int net_unserve(void *self, const uint8_t *id)
{
    (void)self;
    (void)id;
    return 0;
}

static int net_locate(void *self, const uint8_t *id, struct raft_snapshot *snapshot)
{
    (void)self;
    snapshot->locator[0] = id[0];
    snapshot->locator_len = 1;
    return 0;
}

static void copy_state(const char *from_dir, const char *to_dir)
{
    char path[4400], octets[8192];
    snprintf(path, sizeof(path), "%s/state", from_dir);
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    size_t len = fread(octets, 1, sizeof(octets), in);
    fclose(in);
    mkdir(to_dir, 0700);
    snprintf(path, sizeof(path), "%s/state", to_dir);
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(octets, 1, len, out), len);
    fclose(out);
}

static int net_fetch(void *self, const struct raft_snapshot *snapshot, const char *dir,
                     snapshot_done_cb done, void *user, void **fetch)
{
    struct fake_node *node = self;
    struct later *later = call_later(node, user);
    later->done = done;
    later->code = node->cluster->fetch_code;
    node->cluster->fetch_count++;
    if (later->code == 0)
        copy_state(node->cluster->snapshots[snapshot->locator[0]], dir);
    *fetch = later;
    return 0;
}

static void net_cancel(void *self, void *fetch)
{
    (void)self;
    struct later *later = fetch;
    later->code = RAFT_ECLOSED;
}

static const struct raft_net_ops net_ops = {.attach = net_attach,
                                            .serve = net_serve,
                                            .unserve = net_unserve,
                                            .locate = net_locate,
                                            .fetch = net_fetch,
                                            .cancel = net_cancel};
static const struct transport_ops transport_ops = {
    .send = net_send, .send_app = net_send_app, .set_members = net_set_members, .poll = net_poll};

/* ---- the application ---- */

struct state_file {
    struct raft_snapshot state;
    uint64_t hash, data_count;
};

static void write_state(const char *dir, const struct state_file *file)
{
    char path[4400];
    mkdir(dir, 0700);
    snprintf(path, sizeof(path), "%s/state", dir);
    FILE *out = fopen(path, "wb");
    RAFT_ASSERT(out != NULL && fwrite(file, sizeof(*file), 1, out) == 1);
    fclose(out);
}

static bool read_state(const char *dir, struct state_file *file)
{
    char path[4400];
    snprintf(path, sizeof(path), "%s/state", dir);
    FILE *in = fopen(path, "rb");
    if (in == NULL)
        return false;
    RAFT_ASSERT(fread(file, sizeof(*file), 1, in) == 1);
    fclose(in);
    return true;
}

static struct state_file state_now(struct fake_node *node)
{
    pthread_mutex_lock(&node->lock);
    struct state_file file = {node->state, node->hash, node->data_count};
    pthread_mutex_unlock(&node->lock);
    return file;
}

static void set_state(struct fake_node *node, const struct state_file *file)
{
    pthread_mutex_lock(&node->lock);
    node->state = file->state;
    node->hash = file->hash;
    node->data_count = file->data_count;
    pthread_mutex_unlock(&node->lock);
}

static int app_applied(void *user, struct raft_snapshot *out)
{
    struct fake_node *node = user;
    struct state_file file = {0};
    read_state(node->dir, &file);
    set_state(node, &file);
    *out = file.state;
    return 0;
}

static int app_apply(void *user, const struct raft_entry *entries, uint32_t count)
{
    struct fake_node *node = user;
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;
    if (node->apply_code != 0)
        return node->apply_code;
    pthread_mutex_lock(&node->lock);
    for (uint32_t i = 0; i < count; i++) {
        const struct raft_entry *entry = &entries[i];
        RAFT_ASSERT(entry->index == node->state.index + 1);
        node->state.index = entry->index;
        node->state.term = entry->term;
        if (entry->kind == RAFT_ENTRY_CONF)
            RAFT_ASSERT(raft_conf_entry_decode(entry->data, &node->state.conf, &change, &context,
                                               &context_len) == 0);
        node->data_count += entry->kind == RAFT_ENTRY_NORMAL;
        node->hash = (node->hash ^ entry->term) * 0x9e3779b97f4a7c15u + entry->index;
        for (uint32_t k = 0; entry->data != NULL && k < entry->data->len && k < 16; k++)
            node->hash = (node->hash ^ entry->data->data[k]) * 0x100000001b3u;
    }
    pthread_mutex_unlock(&node->lock);
    node->applied_here += count;
    return 0;
}

static int app_flush(void *user)
{
    struct fake_node *node = user;
    struct state_file file = state_now(node);
    write_state(node->dir, &file);
    return 0;
}

static int app_checkpoint(void *user, const char *dir, struct raft_snapshot *out)
{
    struct fake_node *node = user;
    struct state_file file = state_now(node);
    node->checkpoint_calls++;
    if (node->checkpoint_code != 0)
        return node->checkpoint_code;
    write_state(dir, &file);
    *out = file.state;
    return 0;
}

static void app_install(void *user, const char *dir, const struct raft_snapshot *snapshot)
{
    struct fake_node *node = user;
    struct state_file file = {0};
    RAFT_ASSERT(read_state(dir, &file) && file.state.index == snapshot->index);
    write_state(node->dir, &file);
    set_state(node, &file);
    raft_driver_installed(node->driver, 0);
}

static void app_role(void *user, enum raft_role role, uint64_t term, raft_id leader)
{
    struct fake_node *node = user;
    (void)role;
    (void)term;
    (void)leader;
    node->role_calls++;
}

static void app_conf(void *user, const struct raft_conf *conf)
{
    struct fake_node *node = user;
    (void)conf;
    node->conf_calls++;
}

static void app_message(void *user, raft_id from, const uint8_t *data, size_t len)
{
    struct fake_node *node = user;
    node->app_from = from;
    snprintf(node->app_data, sizeof(node->app_data), "%.*s", (int)len, (const char *)data);
}

static void app_fatal(void *user, const char *message)
{
    struct fake_node *node = user;
    node->fatal_calls++;
    snprintf(node->message, sizeof(node->message), "%s", message);
}

/* ---- the cluster ---- */

void fake_cluster_init(struct fake_cluster *cluster)
{
    memset(cluster, 0, sizeof(*cluster));
    uv_loop_init(&cluster->loop);
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        struct fake_node *node = &cluster->nodes[i];
        node->cluster = cluster;
        node->id = 100 + i;
        node->end = &node->first;
        log_folder_make(node->dir, sizeof(node->dir));
        pthread_mutex_init(&node->lock, NULL);
        uv_async_init(&cluster->loop, &node->arrived, on_arrived);
        node->arrived.data = node;
        node->net = (struct raft_net){&net_ops, node, {&transport_ops, node}};
        node->options = (struct raft_driver_options){.loop = &cluster->loop,
                                                     .dir = node->dir,
                                                     .id = node->id,
                                                     .seed = node->id * 7919,
                                                     .net = &node->net,
                                                     .election_timeout_ms = 150,
                                                     .heartbeat_ms = 30,
                                                     .free_space_min = 1,
                                                     .app = {.user = node,
                                                             .applied = app_applied,
                                                             .apply = app_apply,
                                                             .flush = app_flush,
                                                             .checkpoint = app_checkpoint,
                                                             .install = app_install,
                                                             .role_changed = app_role,
                                                             .conf_changed = app_conf,
                                                             .app_message = app_message,
                                                             .fatal = app_fatal}};
    }
}

void fake_cluster_fini(struct fake_cluster *cluster)
{
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        struct fake_node *node = &cluster->nodes[i];
        fake_node_stop(node);
        net_poll(node); /* frees what is still queued */
        uv_close((uv_handle_t *)&node->arrived, NULL);
    }
    uv_run(&cluster->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&cluster->loop), 0);
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        log_folder_remove(cluster->nodes[i].dir);
        pthread_mutex_destroy(&cluster->nodes[i].lock);
    }
}

void fake_node_start(struct fake_node *node, int code)
{
    int got = raft_driver_open(&node->options, node->message, &node->driver);
    if (got != code)
        fail_msg("open gave %d (%s), not %d", got, node->message, code);
    node->applied_here = 0;
}

static void on_closed(void *user)
{
    struct fake_node *node = user;
    node->driver = NULL;
}

static bool is_down(void *user)
{
    const struct fake_node *node = user;
    return node->driver == NULL;
}

void fake_node_stop(struct fake_node *node)
{
    if (node->driver == NULL)
        return;
    raft_driver_close(node->driver, on_closed, node);
    fake_run_until(node->cluster, is_down, node, "driver closed");
}

void fake_node_bootstrap(struct fake_node *node)
{
    assert_int_equal(raft_driver_bootstrap(node->dir, node->id, NULL, node->message), 0);
}

void fake_node_write_state(struct fake_node *node, const struct raft_snapshot *state)
{
    const struct state_file file = {.state = *state, .hash = 1};
    write_state(node->dir, &file);
}

static void on_limit(uv_timer_t *timer)
{
    (void)timer;
}

void fake_run_until(struct fake_cluster *cluster, bool (*is_true)(void *), void *user,
                    const char *what)
{
    uint64_t end_ns = uv_hrtime() + WAIT_NS;
    uv_timer_t limit;
    uv_timer_init(&cluster->loop, &limit);
    uv_timer_start(&limit, on_limit, 5, 5); /* the loop never blocks for good */
    while (!is_true(user)) {
        if (uv_hrtime() > end_ns)
            fail_msg("never came true: %s", what);
        uv_run(&cluster->loop, UV_RUN_ONCE);
    }
    uv_close((uv_handle_t *)&limit, NULL);
    uv_run(&cluster->loop, UV_RUN_NOWAIT);
}

struct fake_node *fake_leader(struct fake_cluster *cluster)
{
    struct raft_driver_status status;
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        struct fake_node *node = &cluster->nodes[i];
        if (node->driver == NULL || node->is_cut)
            continue;
        raft_driver_status(node->driver, &status);
        if (status.role == RAFT_LEADER && status.can_change_conf)
            return node;
    }
    return NULL;
}

static bool has_leader(void *user)
{
    return fake_leader(user) != NULL;
}

struct fake_node *fake_wait_leader(struct fake_cluster *cluster)
{
    fake_run_until(cluster, has_leader, cluster, "a leader that committed in its term");
    return fake_leader(cluster);
}

void fake_change(struct fake_cluster *cluster, raft_id id, enum raft_conf_change_kind kind)
{
    const struct raft_conf_change wanted = {.kind = kind, .id = id};
    uint64_t index, term;
    int code = RAFT_EBUSY;
    while (code == RAFT_EBUSY || code == RAFT_ENOTLEADER || code == RAFT_ENOQUORUM)
        code = raft_driver_propose_conf(fake_wait_leader(cluster)->driver, &wanted, &index, &term);
    assert_int_equal(code, 0);
    fake_wait_equal(cluster);
}

void fake_grow(struct fake_cluster *cluster, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        fake_node_start(&cluster->nodes[i], 0);
        fake_change(cluster, cluster->nodes[i].id, RAFT_CONF_ADD_LEARNER);
        fake_change(cluster, cluster->nodes[i].id, RAFT_CONF_PROMOTE);
    }
}

void fake_propose(struct fake_cluster *cluster, uint64_t count, size_t len)
{
    for (uint64_t i = 0; i < count;) {
        uint64_t index, term;
        struct raft_buf *data = raft_buf_new(NULL, len);
        memcpy(data->data, &i, len < sizeof(i) ? len : sizeof(i));
        struct fake_node *leader = fake_wait_leader(cluster);
        int code = raft_driver_propose(leader->driver, &data, 1, &index, &term);
        raft_buf_unref(data);
        if (code == 0)
            i++;
        else
            assert_true(code == RAFT_EBUSY || code == RAFT_ENOTLEADER);
        if (code != 0 || i % 64 == 0)
            uv_run(&cluster->loop, UV_RUN_NOWAIT);
    }
}

static bool is_equal(void *user)
{
    struct fake_cluster *cluster = user;
    struct raft_driver_status status;
    struct fake_node *leader = fake_leader(cluster);
    if (leader == NULL)
        return false;
    raft_driver_status(leader->driver, &status);
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        struct fake_node *node = &cluster->nodes[i];
        if (node->driver != NULL && !node->is_cut && node->state.index != status.last_index)
            return false;
    }
    return true;
}

void fake_wait_equal(struct fake_cluster *cluster)
{
    fake_run_until(cluster, is_equal, cluster, "all nodes applied the leader's log");
    struct fake_node *leader = fake_leader(cluster);
    for (uint32_t i = 0; i < FAKE_NODES_MAX; i++) {
        struct fake_node *node = &cluster->nodes[i];
        if (node->driver != NULL && !node->is_cut)
            assert_int_equal(node->hash, leader->hash);
    }
}
