/* node/cluster/apply_zone.h: what the files about zones and their delegation sets share. */
#pragma once

#include "cluster/apply_internal.h"

struct Cmd__ActivateZone;
struct Cmd__Command;
struct Cmd__CreateDelegationSet;
struct Cmd__DeleteDelegationSet;

/* Run a command of these kinds; ERR_VERSION: it is of another kind. */
int apply__zones(struct apply *apply, const struct Cmd__Command *command);

/* apply_zone.c */
/* A change id names one change for ever (as far as the journal goes back). */
int apply__check_new_change(struct apply *apply, const char *change_id);
/* Begin a change's entry for the journal, and name its ids in the result. */
void apply__start_change(const struct apply *apply, const struct state_zone *zone,
                         enum state_change_kind kind, const char *change_id,
                         struct state_change *out);

/* apply_served.c */
/* A new zone, not written yet: is it served? Refuse when it cannot be. */
int apply__place_zone(struct apply *apply, struct state_zone *zone, bool may_repeat_name);
/* @gone was deleted. If it was served, the oldest of its name is from now on. */
int apply__succeed_zone(struct apply *apply, const struct state_zone *gone, bool *has_successor);
int apply__activate_zone(struct apply *apply, const struct Cmd__ActivateZone *command);

/* apply_delegation.c */
int apply__create_delegation_set(struct apply *apply,
                                 const struct Cmd__CreateDelegationSet *command);
int apply__delete_delegation_set(struct apply *apply,
                                 const struct Cmd__DeleteDelegationSet *command);
/* A new zone, not written yet, is made with the set (empty: none); a zone is gone. */
int apply__join_delegation_set(struct apply *apply, struct state_zone *zone, const char *set_id);
int apply__leave_delegation_set(struct apply *apply, const struct state_zone *zone);
