#include "dnstap/record.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ring.h"

static void copy_endpoint(const struct sockaddr *address, struct dnstap_endpoint *out)
{
    *out = (struct dnstap_endpoint){0};
    if (address && address->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)address;
        out->address_len = 4;
        memcpy(out->address, &ipv4->sin_addr, 4);
        out->port = ntohs(ipv4->sin_port);
    } else if (address && address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *ipv6 = (const void *)address;
        out->address_len = 16;
        memcpy(out->address, &ipv6->sin6_addr, 16);
        out->port = ntohs(ipv6->sin6_port);
    }
}

/* One in so many: counted, as a draw would cost more and tell no more. */
static bool is_turn(struct dnstap_tap *tap)
{
    if (--tap->left > 0)
        return false;
    tap->left = tap->sample;
    return true;
}

void dnstap_note(struct dnstap_tap *tap, const struct dnstap_event *event)
{
    const uint16_t response_len = tap->messages == DNSTAP_QUERIES ? 0 : event->response_len;

    if (!is_turn(tap) || (response_len == 0 && tap->messages == DNSTAP_RESPONSES))
        return;
    if (!atomic_load_explicit(tap->is_heard, memory_order_relaxed)) {
        ring_drop(tap->ring);
        return;
    }
    const size_t len = sizeof(struct dnstap_record) + event->query_len + response_len;
    struct dnstap_record *record = ring_reserve(tap->ring, len);
    if (!record)
        return;
    record->query_wall_ns = event->query_wall_ns;
    record->response_wall_ns = event->response_wall_ns;
    copy_endpoint(event->client, &record->client);
    copy_endpoint(event->server, &record->server);
    record->query_len = event->query_len;
    record->response_len = response_len;
    record->is_tcp = event->is_tcp;
    record->is_cut = event->is_cut;
    memcpy(record->octets, event->query, event->query_len);
    if (response_len > 0)
        memcpy(record->octets + event->query_len, event->response, response_len);
    ring_add(tap->ring, len);
}

void dnstap_commit(struct dnstap_tap *tap)
{
    ring_commit(tap->ring);
}
