#include "resolve/reply.h"

#include <string.h>

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"

#define CHAIN_MAX 16u     /* CNAMEs one after the other */
#define RECORDS_MAX 1024u /* of answer and authority, looked at once for each of the chain */
#define POINTERS_MAX 128u /* compression pointers in one name */
#define RECORD_FIXED_LEN 10u
#define SOA_FIXED_LEN 20u
#define RCODE_MASK 0x000f

struct message {
    const uint8_t *octets;
    size_t len;
    size_t answers_at, authority_at;
    unsigned answer_count, authority_count;
    uint16_t flags;
};
struct record {
    uint8_t owner[DNS_NAME_MAX];
    uint16_t type, class, data_len;
    uint32_t ttl_s;
    size_t data_at, next;
};

/* The name at @at without compression, to @out; returns where its octets end, or ERR_INVALID. */
static int read_name(const struct message *message, size_t at, uint8_t out[DNS_NAME_MAX])
{
    size_t len = 0, end = 0;
    unsigned pointers = 0;

    for (;;) {
        if (at >= message->len)
            return ERR_INVALID;
        const uint8_t label = message->octets[at];
        if (label >= 0xc0) {
            if (at + 2 > message->len || ++pointers > POINTERS_MAX)
                return ERR_INVALID;
            if (end == 0)
                end = at + 2;
            at = dns_wire_get16(message->octets + at) & 0x3fff;
            continue;
        }
        if (label > DNS_LABEL_MAX || at + 1 + label > message->len ||
            len + 1 + label > DNS_NAME_MAX)
            return ERR_INVALID;
        memcpy(out + len, message->octets + at, 1u + label);
        len += 1u + label;
        at += 1u + label;
        if (label == 0)
            return (int)(end != 0 ? end : at);
    }
}

static int read_record(const struct message *message, size_t at, struct record *out)
{
    const int fixed_at = read_name(message, at, out->owner);

    if (fixed_at < 0 || message->len - (size_t)fixed_at < RECORD_FIXED_LEN)
        return ERR_INVALID;
    const uint8_t *fixed = message->octets + fixed_at;
    out->type = dns_wire_get16(fixed);
    out->class = dns_wire_get16(fixed + 2);
    out->ttl_s = dns_wire_get32(fixed + 4);
    if (out->ttl_s > INT32_MAX)
        out->ttl_s = 0; /* RFC 2181 8 */
    out->data_len = dns_wire_get16(fixed + 8);
    out->data_at = (size_t)fixed_at + RECORD_FIXED_LEN;
    out->next = out->data_at + out->data_len;
    return out->next <= message->len ? 0 : ERR_INVALID;
}

static int skip_records(const struct message *message, unsigned count, size_t *at)
{
    struct record record;

    for (unsigned i = 0; i < count; i++) {
        if (read_record(message, *at, &record) != 0)
            return ERR_INVALID;
        *at = record.next;
    }
    return 0;
}

/* Header and question, and where the sections are. */
static const char *open_message(const uint8_t *name, uint16_t type, struct message *message)
{
    uint8_t asked[DNS_NAME_MAX];

    if (message->len < DNS_HEADER_LEN || message->len > DNS_MESSAGE_MAX)
        return "the reply is broken";
    const uint8_t *header = message->octets;
    message->flags = dns_wire_get16(header + 2);
    message->answer_count = dns_wire_get16(header + 6);
    message->authority_count = dns_wire_get16(header + 8);
    if (!(message->flags & DNS_FLAG_QR) || (message->flags & DNS_OPCODE_MASK) != 0 ||
        dns_wire_get16(header + 4) != 1)
        return "the reply is none to a question";
    if (message->flags & DNS_FLAG_TC)
        return "the reply is truncated";
    if (message->answer_count + message->authority_count > RECORDS_MAX)
        return "the reply has more than 1,024 records";
    const int end = read_name(message, DNS_HEADER_LEN, asked);
    if (end < 0 || message->len - (size_t)end < 4)
        return "the reply is broken";
    if (!dns_name_is_equal(asked, name) || dns_wire_get16(header + end) != type ||
        dns_wire_get16(header + end + 2) != DNS_CLASS_IN)
        return "the reply is to another question";
    message->answers_at = (size_t)end + 4;
    message->authority_at = message->answers_at;
    return skip_records(message, message->answer_count, &message->authority_at) == 0
               ? NULL
               : "the reply is broken";
}

