/* node/cli/client.h: a connection to one node: requests out, replies in, several at a time. Over
 * the control socket, or over TLS to an admin port with the secret of admin.conf. One thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CLIENT_SLOTS_MAX 16 /* requests under way at once */
#define CLIENT_ERROR_LEN 512
#define CLIENT_REQUEST_LEN_MAX (2u << 20)
#define CLIENT_GRACE_MS 500u /* the node's own time-out comes first, and explains itself */

struct Ctl__Reply;
struct Ctl__Request;
struct client;

/* Connect to @node: a socket path (it has a slash), or HOST:PORT of an admin port, for which
 * @admin_file is read, and which has @timeout_ms to take the connection. On 0 the caller owns
 * *@out; else @error says what is wrong and what to try. ERR_NOT_FOUND, ERR_DENIED,
 * ERR_UNAVAILABLE, ERR_INVALID (@node or @admin_file is no such thing), ERR_IO, ERR_NOMEM. */
int client_open(const char *node, const char *admin_file, uint32_t timeout_ms, struct client **out,
                char error[CLIENT_ERROR_LEN]);
void client_close(struct client *client); /* accepts NULL */

/* Start a request in a free slot (0 to CLIENT_SLOTS_MAX - 1). @timeout_ms is how long client_wait()
 * waits for it; the node gets the same. ERR_NOMEM, ERR_LIMIT, ERR_UNAVAILABLE. */
int client_send(struct client *client, unsigned slot, const struct Ctl__Request *request,
                uint32_t timeout_ms);
/* Wait for the slot's reply. On 0 the caller owns *@reply (ctl__reply__free_unpacked). ERR_TIMEOUT,
 * ERR_UNAVAILABLE (the node went away: outcome unknown), ERR_CORRUPT. */
int client_wait(struct client *client, unsigned slot, struct Ctl__Reply **reply);
/* Readable when a reply has come, for callers with many connections; -1: there is none (TLS). */
int client_fd(const struct client *client);
