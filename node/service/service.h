/* node/service/service.h: what the service manager (systemd) is told: that the process is ready,
 * how it is, that its loop still turns. Without a manager nothing of this does anything. Loop
 * thread. */
#pragma once

#include <stddef.h>

#define SERVICE_STATUS_LEN 256u /* octets of a status line, NUL included */

struct service; /* opaque */
struct uv_loop_s;

/* One line about the process for 'systemctl status', written to @out. Called every few seconds. */
typedef void (*service_describe_cb)(void *user, char out[SERVICE_STATUS_LEN]);

/* Begin to feed the manager's watchdog from @loop, if it has one: a loop that does not turn for as
 * long as the unit's WatchdogSec has the process ended and started anew. ERR_NOMEM. On 0 the caller
 * owns *@out; @user and what it needs live until service_close(). */
int service_open(struct uv_loop_s *loop, service_describe_cb describe, void *user,
                 struct service **out);
/* The process does its work: units that wait for it may go on. */
void service_ready(struct service *service);
/* A reload begins; service_ready() says that it is done. */
void service_reloading(struct service *service);
/* The process stops: nothing but the watchdog is told any more. */
void service_stopping(struct service *service);
/* Its timer is closed, which takes a turn of the loop. Accepts NULL. */
void service_close(struct service *service);
