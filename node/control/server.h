/* node/control/server.h: the control socket: NNG REP on ipc://, many requests at a time. NNG's
 * threads only enqueue and wake the loop; all else is on the loop thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "control/call.h"
#include "control/control.h"

struct control_server;
struct uv_loop_s;

/* Called on the loop thread for each request; @answer must be called once with @answer_user, unless
 * the server is closed before. */
typedef void (*control_request_cb)(void *user, const uint8_t *request, size_t len,
                                   call_answer_cb answer, void *answer_user);
/* Listen at @path, mode 0600. As control_open(). */
int control_server_open(struct uv_loop_s *loop, const char *path, control_request_cb cb, void *user,
                        struct control_server **out, char error[CONTROL_ERROR_LEN]);
/* Stop and free; the socket's file goes. The loop must run once more to release its handle. */
void control_server_close(struct control_server *server);
