/* node/store/state_logging.h: query logging configurations, one for a zone at most. As
 * store/state.h; writes as store/state_put.h. */
#pragma once

#include "store/state_health.h"

struct overlay;

#define STATE_ARN_SIZE 2049u /* Route 53's bound of a KMS key's, too */

struct state_logging {
    char id[STATE_UUID_SIZE];
    char zone_id[STATE_ID_SIZE];
    char log_group_arn[STATE_ARN_SIZE];
};

typedef int (*state_logging_cb)(void *user, const struct state_logging *logging);
int state_get_logging(const struct kv *kv, const char *id, struct state_logging *out);
int state_get_logging_of_zone(const struct kv *kv, const char *zone_id, struct state_logging *out);
/* By id, from @from on; "": from the first. */
int state_list_loggings(const struct kv *kv, const char *from, state_logging_cb cb, void *user);

void state_put_logging(struct overlay *overlay, const struct state_logging *logging);
void state_delete_logging(struct overlay *overlay, const struct state_logging *logging);
