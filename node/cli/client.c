#include "cli/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/client_port.h"
#include "proto/control.pb-c.h"

#define CLIENT_VERSION 1u

struct client {
    const struct client_ops *ops;
    void *self;
};

int client_open(const char *node, const char *admin_file, uint32_t timeout_ms, struct client **out,
                char error[CLIENT_ERROR_LEN])
{
    struct client *client = calloc(1, sizeof(*client));

    snprintf(error, CLIENT_ERROR_LEN, "out of memory");
    if (!client)
        return ERR_NOMEM;
    int rc = strchr(node, '/') ? client_socket_open(node, &client->ops, &client->self, error)
                               : client_tls_open(node, admin_file, timeout_ms, &client->ops,
                                                 &client->self, error);
    if (rc != 0) {
        free(client);
        return rc;
    }
    *out = client;
    return 0;
}

void client_close(struct client *client)
{
    if (!client)
        return;
    client->ops->close(client->self);
    free(client);
}

int client_send(struct client *client, unsigned slot, const struct Ctl__Request *request,
                uint32_t timeout_ms)
{
    Ctl__Request sent = *request;

    sent.version = CLIENT_VERSION;
    sent.timeout_ms = timeout_ms;
    size_t len = ctl__request__get_packed_size(&sent);
    if (len > CLIENT_REQUEST_LEN_MAX)
        return ERR_LIMIT;
    uint8_t *octets = malloc(len + 1);
    if (!octets)
        return ERR_NOMEM;
    ctl__request__pack(&sent, octets);
    int rc = client->ops->send(client->self, slot, octets, len, timeout_ms);
    free(octets);
    return rc;
}

int client_wait(struct client *client, unsigned slot, struct Ctl__Reply **reply)
{
    uint8_t *octets;
    size_t len;

    int rc = client->ops->wait(client->self, slot, &octets, &len);
    if (rc != 0)
        return rc;
    struct Ctl__Reply *got = len > 0 ? ctl__reply__unpack(NULL, len, octets) : NULL;
    free(octets);
    if (!got)
        return len == 0 ? ERR_NOMEM : ERR_CORRUPT; /* empty: the node had no memory for a reply */
    *reply = got;
    return 0;
}

int client_fd(const struct client *client)
{
    return client->ops->fd(client->self);
}
