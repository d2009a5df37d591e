/* node/store/state_use.h: how many record sets use a health check, a CIDR location or a region, for
 * each content. It is counted where record sets are put and deleted (state_put.h), so that nobody
 * looks through all sets for it. Keys of KV_USES: 'u', kind, id and a zero octet, for a CIDR
 * location its name and a zero octet, content (8 octets): the count, 8 octets. And 'c', content,
 * then as above from kind on: no value; what a content uses. As store/state.h. */
#pragma once

#include <stdint.h>

#include "store/kv.h"

enum state_use_kind {
    STATE_USE_CHECK = 'h',
    STATE_USE_CIDR = 'l',
    STATE_USE_REGION = 'r',
};
struct state_use { /* views */
    enum state_use_kind kind;
    const char *id;       /* of the check or collection; the region's name */
    const char *location; /* of the collection; NULL: all of them */
};

/* @content has @count sets that use it. 0: go on; else as kv_scan_cb. */
typedef int (*state_use_cb)(void *user, uint64_t content, uint64_t count);
/* A content comes once for each location. */
int state_list_uses(const struct kv *kv, const struct state_use *use, state_use_cb cb, void *user);
