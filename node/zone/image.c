/* zone/image.c: generations, from both sides: how readers hold one, how the writer publishes the
 * next and frees what is left of the old. Changes themselves are in change.c. */
#include "zone/image.h"

#include "base/assert.h"
#include "base/err.h"
#include "geo/view.h"
#include "policy/health.h"
#include "zone/publisher.h"

#define RCU_MEMBARRIER
#include <urcu.h>

#include <poll.h>
#include <stdlib.h>

/* ThreadSanitizer does not see into liburcu: tell it that a batch is complete before liburcu's
 * thread has it, and that sections are over before the grace period that waits for them is. */
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HAS_TSAN 1
#endif
#elif defined(__SANITIZE_THREAD__)
#define HAS_TSAN 1
#endif
static char sections; /* only its address counts */
#ifdef HAS_TSAN
#include <sanitizer/tsan_interface.h>
#define TSAN_BEFORE(at) __tsan_release(at)
#define TSAN_AFTER(at) __tsan_acquire(at)
#else
#define TSAN_BEFORE(at) ((void)(at))
#define TSAN_AFTER(at) ((void)(at))
#endif

struct zone_batch {
    struct rcu_head head;
    struct zone_batch *next;
    struct zone_retired_list retired;
    struct zone *zones;
    struct geo_view *geo;
    struct zone_views *views;
    struct zone_image *image;
    atomic_bool is_done; /* set on a thread of liburcu when the grace period is over */
};

void zone_reader_register(void)
{
    rcu_register_thread();
}

void zone_reader_unregister(void)
{
    rcu_unregister_thread();
}

const struct zone_image *zone_image_read_begin(const struct zone_publisher *publisher)
{
    rcu_read_lock();
    return atomic_load_explicit(&publisher->current, memory_order_acquire);
}

void zone_image_read_end(void)
{
    TSAN_BEFORE(&sections);
    rcu_read_unlock();
}

uint64_t zone_image_index(const struct zone_image *image)
{
    return image->index;
}

size_t zone_image_zone_count(const struct zone_image *image)
{
    return image->zone_count;
}

const struct geo_view *zone_image_geo(const struct zone_image *image)
{
    return image->geo;
}

const struct policy_health *zone_image_health(const struct zone_image *image)
{
    return image->health;
}

int zone_publisher_new(struct zone_publisher **out)
{
    struct zone_publisher *publisher = calloc(1, sizeof(*publisher));
    struct zone_image *image = calloc(1, sizeof(*image));
    struct policy_health *health = NULL;

    if (!publisher || !image || policy_health_new(&health) != 0) {
        free(publisher);
        free(image);
        return ERR_NOMEM;
    }
    zone__slab_init(&publisher->slab);
    publisher->health = health;
    publisher->next.health = image->health = health;
    atomic_init(&publisher->current, image);
    publisher->owner = publisher->owner_last = 1;
    publisher->batches_tail = &publisher->batches;
    *out = publisher;
    return 0;
}

/* Are the readers of the generations before this batch gone? */
static bool is_done(struct zone_batch *batch)
{
    if (!atomic_load_explicit(&batch->is_done, memory_order_acquire))
        return false;
    TSAN_AFTER(&sections);
    return true;
}

static void batch_free(struct zone_batch *batch)
{
    geo_view_unref(batch->geo);
    zone__views_free(batch->views);
    free(batch->retired.entries);
    free(batch->image);
    free(batch);
}

void zone_publisher_free(struct zone_publisher *publisher)
{
    if (!publisher)
        return;
    while (publisher->batches) {
        struct zone_batch *batch = publisher->batches;
        while (!is_done(batch)) /* liburcu's thread still points at it */
            poll(NULL, 0, 1);
        publisher->batches = batch->next;
        batch_free(batch);
    }
    free(publisher->retired.entries);
    zone__slab_fini(&publisher->slab);
    geo_view_unref(publisher->retired_geo);
    geo_view_unref(publisher->next.geo);
    zone__views_free(publisher->retired_views);
    zone__views_free(publisher->next.views);
    policy_health_free(publisher->health);
    free(atomic_load_explicit(&publisher->current, memory_order_relaxed));
    free(publisher);
}

