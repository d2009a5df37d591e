/* node/cluster/geo_load.c: the file DATADIR/geo_database has two lines: the path that was loaded
 * last by demand, and what the configuration named then. A configuration that names another file by
 * now was changed later, and counts. */
#include "cluster/geo_load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "cluster/geo.h"
#include "cluster/geo_parts.h"
#include "cluster/internal.h"
#include "geo/location.h"
#include "geo/view.h"

#define PATH_SIZE 1024u
#define REMEMBERED_NAME "geo_database"
#define REMEMBERED_LEN_MAX (2 * PATH_SIZE + 2)

struct geo_load {
    struct cluster *cluster;
    char configured[PATH_SIZE];
    char problem[GEO_ERROR_SIZE];
    uint32_t load_ms; /* of the database there is */
    struct {          /* the load that runs */
        uv_work_t work;
        bool is_running;
        bool is_asked_for;    /* remember it */
        bool falls_back;      /* to what the configuration names */
        char path[PATH_SIZE]; /* all below: the worker's until it ends */
        char error[GEO_ERROR_SIZE];
        struct geo_database *database;
        uint64_t began_mono_ms, took_ms;
        int code;
        cluster_done_cb cb; /* may be NULL */
        void *user;
    } run;
};

static void read_file(uv_work_t *work)
{
    struct geo_load *load = work->data;

    load->run.code =
        geo_database_load(load->run.path, clock_wall_s(), &load->run.database, load->run.error);
    load->run.took_ms = clock_mono_ms() - load->run.began_mono_ms;
}

static void remembered_path(const struct geo_load *load, char out[PATH_SIZE])
{
    snprintf(out, PATH_SIZE, "%s/" REMEMBERED_NAME, load->cluster->data_dir);
}

/* 0, or why the next start will not find it. */
static int remember(const struct geo_load *load)
{
    char path[PATH_SIZE], text[REMEMBERED_LEN_MAX + 1];
    int len = snprintf(text, sizeof(text), "%s\n%s\n", load->run.path, load->configured);

    remembered_path(load, path);
    return file_write(path, text, (size_t)len, 0600);
}

/* The path that was loaded last; "": none, or the configuration has changed since. */
static void recall(const struct geo_load *load, char out[PATH_SIZE])
{
    char path[PATH_SIZE];
    uint8_t *text = NULL;
    size_t len;

    out[0] = '\0';
    remembered_path(load, path);
    if (file_read(path, REMEMBERED_LEN_MAX, &text, &len) != 0)
        return;
    char *second = strchr((char *)text, '\n');
    char *end = second ? strchr(second + 1, '\n') : NULL;
    if (end && (size_t)(second - (char *)text) < PATH_SIZE) {
        *second++ = '\0';
        *end = '\0';
        if (strcmp(second, load->configured) == 0)
            memcpy(out, text, strlen((char *)text) + 1);
    }
    free(text);
}

static void on_read(uv_work_t *work, int status);

static int begin(struct geo_load *load, const char *path, cluster_done_cb cb, void *user)
{
    memset(&load->run, 0, sizeof(load->run));
    memcpy(load->run.path, path, strlen(path) + 1);
    load->run.work.data = load;
    load->run.cb = cb;
    load->run.user = user;
    load->run.began_mono_ms = clock_mono_ms();
    if (uv_queue_work(load->cluster->loop, &load->run.work, read_file, on_read) != 0)
        return ERR_NOMEM;
    load->run.is_running = true;
    return 0;
}

/* A new database is there: route by it. */
static void take_over(struct geo_load *load)
{
    const struct geo_database_about *about = geo_database_about(load->run.database);

    log_info("cluster",
             "geo_loaded path=\"%s\" type=\"%s\" built_s=%" PRIu64 " prefixes=%" PRIu64
             " locations=%" PRIu64 " octets=%" PRIu64 " ms=%" PRIu64,
             about->path, about->type, about->built_wall_s, about->prefixes, about->locations,
             about->memory_octets, load->run.took_ms);
    load->run.code = geo_parts_set_database(load->cluster->geo_parts, load->run.database);
    if (load->run.code != 0) {
        snprintf(load->run.error, sizeof(load->run.error), "%.256s: %s", load->run.path,
                 err_text(load->run.code));
        return;
    }
    geo_parts_publish(load->cluster->geo_parts);
    load->load_ms = (uint32_t)load->run.took_ms;
    load->problem[0] = '\0';
}

