/* node/resolve/resolve.h: addresses of names outside our zones, which aliases lead to. Asks the
 * node's resolvers in the background and tells what changed; an answer is kept beyond its TTL while
 * none of them answers (RFC 8767). The rules of time are in resolve/targets.h. Everything, and the
 * callbacks, on the loop's thread; nothing blocks but resolve_open(), which reads
 * /etc/resolv.conf. */
#pragma once

#include <stdint.h>

struct resolve;
struct uv_loop_s;
struct zone_record_set; /* zone/record_set.h */

#define RESOLVE_TARGETS_MAX 10000u /* names and types; more: ERR_LIMIT */
#define RESOLVE_ASKING_MAX 64u     /* questions at once; what is due beyond that waits */
#define RESOLVE_TTL_FLOOR_S 5u     /* the defaults: no shorter TTL is kept or served … */
#define RESOLVE_TTL_CAP_S 300u     /* … and no longer one */

/* Serve @set (plain, A or AAAA, borrowed); with rdata_count 0: nothing is there any more. */
typedef void (*resolve_changed_cb)(void *user, const struct zone_record_set *set);
struct resolve_options {
    struct uv_loop_s *loop;
    const char *servers; /* "ADDRESS:PORT,[ADDRESS]:PORT", copied; NULL or "": /etc/resolv.conf */
    uint32_t ttl_floor_s, ttl_cap_s; /* each 0: the default */
    resolve_changed_cb changed;
    void *user;
};

/* ERR_INVALID (servers, or a floor above the cap), ERR_IO, ERR_NOMEM. On 0 the caller owns *@out.
 */
int resolve_open(const struct resolve_options *options, struct resolve **out);
typedef void (*resolve_close_cb)(void *user);
/* No callback after this but @cb, when it is gone. */
void resolve_close(struct resolve *resolve, resolve_close_cb cb, void *user);

/* Keep @name (wire form) resolved, type A or AAAA. ERR_EXISTS, ERR_LIMIT, ERR_NOMEM, ERR_INVALID
 * (type). */
int resolve_add(struct resolve *resolve, const uint8_t *name, uint16_t type);
/* No longer. What was told about it is the caller's to take back. ERR_NOT_FOUND. */
int resolve_remove(struct resolve *resolve, const uint8_t *name, uint16_t type);

enum resolve_state {
    RESOLVE_RESOLVING, /* nothing is known yet */
    RESOLVE_GOOD,
    RESOLVE_STALE,  /* the answer is older than its TTL, and there is no newer one */
    RESOLVE_FAILED, /* there never was an answer */
};
struct resolve_target {
    enum resolve_state state;
    const char *problem; /* of the last try if it failed; else "" */
    /* The answer's, all 0 without one. */
    const uint8_t (*addresses)[16]; /* of A the first 4 octets */
    unsigned address_count;
    uint32_t ttl_s; /* as served */
    uint64_t resolved_wall_ms;
    uint64_t next_wall_ms; /* when it is asked for next; 0: just now */
};
/* What is known, borrowed until the loop turns. ERR_NOT_FOUND. */
int resolve_get(struct resolve *resolve, const uint8_t *name, uint16_t type,
                struct resolve_target *out);