static void add_address(struct resolve_addresses *out, const uint8_t *octets, size_t len)
{
    unsigned at = 0;

    while (at < out->count && memcmp(out->octets[at], octets, len) < 0)
        at++;
    if (at < out->count && memcmp(out->octets[at], octets, len) == 0)
        return;
    if (out->count == RESOLVE_ADDRESSES_MAX)
        return;
    memmove(out->octets[at + 1], out->octets[at],
            (size_t)(out->count - at) * RESOLVE_ADDRESS_LEN_MAX);
    memcpy(out->octets[at], octets, len);
    out->count++;
}

static void least(uint32_t *ttl_s, uint32_t other)
{
    if (other < *ttl_s)
        *ttl_s = other;
}

/* Take the addresses of @owner; without any, its CNAME's target to @owner. 1: there was one. */
static int look_at_answer(const struct message *message, uint16_t type, uint8_t owner[DNS_NAME_MAX],
                          struct resolve_addresses *out)
{
    const size_t address_len = type == DNS_TYPE_A ? 4 : 16;
    uint8_t target[DNS_NAME_MAX];
    uint32_t cname_ttl_s = UINT32_MAX;
    struct record record;
    size_t at = message->answers_at;
    bool has_cname = false;

    for (unsigned i = 0; i < message->answer_count; i++, at = record.next) {
        if (read_record(message, at, &record) != 0)
            return ERR_INVALID;
        if (record.class != DNS_CLASS_IN || !dns_name_is_equal(record.owner, owner))
            continue;
        if (record.type == type && record.data_len == address_len) {
            add_address(out, message->octets + record.data_at, address_len);
            least(&out->ttl_s, record.ttl_s);
        } else if (record.type == DNS_TYPE_CNAME && !has_cname) {
            if (read_name(message, record.data_at, target) < 0)
                return ERR_INVALID;
            has_cname = true;
            cname_ttl_s = record.ttl_s;
        }
    }
    if (out->count > 0 || !has_cname)
        return 0;
    least(&out->ttl_s, cname_ttl_s);
    dns_name_lower(target, owner);
    return 1;
}

/* RFC 2308 5: the least of the SOA's TTL and its last field. */
static const char *look_for_soa(const struct message *message, const uint8_t *owner,
                                struct resolve_addresses *out)
{
    size_t at = message->authority_at;
    struct record record;

    for (unsigned i = 0; i < message->authority_count; i++, at = record.next) {
        if (read_record(message, at, &record) != 0)
            return "the reply is broken";
        if (record.type != DNS_TYPE_SOA || record.class != DNS_CLASS_IN ||
            record.data_len < SOA_FIXED_LEN || !dns_name_is_within(owner, record.owner))
            continue;
        least(&out->ttl_s, record.ttl_s);
        least(&out->ttl_s, dns_wire_get32(message->octets + record.next - 4));
        return NULL;
    }
    if (!(message->flags & DNS_FLAG_AA))
        return "the resolver's reply is empty, and does not say who knows so";
    out->ttl_s = 0; /* raised to the floor */
    return NULL;
}

static const char *rcode_problem(unsigned rcode)
{
    switch (rcode) {
    case DNS_RCODE_NOERROR:
    case DNS_RCODE_NXDOMAIN: return NULL;
    case DNS_RCODE_FORMERR: return "the resolver says FORMERR";
    case DNS_RCODE_SERVFAIL: return "the resolver says SERVFAIL";
    case DNS_RCODE_NOTIMP: return "the resolver says NOTIMP";
    case DNS_RCODE_REFUSED: return "the resolver says REFUSED";
    default: return "the resolver reports an error";
    }
}

static const char *read_all(struct message *message, const uint8_t *name, uint16_t type,
                            struct resolve_addresses *out)
{
    uint8_t owner[DNS_NAME_MAX];
    const char *problem = open_message(name, type, message);
    int more = 1;

    if (!problem)
        problem = rcode_problem(message->flags & RCODE_MASK);
    if (problem)
        return problem;
    dns_name_lower(name, owner);
    for (unsigned links = 0; more == 1; links++) {
        if (links > CHAIN_MAX)
            return "the name leads through more than 16 CNAMEs";
        more = look_at_answer(message, type, owner, out);
    }
    if (more < 0)
        return "the reply is broken";
    return out->count > 0 ? NULL : look_for_soa(message, owner, out);
}

int resolve_reply_read(const uint8_t *reply, size_t len, const uint8_t *name, uint16_t type,
                       struct resolve_addresses *out, const char **problem)
{
    struct message message = {.octets = reply, .len = len};
    struct resolve_addresses found = {.ttl_s = UINT32_MAX};
    const char *why = read_all(&message, name, type, &found);

    if (why) {
        *problem = why;
        return ERR_INVALID;
    }
    *out = found;
    return 0;
}
