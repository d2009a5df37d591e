/* raft/io/disk.c: a queue, one thread, and the way back to the loop. */
#include "raft/io/disk.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

#include "raft/core/assert.h"
#include "raft/io/disk_latency.h"

enum job_kind { JOB_WRITE, JOB_TRIM, JOB_RESET };

struct job {
    struct job *next;
    enum job_kind kind;
    uint64_t seq;
    size_t len; /* octets of entries */
    bool has_hard_state;
    struct raft_hard_state hard_state;
    struct raft_snapshot *base; /* TRIM, RESET; owned */
    disk_done_cb done;
    void *user;
    uint32_t entry_count;
    struct raft_entry entries[];
};

struct job_list {
    struct job *first, **end;
    uint32_t count;
};

struct disk {
    struct log_store *store;
    struct disk_handler handler;
    uv_async_t wake_loop;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake_thread;
    struct job_list queue, finished; /* finished: TRIM and RESET, waiting for their callback */
    uint64_t persisted_seq;
    bool is_stopping, has_failed;
    char message[LOG_STORE_MESSAGE_LEN];
    struct disk_status status;
    struct disk_latency latency;
    /* Loop only: */
    uint64_t reported_seq;
    bool is_failure_reported, is_stopped;
    disk_stopped_cb stopped;
    void *stopped_user;
};

static void list_init(struct job_list *list)
{
    *list = (struct job_list){.first = NULL, .end = NULL, .count = 0};
    list->end = &list->first;
}

static void list_push(struct job_list *list, struct job *job)
{
    job->next = NULL;
    *list->end = job;
    list->end = &job->next;
    list->count++;
}

static struct job *list_pop(struct job_list *list)
{
    struct job *job = list->first;
    if (job == NULL)
        return NULL;
    list->first = job->next;
    if (list->first == NULL)
        list->end = &list->first;
    list->count--;
    return job;
}

static void job_free(struct job *job)
{
    for (uint32_t i = 0; i < job->entry_count; i++)
        raft_buf_unref(job->entries[i].data);
    free(job->base);
    free(job);
}

static void list_free(struct job_list *list)
{
    for (struct job *job = list_pop(list); job != NULL; job = list_pop(list))
        job_free(job);
}

/* What one synced batch takes from the queue: a run of updates, or one trim or reset. Locked. */
static void take_batch(struct disk *disk, struct job_list *batch)
{
    size_t len = 0;
    list_init(batch);
    while (disk->queue.first != NULL && batch->count < DISK_MERGE_JOBS_MAX) {
        struct job *next = disk->queue.first;
        bool fits =
            batch->count == 0 || (next->kind == JOB_WRITE && len + next->len <= DISK_MERGE_LEN_MAX);
        if (!fits)
            break;
        list_push(batch, list_pop(&disk->queue));
        len += next->len;
        if (next->kind != JOB_WRITE)
            break;
    }
}

static int write_batch(struct disk *disk, const struct job_list *batch, char *message)
{
    const struct job *first = batch->first;
    if (first->kind == JOB_TRIM)
        return log_store_trim(disk->store, first->base, message);
    if (first->kind == JOB_RESET)
        return log_store_reset(disk->store, first->base, message);
    struct log_write writes[DISK_MERGE_JOBS_MAX];
    uint32_t count = 0;
    for (const struct job *job = first; job != NULL; job = job->next)
        writes[count++] =
            (struct log_write){.hard_state = job->has_hard_state ? &job->hard_state : NULL,
                               .entries = job->entries,
                               .entry_count = job->entry_count};
    return log_store_write(disk->store, writes, count, message);
}

/* Note the outcome of a batch for the loop, and free or hand over its jobs. Locked. */
static void finish_batch(struct disk *disk, struct job_list *batch, uint64_t taken_ns)
{
    disk->status.sync_count++;
    disk_latency_add(&disk->latency, taken_ns / 1000);
    if (disk->handler.synced != NULL)
        disk->handler.synced(disk->handler.user, taken_ns);
    for (struct job *job = list_pop(batch); job != NULL; job = list_pop(batch)) {
        if (job->kind == JOB_WRITE) {
            disk->persisted_seq = job->seq;
            disk->status.update_count++;
            job_free(job);
        } else {
            list_push(&disk->finished, job);
        }
    }
}

/* Take, write and finish one batch; false when it failed. Called and returns locked. */
static bool run_batch(struct disk *disk)
{
    char message[LOG_STORE_MESSAGE_LEN];
    struct job_list batch;
    take_batch(disk, &batch);
    pthread_mutex_unlock(&disk->lock);
    uint64_t start_ns = uv_hrtime();
    int code = write_batch(disk, &batch, message);
    uint64_t taken_ns = uv_hrtime() - start_ns;
    pthread_mutex_lock(&disk->lock);
    if (code == 0) {
        finish_batch(disk, &batch, taken_ns);
    } else {
        list_free(&batch);
        disk->has_failed = true;
        snprintf(disk->message, sizeof(disk->message), "%s", message);
    }
    uv_async_send(&disk->wake_loop);
    return code == 0;
}

static void *disk_thread(void *arg)
{
    struct disk *disk = arg;
    bool is_good = true;
    pthread_setname_np(pthread_self(), "raft-disk");
    pthread_mutex_lock(&disk->lock);
    while (is_good && (disk->queue.first != NULL || !disk->is_stopping)) {
        if (disk->queue.first == NULL)
            pthread_cond_wait(&disk->wake_thread, &disk->lock);
        else
            is_good = run_batch(disk);
    }
    pthread_mutex_unlock(&disk->lock);
    return NULL;
}

