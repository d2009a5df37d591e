#include "control/explain_question.h"

#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "dns/answer.h"
#include "dns/edns.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "proto/control.pb-c.h"

enum { HEADER_LEN = 12, IPV4_LEN = 4, IPV6_LEN = 16, ECS_HEADER_LEN = 4 };

static const char *problem_of_client(const ProtobufCBinaryData *client)
{
    if (client->len == 0)
        return NULL;
    if (client->len != 1 + IPV4_LEN && client->len != 1 + IPV6_LEN)
        return "a client is a length in bits and 4 or 16 octets";
    const unsigned bits = client->data[0], octets_len = (unsigned)client->len - 1;
    if (bits > octets_len * 8)
        return "the client's prefix is longer than its address";
    for (unsigned i = bits; i < octets_len * 8; i++)
        if ((client->data[1 + i / 8] & 0x80u >> i % 8) != 0)
            return "the client's address has bits behind its prefix";
    return NULL;
}

static const char *problem_of(const Ctl__Explain *explain)
{
    const ProtobufCBinaryData *name = &explain->name, *resolver = &explain->resolver;

    if (name->len == 0 || dns_name_check(name->data, name->len) != (int)name->len)
        return "the name is none";
    if (explain->type == 0 || explain->type > UINT16_MAX)
        return "a record type is a number from 1 to 65535";
    if (resolver->len != 0 && resolver->len != IPV4_LEN && resolver->len != IPV6_LEN)
        return "a resolver's address has 4 or 16 octets";
    return problem_of_client(&explain->client);
}

static void set_sender(const ProtobufCBinaryData *resolver, struct explain_question *out)
{
    memset(&out->sender, 0, sizeof(out->sender));
    if (resolver->len == IPV6_LEN) {
        out->sender.ipv6.sin6_family = AF_INET6;
        memcpy(&out->sender.ipv6.sin6_addr, resolver->data, IPV6_LEN);
        return;
    }
    out->sender.ipv4.sin_family = AF_INET;
    out->sender.ipv4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (resolver->len == IPV4_LEN)
        memcpy(&out->sender.ipv4.sin_addr, resolver->data, IPV4_LEN);
}

/* RFC 7871 6: only as much of the address as the prefix takes. */
static uint8_t *put_ecs(uint8_t *at, const ProtobufCBinaryData *client)
{
    const uint8_t bits = client->data[0];
    const uint16_t address_len = (uint16_t)((bits + 7u) / 8);

    dns_wire_put16(at, DNS_OPTION_ECS);
    dns_wire_put16(at + 2, (uint16_t)(ECS_HEADER_LEN + address_len));
    dns_wire_put16(at + 4, client->len == 1 + IPV4_LEN ? DNS_ECS_IPV4 : DNS_ECS_IPV6);
    at[6] = bits;
    at[7] = 0; /* the scope is the answer's */
    memcpy(at + 8, client->data + 1, address_len);
    return at + DNS_OPTION_HEADER_LEN + ECS_HEADER_LEN + address_len;
}

/* RFC 6891 6.1.2. */
static uint8_t *put_opt(uint8_t *at, const ProtobufCBinaryData *client)
{
    uint8_t *const data = at + DNS_OPT_LEN;

    memset(at, 0, DNS_OPT_LEN);
    dns_wire_put16(at + 1, DNS_TYPE_OPT);
    dns_wire_put16(at + 3, DNS_UDP_SIZE_MAX);
    uint8_t *const end = client->len > 0 ? put_ecs(data, client) : data;
    dns_wire_put16(at + 9, (uint16_t)(end - data));
    return end;
}

int explain_question_build(const struct Ctl__Explain *explain, struct explain_question *out,
                           const char **problem)
{
    const char *wrong = problem_of(explain);

    if (wrong) {
        *problem = wrong;
        return ERR_INVALID;
    }
    uint8_t *at = out->octets;
    memset(at, 0, HEADER_LEN);
    dns_wire_put16(at + 4, 1);  /* one question */
    dns_wire_put16(at + 10, 1); /* and OPT */
    at += HEADER_LEN;
    memcpy(at, explain->name.data, explain->name.len);
    at += explain->name.len;
    dns_wire_put16(at, (uint16_t)explain->type);
    dns_wire_put16(at + 2, DNS_CLASS_IN);
    at = put_opt(at + 4, &explain->client);
    out->len = (uint16_t)(at - out->octets);
    ASSERT(out->len <= EXPLAIN_QUESTION_MAX);
    set_sender(&explain->resolver, out);
    return 0;
}
