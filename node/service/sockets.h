/* node/service/sockets.h: sockets that the service manager keeps open while the process is away
 * (systemd's file descriptor store), so that what arrives meanwhile waits in them and is not lost.
 * Without a manager there are none, and none are kept. Any thread, one at a time. */
#pragma once

#define SERVICE_SOCKETS_MAX 8192u

/* What an earlier process of this service had kept: at most @max descriptors, for the caller to
 * close; others that were passed are closed here. Returns how many; 0 at any further call. */
unsigned service_take_sockets(int *out, unsigned max);
/* Have the manager keep these (borrowed), and nothing that it kept before: a socket that is kept
 * but that nobody reads would take queries and answer none. ERR_UNAVAILABLE (there is no manager),
 * ERR_IO (it was not to be reached, and keeps what it had). */
int service_keep_sockets(const int *fds, unsigned count);
