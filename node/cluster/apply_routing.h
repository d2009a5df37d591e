/* node/cluster/apply_routing.h: what the files of apply share about health checks, overrides, CIDR
 * collections and regions. As apply_internal.h. */
#pragma once

#include "cluster/apply_internal.h"
#include "cluster/apply_octet.h"
#include "dns/name.h"
#include "store/state_cidr.h"
#include "store/state_health.h"

struct Cmd__DeleteRegion;
struct Cmd__HealthCheckConfig;
struct Cmd__PutRegion;

/* A command about these; ERR_VERSION: it is of another kind. */
int apply__routing(struct apply *apply, const struct Cmd__Command *command);
int apply__health(struct apply *apply, const struct Cmd__Command *command);
int apply__cidr(struct apply *apply, const struct Cmd__Command *command);

/* The id that a repeated CreateHealthCheck or CreateCidrCollection gave; as far as it is known. */
void apply__name_object(struct apply *apply);

/* apply_health_config.c: check and copy (@out is zeroed first). @old: what it replaces, or NULL. */
int apply__take_health_config(struct apply *apply, const struct Cmd__HealthCheckConfig *from,
                              const struct state_check_config *old, struct state_check_config *out);
bool apply__is_same_config(const struct state_check_config *a, const struct state_check_config *b);

/* apply_octet.c: what routing takes checks for. @check with @status as they are from now on
 * (@check NULL: the check @id is gone): find the octet, tell it, write the status, and carry it on
 * to the calculated checks above. */
int apply__settle_check(struct apply *apply, const struct state_check *check,
                        struct state_check_status *status);
/* The same for a check that goes away. */
int apply__settle_gone(struct apply *apply, const struct state_check *check,
                       const struct state_check_status *status);
/* Children of @config that count as healthy: those that are gone do. */
int apply__count_children(struct apply *apply, const struct state_check_config *config,
                          uint32_t *healthy);
int apply__tell_octet(struct apply *apply, uint32_t slot, uint8_t octet);

/* apply_override.c */
/* A record set was removed: if nothing has taken its place by now its override goes too. After an
 * import, and before a zone goes (content 0): the same for all overrides of the zone. */
int apply__forget_override(struct apply *apply, const struct state_zone *zone,
                           const struct state_record_set *set);
int apply__sweep_overrides(struct apply *apply, const struct state_zone *zone);

/* Of a check that goes. */
int apply__drop_override(struct apply *apply, const char *check_id);

int apply__put_override(struct apply *apply, const struct Cmd__PutOverride *command);
int apply__delete_override(struct apply *apply, const struct Cmd__DeleteOverride *command);

/* apply_tags.c: ERR_VERSION: it is of another kind. */
int apply__tags(struct apply *apply, const struct Cmd__Command *command);

/* apply_region.c */
int apply__put_region(struct apply *apply, const struct Cmd__PutRegion *command);
int apply__delete_region(struct apply *apply, const struct Cmd__DeleteRegion *command);

/* apply_use.c */
struct apply__use { /* looked for; and found, in words */
    struct apply *apply;
    const char *collection_id;    /* NULL: a region */
    const char *const *locations; /* any of these; NULL: the whole collection */
    size_t location_count;
    const char *region;
    const char *found;             /* location or region; NULL: nobody uses it */
    char name[DNS_NAME_TEXT_SIZE]; /* of a set that does, or of its zone */
};
/* 0, or a code that stops applying. */
int apply__find_use(struct apply *apply, struct apply__use *use);

/* Helpers: the next number for a check or override; a text that names something;
 * lower-case UUIDs; [0-9A-Za-z_-] of 1 to @len_max. */
int apply__next_slot(struct apply *apply, uint32_t *slot);
int apply__tell_about(struct apply *apply, enum apply_effect_kind kind, const char *what);
int apply__check_uuid(struct apply *apply, const char *what, const char *text);
int apply__check_word(struct apply *apply, const char *what, const char *text, size_t len_max);
/* Shorter than @size, and such that it can be shown (base/text.h). */
int apply__check_shown(struct apply *apply, const char *what, const char *text, size_t size);
int apply__check_reference(struct apply *apply, const char *text);
/* Name what the command is about in its result. */
void apply__name_result(struct apply *apply, const char *id);
