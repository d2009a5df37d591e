/* raft/io/snapshot_fetch.c: a thread that asks for what is missing until nothing is, and the
 * loop's side of it. */
#include "raft/io/snapshot_fetch.h"

#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/io/snapshot_client.h"
#include "raft/io/snapshot_stage.h"

#define PROGRESS_MS 200
#define REQUEST_TIMEOUT_MS 10000 /* four chunks at 420 kB/s */
#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
#define BAD_CHUNKS_MAX 4 /* answers in a row that do not match the manifest */

/* One chunk on its way. */
struct errand {
    struct codec_chunk chunk;
    bool is_open;  /* `chunk` is still wanted */
    bool is_asked; /* and a request for it is in flight */
};
struct snapshot_fetch {
    uv_loop_t *loop;
    uv_async_t wake;
    uv_thread_t thread;
    snapshot_progress_cb progress;
    snapshot_done_cb done;
    void *user;
    struct codec_keys keys;
    struct transport_tls tls;
    struct snapshot_locator locator;
    char *directory;
    uint32_t give_up_ms;
    uv_mutex_t mutex; /* guards client, is_cancelled, is_over, result */
    uv_cond_t cancelled;
    struct snapshot_client *client; /* while it may be cancelled */
    bool is_cancelled;
    bool is_over;
    int result;
    _Atomic uint64_t done_len;
    _Atomic uint64_t total_len;
    /* The thread's own: */
    struct snapshot_manifest *manifest;
    struct snapshot_stage *stage;
    struct codec_chunk next; /* where to look on for missing chunks */
    struct errand errands[SNAPSHOT_CLIENT_SLOTS];
    uint64_t gained_mono_ms; /* when the last step forward was made */
    uint64_t told_mono_ms;
    uint32_t failures;   /* in a row */
    uint32_t bad_chunks; /* in a row */
};

static uint64_t now_mono_ms(void)
{
    return uv_hrtime() / 1000000;
}

/* ---- the thread ---- */

static void gained(struct snapshot_fetch *fetch, uint64_t len)
{
    uint64_t now = now_mono_ms();
    fetch->done_len += len;
    fetch->gained_mono_ms = now;
    fetch->failures = 0;
    if (now - fetch->told_mono_ms < PROGRESS_MS)
        return;
    fetch->told_mono_ms = now;
    uv_async_send(&fetch->wake);
}

static int client_open(struct snapshot_fetch *fetch)
{
    struct snapshot_client *client = NULL;
    int32_t timeout_ms = REQUEST_TIMEOUT_MS;
    if (fetch->give_up_ms / 4 < REQUEST_TIMEOUT_MS)
        timeout_ms = (int32_t)(fetch->give_up_ms / 4) + 1;
    int code =
        snapshot_client_open(&fetch->keys, &fetch->tls, &fetch->locator, timeout_ms, &client);
    if (code != 0)
        return code;
    uv_mutex_lock(&fetch->mutex);
    fetch->client = client;
    if (fetch->is_cancelled)
        snapshot_client_cancel(client);
    uv_mutex_unlock(&fetch->mutex);
    return 0;
}

static void client_close(struct snapshot_fetch *fetch)
{
    uv_mutex_lock(&fetch->mutex);
    struct snapshot_client *client = fetch->client;
    fetch->client = NULL;
    uv_mutex_unlock(&fetch->mutex);
    snapshot_client_close(client);
}

/* NNG 1.5.2 may miss that a TLS connection was cut in the middle of a message: its socket is gone,
 * but nothing is dialled anew. So nothing of a failed client is used again. */
static int client_renew(struct snapshot_fetch *fetch)
{
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++)
        fetch->errands[i].is_asked = false;
    client_close(fetch);
    return client_open(fetch);
}

static int sleep_until(struct snapshot_fetch *fetch, uint64_t end_mono_ms)
{
    uv_mutex_lock(&fetch->mutex);
    for (uint64_t now = now_mono_ms(); now < end_mono_ms && !fetch->is_cancelled;
         now = now_mono_ms())
        (void)uv_cond_timedwait(&fetch->cancelled, &fetch->mutex, (end_mono_ms - now) * 1000000);
    int code = fetch->is_cancelled ? RAFT_ECLOSED : 0;
    uv_mutex_unlock(&fetch->mutex);
    return code;
}

