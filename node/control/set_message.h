/* node/control/set_message.h: a stored record set as a message. */
#pragma once

struct Cmd__RecordSet;
struct state_record_set;

/* @set with copies of all that it points to, in one piece of memory: the caller free()s *@out.
 * ERR_NOMEM, ERR_CORRUPT, ERR_VERSION. */
int set_message_new(const struct state_record_set *set, struct Cmd__RecordSet **out);
