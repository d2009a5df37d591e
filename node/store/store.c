#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "store/kv_rocks.h"
#include "store/state.h"
#include "store/state_value.h"

#define POINTER_NAME "state.current"
#define QUARANTINE_NAME "state.quarantine"
#define FILE_LEN_MAX 4096u
#define NEW_STATE_NUMBER 1u

struct store {
    char *folder;
    uint64_t number; /* of the state-<n> in use */
    struct kv kv;
    char *quarantine; /* the reason, or NULL */
};

static int path_of(const struct store *store, const char *name, char out[PATH_MAX])
{
    int len = snprintf(out, PATH_MAX, "%s/%s", store->folder, name);
    return len < 0 || len >= PATH_MAX ? ERR_LIMIT : 0;
}

static int state_path(const struct store *store, uint64_t number, char out[PATH_MAX])
{
    char name[32];

    snprintf(name, sizeof(name), "state-%" PRIu64, number);
    return path_of(store, name, out);
}

/* Read state-<n> as the first line of a file; @rest, if wanted, gets what follows it. */
static int read_name(const struct store *store, const char *name, uint64_t *number, char **rest)
{
    char path[PATH_MAX];
    uint8_t *content;
    size_t len;
    int used = 0;
    int rc = path_of(store, name, path);

    if (rc == 0)
        rc = file_read(path, FILE_LEN_MAX, &content, &len);
    if (rc != 0)
        return rc;
    if (sscanf((const char *)content, "state-%" SCNu64 "\n%n", number, &used) != 1 || used == 0)
        rc = ERR_CORRUPT;
    if (rc == 0 && rest) {
        *rest = strdup((const char *)content + used);
        rc = *rest ? 0 : ERR_NOMEM;
    }
    free(content);
    return rc;
}

static int write_pointer(const struct store *store, uint64_t number)
{
    char path[PATH_MAX], line[32];
    int len = snprintf(line, sizeof(line), "state-%" PRIu64 "\n", number);
    int rc = path_of(store, POINTER_NAME, path);

    return rc != 0 ? rc : file_write(path, line, (size_t)len, 0600);
}

/* Remove every state-<n> but the one in use: what a crash left behind. Where no pointer says which
 * one that is (@is_new), a second state means that the pointer is lost, and nothing is removed. */
static int remove_leftovers(const struct store *store, bool is_new)
{
    DIR *folder = opendir(store->folder);
    const struct dirent *entry;
    int rc = 0;

    if (!folder)
        return ERR_IO;
    while (rc == 0 && (entry = readdir(folder))) {
        uint64_t number;
        char path[PATH_MAX];
        int used = 0;
        if (sscanf(entry->d_name, "state-%" SCNu64 "%n", &number, &used) != 1 ||
            entry->d_name[used] != 0 || number == store->number)
            continue;
        rc = is_new ? ERR_CORRUPT : path_of(store, entry->d_name, path);
        if (rc == 0) {
            log_info("store", "leftover_removed folder=%s", path);
            rc = file_remove_tree(path);
        }
    }
    closedir(folder);
    return rc;
}

static int read_quarantine(struct store *store)
{
    char path[PATH_MAX];
    uint64_t number;
    char *reason = NULL;
    int rc = read_name(store, QUARANTINE_NAME, &number, &reason);

    if (rc == ERR_NOT_FOUND)
        return 0;
    if (rc != 0 && rc != ERR_CORRUPT)
        return rc;
    if (rc == 0 && number == store->number) {
        store->quarantine = reason;
        log_error("store",
                  "state_quarantined reason=\"%s\" do=\"wait for a snapshot from the "
                  "leader\"",
                  reason);
        return 0;
    }
    free(reason); /* of a state that is gone: a crash came between switching and this */
    rc = path_of(store, QUARANTINE_NAME, path);
    return rc != 0 ? rc : file_remove_tree(path);
}

/* Can this program read what is there? */
static int check_kv(const struct kv *kv, struct state_applied *applied)
{
    struct state_conf conf;
    int rc = state_get_applied(kv, applied);

    return rc != 0 ? rc : state_get_conf(kv, &conf);
}

static int open_state(struct store *store, bool is_new)
{
    struct state_applied applied;
    char path[PATH_MAX];
    int rc = state_path(store, store->number, path);

    if (rc == 0)
        rc = kv_rocks_open(path, is_new, &store->kv);
    if (rc == ERR_NOT_FOUND)
        rc = ERR_CORRUPT; /* the pointer names it, so it was there */
    if (rc != 0)
        return rc;
    rc = check_kv(&store->kv, &applied);
    if (rc != 0)
        return rc;
    log_info("store", "state_opened folder=%s applied=%" PRIu64, path, applied.index);
    return 0;
}

static void explain(const struct store *store, int rc)
{
    const char *advice = "check the disk's space, permissions and health, then start again";

    if (rc == ERR_CORRUPT)
        advice =
            "the copy of the zones on this node is damaged; the cluster is not: stop this node, "
            "move its data folder away, remove the member and join it again";
    else if (rc == ERR_VERSION)
        advice = "it was written by a newer version: install that version on this node";
    else if (rc == ERR_BUSY)
        advice = "another quartetd uses this data folder: stop it, or name another folder";
    log_error("store", "state_not_usable folder=%s error=\"%s\" do=\"%s\"", store->folder,
              err_text(rc), advice);
}

static int open_folder(struct store *store)
{
    int rc = read_name(store, POINTER_NAME, &store->number, NULL);
    bool is_new = rc == ERR_NOT_FOUND;

    if (is_new)
        store->number = NEW_STATE_NUMBER;
    else if (rc != 0)
        return rc;
    rc = remove_leftovers(store, is_new);
    if (rc == 0)
        rc = open_state(store, is_new);
    if (rc == 0 && is_new)
        rc = write_pointer(store, store->number);
    return rc != 0 ? rc : read_quarantine(store);
}

