/* node/cluster/admin_port.h: the admin port: NNG REP over TLS that shows this node's certificate
 * and asks for none. Up to ADMIN_PORT_CALLS requests at a time; more wait in NNG's sockets. Frames
 * are received and sent on NNG's threads, everything else is on the loop. */
#pragma once

#include "cluster/internal.h"

#define ADMIN_PORT_CALLS 32
#define ADMIN_PORT_REQUEST_MAX (2u << 20)
#define ADMIN_PORT_JOINS_PER_S 10 /* more are answered ERR_BUSY */

struct Adm__Reply;
struct admin_call;

/* Listen on cluster->listen.admin. ERR_IO (cannot bind), ERR_INVALID, ERR_NOMEM. */
int admin_port_open(struct cluster *cluster, struct admin_port **out);
/* @cb on the loop when it is gone; calls under way are dropped, their replies do nothing. */
void admin_port_close(struct admin_port *port, void (*cb)(void *user), void *user);
/* Exactly once per call. */
void admin_port_reply(struct admin_call *call, struct Adm__Reply *reply);
void admin_port_reply_text(struct admin_call *call, int code, const char *message);
