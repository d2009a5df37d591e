#include "cluster/loader.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "dns/name.h"
#include "store/state.h"

#define BATCHES 6u /* enough that neither side waits for the other's hiccups: 1.2 MiB */
#define STOPPED 1  /* a scan's callback: loader_stop() was called */

#define KEY_LEN_MAX (STATE_NAME_MAX + STATE_SET_IDENTIFIER_MAX)
_Static_assert(KEY_LEN_MAX + STATE_SET_VALUE_MAX <= LOAD_BATCH_LEN_MAX, "a set fits a batch");

struct content {
    uint64_t number;
    uint32_t apex_at; /* in `apexes` */
    bool is_import, is_private;
    char zone_id[STATE_ID_SIZE];
};

struct loader {
    const struct kv *kv;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    /* under the lock */
    struct load_batch *empty, *ready, **ready_tail;
    bool is_stopping, is_done;
    int rc; /* once done */
    /* the thread's until the first batch or the end; then nobody writes them */
    struct content *contents;
    uint32_t content_count, content_capacity;
    uint8_t *apexes;
    uint32_t apexes_len, apexes_capacity;
    /* the thread's */
    struct load_batch *filling;
    uint32_t content_at; /* the contents before it have no more sets */
};

/* Room for @more items of @size in a growing array of at most 4 GiB. */
static int grow(void *array, uint32_t count, uint32_t more, uint32_t *capacity, size_t size)
{
    void **storage = array;
    uint64_t wanted = (uint64_t)count + more;

    if (wanted <= *capacity)
        return 0;
    if (wanted < 2 * (uint64_t)*capacity)
        wanted = 2 * (uint64_t)*capacity;
    if (wanted < 1024)
        wanted = 1024;
    if (wanted > UINT32_MAX)
        return ERR_LIMIT;
    void *grown = realloc(*storage, wanted * size);
    if (!grown)
        return ERR_NOMEM;
    *storage = grown;
    *capacity = (uint32_t)wanted;
    return 0;
}

static int add_content(struct loader *loader, uint64_t number, const struct state_zone *zone,
                       bool is_import)
{
    unsigned len = dns_name_len(zone->name);
    struct content content = {number, loader->apexes_len, is_import, zone->is_private, ""};
    int rc = grow(&loader->contents, loader->content_count, 1, &loader->content_capacity,
                  sizeof(*loader->contents));

    if (rc == 0)
        rc = grow(&loader->apexes, loader->apexes_len, len, &loader->apexes_capacity, 1);
    if (rc != 0)
        return rc;
    memcpy(content.zone_id, zone->id, sizeof(content.zone_id));
    loader->contents[loader->content_count++] = content;
    memcpy(loader->apexes + loader->apexes_len, zone->name, len);
    loader->apexes_len += len;
    return 0;
}

static bool is_stopping(struct loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    bool is_stopping = loader->is_stopping;
    pthread_mutex_unlock(&loader->lock);
    return is_stopping;
}

static int on_zone(void *user, const struct state_zone *zone)
{
    if (zone->is_not_served)
        return 0; /* nor is what is stored of it looked at: on_set() */
    return add_content(user, zone->content, zone, false);
}

static int on_import(void *user, const struct state_import *import)
{
    struct loader *loader = user;
    struct state_zone zone;

    int rc = state_get_zone(loader->kv, import->zone_id, &zone);
    if (rc == ERR_NOT_FOUND)
        return ERR_CORRUPT;
    return rc != 0 ? rc : add_content(loader, import->content, &zone, true);
}

static int compare_contents(const void *a, const void *b)
{
    uint64_t x = ((const struct content *)a)->number, y = ((const struct content *)b)->number;

    return (x > y) - (x < y);
}

