/* node/cli/client_port.h: the two ways to a node behind client.h. Octets are one ctl.Request or
 * ctl.Reply. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "cli/client.h"

struct client_ops {
    /* Send without waiting for the reply; @octets is borrowed. As client_send(). */
    int (*send)(void *self, unsigned slot, const uint8_t *octets, size_t len, uint32_t timeout_ms);
    /* On 0 the caller owns *@octets (free). As client_wait(). */
    int (*wait)(void *self, unsigned slot, uint8_t **octets, size_t *len);
    int (*fd)(void *self);
    void (*close)(void *self);
};

/* A Unix socket. As client_open(). */
int client_socket_open(const char *path, const struct client_ops **ops, void **self,
                       char error[CLIENT_ERROR_LEN]);
/* An admin port over TLS. */
int client_tls_open(const char *address, const char *admin_file, uint32_t timeout_ms,
                    const struct client_ops **ops, void **self, char error[CLIENT_ERROR_LEN]);
