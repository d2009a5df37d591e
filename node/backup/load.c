#include "backup/load.h"

#include <inttypes.h>
#include <string.h>

#include "backup/read.h"
#include "backup/write.h"
#include "base/err.h"
#include "store/state_check.h"

#define NOT_WRITTEN "what is in it cannot be written: %s; is the disk full?"

struct load {
    const struct kv *kv;
    char *problem;
};

static int tell_pair(struct load *load, const struct kv_write *pair, int code)
{
    if (code == ERR_VERSION)
        return backup_problem(load->problem, code,
                              "a value of %s is of a form that this program (%s) does not know: a "
                              "newer Quartet made the backup, use that or a later one",
                              kv_family_name(pair->family), QUARTET_VERSION);
    return backup_problem(load->problem, code, "a value of %s cannot be read: %s",
                          kv_family_name(pair->family), err_text(code));
}

static int on_pairs(void *user, const struct kv_write *pairs, size_t count)
{
    struct load *load = user;

    for (size_t i = 0; i < count; i++) {
        int rc = state_value_check(pairs[i].family, pairs[i].key, pairs[i].value);
        if (rc != 0)
            return tell_pair(load, &pairs[i], rc);
    }
    int rc = kv_write(load->kv, pairs, count);
    if (rc == ERR_LIMIT)
        return backup_problem(load->problem, rc,
                              "what is in it takes more memory than this program may use here: it "
                              "was made to do harm, or needs a host with more");
    return rc == 0 ? 0 : backup_problem(load->problem, rc, NOT_WRITTEN, err_text(rc));
}

/* ---- what was loaded, as a node would read it ---- */

struct walk {
    struct load *load;
    struct backup_counts counts;
    uint64_t sets; /* of the zone looked at */
};

static int on_set(void *user, const struct state_record_set *set)
{
    (void)set;
    ++((struct walk *)user)->sets;
    return 0;
}

static int on_zone(void *user, const struct state_zone *zone)
{
    struct walk *walk = user;

    walk->sets = 0;
    int rc = state_list_record_sets(walk->load->kv, zone->content, NULL, on_set, walk);
    walk->counts.zones++;
    walk->counts.record_sets += walk->sets;
    if (rc == 0 && walk->sets != zone->record_set_count)
        rc = backup_problem(walk->load->problem, ERR_CORRUPT,
                            "zone %s has %" PRIu64 " record sets, and says that it has %" PRIu64,
                            zone->id, walk->sets, zone->record_set_count);
    return rc;
}

static int on_name(void *user, const struct state_zone *zone)
{
    (void)zone;
    ++*(uint64_t *)user;
    return 0;
}

static int walk_zones(struct load *load, const struct backup_about *about)
{
    struct walk walk = {.load = load};
    uint64_t names = 0;
    int rc = state_list_zones(load->kv, "", on_zone, &walk);

    if (rc == 0)
        rc = state_list_zones_by_name(load->kv, NULL, on_name, &names);
    if (rc != 0)
        return load->problem[0] ? rc
                                : backup_problem(load->problem, rc, "its zones cannot be read: %s",
                                                 err_text(rc));
    if (walk.counts.zones != about->counts.zones || names != walk.counts.zones ||
        walk.counts.record_sets != about->counts.record_sets)
        return backup_problem(load->problem, ERR_CORRUPT,
                              "it has %" PRIu64 " zones (%" PRIu64 " by name) with %" PRIu64
                              " record sets, and says %" PRIu64 " with %" PRIu64,
                              walk.counts.zones, names, walk.counts.record_sets,
                              about->counts.zones, about->counts.record_sets);
    return 0;
}

static bool is_same_point(const struct backup_about *said, const struct backup_about *found)
{
    return said->applied.index == found->applied.index &&
           said->applied.term == found->applied.term &&
           said->applied.hash.high == found->applied.hash.high &&
           said->applied.hash.low == found->applied.hash.low &&
           memcmp(said->cluster.id, found->cluster.id, sizeof(said->cluster.id)) == 0;
}

static int check_point(struct load *load, const struct backup_about *about,
                       const uint8_t content_sha256[32])
{
    struct backup_about found = {0};
    uint8_t hash[32];
    int rc = backup_describe(load->kv, &found);

    if (rc == 0)
        rc = backup_content_hash(load->kv, NULL, hash);
    if (rc != 0)
        return backup_problem(load->problem, rc, "what was loaded cannot be read: %s",
                              err_text(rc));
    if (memcmp(hash, content_sha256, sizeof(hash)) != 0)
        return backup_problem(load->problem, ERR_IO,
                              "what was loaded is not what was written: check the disk");
    if (!is_same_point(about, &found))
        return backup_problem(load->problem, ERR_CORRUPT,
                              "its state is of index %" PRIu64 ", with a hash or cluster of its "
                              "own, and it says %" PRIu64,
                              found.applied.index, about->applied.index);
    return 0;
}

static int load_all(struct load *load, const struct backup_source *source,
                    struct backup_progress *progress, struct backup_found *found)
{
    int rc = backup_read(source, progress, on_pairs, load, found, load->problem);

    if (rc == 0) {
        rc = kv_flush(load->kv);
        if (rc != 0)
            backup_problem(load->problem, rc, NOT_WRITTEN, err_text(rc));
    }
    if (rc == 0)
        rc = check_point(load, &found->about, found->content_sha256);
    return rc != 0 ? rc : walk_zones(load, &found->about);
}

int backup_load(const struct backup_source *source, const struct kv *kv,
                struct backup_progress *progress, struct backup_about *about,
                char problem[BACKUP_PROBLEM_LEN])
{
    struct load load = {.kv = kv, .problem = problem};
    struct backup_found found;

    problem[0] = '\0';
    int rc = load_all(&load, source, progress, &found);
    if (rc == 0)
        *about = found.about;
    return rc;
}
