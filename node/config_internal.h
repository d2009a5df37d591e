/* node/config_internal.h: what the files of the configuration share. */
#pragma once

#include <stdbool.h>

#include "config.h"

#define CONFIG_HOST_LEN_MAX 255
#define CONFIG_PORT_LEN_MAX 5

/* Split HOST, HOST:PORT, [HOST] or [HOST]:PORT; a bare IPv6 address has no port, and *@port then
 * stays. 0 or ERR_INVALID. */
int config__split_address(const char *text, char host[CONFIG_HOST_LEN_MAX + 1], unsigned *port);
bool config__is_ip_address(const char *text);

/* 0, or ERR_INVALID with @error filled. */
int config__check_gateway(const struct config_gateway *gateway, char *error);
