/* node/store/state_value.h: stored values (state.proto) to the structs of state.h. Within the room.
 * Stored octets are checked like foreign ones: 0; ERR_CORRUPT (not such a value, a text over its
 * bound); ERR_VERSION (newer than this program); ERR_NOMEM. Outputs are untouched on failure. */
#pragma once

#include "store/state.h"
#include "store/state_authority.h"
#include "store/state_check.h"
#include "store/state_put.h"

struct ProtobufCMessage;
struct ProtobufCMessageDescriptor;

/* ---- what the files of stored values share ---- */

/* Unpack to *(message **)@out and check the version, which is field 1 of every message. */
int state__unpack(const struct ProtobufCMessageDescriptor *kind, struct kv_slice value, void *out);
/* Free the message. 0, or ERR_CORRUPT unless @is_sound. */
int state__finish(struct ProtobufCMessage *message, bool is_sound);
/* Copy @text if it fits @size with its NUL. */
bool state__take_text(const char *text, char *out, size_t size);
/* Read one value and decode it into @out, whose type @decode knows. */
typedef int (*state__decode_cb)(struct kv_slice value, void *out);
int state__get_value(const struct kv *kv, enum kv_family family, struct kv_slice key,
                     state__decode_cb decode, void *out);
void state__put_message(struct overlay *overlay, enum kv_family family, struct kv_slice key,
                        const struct ProtobufCMessage *message);
int state__check_health(enum kv_family family, struct kv_slice key, struct kv_slice value);
int state__check_override(struct kv_slice key, struct kv_slice value);
int state__check_latency(struct kv_slice key, struct kv_slice value);
int state__check_cidr(enum kv_family family, struct kv_slice key, struct kv_slice value);
int state__check_vpc(struct kv_slice key, struct kv_slice value);
int state__check_logging(struct kv_slice key, struct kv_slice value);
int state__check_signing_key(struct kv_slice key, struct kv_slice value);
int state__check_use(struct kv_slice key, struct kv_slice value);
int state__check_credential(struct kv_slice key, struct kv_slice value);
int state__check_zone_object(struct kv_slice key, struct kv_slice value);
int state__check_delegation_set(struct kv_slice key, struct kv_slice value);
int state__check_traffic_policy(struct kv_slice key, struct kv_slice value);
int state__check_traffic_instance(struct kv_slice key, struct kv_slice value);
int state__check_tags(struct kv_slice key, struct kv_slice value);
int state__check_gone(struct kv_slice key, struct kv_slice value);
/* A set of @content became another (NULL: there was or is none): count what they use off and on.
 * And: all that is counted for a content that goes. ERR_* of reads. */
int state__count_uses(struct overlay *overlay, uint64_t content,
                      const struct state_record_set *before, const struct state_record_set *after);
int state__forget_uses(struct overlay *overlay, uint64_t content);

/* ---- decoders ---- */

int state_value_applied(struct kv_slice value, struct state_applied *out);
int state_value_cluster(struct kv_slice value, struct state_cluster *out);
int state_value_authority(struct kv_slice value, struct state_authority *out);
int state_value_counters(struct kv_slice value, struct state_counters *out);
int state_value_conf(struct kv_slice value, struct state_conf *out);
int state_value_zone(struct kv_slice value, struct state_zone *out);
int state_value_import(struct kv_slice value, struct state_import *out);
int state_value_session(struct kv_slice value, struct state_session *out); /* not its client_id */
int state_value_member(struct kv_slice value, struct state_member *out);
int state_value_token(struct kv_slice value, struct state_token *out);
/* @cb may be NULL; its error is returned. */
int state_value_change(struct kv_slice value, struct state_change *out, state_action_cb cb,
                       void *user);

/* Keys. */
#define STATE_KEY_CHANGE_LEN 12u
#define STATE_KEY_APPLIED "applied"
#define STATE_KEY_CLUSTER "cluster"
#define STATE_KEY_AUTHORITY "authority"
#define STATE_KEY_COUNTERS "counters"
#define STATE_KEY_CONF "conf"
static inline struct kv_slice state_value_text(const char *text)
{
    return kv_slice(text, __builtin_strlen(text));
}
