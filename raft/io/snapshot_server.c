/* raft/io/snapshot_server.c: a REP socket with several contexts, each a loop of receive, answer,
 * send on NNG's threads; the libuv loop registers, expires and closes. */
#include "raft/io/snapshot_server.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <uv.h>

#include "raft/io/nng_socket.h"
#include "raft/io/snapshot_served.h"
#include "raft/io/transport_internal.h"

#define WORKERS 4            /* requests answered at a time; the others wait in NNG */
#define SWEEP_MS 1000        /* between looks for what has expired */
#define REQUEST_LEN_MAX 4096 /* a request is some 100 octets */
#define SEND_TIMEOUT_MS 30000

enum worker_state { WORKER_RECEIVES, WORKER_SENDS };

/* One context. Its fields belong to the NNG thread that runs its callback. */
struct worker {
    struct snapshot_server *server;
    nng_ctx context;
    nng_aio *aio;
    enum worker_state state;
    uint8_t *chunk; /* CODEC_CHUNK_LEN octets */
};
struct snapshot_server {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work; /* closing */
    uv_work_t restart_work;
    struct codec_keys keys;
    struct transport_tls tls; /* owned copy */
    char url[TRANSPORT__URL_LEN];
    nng_socket socket;
    bool has_socket; /* with workers; the loop's, or a job's that shuts it */
    uint16_t port;
    uint32_t expiry_ms;
    struct worker workers[WORKERS];
    struct snapshot_table *table;
    uint32_t served;                    /* registered or being registered; loop */
    uint32_t jobs;                      /* on the worker pool; loop */
    bool is_sweeping;                   /* loop */
    bool is_restart_due, is_restarting; /* loop */
    bool is_closing;                    /* loop */
    snapshot_close_cb close_cb;
    void *close_user;
    uv_mutex_t mutex; /* guards counters */
    struct snapshot_server_counters counters;
};

static uint64_t now_mono_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- requests: NNG threads ---- */

static void count_refusal(struct snapshot_server *server, int code, enum codec_refusal why)
{
    if (code == RAFT_ENOMEM)
        return;
    uv_mutex_lock(&server->mutex);
    server->counters.refused[why]++;
    uv_mutex_unlock(&server->mutex);
}

static void count_answer(struct snapshot_server *server, const struct codec_frame *answer)
{
    uv_mutex_lock(&server->mutex);
    server->counters.manifests += answer->kind == CODEC_MANIFEST;
    server->counters.chunks += answer->kind == CODEC_CHUNK;
    server->counters.chunk_octets += answer->data_len;
    server->counters.refused_requests += answer->kind == CODEC_SNAPSHOT_REFUSAL;
    uv_mutex_unlock(&server->mutex);
}

static void refuse(struct codec_frame *answer, int code)
{
    answer->kind = CODEC_SNAPSHOT_REFUSAL;
    answer->error = code;
}

/* Say what @request asks for; borrows from @served and the worker's chunk. */
static void answer_from(struct worker *worker, const struct snapshot_served *served,
                        const struct codec_frame *request, struct codec_frame *answer)
{
    if (request->kind == CODEC_MANIFEST_REQUEST) {
        answer->kind = CODEC_MANIFEST;
        answer->manifest = (struct snapshot_manifest *)snapshot_served_manifest(served);
        return;
    }
    int code = snapshot_served_read(served, &request->chunk, worker->chunk, &answer->data_len);
    answer->kind = CODEC_CHUNK;
    answer->chunk = request->chunk;
    answer->data = worker->chunk;
    if (code != 0)
        refuse(answer, code);
}

/* The answer to a request that passed the codec. NULL: none, the asker will ask again. */
static nng_msg *answer_request(struct worker *worker, const struct codec_frame *request)
{
    struct snapshot_server *server = worker->server;
    struct codec_frame answer = {.to = request->from};
    struct snapshot_served *served = NULL;
    nng_msg *message = NULL;
    if (request->kind == CODEC_MANIFEST_REQUEST || request->kind == CODEC_CHUNK_REQUEST)
        served = snapshot_table_ref(server->table, request->chunk.snapshot_id, now_mono_ms());
    if (served != NULL)
        answer_from(worker, served, request, &answer);
    else
        refuse(&answer, RAFT_ENOENT);
    if (transport__encode(&server->keys, &answer, &message) != 0)
        message = NULL;
    if (served != NULL)
        snapshot_table_unref(server->table, served);
    if (message != NULL)
        count_answer(server, &answer);
    return message;
}

