/* node/cluster/apply_internal.h: what the files of apply share.
 *
 * A handler (apply__*) runs one command. It returns 0; APPLY__REFUSED after apply__refuse(), and
 * the caller then takes back all it wrote; or an enum err, which stops applying. */
#pragma once

#include "base/arena.h"
#include "cluster/apply.h"
#include "cluster/apply_set.h"
#include "cluster/command.h"
#include "dns/name.h"
#include "store/overlay.h"
#include "store/state.h"
#include "store/state_put.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#define APPLY__REFUSED 1
#define APPLY__PROBLEMS_MAX 2048u /* those beyond are not told */
#define APPLY__CHANGES_KEPT_DEFAULT 100000u
#define APPLY__CHANGES_KEPT_MAX 10000000u

struct Cmd__Change;
struct Cmd__ChangeRecordSets;
struct Cmd__DeleteOverride;
struct Cmd__ImportAbort;
struct Cmd__ImportBegin;
struct Cmd__ImportChunk;
struct Cmd__ImportCommit;
struct Cmd__ImportExpire;
struct Cmd__MemberContext;
struct Cmd__PutOverride;
struct Cmd__RecordSet;
struct Cmd__Routing;

struct apply {
    const struct kv *kv; /* borrowed */
    struct apply_sink sink;
    struct overlay *overlay;
    struct command_arena *decoder;
    struct arena *scratch; /* of one entry */
    struct arena *group;   /* of one group of record sets that is looked at, or one walk */
    bool may_have_routed;  /* false: no stored record set has routing, so none need be looked for */
    uint64_t rewritten_len; /* by this entry: see apply_group.c */
    uint32_t walked;        /* by this entry: see apply_alias.c */
    struct state_applied point;
    struct apply_effect *effects;
    size_t effect_count, effect_capacity;
    struct apply_result *results;
    size_t result_count;
    /* While an entry is being applied: */
    uint64_t index;
    uint32_t place; /* of the command in it */
    const struct Cmd__Command *command;
    struct apply_result *result; /* of that command */
    struct {
        const char *list[APPLY__PROBLEMS_MAX];
        size_t count;
        int code; /* of the first one; and how far these were then: */
        uint64_t rewritten_len;
        uint32_t walked;
    } problems; /* of that command, collected */
    struct state_counters counters;
    bool has_new_counters;
    uint64_t changes_kept;
    struct state_session session; /* of the last command */
    enum { APPLY__SESSION_NONE, APPLY__SESSION_READ, APPLY__SESSION_CHANGED } session_state;
    struct state_zone zone; /* as it is stored by now, if has_zone: most entries are of one zone */
    bool has_zone;
    /* Ids in order: all imports that are stored, and maybe some that are gone. By these they are
     * found; a scan would pass over all that ever were, as deleted keys stay for a while. */
    char import_ids[STATE_IMPORTS_MAX][STATE_ID_SIZE];
    unsigned import_count;
    struct {
        uint64_t index;
        struct state_hash hash;
    } hashes[APPLY_HASHES_MAX]; /* at index modulo the length */
};

