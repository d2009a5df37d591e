/* node/cli/routing_message.h: the routing of a record set between control's messages and zone's
 * struct. */
#pragma once

struct Cmd__RecordSet;
struct Cmd__Routing;
struct zone_record_set;
struct zone_routing;

/* @from as a message: one piece of memory, the caller's to free(), that points into @from. NULL: no
 * memory. */
struct Cmd__Routing *routing_message_new(const struct zone_routing *from);
/* Back; names are views of @from. ERR_INVALID: malformed, as a node would never send it. */
int routing_message_take(const struct Cmd__Routing *from, struct zone_routing *out);

/* A whole record set as a message: as routing_message_new(), also of the records. */
struct Cmd__RecordSet *record_message_new(const struct zone_record_set *from);
void record_message_free(struct Cmd__RecordSet *message); /* accepts NULL */