static nng_msg *answer_octets(struct worker *worker, const uint8_t *data, size_t len)
{
    struct codec_frame request;
    enum codec_refusal why;
    int code = codec_decode(&worker->server->keys, data, len, &request, &why);
    if (code != 0) {
        count_refusal(worker->server, code, why);
        return NULL; /* who cannot prove membership gets no answer */
    }
    nng_msg *message = answer_request(worker, &request);
    codec_frame_release(&request);
    return message;
}

static void worker_receive(struct worker *worker)
{
    worker->state = WORKER_RECEIVES;
    nng_aio_set_timeout(worker->aio, NNG_DURATION_INFINITE);
    nng_ctx_recv(worker->context, worker->aio);
}

static void worker_answer(struct worker *worker)
{
    nng_msg *request = nng_aio_get_msg(worker->aio);
    nng_aio_set_msg(worker->aio, NULL);
    nng_msg *answer = answer_octets(worker, nng_msg_body(request), nng_msg_len(request));
    nng_msg_free(request);
    if (answer == NULL) {
        worker_receive(worker);
        return;
    }
    worker->state = WORKER_SENDS;
    nng_aio_set_timeout(worker->aio, SEND_TIMEOUT_MS);
    nng_aio_set_msg(worker->aio, answer);
    nng_ctx_send(worker->context, worker->aio);
}

/* NNG thread. */
static void on_worker(void *user)
{
    struct worker *worker = user;
    int error = nng_aio_result(worker->aio);
    if (error == NNG_ECLOSED || error == NNG_ECANCELED) {
        nng_msg *unsent = worker->state == WORKER_SENDS ? nng_aio_get_msg(worker->aio) : NULL;
        nng_aio_set_msg(worker->aio, NULL);
        if (unsent != NULL)
            nng_msg_free(unsent);
        return;
    }
    if (worker->state == WORKER_RECEIVES && error == 0) {
        worker_answer(worker);
        return;
    }
    if (worker->state == WORKER_SENDS && error != 0) { /* the asker is gone */
        nng_msg_free(nng_aio_get_msg(worker->aio));
        nng_aio_set_msg(worker->aio, NULL);
    }
    worker_receive(worker);
}

/* ---- jobs of the worker pool ---- */

struct addition {
    uv_work_t work;
    struct snapshot_server *server;
    char *directory;
    struct snapshot_manifest *manifest;
    int result;
    snapshot_added_cb cb;
    void *user;
};
struct removal {
    uv_work_t work;
    struct snapshot_server *server;
};

static void close_when_idle(struct snapshot_server *server);

/* Worker. */
static void add_work(uv_work_t *work)
{
    struct addition *addition = work->data;
    addition->result = snapshot_manifest_scan(addition->directory, &addition->manifest);
    if (addition->result == 0 && getrandom(addition->manifest->snapshot_id, CODEC_SNAPSHOT_ID_LEN,
                                           0) != CODEC_SNAPSHOT_ID_LEN)
        addition->result = RAFT_EIO;
}

static void on_added(uv_work_t *work, int status)
{
    struct addition *addition = work->data;
    struct snapshot_server *server = addition->server;
    uint8_t id[CODEC_SNAPSHOT_ID_LEN] = {0};
    int result = addition->result;
    (void)status; /* never cancelled */
    if (addition->manifest != NULL)
        memcpy(id, addition->manifest->snapshot_id, sizeof(id));
    if (result == 0 && server->is_closing)
        result = RAFT_ECLOSED;
    if (result == 0)
        result = snapshot_table_put_take(server->table, addition->manifest, addition->directory,
                                         now_mono_ms());
    if (result != 0) {
        snapshot_manifest_free(addition->manifest);
        free(addition->directory);
        server->served--;
    }
    addition->cb(addition->user, result, id);
    free(addition);
    server->jobs--;
    close_when_idle(server);
}

static void remove_garbage(struct snapshot_table *table)
{
    char *directory;
    while ((directory = snapshot_table_take_garbage(table)) != NULL) {
        (void)snapshot__remove_directory(directory); /* what stays, the next start removes */
        free(directory);
    }
}

/* Worker. */
static void sweep_work(uv_work_t *work)
{
    struct removal *removal = work->data;
    remove_garbage(removal->server->table);
}

static void on_swept(uv_work_t *work, int status)
{
    struct removal *removal = work->data;
    struct snapshot_server *server = removal->server;
    (void)status;
    free(removal);
    server->is_sweeping = false;
    server->jobs--;
    close_when_idle(server);
}

/* Remove what is withdrawn and out of use; without memory the next sweep does it. */
static void sweep(struct snapshot_server *server)
{
    struct removal *removal = server->is_sweeping ? NULL : calloc(1, sizeof(*removal));
    if (removal == NULL)
        return;
    removal->work.data = removal;
    removal->server = server;
    server->is_sweeping = true;
    server->jobs++;
    (void)uv_queue_work(server->loop, &removal->work, sweep_work, on_swept);
}