/* apply.c */
/* Note why the command is refused; returns APPLY__REFUSED, or ERR_NOMEM. */
int apply__refuse(struct apply *apply, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The same with Route 53's @error code for it (static text). */
int apply__refuse_as(struct apply *apply, int code, const char *error, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* More may be wrong with the command: take @rc, what the last step returned, as one of its problems
 * if that was refused, and go on. 0; what stops the command at once: a refusal that has a code of
 * Route 53's own or says "try again", and other codes. */
int apply__collect(struct apply *apply, int rc);
/* The end of collecting: 0, or APPLY__REFUSED for all that was collected; code and message are the
 * first one's, as InvalidChangeBatch. */
int apply__refuse_collected(struct apply *apply);
/* Tell this once the entry is written; what it points to is in the scratch arena. 0; ERR_NOMEM. */
int apply__tell(struct apply *apply, const struct apply_effect *effect);
/* The stored state with what this entry wrote so far. */
const struct kv *apply__kv(const struct apply *apply);
/* Load what entries start from: counters and settings. */
int apply__load_settings(struct apply *apply);
/* Journal one change, and trim the journal. */
int apply__journal(struct apply *apply, struct state_change *change,
                   const struct state_action *actions);

/* apply_limit.c */
/* Refuse with Route 53's @error when there are @count already and the limit @type (state_limit.h)
 * allows no more. */
int apply__check_limit(struct apply *apply, const char *type, uint64_t count, const char *error);
/* Is @value (empty: the usual one) good for the setting @name, if that is of a limit? */
int apply__check_limit_setting(struct apply *apply, const char *name, const char *value);

/* apply_session.c: once and only once. 0, or a code that stops applying. */
int apply__command(struct apply *apply);
/* Write the session that the last commands were of. At the end of an entry. */
void apply__save_session(struct apply *apply);

/* apply_group.c */
/* The actions of one command; extra ones are added when sets are rewritten. In scratch memory. */
struct apply__actions {
    struct state_action *list;
    size_t count, capacity;
};
/* Count @before, which the command reads to replace it, against what one entry may. Refuses with
 * ERR_BUSY. Not for commands that old logs may hold: these were not counted. */
int apply__charge(struct apply *apply, const struct state_record_set *before);
/* Is telling the image left to apply__finish_groups()? */
bool apply__is_deferred(const struct state_action *action);
/* All changes made: the rules about sets of one name and type, one TTL for weighted ones, and the
 * effects that were deferred. What is wrong is collected. @by_route53: see apply__check_aliases().
 */
int apply__finish_groups(struct apply *apply, const struct state_zone *zone,
                         struct apply__actions *actions, bool by_route53);

/* apply_alias.c */
/* These sets of @zone are aliases, just written: each target in this zone is there with the alias's
 * type, and no chain of aliases, through whatever zones, comes back to itself or is too long.
 * @by_route53: where an alias names a hosted zone of the cluster, its target is there too. */
int apply__check_aliases(struct apply *apply, const struct state_zone *zone,
                         const struct state_record_set *const *sets, size_t count, bool by_route53);

/* apply_zone.c, apply_change.c, apply_import.c */
int apply__tell_set(struct apply *apply, enum apply_effect_kind kind, const struct state_zone *zone,
                    const struct state_record_set *set);
/* Is the zone one that everybody is served from? */
bool apply__is_shown(const struct state_zone *zone);
int apply__change_record_sets(struct apply *apply, const struct Cmd__ChangeRecordSets *command);
int apply__import_begin(struct apply *apply, const struct Cmd__ImportBegin *command);
int apply__import_chunk(struct apply *apply, const struct Cmd__ImportChunk *command);
int apply__import_commit(struct apply *apply, const struct Cmd__ImportCommit *command);
int apply__import_abort(struct apply *apply, const struct Cmd__ImportAbort *command);
int apply__import_expire(struct apply *apply, const struct Cmd__ImportExpire *command);
/* A change id names one change for ever, as far as the journal goes back: or refuse. */
int apply__check_new_change(struct apply *apply, const char *change_id);
/* Fill in a change of @zone, for apply__journal(), and name both in the result. */
void apply__start_change(const struct apply *apply, const struct state_zone *zone,
                         enum state_change_kind kind, const char *change_id,
                         struct state_change *out);
/* Find the imports that are stored already. 0, or a code that stops applying. */
int apply__load_imports(struct apply *apply);
/* Drop the imports of a zone that goes away. */
int apply__import_drop_all(struct apply *apply, const char *zone_id);

/* apply_logging.c, apply_signing.c: what public zones have beside record sets. */
int apply__logging(struct apply *apply, const struct Cmd__Command *command);
int apply__signing(struct apply *apply, const struct Cmd__Command *command);
/* The same as the zone that has them goes. */
int apply__drop_extras(struct apply *apply, const struct state_zone *zone);
int apply__drop_signing_keys(struct apply *apply, const struct state_zone *zone);

/* apply_admin.c: cluster, tokens, secrets, settings, members. */
int apply__admin(struct apply *apply, const struct Cmd__Command *command);
/* Write a member's own account of itself, or refuse. */
int apply__put_member(struct apply *apply, const struct Cmd__MemberContext *from);

/* apply_authority.c: the cluster's CA and its members' certificates. ERR_VERSION: of neither. */
int apply__authority(struct apply *apply, const struct Cmd__Command *command);

/* apply_credential.c */
int apply__credential(struct apply *apply, const struct Cmd__Command *command);
