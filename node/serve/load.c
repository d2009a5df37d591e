/* node/serve/load.c: threads take one zone after another, read and check it on their own, and put
 * it into the image one at a time, as the image has one writer. */
#include "serve/load.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "serve/serve.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/zone_file.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

enum { THREADS_MAX = 16, DEFAULT_TTL_S = 3600 };

struct load {
    struct zone_publisher *publisher;
    const struct serve_zone *zones;
    size_t zone_count;
    atomic_size_t next;
    pthread_mutex_t writer; /* held while the image or what follows is written */
    struct serve_loaded loaded;
    int code;
};

static void show(const char *file, uint64_t line, const char *kind, const char *text)
{
    if (line == 0) /* the file as a whole */
        fprintf(stderr, "%s: %s%s\n", file, kind, text);
    else
        fprintf(stderr, "%s:%" PRIu64 ": %s%s\n", file, line, kind, text);
}

static void show_error(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    show(file, line, "", text);
}

static void show_warning(void *user, const char *file, uint64_t line, const char *text)
{
    (void)user;
    show(file, line, "warning: ", text);
}

/* How many of the sets, which are sorted, have the first one's name. */
static size_t count_name(const struct zone_record_set *sets, size_t count)
{
    size_t same = 1;
    while (same < count && dns_name_is_equal(sets->name, sets[same].name))
        same++;
    return same;
}

/* Sets of one name come SOA first, but the image wants them in order of type. */
static int put_name(struct zone_publisher *publisher, struct zone_content *content,
                    const struct zone_record_set *sets, size_t count)
{
    if (sets->type != DNS_TYPE_SOA || count == 1)
        return zone_content_put_name(publisher, content, sets, count);
    int code = 0;
    for (size_t i = 0; code == 0 && i < count; i++)
        code = zone_content_put(publisher, content, &sets[i]);
    return code;
}

static int fill(struct zone_publisher *publisher, const uint8_t *apex,
                const struct zone_record_set *sets, size_t set_count)
{
    struct zone_content *content;
    int code = zone_content_new(publisher, apex, &content);
    if (code != 0)
        return code;
    for (size_t i = 0, same; code == 0 && i < set_count; i += same) {
        same = count_name(sets + i, set_count - i);
        code = put_name(publisher, content, sets + i, same);
    }
    if (code == 0)
        code = zone_change_serve(publisher, content);
    if (code != 0)
        zone_content_drop(publisher, content);
    return code;
}

/* ERR_INVALID: the file has errors, which were told. */
static int load_zone(struct load *load, const struct serve_zone *zone,
                     struct zone_file_scratch *scratch)
{
    const struct zone_collection_report report = {
        .error = show_error, .warning = show_warning, .scratch = scratch};
    struct zone_collection *collection;
    size_t set_count;
    int code =
        zone_collection_read(zone->path, zone->apex, DEFAULT_TTL_S, &report, &collection, NULL);
    if (code != 0)
        return code;
    const struct zone_record_set *sets = zone_collection_sets(collection, &set_count);
    ASSERT(pthread_mutex_lock(&load->writer) == 0);
    code = fill(load->publisher, zone->apex, sets, set_count);
    load->loaded.zone_count += code == 0;
    load->loaded.set_count += code == 0 ? set_count : 0;
    ASSERT(pthread_mutex_unlock(&load->writer) == 0);
    zone_collection_free(collection);
    return code;
}

static void *load_main(void *argument)
{
    struct load *load = argument;
    struct zone_file_scratch *scratch = zone_file_scratch_new(); /* does without, if it must */
    int code = 0;
    while (code == 0 || code == ERR_INVALID) {
        size_t index = atomic_fetch_add(&load->next, 1);
        if (index >= load->zone_count)
            break;
        code = load_zone(load, &load->zones[index], scratch);
        if (code == 0)
            continue;
        ASSERT(pthread_mutex_lock(&load->writer) == 0);
        load->loaded.failed_count++;
        if (code != ERR_INVALID)
            load->code = code;
        ASSERT(pthread_mutex_unlock(&load->writer) == 0);
    }
    zone_file_scratch_free(scratch);
    return NULL;
}

static unsigned choose_thread_count(size_t zone_count)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    size_t count = cpus < 1 ? 1 : cpus > THREADS_MAX ? THREADS_MAX : (size_t)cpus;
    return (unsigned)(count < zone_count ? count : zone_count);
}

int serve_load(struct zone_publisher *publisher, const struct serve_zone *zones, size_t zone_count,
               struct serve_loaded *out)
{
    struct load load = {.publisher = publisher,
                        .zones = zones,
                        .zone_count = zone_count,
                        .writer = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[THREADS_MAX];
    unsigned thread_count = choose_thread_count(zone_count);
    unsigned started = 0;
    /* This thread does its share: where no other can be started, all of it. */
    while (started + 1 < thread_count &&
           pthread_create(&threads[started], NULL, load_main, &load) == 0)
        started++;
    load_main(&load);
    for (unsigned i = 0; i < started; i++)
        ASSERT(pthread_join(threads[i], NULL) == 0);
    pthread_mutex_destroy(&load.writer);
    if (load.code == 0)
        *out = load.loaded;
    return load.code;
}
