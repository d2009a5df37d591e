/* node/control/routing_message.h: the routing of a record set as a message. */
#pragma once

struct Cmd__Alias;
struct Cmd__Routing;
struct zone_routing;

/* Fill @message, and @alias if there is one; both point into @from. */
void routing_message_point(const struct zone_routing *from, struct Cmd__Routing *message,
                           struct Cmd__Alias *alias);