static void tell(struct geo_load *load, cluster_done_cb cb, void *user)
{
    char message[CLUSTER_ERROR_MAX];
    const struct geo_database_about *about;

    if (load->run.code != 0) {
        cb(user, load->run.code, load->run.error);
        return;
    }
    about = geo_database_about(geo_parts_view(load->cluster->geo_parts)->database);
    int len = snprintf(message, sizeof(message),
                       "%.256s is loaded: %" PRIu64 " prefixes, %" PRIu64 " locations", about->path,
                       about->prefixes, about->locations);
    if (load->run.is_asked_for && remember(load) != 0)
        snprintf(message + len, sizeof(message) - (size_t)len,
                 "; but %.256s cannot be written (%s), so a restart will not load it",
                 load->cluster->data_dir, strerror(errno));
    cb(user, 0, message);
}

static void on_read(uv_work_t *work, int status)
{
    struct geo_load *load = work->data;
    cluster_done_cb cb = load->run.cb;
    void *user = load->run.user;

    load->run.is_running = false;
    if (status != 0)
        load->run.code = ERR_CLOSED;
    if (load->run.code == 0)
        take_over(load);
    if (load->run.code != 0) {
        memcpy(load->problem, load->run.error, sizeof(load->problem));
        log_warn("cluster", "geo_not_loaded why=\"%s\"", load->problem);
    }
    if (cb)
        tell(load, cb, user);
    /* Falling back leaves the problem in sight unless that works. */
    if (load->run.code != 0 && load->run.falls_back && !load->cluster->is_closing)
        (void)begin(load, load->configured, NULL, NULL);
    cluster__wake(load->cluster); /* a close may wait for this */
}

int geo_load_new(struct cluster *cluster, const char *path, struct geo_load **out)
{
    char remembered[PATH_SIZE];
    const char *configured = path ? path : "";

    if (strlen(configured) >= PATH_SIZE)
        return ERR_INVALID;
    struct geo_load *load = calloc(1, sizeof(*load));
    if (!load)
        return ERR_NOMEM;
    load->cluster = cluster;
    memcpy(load->configured, configured, strlen(configured) + 1);
    recall(load, remembered);
    const char *first = remembered[0] ? remembered : configured;
    int rc = first[0] ? begin(load, first, NULL, NULL) : 0;
    load->run.falls_back = strcmp(first, configured) != 0 && configured[0];
    if (rc != 0)
        free(load);
    else
        *out = load;
    return rc;
}

bool geo_load_is_running(const struct geo_load *load)
{
    return load && load->run.is_running;
}

void geo_load_free(struct geo_load *load)
{
    free(load);
}

int cluster_geo_load(struct cluster *cluster, const char *path, cluster_done_cb cb, void *user)
{
    struct geo_load *load = cluster->geo_load;

    if (cluster->is_closing)
        return ERR_CLOSED;
    if (path[0] != '/' || strlen(path) >= PATH_SIZE || strchr(path, '\n'))
        return ERR_INVALID;
    if (load->run.is_running)
        return ERR_BUSY;
    int rc = begin(load, path, cb, user);
    load->run.is_asked_for = true;
    return rc;
}

void cluster_geo_status(struct cluster *cluster, struct cluster_geo *out)
{
    const struct geo_load *load = cluster->geo_load;
    const struct geo_database *database = geo_parts_view(cluster->geo_parts)->database;

    *out = (struct cluster_geo){
        .about = database ? geo_database_about(database) : NULL,
        .load_ms = load->load_ms,
        .is_loading = load->run.is_running,
    };
    memcpy(out->problem, load->problem, sizeof(out->problem));
}

bool cluster_geo_locate(struct cluster *cluster, const struct geo_address *address,
                        struct geo_location *out, unsigned *scope_bits)
{
    const struct geo_database *database = geo_parts_view(cluster->geo_parts)->database;
    const struct geo_location *found =
        database ? geo_database_find(database, address, scope_bits) : NULL;

    if (found)
        *out = *found;
    return found != NULL;
}