/* A thread of liburcu calls this. */
static void batch_done(struct rcu_head *head)
{
    struct zone_batch *batch = caa_container_of(head, struct zone_batch, head);

    TSAN_AFTER(batch);
    atomic_store_explicit(&batch->is_done, true, memory_order_release);
}

int zone_publish(struct zone_publisher *publisher, uint64_t index)
{
    struct zone_batch *batch = malloc(sizeof(*batch));
    struct zone_image *image = malloc(sizeof(*image));

    ASSERT(index >= publisher->next.index);
    if (!batch || !image) {
        free(batch);
        free(image);
        return ERR_NOMEM;
    }
    publisher->next.index = index;
    *image = publisher->next;
    *batch = (struct zone_batch){
        .retired = publisher->retired,
        .zones = publisher->retired_zones,
        .geo = publisher->retired_geo,
        .views = publisher->retired_views,
        .image = atomic_load_explicit(&publisher->current, memory_order_relaxed),
    };
    atomic_store_explicit(&publisher->current, image, memory_order_release);
    publisher->retired = (struct zone_retired_list){0};
    publisher->retired_zones = NULL;
    publisher->retired_geo = NULL;
    publisher->is_geo_changed = false;
    publisher->retired_views = NULL;
    publisher->are_views_changed = false;
    publisher->owner = ++publisher->owner_last;
    *publisher->batches_tail = batch;
    publisher->batches_tail = &batch->next;
    TSAN_BEFORE(batch);
    call_rcu(&batch->head, batch_done);
    return 0;
}

/* Free up to @blocks_max blocks of zones that nobody sees. */
static size_t free_zones(struct zone_publisher *publisher, size_t blocks_max)
{
    size_t freed = 0;

    while (publisher->dead_zones && freed < blocks_max) {
        struct zone *zone = publisher->dead_zones;
        freed++;
        if (zone__trie_free_step(&publisher->slab, &zone->names))
            continue;
        publisher->dead_zones = zone->next_dead;
        zone__slab_free(&publisher->slab, zone, zone->item.size);
    }
    return freed;
}

static size_t free_retired(struct zone_publisher *publisher, struct zone_retired_list *list,
                           size_t blocks_max)
{
    size_t freed = 0;

    while (list->count > 0 && freed < blocks_max) {
        struct zone_retired *entry = &list->entries[--list->count];
        zone__slab_free(&publisher->slab, entry->block, entry->size);
        freed++;
    }
    return freed;
}

/* The readers of this batch's generations are gone: its zones can be taken apart. */
static void bury_zones(struct zone_publisher *publisher, struct zone_batch *batch)
{
    while (batch->zones) {
        struct zone *zone = batch->zones;
        batch->zones = zone->next_dead;
        zone->next_dead = publisher->dead_zones;
        publisher->dead_zones = zone;
    }
}

size_t zone_image_reclaim(struct zone_publisher *publisher, size_t blocks_max)
{
    size_t freed = 0;

    while (publisher->batches && freed < blocks_max) {
        struct zone_batch *batch = publisher->batches;
        if (!is_done(batch))
            break;
        bury_zones(publisher, batch);
        freed += free_retired(publisher, &batch->retired, blocks_max - freed);
        if (batch->retired.count > 0)
            break;
        publisher->batches = batch->next;
        if (!publisher->batches)
            publisher->batches_tail = &publisher->batches;
        batch_free(batch);
    }
    return freed + free_zones(publisher, blocks_max - freed);
}

void zone_image_memory(const struct zone_publisher *publisher, struct zone_memory *out)
{
    size_t retired = publisher->retired.count;

    for (const struct zone_batch *batch = publisher->batches; batch; batch = batch->next)
        retired += batch->retired.count;
    *out = (struct zone_memory){
        .used_octets = publisher->slab.used_octets,
        .reserved_octets = publisher->slab.reserved_octets,
        .retired_blocks = retired,
        .zones = publisher->next.zone_count,
        .names = publisher->next.name_count,
    };
}
