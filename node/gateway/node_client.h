/* node/gateway/node_client.h: requests to the node over its socket (base/frame.h), many at a time,
 * with replies in any order. While there is no connection, asking fails at once; a new one is tried
 * again and again, ever less often. Loop thread throughout. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define NODE_CLIENT_REQUESTS_MAX 1024u /* under way at once; more are refused: ERR_BUSY */
#define NODE_CLIENT_UNSENT_LEN_MAX (32u << 20)
#define NODE_CLIENT_TIMEOUT_MS 10000u /* told to the node, … */
#define NODE_CLIENT_GRACE_MS 2000u    /* … whose word is waited for this much longer */
#define NODE_CLIENT_RETRY_MS_MIN 50u
#define NODE_CLIENT_RETRY_MS_MAX 1000u

struct node_client;
struct uv_loop_s;
struct Ctl__Reply;
struct Ctl__Request;

/* Called once for each request: with the reply (borrowed for the call), or NULL and why there is
 * none: ERR_UNAVAILABLE (no connection, or it ended), ERR_TIMEOUT, ERR_BUSY, ERR_NOMEM,
 * ERR_LIMIT (the request is too long), ERR_CORRUPT (not a reply). */
typedef void (*node_reply_cb)(void *user, const struct Ctl__Reply *reply, int code);
typedef void (*node_client_close_cb)(void *user);

/* Begin to connect to the socket @path. ERR_NOMEM, ERR_LIMIT: @path is too long. */
int node_client_open(struct uv_loop_s *loop, const char *path, struct node_client **out);
/* What is under way fails; then, once the loop has released the handles, @cb. */
void node_client_close(struct node_client *client, node_client_close_cb cb, void *user);
/* Send @request (borrowed; version and timeout_ms are filled in). @cb may be called from within. */
void node_client_ask(struct node_client *client, struct Ctl__Request *request, node_reply_cb cb,
                     void *user);
bool node_client_is_connected(const struct node_client *client);
