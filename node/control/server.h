/* node/control/server.h: the control socket: a Unix socket that speaks base/frame.h, many
 * connections and many requests at a time on each. Loop thread throughout. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/call.h"
#include "control/control.h"

#define SERVER_CONNECTIONS_MAX 512 /* more are closed at once */
#define SERVER_PIPELINE_MAX 64     /* requests at work for one connection; then it is not read */
#define SERVER_UNSENT_LEN_MAX (32u << 20) /* replies not taken; then the connection ends */

struct control_server;
struct uv_loop_s;

/* Called for each request; @answer must be called once with @answer_user. */
typedef void (*control_request_cb)(void *user, const uint8_t *request, size_t len,
                                   call_answer_cb answer, void *answer_user);
/* Listen at @path, mode 0600. As control_open(). */
int control_server_open(struct uv_loop_s *loop, const char *path, control_request_cb cb, void *user,
                        struct control_server **out, char error[CONTROL_ERROR_LEN]);
/* Let the members of @group use it too (mode 0660). ERR_IO. */
int control_server_share(struct control_server *server, uint32_t group,
                         char error[CONTROL_ERROR_LEN]);
/* Stop listening, close the connections, remove the socket's file. Every request has been answered
 * before. The loop must run once more to release the handles. */
void control_server_close(struct control_server *server);
