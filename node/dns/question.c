/* node/dns/question.c: see the table in question.h. A cursor walks the request once; every step
 * checks what is left, so each loop is bounded by the request's length. */
#include "dns/question.h"

#include "dns/answer.h"
#include "dns/type.h"
#include "dns/wire.h"

#include <stddef.h>

enum { RECORD_FIXED_LEN = 10 };

struct cursor {
    const uint8_t *octets;
    size_t len;
    size_t at; /* never above len */
};

struct record {
    const uint8_t *owner;
    uint16_t type;
    uint16_t class;
    uint32_t ttl;
    const uint8_t *data;
    uint16_t data_len;
};

static size_t cursor_left(const struct cursor *cursor)
{
    return cursor->len - cursor->at;
}

/* Step over a name that may end in a compression pointer; where it points does not matter here. */
static bool skip_owner(struct cursor *cursor)
{
    for (unsigned owner_len = 0; owner_len < DNS_NAME_MAX;) {
        if (cursor_left(cursor) < 1)
            return false;
        uint8_t label_len = cursor->octets[cursor->at];
        unsigned step = label_len >= 0xc0 ? 2u : 1u + label_len;
        if ((label_len > DNS_LABEL_MAX && label_len < 0xc0) || cursor_left(cursor) < step)
            return false;
        cursor->at += step;
        owner_len += step;
        if (label_len == 0 || label_len >= 0xc0)
            return true;
    }
    return false;
}

static bool read_record(struct cursor *cursor, struct record *out)
{
    out->owner = cursor->octets + cursor->at;
    if (!skip_owner(cursor) || cursor_left(cursor) < RECORD_FIXED_LEN)
        return false;
    const uint8_t *fixed = cursor->octets + cursor->at;
    cursor->at += RECORD_FIXED_LEN;
    out->type = dns_wire_get16(fixed);
    out->class = dns_wire_get16(fixed + 2);
    out->ttl = dns_wire_get32(fixed + 4);
    out->data_len = dns_wire_get16(fixed + 8);
    out->data = cursor->octets + cursor->at;
    if (cursor_left(cursor) < out->data_len)
        return false;
    cursor->at += out->data_len;
    return true;
}

/* OPT: the class is the payload size, the TTL is extended RCODE, version and flags (RFC 6891
 * 6.1.3). Most have no options, and those of other versions are not ours to read. */
static enum dns_verdict read_opt(const struct record *opt, struct dns_question *out)
{
    if (out->has_edns || !dns_name_is_root(opt->owner))
        return DNS_VERDICT_FORMERR;
    out->has_edns = true;
    out->is_dnssec_ok = (opt->ttl & 0x8000) != 0;
    out->edns_size = opt->class < DNS_UDP_SIZE_MIN ? DNS_UDP_SIZE_MIN : opt->class;
    if (((opt->ttl >> 16) & 0xff) != 0)
        return DNS_VERDICT_BADVERS;
    if (opt->data_len == 0 || dns_options_parse(opt->data, opt->data_len, &out->options))
        return DNS_VERDICT_OK;
    return DNS_VERDICT_FORMERR;
}

static bool read_name_and_type(struct cursor *cursor, struct dns_question *out)
{
    const uint8_t *name = cursor->octets + cursor->at;
    int name_len = dns_name_check(name, cursor_left(cursor));
    if (name_len < 0 || cursor_left(cursor) < (size_t)name_len + 4)
        return false;
    out->name = name;
    out->name_len = (uint16_t)name_len;
    out->type = dns_wire_get16(name + name_len);
    out->class = dns_wire_get16(name + name_len + 2);
    dns_name_lower_len(name, (unsigned)name_len, out->name_lower);
    cursor->at += (size_t)name_len + 4;
    return true;
}

/* The records behind the question. A broken frame outweighs BADVERS: then nothing is certain. */
static enum dns_verdict read_records(struct cursor *cursor, unsigned authority_count,
                                     unsigned additional_count, struct dns_question *out)
{
    enum dns_verdict verdict = DNS_VERDICT_OK;
    for (unsigned i = 0; i < authority_count + additional_count; i++) {
        struct record record;
        if (!read_record(cursor, &record))
            return DNS_VERDICT_FORMERR;
        if (record.type != DNS_TYPE_OPT)
            continue;
        enum dns_verdict opt_verdict =
            i < authority_count ? DNS_VERDICT_FORMERR : read_opt(&record, out);
        if (opt_verdict == DNS_VERDICT_FORMERR)
            return opt_verdict;
        verdict = opt_verdict;
    }
    return cursor_left(cursor) == 0 ? verdict : DNS_VERDICT_FORMERR;
}

static enum dns_verdict judge_type(const struct dns_question *question)
{
    if (question->class == DNS_CLASS_CH)
        return DNS_VERDICT_CHAOS;
    if (question->class != DNS_CLASS_IN && question->class != DNS_CLASS_ANY)
        return DNS_VERDICT_REFUSED;
    switch (question->type) {
    case DNS_TYPE_ANY: return DNS_VERDICT_OK;
    case DNS_TYPE_AXFR:
    case DNS_TYPE_IXFR: return DNS_VERDICT_REFUSED;
    case 0:
    case DNS_TYPE_OPT:
    case DNS_TYPE_NXNAME: return DNS_VERDICT_FORMERR;
    default: return DNS_VERDICT_OK; /* a type that no name has, where it is a meta type */
    }
}

/* Everything but the header is unknown yet. The large fields stay as they are. */
static void begin(const uint8_t *request, struct dns_question *out)
{
    out->id = dns_wire_get16(request);
    out->flags = dns_wire_get16(request + 2);
    out->name = NULL;
    out->name_len = 0;
    out->has_edns = false;
    out->is_dnssec_ok = false;
    out->options.has = 0;
}

enum dns_verdict dns_question_parse(const uint8_t *request, uint16_t request_len,
                                    struct dns_question *out)
{
    struct cursor cursor = {.octets = request, .len = request_len, .at = DNS_HEADER_LEN};

    if (request_len < DNS_HEADER_LEN || (dns_wire_get16(request + 2) & DNS_FLAG_QR) != 0)
        return DNS_VERDICT_IGNORE;
    begin(request, out);
    if ((out->flags & DNS_OPCODE_MASK) >> DNS_OPCODE_SHIFT != DNS_OPCODE_QUERY)
        return DNS_VERDICT_NOTIMP;
    const uint16_t question_count = dns_wire_get16(request + 4);
    if (question_count > 1 || (question_count == 1 && !read_name_and_type(&cursor, out)))
        return DNS_VERDICT_FORMERR;

    uint16_t answer_count = dns_wire_get16(request + 6);
    uint16_t authority_count = dns_wire_get16(request + 8);
    uint16_t authority_max = question_count == 1 && out->type == DNS_TYPE_IXFR ? 1 : 0;
    if (answer_count != 0 || authority_count > authority_max)
        return DNS_VERDICT_FORMERR;
    enum dns_verdict verdict =
        read_records(&cursor, authority_count, dns_wire_get16(request + 10), out);
    if (verdict != DNS_VERDICT_OK)
        return verdict;
    if (question_count == 0)
        return (out->options.has & DNS_HAS_COOKIE) != 0 ? DNS_VERDICT_COOKIE : DNS_VERDICT_FORMERR;
    return judge_type(out);
}