static int read_contents(struct loader *loader)
{
    int rc = state_list_zones(loader->kv, "", on_zone, loader);

    if (rc == 0)
        rc = state_list_imports(loader->kv, on_import, loader);
    if (rc != 0)
        return rc;
    if (loader->content_count > 0)
        qsort(loader->contents, loader->content_count, sizeof(*loader->contents), compare_contents);
    for (uint32_t i = 0; i < loader->content_count; i++) {
        if (loader->contents[i].number == 0 ||
            (i > 0 && loader->contents[i - 1].number == loader->contents[i].number))
            return ERR_CORRUPT; /* each content has a number of its own */
    }
    return 0;
}

/* Give the batch that is filled to the other side. */
static void hand_over(struct loader *loader)
{
    if (!loader->filling || loader->filling->count == 0)
        return;
    pthread_mutex_lock(&loader->lock);
    *loader->ready_tail = loader->filling;
    loader->ready_tail = &loader->filling->next;
    loader->filling = NULL;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
}

/* An empty batch to fill; waits for one. false: stopping. */
static bool take_empty(struct loader *loader)
{
    pthread_mutex_lock(&loader->lock);
    while (!loader->empty && !loader->is_stopping)
        pthread_cond_wait(&loader->changed, &loader->lock);
    bool is_taken = !loader->is_stopping;
    if (is_taken) {
        loader->filling = loader->empty;
        loader->empty = loader->empty->next;
        loader->filling->next = NULL;
        loader->filling->count = loader->filling->len = 0;
    }
    pthread_mutex_unlock(&loader->lock);
    return is_taken;
}

static int add_set(struct load_batch *batch, uint32_t content, struct kv_slice key,
                   struct kv_slice value)
{
    struct load_set *out = &batch->sets[batch->count];
    uint8_t *name = batch->octets + batch->len;

    *out = (struct load_set){.content = content};
    int rc = state_set_key_decode(key, name, &out->set);
    if (rc != 0)
        return rc;
    size_t name_len = dns_name_len(name);
    uint8_t *copy = name + name_len;
    memcpy(copy, value.data, value.len);
    rc = state_set_decode(kv_slice(copy, value.len), &out->set);
    if (rc != 0)
        return rc;
    if (out->set.set_identifier_len > 0) { /* was a view of the key */
        memcpy(copy + value.len, out->set.set_identifier, out->set.set_identifier_len);
        out->set.set_identifier = (const char *)copy + value.len;
    }
    batch->len += name_len + value.len + out->set.set_identifier_len;
    batch->count++;
    return 0;
}

static int on_set(void *user, struct kv_slice key, struct kv_slice value)
{
    struct loader *loader = user;

    if (key.len < 8 || value.len > STATE_SET_VALUE_MAX)
        return ERR_CORRUPT;
    uint64_t number = state_key_u64_decode(key.data);
    while (loader->content_at < loader->content_count &&
           loader->contents[loader->content_at].number < number)
        loader->content_at++;
    if (loader->content_at == loader->content_count ||
        loader->contents[loader->content_at].number != number)
        return 0; /* a content that was dropped and is still on the disk */
    struct load_batch *batch = loader->filling;
    if (batch && (batch->count == LOAD_BATCH_SETS_MAX ||
                  batch->len + KEY_LEN_MAX + value.len > LOAD_BATCH_LEN_MAX))
        hand_over(loader);
    if (!loader->filling && !take_empty(loader))
        return STOPPED;
    return add_set(loader->filling, loader->content_at, key, value);
}

static int read_all(struct loader *loader)
{
    /* Content numbers are never used again, so what range deletions took away is not found under a
     * number that is in use. */
    const struct kv_range all = {.family = KV_RECORD_SETS, .is_verifying = true};

    int rc = read_contents(loader);
    if (rc == 0)
        rc = kv_scan(loader->kv, &all, on_set, loader);
    if (rc != 0 || is_stopping(loader))
        return rc;
    hand_over(loader);
    return kv_verify_except(loader->kv, KV_RECORD_SETS);
}