/* After a failure that may pass: wait, twice as long each time, and connect anew. 0: try again;
 * RAFT_ECLOSED, RAFT_ETIMEDOUT, RAFT_ENOMEM. */
static int back_off(struct snapshot_fetch *fetch)
{
    uint64_t delay_ms = BACKOFF_MAX_MS;
    if (fetch->failures < 5)
        delay_ms = (uint64_t)BACKOFF_MIN_MS << fetch->failures;
    fetch->failures++;
    if (now_mono_ms() - fetch->gained_mono_ms >= fetch->give_up_ms)
        return RAFT_ETIMEDOUT;
    int code = sleep_until(fetch, now_mono_ms() + delay_ms);
    return code == 0 ? client_renew(fetch) : code;
}

/* Does the failure of a request mean more than that it should be repeated? */
static bool is_final(int code)
{
    return code == RAFT_ECLOSED || code == RAFT_ENOMEM || code == RAFT_ENOENT ||
           code == RAFT_EVERSION;
}

/* What a refusal by the server means to us: whatever its reason, it cannot serve this. */
static int code_of_refusal(const struct codec_frame *frame)
{
    return frame->error == RAFT_EINVALID ? RAFT_ECORRUPT : RAFT_ENOENT;
}

/* One try. The codec has checked names, order and bounds of the manifest. */
static int ask_manifest(struct snapshot_fetch *fetch)
{
    struct codec_frame request = {.kind = CODEC_MANIFEST_REQUEST};
    struct codec_frame answer;
    memcpy(request.chunk.snapshot_id, fetch->locator.snapshot_id, CODEC_SNAPSHOT_ID_LEN);
    int code = snapshot_client_ask(fetch->client, 0, &request);
    if (code == 0)
        code = snapshot_client_wait(fetch->client, 0, &answer);
    if (code != 0)
        return code;
    if (answer.kind == CODEC_SNAPSHOT_REFUSAL) {
        code = code_of_refusal(&answer);
    } else if (answer.kind != CODEC_MANIFEST ||
               memcmp(answer.manifest->snapshot_id, fetch->locator.snapshot_id,
                      CODEC_SNAPSHOT_ID_LEN) != 0) {
        code = RAFT_ECORRUPT;
    } else {
        fetch->manifest = answer.manifest;
        answer.manifest = NULL;
    }
    codec_frame_release(&answer);
    return code;
}

static int fetch_manifest(struct snapshot_fetch *fetch)
{
    int code;
    while ((code = ask_manifest(fetch)) != 0) {
        if (is_final(code) || code == RAFT_ECORRUPT)
            return code;
        code = back_off(fetch);
        if (code != 0)
            return code;
    }
    fetch->total_len = fetch->manifest->total_len;
    gained(fetch, 0);
    return 0;
}

static bool was_cancelled(struct snapshot_fetch *fetch)
{
    uv_mutex_lock(&fetch->mutex);
    bool is_cancelled = fetch->is_cancelled;
    uv_mutex_unlock(&fetch->mutex);
    return is_cancelled;
}

/* Step to the next chunk that is not there yet. False: there is none. */
static bool next_missing(struct snapshot_fetch *fetch, struct codec_chunk *out)
{
    struct codec_chunk *next = &fetch->next;
    while (next->file_index < fetch->manifest->file_count && !was_cancelled(fetch)) {
        const struct snapshot_file *file = &fetch->manifest->files[next->file_index];
        if (next->chunk_index == file->chunk_count) {
            next->file_index++;
            next->chunk_index = 0;
            continue;
        }
        struct codec_chunk chunk = *next;
        next->chunk_index++;
        if (!snapshot_stage_has(fetch->stage, &chunk)) {
            *out = chunk;
            return true;
        }
        gained(fetch, snapshot_chunk_len(file, chunk.chunk_index));
    }
    return false;
}