static void restart_when_due(struct snapshot_server *server);

static void on_timer(uv_timer_t *timer)
{
    struct snapshot_server *server = timer->data;
    uint64_t now = now_mono_ms();
    uint32_t count = 0;
    if (now > server->expiry_ms)
        count = snapshot_table_expire(server->table, now - server->expiry_ms);
    server->served -= count;
    uv_mutex_lock(&server->mutex);
    server->counters.expired += count;
    uv_mutex_unlock(&server->mutex);
    sweep(server);
    restart_when_due(server); /* the port was not free */
}

/* ---- the interface ---- */

int snapshot_server_add(struct snapshot_server *server, const char *directory, snapshot_added_cb cb,
                        void *user)
{
    if (server->is_closing)
        return RAFT_ECLOSED;
    if (server->served == SNAPSHOT_SERVED_MAX)
        return RAFT_EBUSY;
    struct addition *addition = calloc(1, sizeof(*addition));
    char *copy = strdup(directory);
    if (addition == NULL || copy == NULL) {
        free(addition);
        free(copy);
        return RAFT_ENOMEM;
    }
    addition->work.data = addition;
    addition->server = server;
    addition->directory = copy;
    addition->cb = cb;
    addition->user = user;
    server->served++;
    server->jobs++;
    (void)uv_queue_work(server->loop, &addition->work, add_work, on_added);
    return 0;
}

int snapshot_server_remove(struct snapshot_server *server, const uint8_t *snapshot_id)
{
    int code = snapshot_table_withdraw(server->table, snapshot_id);
    if (code == 0) {
        server->served--;
        sweep(server);
    }
    return code;
}

uint16_t snapshot_server_port(const struct snapshot_server *server)
{
    return server->port;
}

void snapshot_server_counters(struct snapshot_server *server, struct snapshot_server_counters *out)
{
    uv_mutex_lock(&server->mutex);
    *out = server->counters;
    uv_mutex_unlock(&server->mutex);
}

/* ---- open and close ---- */

static int server_listen(struct snapshot_server *server, nng_tls_config *config)
{
    nng_listener listener;
    int port = 0;
    int error = nng_socket_set_size(server->socket, NNG_OPT_RECVMAXSZ, REQUEST_LEN_MAX);
    if (error == 0)
        error = nng_listener_create(&listener, server->socket, server->url);
    if (error == 0)
        error = nng_listener_set_ptr(listener, NNG_OPT_TLS_CONFIG, config);
    if (error == 0)
        error = nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
    if (error == 0)
        error = nng_listener_start(listener, 0);
    if (error == 0)
        error = nng_listener_get_int(listener, NNG_OPT_TCP_BOUND_PORT, &port);
    if (error != 0)
        return transport__error(error);
    server->port = (uint16_t)port;
    char *colon = strrchr(server->url, ':'); /* one that took any free port keeps it */
    if (strcmp(colon, ":0") == 0)
        (void)snprintf(colon, sizeof(server->url) - (size_t)(colon - server->url), ":%d", port);
    return 0;
}

static int workers_start(struct snapshot_server *server)
{
    for (int i = 0; i < WORKERS; i++) {
        struct worker *worker = &server->workers[i];
        worker->server = server;
        worker->chunk = malloc(CODEC_CHUNK_LEN);
        if (worker->chunk == NULL || nng_aio_alloc(&worker->aio, on_worker, worker) != 0 ||
            nng_ctx_open(&worker->context, server->socket) != 0)
            return RAFT_ENOMEM;
    }
    for (int i = 0; i < WORKERS; i++)
        worker_receive(&server->workers[i]);
    return 0;
}

/* Open everything of NNG's, with the certificate in use. On failure server_shut() is to follow. */
static int server_start(struct snapshot_server *server)
{
    nng_tls_config *config = NULL;
    int code = transport__tls_config(&server->tls, 0, &config);
    if (code != 0)
        return code;
    if (nng_rep0_open(&server->socket) != 0) {
        nng_tls_config_free(config);
        return RAFT_ENOMEM;
    }
    server->has_socket = true;
    code = server_listen(server, config);
    if (code == 0)
        code = workers_start(server);
    nng_tls_config_free(config);
    return code;
}

