/* node/store/state_tags.h: tags of zones and health checks, as stored. As store/state.h. */
#pragma once

#include <stddef.h>

#include "store/state_health.h"

struct overlay;

#define STATE_TAGS_MAX 50u                   /* of one resource */
#define STATE_TAG_KEY_SIZE (128u * 4u + 1)   /* 128 characters of UTF-8, and NUL */
#define STATE_TAG_VALUE_SIZE (256u * 4u + 1) /* 256 characters, and NUL */

enum state_tag_resource { /* cmd.TagResource */
                          STATE_TAG_ZONE = 1,
                          STATE_TAG_HEALTH_CHECK = 2,
};
struct state_tag {
    const char *key, *value;
};

/* Call @cb for each tag, by key; @tag holds until it returns. 0 also when there are none. */
typedef int (*state_tag_cb)(void *user, const struct state_tag *tag);
int state_list_tags(const struct kv *kv, enum state_tag_resource resource, const char *id,
                    state_tag_cb cb, void *user);

/* All tags of one resource, by key, in place of those that are there. Apply only. */
void state_put_tags(struct overlay *overlay, enum state_tag_resource resource, const char *id,
                    const struct state_tag *tags, size_t count);
/* Of a resource that goes. Writes nothing when it has none. ERR_* of reads. */
int state_forget_tags(struct overlay *overlay, enum state_tag_resource resource, const char *id);