/* Give every free slot work. A request that cannot be sent is tried again later. */
static int send_errands(struct snapshot_fetch *fetch)
{
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++) {
        struct errand *errand = &fetch->errands[i];
        if (!errand->is_open)
            errand->is_open = next_missing(fetch, &errand->chunk);
        if (!errand->is_open || errand->is_asked)
            continue;
        struct codec_frame request = {.kind = CODEC_CHUNK_REQUEST, .chunk = errand->chunk};
        int code = snapshot_client_ask(fetch->client, i, &request);
        errand->is_asked = code == 0;
        if (code != 0)
            return code;
    }
    return 0;
}

/* RAFT_EIO of the stage is final, of the network not: they leave by different ways. */
static int store_answer(struct snapshot_fetch *fetch, struct errand *errand,
                        const struct codec_frame *answer, int *stage_code)
{
    const struct snapshot_file *file = &fetch->manifest->files[errand->chunk.file_index];
    if (answer->kind == CODEC_SNAPSHOT_REFUSAL)
        return code_of_refusal(answer);
    if (answer->kind != CODEC_CHUNK ||
        memcmp(&answer->chunk, &errand->chunk, sizeof(errand->chunk)) != 0 ||
        !snapshot_chunk_is_valid(file, errand->chunk.chunk_index, answer->data, answer->data_len))
        return RAFT_ECORRUPT;
    *stage_code =
        snapshot_stage_write(fetch->stage, &errand->chunk, answer->data, answer->data_len);
    if (*stage_code != 0)
        return *stage_code;
    errand->is_open = false;
    fetch->bad_chunks = 0;
    gained(fetch, answer->data_len);
    return 0;
}

static int await_errand(struct snapshot_fetch *fetch, uint32_t slot, int *stage_code)
{
    struct errand *errand = &fetch->errands[slot];
    struct codec_frame answer;
    if (!errand->is_asked)
        return 0;
    int code = snapshot_client_wait(fetch->client, slot, &answer);
    errand->is_asked = false;
    if (code != 0)
        return code;
    code = store_answer(fetch, errand, &answer, stage_code);
    codec_frame_release(&answer);
    return code;
}

/* Send all, await all in turn; a failed errand stays open and is asked again. */
static int run_errands(struct snapshot_fetch *fetch, int *stage_code)
{
    int code = send_errands(fetch);
    if (code != 0)
        return code;
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++) {
        int errand_code = await_errand(fetch, i, stage_code);
        if (*stage_code != 0 || is_final(errand_code))
            return errand_code;
        if (errand_code == RAFT_ECORRUPT && ++fetch->bad_chunks == BAD_CHUNKS_MAX)
            return RAFT_ECORRUPT;
        if (errand_code == RAFT_ECORRUPT)
            code = errand_code; /* asked again after a pause */
        else if (errand_code == 0)
            errand_code = send_errands(fetch); /* keep the slots busy */
        if (errand_code != 0 && errand_code != RAFT_ECORRUPT)
            return errand_code; /* the connection: what else waits on it is lost as well */
    }
    return code;
}

static bool has_open_errands(const struct snapshot_fetch *fetch)
{
    for (uint32_t i = 0; i < SNAPSHOT_CLIENT_SLOTS; i++) {
        if (fetch->errands[i].is_open)
            return true;
    }
    return fetch->next.file_index < fetch->manifest->file_count;
}

static int fetch_chunks(struct snapshot_fetch *fetch)
{
    int stage_code = 0;
    memcpy(fetch->next.snapshot_id, fetch->locator.snapshot_id, CODEC_SNAPSHOT_ID_LEN);
    while (has_open_errands(fetch)) {
        int code = was_cancelled(fetch) ? RAFT_ECLOSED : run_errands(fetch, &stage_code);
        if (stage_code != 0 || is_final(code) || fetch->bad_chunks == BAD_CHUNKS_MAX)
            return code;
        if (code != 0)
            code = back_off(fetch);
        if (code != 0)
            return code;
    }
    return 0;
}

static int fetch_all(struct snapshot_fetch *fetch)
{
    fetch->gained_mono_ms = now_mono_ms();
    int code = client_open(fetch);
    if (code == 0)
        code = fetch_manifest(fetch);
    if (code == 0)
        code = snapshot_stage_open(fetch->directory, fetch->manifest, &fetch->stage);
    if (code == 0)
        code = fetch_chunks(fetch);
    if (code == 0)
        code = snapshot_stage_finish(fetch->stage);
    client_close(fetch);
    snapshot_stage_close(fetch->stage);
    snapshot_manifest_free(fetch->manifest);
    return code;
}

