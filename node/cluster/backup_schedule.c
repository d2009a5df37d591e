/* node/cluster/backup_schedule.c: backups by the clock, into a folder of this machine. When the
 * next one is due follows from the newest file there, so a restart changes nothing. */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/backup_internal.h"

#define ENDING ".backup"
#define PART_ENDING ENDING ".part"
#define RETRY_MS_MAX 300000 /* after a failure; sooner if they come more often than that */
#define FILES_MAX 100000
#define NAME_SIZE 256

/* "ns.example.net-ns1-": files of other clusters and nodes may lie beside ours. */
static void make_prefix(const struct backups *backups, char out[NAME_SIZE])
{
    const char *domain = backups->schedule.domain;
    size_t len = strlen(domain);

    if (len > 0 && domain[len - 1] == '.')
        len--;
    snprintf(out, NAME_SIZE, "%.*s-%s-", (int)(len < 150 ? len : 150), domain,
             backups->make.about.node_name);
    for (char *at = out; *at; at++) {
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *at))
            *at = '_';
    }
}

/* "20261127T043000Z", which sorts by time. */
static void format_time(uint64_t wall_ms, char out[CLOCK_TEXT_LEN])
{
    char text[CLOCK_TEXT_LEN];
    size_t len = 0;

    clock_format(wall_ms, text);
    for (const char *at = text; *at && *at != '.'; at++) {
        if (*at != '-' && *at != ':')
            out[len++] = *at;
    }
    out[len++] = 'Z';
    out[len] = '\0';
}

/* When the backup of this name was taken; 0: the name is none of ours. */
static uint64_t parse_name(const char *name, const char *prefix)
{
    struct tm time = {0};
    uint64_t index;
    int used = 0;
    size_t len = strlen(prefix);

    if (strncmp(name, prefix, len) != 0 ||
        sscanf(name + len, "%4d%2d%2dT%2d%2d%2dZ-%" SCNu64 ENDING "%n", &time.tm_year, &time.tm_mon,
               &time.tm_mday, &time.tm_hour, &time.tm_min, &time.tm_sec, &index, &used) != 7 ||
        used == 0 || name[len + (size_t)used] != '\0')
        return 0;
    time.tm_year -= 1900;
    time.tm_mon--;
    time_t seconds = timegm(&time);
    return seconds > 0 ? (uint64_t)seconds * 1000 : 0;
}

struct listing {
    char (*names)[NAME_SIZE];
    size_t count;
};

static int add_name(struct listing *list, const char *name)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t capacity = list->count > 0 ? 2 * list->count : 1;
        void *grown = realloc(list->names, capacity * sizeof(*list->names));
        if (!grown)
            return ERR_NOMEM;
        list->names = grown;
    }
    snprintf(list->names[list->count++], NAME_SIZE, "%s", name);
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* What a crash left half written. */
static void remove_part(const char *folder, const char *name, const char *prefix)
{
    char path[PATH_MAX];
    size_t len = strlen(name), ending = sizeof(PART_ENDING) - 1;

    if (len <= ending || strcmp(name + len - ending, PART_ENDING) != 0 ||
        strncmp(name, prefix, strlen(prefix)) != 0)
        return;
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)unlink(path);
}

/* Ours in the folder, oldest first. The caller frees list->names. */
static int list_folder(struct backups *backups, const char *prefix, struct listing *list)
{
    const char *folder = backups->schedule.folder;
    DIR *stream = opendir(folder);
    const struct dirent *entry;
    int rc = 0;

    if (!stream && errno == ENOENT && mkdir(folder, 0700) == 0)
        stream = opendir(folder);
    if (!stream)
        return backup_problem(backups->make.problem, ERR_IO, "the folder %.250s: %s", folder,
                              strerror(errno));
    while (rc == 0 && (entry = readdir(stream))) {
        remove_part(folder, entry->d_name, prefix);
        if (strlen(entry->d_name) >= NAME_SIZE || parse_name(entry->d_name, prefix) == 0)
            continue;
        rc = list->count < FILES_MAX ? add_name(list, entry->d_name) : ERR_LIMIT;
    }
    closedir(stream);
    if (rc != 0)
        return backup_problem(backups->make.problem, rc, "the folder %.250s: %s", folder,
                              err_text(rc));
    if (list->count > 0)
        qsort(list->names, list->count, sizeof(*list->names), by_name);
    return 0;
}

