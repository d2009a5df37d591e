/* node/store/state_check.h: one stored pair against the decoder of its kind, for whoever takes
 * pairs from elsewhere than this node's own storage. Any thread. */
#pragma once

#include "store/kv.h"

/* 0; ERR_CORRUPT (no such value, or not of that key); ERR_VERSION (newer than this program);
 * ERR_NOMEM. */
int state_value_check(enum kv_family family, struct kv_slice key, struct kv_slice value);
