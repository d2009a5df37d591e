/* node/cluster/apply_traffic.h: what the files about traffic policies share. As apply_internal.h.
 */
#pragma once

#include "cluster/apply_internal.h"
#include "store/state_traffic.h"

struct Cmd__Command;
struct Cmd__DeleteTrafficInstance;
struct Cmd__PutTrafficInstance;

/* A command about traffic policies or their instances; ERR_VERSION: it is of another kind. */
int apply__traffic(struct apply *apply, const struct Cmd__Command *command);
/* The id that a repeated command of these kinds is about; as far as it says. */
void apply__name_traffic(struct apply *apply);

/* apply_traffic.c: read a policy's version, or refuse (NoSuchTrafficPolicy). */
int apply__read_policy(struct apply *apply, const char *id, uint32_t number,
                       struct state_traffic_policy *policy, struct state_traffic_version *version);

/* apply_instance.c */
int apply__put_instance(struct apply *apply, const struct Cmd__PutTrafficInstance *command);
int apply__delete_instance(struct apply *apply, const struct Cmd__DeleteTrafficInstance *command);
/* Refuse what would take away, or take the place of, what an instance made: the zone as a whole;
 * one set that is stored (@before) or comes (@set), by hand. */
int apply__check_no_instance(struct apply *apply, const struct state_zone *zone, const char *error);
int apply__check_by_hand(struct apply *apply, const struct state_zone *zone,
                         const struct state_record_set *set, const struct state_record_set *before);
