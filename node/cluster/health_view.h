/* node/cluster/health_view.h: from applied state into the health view that DNS reads
 * (policy/health.h), and to whoever checks. What each check counts as is found by apply
 * (apply_octet.c), so that this only carries octets: one store per verdict, however many checks
 * there are. Loop thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct apply_effect;
struct health_view;
struct kv;
struct policy_health;
struct state_check_config;

/* Over @health (borrowed). ERR_NOMEM. */
int health_view_new(struct policy_health *health, struct health_view **out);
void health_view_free(struct health_view *view); /* accepts NULL */

/* Take all from @kv, at the start and after a snapshot; slots that have no owner in it become "no
 * check". ERR_NOMEM and what reading gives: what was done so far stays. */
int health_view_load(struct health_view *view, const struct kv *kv);
/* Take one effect of an entry; others than those of health are passed over. */
void health_view_effect(struct health_view *view, const struct apply_effect *effect);
/* Add up how many slots have each enum policy_health_reason, of those below 16. */
void health_view_count(const struct health_view *view, uint64_t out[16]);
/* Some octet could not be taken for want of memory: load again. */
bool health_view_is_behind(const struct health_view *view);

/* @id (borrowed for the call) was created, changed or deleted, or its override was; NULL: any may
 * have been. Called at effects and at the end of health_view_load(). */
typedef void (*health_view_cb)(void *user, const char *id);
void health_view_watch(struct health_view *view, health_view_cb cb, void *user);

/* Is a check of @config for the node of @region to check? Not one that is calculated or disabled.
 * state_list_checks() and state_get_check() give the configs. */
bool health_view_is_checked(const struct state_check_config *config, const char *region);