static int open_and(const char *folder, bool is_read, struct store **out)
{
    struct store *store = calloc(1, sizeof(*store));
    if (!store)
        return ERR_NOMEM;
    store->folder = strdup(folder);
    int rc = store->folder ? open_folder(store) : ERR_NOMEM;
    if (rc == 0 && is_read)
        rc = kv_verify(&store->kv); /* later reads may pass over damage: see kv_rocks.c */
    if (rc != 0) {
        if (store->folder)
            explain(store, rc);
        store_close(store);
        return rc;
    }
    *out = store;
    return 0;
}

int store_open(const char *folder, struct store **out)
{
    return open_and(folder, true, out);
}

int store_open_unread(const char *folder, struct store **out)
{
    return open_and(folder, false, out);
}

void store_close(struct store *store)
{
    if (!store)
        return;
    kv_close(&store->kv);
    free(store->quarantine);
    free(store->folder);
    free(store);
}

int store_remove(const char *folder)
{
    static const char *const files[] = {POINTER_NAME, QUARANTINE_NAME};
    const struct store none = {.folder = (char *)folder}; /* there is no state-0 */
    char path[PATH_MAX];
    int rc = 0;

    for (unsigned i = 0; i < sizeof(files) / sizeof(files[0]) && rc == 0; i++) {
        rc = path_of(&none, files[i], path);
        if (rc == 0)
            rc = file_remove_tree(path);
    }
    return rc == 0 ? remove_leftovers(&none, false) : rc;
}

const struct kv *store_kv(const struct store *store)
{
    return &store->kv;
}

int store_write_out(struct store *store)
{
    return kv_rocks_write_out(&store->kv);
}

void store_settle(struct store *store)
{
    kv_rocks_settle(&store->kv);
}

void store_write_memtables(struct store *store)
{
    kv_rocks_write_memtables(&store->kv);
}

int store_flush(struct store *store)
{
    return kv_flush(&store->kv);
}

int store_checkpoint(struct store *store, const char *target)
{
    return kv_checkpoint(&store->kv, target);
}

/* Does the copy in @source open, and hold exactly what it is said to hold? */
static int check_source(const char *source, uint64_t index)
{
    struct state_applied applied;
    struct kv kv = {0};
    int rc = kv_rocks_open(source, false, &kv);

    if (rc == 0)
        rc = check_kv(&kv, &applied);
    if (rc == 0 && applied.index != index) {
        log_error("store", "snapshot_refused applied=%" PRIu64 " wanted=%" PRIu64, applied.index,
                  index);
        rc = ERR_CORRUPT;
    }
    kv_close(&kv);
    return rc == ERR_NOT_FOUND || rc == ERR_BUSY ? ERR_CORRUPT : rc;
}

/* Remove the previous state and its quarantine. Failing to is harmless: open tries again. */
static void remove_old(struct store *store, uint64_t number)
{
    char path[PATH_MAX];

    if (state_path(store, number, path) == 0 && file_remove_tree(path) != 0)
        log_warn("store", "leftover_stays folder=%s", path);
    if (store->quarantine && path_of(store, QUARANTINE_NAME, path) == 0 &&
        file_remove_tree(path) != 0)
        log_warn("store", "leftover_stays file=%s", path);
    free(store->quarantine);
    store->quarantine = NULL;
}

int store_install(struct store *store, const char *source, uint64_t index)
{
    uint64_t old = store->number;
    char target[PATH_MAX];
    int rc = check_source(source, index);

    if (rc == 0)
        rc = state_path(store, old + 1, target);
    if (rc == 0)
        rc = file_remove_tree(target); /* of an attempt whose pointer was never written */
    if (rc != 0)
        return rc;
    if (rename(source, target) != 0 || file_sync_folder(store->folder) != 0) {
        log_error("store", "rename_failed from=%s to=%s error=\"%s\"", source, target,
                  strerror(errno));
        return ERR_IO;
    }
    rc = write_pointer(store, old + 1);
    if (rc != 0)
        return rc;
    kv_close(&store->kv);
    store->number = old + 1;
    rc = open_state(store, false);
    if (rc != 0)
        return ERR_IO;
    remove_old(store, old);
    return 0;
}

int store_quarantine(struct store *store, const char *reason)
{
    char path[PATH_MAX], content[FILE_LEN_MAX];
    int len =
        snprintf(content, sizeof(content), "state-%" PRIu64 "\n%.1000s", store->number, reason);
    char *copy = strdup(reason);
    int rc = copy ? path_of(store, QUARANTINE_NAME, path) : ERR_NOMEM;

    if (rc == 0)
        rc = file_write(path, content, (size_t)len, 0600);
    if (rc != 0) {
        free(copy);
        return rc;
    }
    free(store->quarantine);
    store->quarantine = copy;
    return 0;
}

const char *store_quarantine_reason(const struct store *store)
{
    return store->quarantine;
}

struct verification {
    enum kv_family family;
    uint64_t count;
};

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    struct verification *verification = user;

    verification->count++;
    return state_value_check(verification->family, key, value);
}

int store_verify(struct store *store)
{
    struct verification verification = {0};
    int rc = kv_verify(&store->kv);

    for (unsigned family = 0; family < KV_FAMILIES && rc == 0; family++) {
        verification.family = (enum kv_family)family;
        rc = kv_scan(&store->kv, &(struct kv_range){.family = verification.family}, on_pair,
                     &verification);
        if (rc != 0)
            log_error("store", "verify_failed family=%s after=%" PRIu64 " error=\"%s\"",
                      kv_family_name(verification.family), verification.count, err_text(rc));
    }
    return rc;
}