/* The next finished trim or reset, for the loop. */
static struct job *next_finished(struct disk *disk)
{
    pthread_mutex_lock(&disk->lock);
    struct job *job = list_pop(&disk->finished);
    pthread_mutex_unlock(&disk->lock);
    return job;
}

static void on_wake(uv_async_t *async)
{
    struct disk *disk = async->data;
    pthread_mutex_lock(&disk->lock);
    uint64_t seq = disk->persisted_seq;
    bool has_failed = disk->has_failed;
    pthread_mutex_unlock(&disk->lock);
    if (disk->is_stopped || disk->is_failure_reported)
        return;
    if (has_failed) {
        disk->is_failure_reported = true;
        disk->handler.failed(disk->handler.user, disk->message);
        return;
    }
    if (seq > disk->reported_seq) {
        disk->reported_seq = seq;
        disk->handler.persisted(disk->handler.user, seq);
    }
    for (struct job *job = next_finished(disk); job != NULL; job = next_finished(disk)) {
        job->done(job->user);
        job_free(job);
        if (disk->is_stopped)
            return;
    }
}

/* Signals are for the main thread. */
static int start_thread(struct disk *disk)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int failed = pthread_create(&disk->thread, NULL, disk_thread, disk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed != 0 ? RAFT_EBUSY : 0;
}

static void on_closed(uv_handle_t *handle)
{
    struct disk *disk = handle->data;
    disk_stopped_cb stopped = disk->stopped;
    void *user = disk->stopped_user;
    list_free(&disk->queue);
    list_free(&disk->finished);
    pthread_cond_destroy(&disk->wake_thread);
    pthread_mutex_destroy(&disk->lock);
    free(disk);
    if (stopped != NULL)
        stopped(user);
}

int disk_start(uv_loop_t *loop, struct log_store *store, const struct disk_handler *handler,
               struct disk **out)
{
    struct disk *disk = calloc(1, sizeof(*disk));
    if (disk == NULL)
        return RAFT_ENOMEM;
    disk->store = store;
    disk->handler = *handler;
    list_init(&disk->queue);
    list_init(&disk->finished);
    pthread_mutex_init(&disk->lock, NULL);
    pthread_cond_init(&disk->wake_thread, NULL);
    disk->wake_loop.data = disk;
    if (uv_async_init(loop, &disk->wake_loop, on_wake) != 0) {
        free(disk);
        return RAFT_ENOMEM;
    }
    int code = start_thread(disk);
    if (code != 0) {
        disk->is_stopped = true;
        uv_close((uv_handle_t *)&disk->wake_loop, on_closed);
        return code;
    }
    *out = disk;
    return 0;
}

static int push(struct disk *disk, struct job *job)
{
    pthread_mutex_lock(&disk->lock);
    RAFT_ASSERT(!disk->is_stopping);
    bool is_full = disk->queue.count >= DISK_JOBS_MAX;
    if (!is_full) {
        list_push(&disk->queue, job);
        pthread_cond_signal(&disk->wake_thread);
    }
    pthread_mutex_unlock(&disk->lock);
    if (is_full)
        job_free(job);
    return is_full ? RAFT_EBUSY : 0;
}

int disk_write(struct disk *disk, uint64_t seq, const struct log_write *write)
{
    struct job *job = calloc(1, sizeof(*job) + write->entry_count * sizeof(job->entries[0]));
    if (job == NULL)
        return RAFT_ENOMEM;
    job->kind = JOB_WRITE;
    job->seq = seq;
    job->has_hard_state = write->hard_state != NULL;
    if (job->has_hard_state)
        job->hard_state = *write->hard_state;
    job->entry_count = write->entry_count;
    for (uint32_t i = 0; i < write->entry_count; i++) {
        job->entries[i] = write->entries[i];
        raft_buf_ref(job->entries[i].data);
        job->len += job->entries[i].data != NULL ? job->entries[i].data->len : 0;
    }
    return push(disk, job);
}

static int push_base(struct disk *disk, enum job_kind kind, const struct raft_snapshot *base,
                     disk_done_cb done, void *user)
{
    struct job *job = calloc(1, sizeof(*job));
    struct raft_snapshot *copy = malloc(sizeof(*copy));
    if (job == NULL || copy == NULL) {
        free(job);
        free(copy);
        return RAFT_ENOMEM;
    }
    *copy = *base;
    job->kind = kind;
    job->base = copy;
    job->done = done;
    job->user = user;
    return push(disk, job);
}

int disk_trim(struct disk *disk, const struct raft_snapshot *base, disk_done_cb done, void *user)
{
    return push_base(disk, JOB_TRIM, base, done, user);
}

int disk_reset(struct disk *disk, const struct raft_snapshot *base, disk_done_cb done, void *user)
{
    return push_base(disk, JOB_RESET, base, done, user);
}

void disk_stop(struct disk *disk, disk_stopped_cb stopped, void *user)
{
    pthread_mutex_lock(&disk->lock);
    disk->is_stopping = true;
    pthread_cond_signal(&disk->wake_thread);
    pthread_mutex_unlock(&disk->lock);
    pthread_join(disk->thread, NULL);
    disk->is_stopped = true;
    disk->stopped = stopped;
    disk->stopped_user = user;
    uv_close((uv_handle_t *)&disk->wake_loop, on_closed);
}

void disk_status(struct disk *disk, struct disk_status *out)
{
    pthread_mutex_lock(&disk->lock);
    *out = disk->status;
    out->queued = disk->queue.count;
    out->p50_us = disk_latency_at(&disk->latency, 500);
    out->p99_us = disk_latency_at(&disk->latency, 990);
    out->max_us = disk->latency.max_us;
    pthread_mutex_unlock(&disk->lock);
}
