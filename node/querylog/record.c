#include "querylog/record.h"

#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/ring.h"
#include "dns/question.h"

static void copy_client(const struct sockaddr *client, struct querylog_record *out)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    out->client_len = 0;
    if (client && client->sa_family == AF_INET) {
        memcpy(out->client, &((const struct sockaddr_in *)(const void *)client)->sin_addr, 4);
        out->client_len = 4;
    } else if (client && client->sa_family == AF_INET6) {
        const uint8_t *octets =
            ((const struct sockaddr_in6 *)(const void *)client)->sin6_addr.s6_addr;
        const bool is_mapped = memcmp(octets, mapped, sizeof(mapped)) == 0;
        out->client_len = is_mapped ? 4 : 16;
        memcpy(out->client, is_mapped ? octets + 12 : octets, out->client_len);
    }
}

/* A subnet of no bits says nothing (RFC 7871 7.1.2). */
static void copy_subnet(const struct dns_options *options, struct querylog_record *out)
{
    const struct dns_ecs *ecs = &options->ecs;

    out->subnet_len = 0;
    if ((options->has & DNS_HAS_ECS) == 0 || ecs->family == DNS_ECS_NONE || ecs->source_bits == 0)
        return;
    out->subnet_len = ecs->family == DNS_ECS_IPV6 ? 16 : 4;
    out->subnet_bits = ecs->source_bits;
    memset(out->subnet, 0, sizeof(out->subnet));
    memcpy(out->subnet, ecs->address, ecs->address_len);
}

void querylog_record_note(struct ring *ring, const struct querylog_event *event)
{
    struct querylog_record *record = ring_reserve(ring, sizeof(*record));
    struct dns_question question;

    if (!record)
        return;
    /* The answer path has read it before, but keeps nothing of it: only logged queries pay. */
    if (dns_question_parse(event->request, event->request_len, &question) != DNS_VERDICT_OK)
        return;
    record->time_wall_ms = event->time_wall_ms;
    record->slot = event->slot;
    record->type = question.type;
    record->rcode = event->rcode;
    record->is_tcp = event->is_tcp;
    copy_client(event->client, record);
    copy_subnet(&question.options, record);
    memcpy(record->name, question.name_lower, question.name_len);
    ring_add(ring, offsetof(struct querylog_record, name) + question.name_len);
}