/* Blocks until NNG has let go. Stop, wait, close, free: NNG 1.5.2 wants this order. */
static void server_shut(struct snapshot_server *server)
{
    if (!server->has_socket)
        return;
    for (int i = 0; i < WORKERS; i++) {
        if (server->workers[i].aio != NULL)
            nng_aio_stop(server->workers[i].aio);
    }
    (void)nng_socket_close(server->socket.id); /* with its contexts */
    for (int i = 0; i < WORKERS; i++) {
        nng_aio_free(server->workers[i].aio);
        free(server->workers[i].chunk);
        server->workers[i] = (struct worker){0};
    }
    server->has_socket = false;
}

static void server_free(struct snapshot_server *server)
{
    snapshot_table_free(server->table);
    uv_mutex_destroy(&server->mutex);
    transport__tls_free(&server->tls);
    explicit_bzero(&server->keys, sizeof(server->keys));
    free(server);
}

static int server_new(const struct snapshot_server_options *options, struct snapshot_server **out)
{
    struct snapshot_server *server = calloc(1, sizeof(*server));
    if (server == NULL)
        return RAFT_ENOMEM;
    server->table = snapshot_table_new();
    if (server->table == NULL || uv_mutex_init(&server->mutex) != 0) {
        snapshot_table_free(server->table);
        free(server);
        return RAFT_ENOMEM;
    }
    int code = transport__url(options->listen, server->url);
    if (code == 0)
        code = transport__tls_copy(&options->tls, &server->tls);
    if (code != 0) {
        server_free(server);
        return code;
    }
    server->loop = options->loop;
    server->keys = options->keys;
    server->expiry_ms = options->expiry_ms > 0 ? options->expiry_ms : SNAPSHOT_EXPIRY_MS;
    *out = server;
    return 0;
}

int snapshot_server_open(const struct snapshot_server_options *options,
                         struct snapshot_server **out)
{
    struct snapshot_server *server = NULL;
    int code = server_new(options, &server);
    if (code != 0)
        return code;
    code = server_start(server);
    if (code != 0) {
        server_shut(server);
        server_free(server);
        return code;
    }
    (void)uv_timer_init(server->loop, &server->timer); /* cannot fail */
    server->timer.data = server;
    (void)uv_timer_start(&server->timer, on_timer, SWEEP_MS, SWEEP_MS);
    *out = server;
    return 0;
}

/* Worker. */
static void restart_work(uv_work_t *work)
{
    struct snapshot_server *server = work->data;
    server_shut(server);
}

static void on_restart(uv_work_t *work, int status)
{
    struct snapshot_server *server = work->data;
    (void)status; /* never cancelled */
    server->is_restarting = false;
    if (!server->is_closing && server_start(server) != 0)
        server->is_restart_due = true; /* the timer tries again */
    server->jobs--;
    close_when_idle(server);
}

static void restart_when_due(struct snapshot_server *server)
{
    if (!server->is_restart_due || server->is_restarting || server->is_closing)
        return;
    server->is_restart_due = false;
    server->is_restarting = true;
    server->jobs++;
    server->restart_work.data = server;
    (void)uv_queue_work(server->loop, &server->restart_work, restart_work, on_restart);
}

int snapshot_server_set_certificate(struct snapshot_server *server, const struct transport_tls *tls)
{
    struct transport_tls copy;
    nng_tls_config *probe = NULL;
    int code = transport__tls_config(tls, 0, &probe);
    if (code != 0)
        return code;
    nng_tls_config_free(probe);
    code = transport__tls_copy(tls, &copy);
    if (code != 0)
        return code;
    transport__tls_free(&server->tls);
    server->tls = copy;
    server->is_restart_due = true;
    restart_when_due(server);
    return 0;
}

/* Worker. */
static void close_work(uv_work_t *work)
{
    struct snapshot_server *server = work->data;
    server_shut(server);
    (void)snapshot_table_expire(server->table, UINT64_MAX);
    remove_garbage(server->table);
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct snapshot_server *server = handle->data;
    snapshot_close_cb cb = server->close_cb;
    void *user = server->close_user;
    server_free(server);
    if (cb != NULL)
        cb(user);
}

static void on_shut(uv_work_t *work, int status)
{
    struct snapshot_server *server = work->data;
    (void)status;
    uv_close((uv_handle_t *)&server->timer, on_timer_closed);
}

static void close_when_idle(struct snapshot_server *server)
{
    if (!server->is_closing || server->jobs > 0)
        return;
    server->work.data = server;
    (void)uv_queue_work(server->loop, &server->work, close_work, on_shut);
}

void snapshot_server_close(struct snapshot_server *server, snapshot_close_cb cb, void *user)
{
    server->is_closing = true;
    server->close_cb = cb;
    server->close_user = user;
    uv_timer_stop(&server->timer);
    close_when_idle(server);
}
