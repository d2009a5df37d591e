#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/frame.h"
#include "cli/client_port.h"

/* A request's number on the wire is its slot and a count, so that a late reply to a request that
 * was given up is not taken for that of the slot's next one. */
struct socket_client {
    int fd;
    uint32_t count;
    struct {
        uint32_t number;
        uint64_t deadline_mono_ms;
        uint8_t *reply; /* came while another slot was waited for */
        size_t reply_len;
        bool has_reply;
    } slots[CLIENT_SLOTS_MAX];
};

static int wait_for(int fd, short events, uint64_t deadline_mono_ms)
{
    for (;;) {
        uint64_t now = clock_mono_ms();
        struct pollfd poll_fd = {.fd = fd, .events = events};
        if (now >= deadline_mono_ms)
            return ERR_TIMEOUT;
        int ready = poll(&poll_fd, 1, (int)(deadline_mono_ms - now));
        if (ready > 0)
            return 0;
        if (ready < 0 && errno != EINTR)
            return ERR_IO;
    }
}

static int send_all(int fd, const uint8_t *octets, size_t len, uint64_t deadline_mono_ms)
{
    while (len > 0) {
        ssize_t sent = send(fd, octets, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            octets += sent;
            len -= (size_t)sent;
        } else if (errno == EAGAIN) {
            int rc = wait_for(fd, POLLOUT, deadline_mono_ms);
            if (rc != 0)
                return rc;
        } else if (errno != EINTR) {
            return ERR_UNAVAILABLE;
        }
    }
    return 0;
}

static int receive_all(int fd, uint8_t *octets, size_t len, uint64_t deadline_mono_ms)
{
    while (len > 0) {
        ssize_t got = recv(fd, octets, len, MSG_DONTWAIT);
        if (got > 0) {
            octets += got;
            len -= (size_t)got;
        } else if (got < 0 && errno == EAGAIN) {
            int rc = wait_for(fd, POLLIN, deadline_mono_ms);
            if (rc != 0)
                return rc;
        } else if (got == 0 || errno != EINTR) {
            return ERR_UNAVAILABLE;
        }
    }
    return 0;
}

static int socket_send(void *self, unsigned slot, const uint8_t *octets, size_t len,
                       uint32_t timeout_ms)
{
    struct socket_client *client = self;
    uint8_t header[FRAME_HEADER_LEN];
    uint64_t deadline = clock_mono_ms() + timeout_ms + CLIENT_GRACE_MS;

    client->slots[slot].number = client->count++ * CLIENT_SLOTS_MAX + slot;
    client->slots[slot].deadline_mono_ms = deadline;
    frame_encode(header, (uint32_t)len, client->slots[slot].number);
    int rc = send_all(client->fd, header, sizeof(header), deadline);
    return rc == 0 ? send_all(client->fd, octets, len, deadline) : rc;
}

/* Receive one reply, for whichever slot; one that nobody waits for any more is dropped. */
static int receive_reply(struct socket_client *client, uint64_t deadline_mono_ms)
{
    uint8_t header[FRAME_HEADER_LEN];
    uint32_t len, number;

    int rc = receive_all(client->fd, header, sizeof(header), deadline_mono_ms);
    if (rc != 0)
        return rc;
    frame_decode(header, &len, &number);
    if (len > FRAME_REPLY_LEN_MAX)
        return ERR_CORRUPT;
    uint8_t *reply = malloc(len + 1u);
    if (!reply)
        return ERR_NOMEM;
    rc = receive_all(client->fd, reply, len, deadline_mono_ms);
    unsigned slot = number % CLIENT_SLOTS_MAX;
    if (rc != 0 || client->slots[slot].number != number || client->slots[slot].has_reply) {
        free(reply);
        return rc;
    }
    client->slots[slot].reply = reply;
    client->slots[slot].reply_len = len;
    client->slots[slot].has_reply = true;
    return 0;
}

static int socket_wait(void *self, unsigned slot, uint8_t **octets, size_t *len)
{
    struct socket_client *client = self;

    while (!client->slots[slot].has_reply) {
        int rc = receive_reply(client, client->slots[slot].deadline_mono_ms);
        if (rc != 0)
            return rc;
    }
    *octets = client->slots[slot].reply;
    *len = client->slots[slot].reply_len;
    client->slots[slot].reply = NULL;
    client->slots[slot].has_reply = false;
    return 0;
}

static int socket_fd(void *self)
{
    return ((struct socket_client *)self)->fd;
}

static void socket_close(void *self)
{
    struct socket_client *client = self;

    for (unsigned i = 0; i < CLIENT_SLOTS_MAX; i++)
        free(client->slots[i].reply);
    close(client->fd);
    free(client);
}

static int explain(int reason, const char *path, char *error)
{
    if (reason == ENOENT) {
        snprintf(error, CLIENT_ERROR_LEN,
                 "there is no control socket %s; start quartetd, or name a node by --node or "
                 "$QUARTET_NODE",
                 path);
        return ERR_NOT_FOUND;
    }
    if (reason == EACCES || reason == EPERM) {
        snprintf(error, CLIENT_ERROR_LEN, "%s is closed to this user; try sudo", path);
        return ERR_DENIED;
    }
    snprintf(error, CLIENT_ERROR_LEN, "no node answers on %s (%s); is quartetd running?", path,
             strerror(reason));
    return ERR_UNAVAILABLE;
}

int client_socket_open(const char *path, const struct client_ops **ops, void **self,
                       char error[CLIENT_ERROR_LEN])
{
    static const struct client_ops socket_ops = {socket_send, socket_wait, socket_fd, socket_close};
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        snprintf(error, CLIENT_ERROR_LEN, "%s is too long for a socket", path);
        return ERR_INVALID;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    struct socket_client *client = calloc(1, sizeof(*client));
    if (!client)
        return ERR_NOMEM;
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        int rc = explain(errno, path, error);
        if (client->fd >= 0)
            close(client->fd);
        free(client);
        return rc;
    }
    *ops = &socket_ops;
    *self = client;
    return 0;
}