static void remove_oldest(const struct backups *backups, const struct listing *list)
{
    const struct backup_schedule *schedule = &backups->schedule;
    char path[PATH_MAX];

    for (size_t i = 0; i + schedule->keep < list->count; i++) {
        snprintf(path, sizeof(path), "%s/%s", schedule->folder, list->names[i]);
        if (unlink(path) == 0)
            log_info("backup", "old_backup_removed file=%s", path);
        else
            log_warn("backup", "old_backup_stays file=%s why=\"%s\"", path, strerror(errno));
    }
}

static int read_key(struct backups *backups)
{
    bool is_made = false;
    const char *path = backups->schedule.key_file;

    if (path[0] == '\0')
        return 0;
    int rc = backup_key_file(path, &backups->make.secret, &is_made, backups->make.problem);
    if (is_made)
        log_warn(
            "backup",
            "backup_key_made file=%s do=\"keep a copy of it apart from the backups: without it "
            "their access keys and signing keys cannot be restored\"",
            path);
    return rc;
}

struct sizing {
    struct backup_file file;
    uint64_t len;
};

static int put_sized(void *user, const void *data, size_t len)
{
    struct sizing *sizing = user;

    sizing->len += len;
    return backup_file_put(&sizing->file, data, len);
}

/* The index is known when the copy is made, so the name is made of the time first. */
static int make_file(struct backups *backups, const char *prefix)
{
    struct backup_schedule *schedule = &backups->schedule;
    struct backup_make *make = &backups->make;
    struct sizing sizing = {0};
    char path[PATH_MAX], time[CLOCK_TEXT_LEN];

    format_time(clock_wall_ms(), time);
    snprintf(path, sizeof(path), "%s/%s%s-0" ENDING, schedule->folder, prefix, time);
    int rc = backup_file_begin(path, &sizing.file, make->problem);
    if (rc != 0)
        return rc;
    rc = backup_make_write(make, put_sized, &sizing);
    if (rc != 0) {
        backup_file_drop(&sizing.file);
        return rc;
    }
    snprintf(sizing.file.path, sizeof(sizing.file.path), "%s/%s%s-%" PRIu64 ENDING,
             schedule->folder, prefix, time, make->about.applied.index);
    rc = backup_file_end(&sizing.file, make->problem);
    if (rc == 0) {
        memcpy(schedule->file, sizing.file.path, sizeof(schedule->file));
        schedule->file_len = sizing.len;
        schedule->newest_wall_ms = make->about.taken_wall_ms;
    }
    return rc;
}

static bool is_due(const struct backup_schedule *schedule, uint64_t made_wall_ms)
{
    uint64_t now_wall_ms = clock_wall_ms();

    return made_wall_ms == 0 || now_wall_ms < made_wall_ms || /* the clock was set back */
           now_wall_ms - made_wall_ms >= schedule->every_ms;
}

static void look_and_make(uv_work_t *work)
{
    struct backups *backups = work->data;
    struct backup_schedule *schedule = &backups->schedule;
    struct listing list = {0};
    char prefix[NAME_SIZE];

    make_prefix(backups, prefix);
    int rc = list_folder(backups, prefix, &list);
    schedule->newest_wall_ms =
        rc == 0 && list.count > 0 ? parse_name(list.names[list.count - 1], prefix) : 0;
    if (rc == 0 && is_due(schedule, schedule->newest_wall_ms)) {
        rc = read_key(backups);
        if (rc == 0)
            rc = backup_make_folder(&backups->make);
        if (rc == 0)
            rc = make_file(backups, prefix);
        schedule->is_made = rc == 0;
        if (rc == 0 && add_name(&list, strrchr(schedule->file, '/') + 1) == 0) {
            qsort(list.names, list.count, sizeof(*list.names), by_name);
            remove_oldest(backups, &list);
        }
    }
    free(list.names);
    backups->code = rc;
}