static void run(void *user)
{
    struct snapshot_fetch *fetch = user;
    int result = fetch_all(fetch);
    uv_mutex_lock(&fetch->mutex);
    fetch->result = result;
    fetch->is_over = true;
    uv_mutex_unlock(&fetch->mutex);
    uv_async_send(&fetch->wake);
}

/* ---- the loop's side ---- */

static void fetch_free(struct snapshot_fetch *fetch)
{
    transport__tls_free(&fetch->tls);
    explicit_bzero(&fetch->keys, sizeof(fetch->keys));
    uv_cond_destroy(&fetch->cancelled);
    uv_mutex_destroy(&fetch->mutex);
    free(fetch->directory);
    free(fetch);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct snapshot_fetch *fetch = handle->data;
    snapshot_done_cb done = fetch->done;
    void *user = fetch->user;
    int result = fetch->result;
    fetch_free(fetch);
    if (done != NULL)
        done(user, result);
}

static void on_wake(uv_async_t *handle)
{
    struct snapshot_fetch *fetch = handle->data;
    uv_mutex_lock(&fetch->mutex);
    bool is_over = fetch->is_over;
    uv_mutex_unlock(&fetch->mutex);
    if (fetch->progress != NULL)
        fetch->progress(fetch->user, fetch->done_len, fetch->total_len);
    if (!is_over)
        return;
    (void)uv_thread_join(&fetch->thread); /* it has nothing left to do */
    uv_close((uv_handle_t *)handle, on_wake_closed);
}

static int fetch_new(const struct snapshot_fetch_options *options, struct snapshot_fetch **out)
{
    struct snapshot_fetch *fetch = calloc(1, sizeof(*fetch));
    if (fetch == NULL)
        return RAFT_ENOMEM;
    if (uv_mutex_init(&fetch->mutex) != 0) {
        free(fetch);
        return RAFT_ENOMEM;
    }
    if (uv_cond_init(&fetch->cancelled) != 0) {
        uv_mutex_destroy(&fetch->mutex);
        free(fetch);
        return RAFT_ENOMEM;
    }
    fetch->loop = options->loop;
    fetch->keys = options->keys;
    fetch->locator = options->locator;
    fetch->give_up_ms = options->give_up_ms > 0 ? options->give_up_ms : SNAPSHOT_FETCH_GIVE_UP_MS;
    fetch->directory = strdup(options->directory);
    int code = transport__tls_copy(&options->tls, &fetch->tls);
    if (fetch->directory == NULL)
        code = RAFT_ENOMEM;
    if (code != 0) {
        fetch_free(fetch);
        return code;
    }
    *out = fetch;
    return 0;
}

int snapshot_fetch_start(const struct snapshot_fetch_options *options,
                         snapshot_progress_cb progress, snapshot_done_cb done, void *user,
                         struct snapshot_fetch **out)
{
    struct snapshot_fetch *fetch = NULL;
    int code = fetch_new(options, &fetch);
    if (code != 0)
        return code;
    if (uv_async_init(fetch->loop, &fetch->wake, on_wake) != 0) {
        fetch_free(fetch);
        return RAFT_ENOMEM;
    }
    fetch->wake.data = fetch;
    if (uv_thread_create(&fetch->thread, run, fetch) != 0) {
        uv_close((uv_handle_t *)&fetch->wake, on_wake_closed); /* done is not set: silent */
        return RAFT_ENOMEM;
    }
    fetch->progress = progress; /* the loop thread reads these, later than this call */
    fetch->done = done;
    fetch->user = user;
    *out = fetch;
    return 0;
}

void snapshot_fetch_cancel(struct snapshot_fetch *fetch)
{
    uv_mutex_lock(&fetch->mutex);
    fetch->is_cancelled = true;
    if (fetch->client != NULL)
        snapshot_client_cancel(fetch->client);
    uv_cond_signal(&fetch->cancelled);
    uv_mutex_unlock(&fetch->mutex);
}