static void *run(void *user)
{
    struct loader *loader = user;
    int rc = read_all(loader);

    pthread_mutex_lock(&loader->lock);
    loader->rc = rc;
    loader->is_done = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    return NULL;
}

static void free_batches(struct load_batch *batch)
{
    while (batch) {
        struct load_batch *next = batch->next;
        free(batch);
        batch = next;
    }
}

static void release(struct loader *loader)
{
    free_batches(loader->empty);
    free_batches(loader->ready);
    free(loader->filling);
    free(loader->contents);
    free(loader->apexes);
    pthread_cond_destroy(&loader->changed);
    pthread_mutex_destroy(&loader->lock);
    free(loader);
}

static int make_batches(struct loader *loader)
{
    for (unsigned i = 0; i < BATCHES; i++) {
        struct load_batch *batch = malloc(sizeof(*batch));
        if (!batch)
            return ERR_NOMEM;
        batch->next = loader->empty;
        loader->empty = batch;
    }
    return 0;
}

int loader_start(const struct kv *kv, struct loader **out)
{
    struct loader *loader = calloc(1, sizeof(*loader));
    pthread_condattr_t attributes;

    if (!loader)
        return ERR_NOMEM;
    loader->kv = kv;
    loader->ready_tail = &loader->ready;
    pthread_mutex_init(&loader->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&loader->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    if (make_batches(loader) != 0 || pthread_create(&loader->thread, NULL, run, loader) != 0) {
        release(loader);
        return ERR_NOMEM;
    }
    *out = loader;
    return 0;
}

void loader_stop(struct loader *loader)
{
    if (!loader)
        return;
    pthread_mutex_lock(&loader->lock);
    loader->is_stopping = true;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
    pthread_join(loader->thread, NULL);
    release(loader);
}

static struct timespec deadline_of(uint32_t wait_ms)
{
    uint64_t at = clock_mono_ns() + wait_ms * UINT64_C(1000000);

    return (struct timespec){.tv_sec = (time_t)(at / 1000000000),
                             .tv_nsec = (long)(at % 1000000000)};
}

int loader_next(struct loader *loader, uint32_t wait_ms, const struct load_batch **out)
{
    struct timespec deadline = deadline_of(wait_ms == LOADER_WAIT_FOREVER ? 0 : wait_ms);
    int late = 0, outcome = LOADER_LATER;

    pthread_mutex_lock(&loader->lock);
    while (!loader->ready && !loader->is_done && late != ETIMEDOUT) {
        if (wait_ms == LOADER_WAIT_FOREVER)
            pthread_cond_wait(&loader->changed, &loader->lock);
        else
            late = pthread_cond_timedwait(&loader->changed, &loader->lock, &deadline);
    }
    if (loader->is_done && loader->rc != 0) { /* sooner than what was read before */
        outcome = loader->rc;
    } else if (loader->ready) {
        outcome = LOADER_BATCH;
        *out = loader->ready;
        loader->ready = loader->ready->next;
        if (!loader->ready)
            loader->ready_tail = &loader->ready;
    } else if (loader->is_done) {
        outcome = LOADER_END;
    }
    pthread_mutex_unlock(&loader->lock);
    return outcome;
}

void loader_give_back(struct loader *loader, const struct load_batch *batch)
{
    struct load_batch *given = (struct load_batch *)batch;

    pthread_mutex_lock(&loader->lock);
    given->next = loader->empty;
    loader->empty = given;
    pthread_cond_broadcast(&loader->changed);
    pthread_mutex_unlock(&loader->lock);
}

uint32_t loader_content_count(const struct loader *loader)
{
    return loader->content_count;
}

struct load_content loader_content(const struct loader *loader, uint32_t at)
{
    ASSERT(at < loader->content_count);
    const struct content *content = &loader->contents[at];
    return (struct load_content){content->number, loader->apexes + content->apex_at,
                                 content->zone_id, content->is_import, content->is_private};
}