static void note_made(struct backups *backups)
{
    struct backup_schedule *schedule = &backups->schedule;

    schedule->tried_wall_ms = clock_wall_ms();
    schedule->error[0] = '\0';
    schedule->index = backups->make.about.applied.index;
    schedule->len = schedule->file_len;
    schedule->took_ms = clock_mono_ms() - schedule->begun_mono_ms;
    memcpy(schedule->made_file, schedule->file, sizeof(schedule->made_file));
    log_info("backup", "backup_made file=%s index=%" PRIu64 " octets=%" PRIu64 " ms=%" PRIu64,
             schedule->made_file, schedule->index, schedule->len, schedule->took_ms);
}

static void note_failed(struct backups *backups)
{
    struct backup_schedule *schedule = &backups->schedule;
    uint64_t gap_ms = schedule->every_ms < RETRY_MS_MAX ? schedule->every_ms : RETRY_MS_MAX;

    schedule->failures++;
    schedule->tried_wall_ms = clock_wall_ms();
    schedule->again_mono_ms = clock_mono_ms() + gap_ms;
    snprintf(schedule->error, sizeof(schedule->error), "%s", backups->make.problem);
    log_error("backup", "backup_failed folder=%s why=\"%s\" again_in_ms=%" PRIu64, schedule->folder,
              schedule->error, gap_ms);
}

static void on_done(uv_work_t *work, int status)
{
    struct backups *backups = work->data;
    struct backup_schedule *schedule = &backups->schedule;

    backups->is_running = false;
    backup_make_wipe(&backups->make);
    if (status == 0 && backups->code == 0) {
        schedule->is_looked = true;
        schedule->made_wall_ms = schedule->newest_wall_ms;
        if (schedule->is_made)
            note_made(backups);
    } else if (status == 0 && backups->code != ERR_CLOSED) {
        if (schedule->newest_wall_ms != 0)
            schedule->made_wall_ms = schedule->newest_wall_ms;
        note_failed(backups);
    }
    cluster__wake(backups->cluster); /* a close may wait for this */
}

void backup_schedule_tick(struct backups *backups, uint64_t now_mono_ms)
{
    struct backup_schedule *schedule = &backups->schedule;
    struct cluster *cluster = backups->cluster;

    if (backups->is_running || backups->caller_id != 0 || cluster->domain[0] == '\0' ||
        now_mono_ms < schedule->again_mono_ms || cluster->stop != CLUSTER_STOP_NONE ||
        (schedule->is_looked && !is_due(schedule, schedule->made_wall_ms)))
        return;
    backup_make_prepare(&backups->make, cluster);
    memcpy(schedule->domain, cluster->domain, sizeof(schedule->domain));
    schedule->is_made = false;
    schedule->begun_mono_ms = now_mono_ms;
    backups->work->data = backups;
    if (uv_queue_work(cluster->loop, backups->work, look_and_make, on_done) != 0)
        return;
    backups->is_running = true;
    backups->is_scheduled = true;
}

void cluster_backup_status(struct cluster *cluster, struct cluster_backup_status *out)
{
    const struct backups *backups = cluster->backups;
    const struct backup_schedule *schedule = &backups->schedule;

    *out = (struct cluster_backup_status){
        .folder = schedule->folder ? schedule->folder : "",
        .every_ms = schedule->every_ms,
        .is_running = backups->is_running && backups->is_scheduled,
        .tried_wall_ms = schedule->tried_wall_ms,
        .error = schedule->error,
        .failures = schedule->failures,
        .made_wall_ms = schedule->made_wall_ms,
        .file = schedule->made_file,
        .index = schedule->index,
        .len = schedule->len,
        .took_ms = schedule->took_ms,
    };
}
