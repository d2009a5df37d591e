/* node/cluster/geo_state.h: the CIDR collections and regions of the applied state, as parts of what
 * routing knows of clients (cluster/geo_parts.h). Loop thread. */
#pragma once

struct apply_effect;
struct geo_parts;
struct kv;

/* Take all of @kv over: at the start, after a snapshot, and when an effect could not be taken.
 * ERR_NOMEM, and what reading gives: what is routed by stays. */
int geo_state_load(struct geo_parts *parts, const struct kv *kv);
/* Take over what @effect says has changed in @kv, whatever it is; visible with its entry. As above.
 */
int geo_state_effect(struct geo_parts *parts, const struct kv *kv,
                     const struct apply_effect *effect);
