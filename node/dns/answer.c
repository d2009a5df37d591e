/* node/dns/answer.c: the common case of adding a record set is one comparison and one copy. */
#include "dns/answer.h"

#include "base/assert.h"

#include <string.h>

enum {
    POINTER_MARK = 0xc000, /* RFC 1035 4.1.4 */
    POINTER_OFFSET_MAX = 0x3fff,
    POINTER_LEN = 2,
    TTL_OFFSET = 6, /* in a rendered record */
};

_Static_assert(DNS_HEADER_LEN + DNS_NAME_MAX + 4 + DNS_OPT_LEN + DNS_OPTIONS_MAX <=
                   DNS_UDP_SIZE_MIN,
               "the longest question and all options fit the smallest reply");

void dns_answer_begin(struct dns_writer *writer, const struct dns_question *question,
                      uint32_t size_max)
{
    uint32_t limit = size_max < writer->capacity ? size_max : writer->capacity;
    ASSERT(limit >= DNS_UDP_SIZE_MIN);
    writer->has_edns = question->has_edns;
    writer->is_dnssec_ok = question->is_dnssec_ok;
    writer->limit = limit - (writer->has_edns ? DNS_OPT_LEN : 0);
    writer->options_len = 0;
    writer->has_valid_cookie = false;
    writer->flags = (uint16_t)(DNS_FLAG_QR | (question->flags & (DNS_OPCODE_MASK | DNS_FLAG_RD)));
    writer->rcode = DNS_RCODE_NOERROR;
    memset(writer->counts, 0, sizeof writer->counts);

    dns_wire_put16(writer->octets, question->id);
    dns_wire_put16(writer->octets + 4, question->name_len != 0);
    writer->len = DNS_HEADER_LEN;
    if (question->name_len != 0) {
        memcpy(writer->octets + writer->len, question->name, question->name_len);
        writer->len += question->name_len;
        dns_wire_put16(writer->octets + writer->len, question->type);
        dns_wire_put16(writer->octets + writer->len + 2, question->class);
        writer->len += 4;
    }
    writer->body_at = writer->len;
}

struct dns_owner dns_answer_question_owner(const struct dns_question *question)
{
    return (struct dns_owner){.name = question->name, .offset = DNS_HEADER_LEN};
}

struct dns_owner dns_answer_suffix_owner(const struct dns_owner *owner, const uint8_t *suffix)
{
    if (suffix == owner->name)
        return *owner;
    unsigned owner_len = dns_name_len(owner->name);
    unsigned suffix_len = dns_name_len(suffix);
    ASSERT(suffix_len <= owner_len);
    unsigned skipped = owner_len - suffix_len;
    return (struct dns_owner){.name = owner->name + skipped,
                              .offset = (uint16_t)(owner->offset + skipped)};
}

struct dns_owner dns_answer_last_owner(const struct dns_writer *writer, const uint8_t *name)
{
    uint32_t name_len = dns_name_len(name);
    ASSERT(writer->body_at + name_len <= writer->len);
    return (struct dns_owner){.name = name, .offset = (uint16_t)(writer->len - name_len)};
}

static bool has_room(const struct dns_writer *writer, uint32_t len)
{
    return len <= writer->limit - writer->len;
}

/* Records whose owner is out of a pointer's reach: the name in full, then the rest of the record.
 */
static bool add_in_full(struct dns_writer *writer, const uint8_t *owner,
                        const struct dns_rrset *set)
{
    uint32_t owner_len = dns_name_len(owner);
    if (!has_room(writer, set->octets_len + set->count * (owner_len - POINTER_LEN)))
        return false;
    const uint8_t *record = set->octets;
    for (unsigned i = 0; i < set->count; i++) {
        uint32_t record_len = dns_rrset_record_len(record);
        memcpy(writer->octets + writer->len, owner, owner_len);
        writer->len += owner_len;
        memcpy(writer->octets + writer->len, record + POINTER_LEN, record_len - POINTER_LEN);
        writer->len += record_len - POINTER_LEN;
        record += record_len;
    }
    ASSERT(record == set->octets + set->octets_len);
    return true;
}

bool dns_answer_add(struct dns_writer *writer, enum dns_section section,
                    const struct dns_owner *owner, const struct dns_rrset *set)
{
    if (owner->offset > POINTER_OFFSET_MAX) {
        if (!add_in_full(writer, owner->name, set))
            return false;
    } else {
        if (!has_room(writer, set->octets_len))
            return false;
        uint8_t *record = writer->octets + writer->len;
        memcpy(record, set->octets, set->octets_len);
        writer->len += set->octets_len;
        if (owner->offset != DNS_HEADER_LEN)
            for (unsigned i = 0; i < set->count; i++) {
                dns_wire_put16(record, (uint16_t)(POINTER_MARK | owner->offset));
                record += dns_rrset_record_len(record);
            }
    }
    writer->counts[section] = (uint16_t)(writer->counts[section] + set->count);
    return true;
}

bool dns_answer_add_from(struct dns_writer *writer, enum dns_section section,
                         const struct dns_owner *owner, const struct dns_rrset *set, unsigned first)
{
    const struct dns_mark mark = dns_answer_mark(writer, section);
    uint32_t at = 0;
    ASSERT(first < set->count);
    for (unsigned i = 0; i < first; i++)
        at += dns_rrset_record_len(set->octets + at);
    const struct dns_rrset head = {
        .octets = set->octets, .octets_len = at, .count = (uint16_t)first};
    const struct dns_rrset tail = {.octets = set->octets + at,
                                   .octets_len = set->octets_len - at,
                                   .count = (uint16_t)(set->count - first)};
    if (dns_answer_add(writer, section, owner, &tail) &&
        dns_answer_add(writer, section, owner, &head))
        return true;
    dns_answer_rewind(writer, section, &mark);
    return false;
}

bool dns_answer_add_one(struct dns_writer *writer, enum dns_section section,
                        const struct dns_owner *owner, const struct dns_rrset *set, uint32_t ttl_s)
{
    ASSERT(set->count == 1);
    if (!dns_answer_add(writer, section, owner, set))
        return false;
    uint32_t behind_ttl = set->octets_len - TTL_OFFSET;
    dns_wire_put32(writer->octets + writer->len - behind_ttl, ttl_s);
    return true;
}

bool dns_answer_add_cname(struct dns_writer *writer, const struct dns_owner *owner, uint32_t ttl_s,
                          const uint8_t *target)
{
    uint8_t record[DNS_RRSET_DATA_OFFSET + DNS_NAME_MAX];
    unsigned target_len = dns_name_len(target);
    dns_wire_put16(record, POINTER_MARK | DNS_HEADER_LEN);
    dns_wire_put16(record + 2, DNS_TYPE_CNAME);
    dns_wire_put16(record + 4, DNS_CLASS_IN);
    dns_wire_put32(record + TTL_OFFSET, ttl_s);
    dns_wire_put16(record + 10, (uint16_t)target_len);
    memcpy(record + DNS_RRSET_DATA_OFFSET, target, target_len);
    struct dns_rrset set = {
        .octets = record, .octets_len = DNS_RRSET_DATA_OFFSET + target_len, .count = 1};
    return dns_answer_add(writer, DNS_SECTION_ANSWER, owner, &set);
}

void dns_answer_rewind(struct dns_writer *writer, enum dns_section section,
                       const struct dns_mark *mark)
{
    ASSERT(mark->len <= writer->len && mark->count <= writer->counts[section]);
    writer->len = mark->len;
    writer->counts[section] = mark->count;
}

void dns_answer_clear(struct dns_writer *writer)
{
    writer->len = writer->body_at;
    memset(writer->counts, 0, sizeof writer->counts);
}

uint8_t *dns_answer_add_option(struct dns_writer *writer, uint16_t code, uint16_t len)
{
    const unsigned option_len = DNS_OPTION_HEADER_LEN + len;
    ASSERT(writer->has_edns);
    ASSERT(writer->options_len + option_len <= DNS_OPTIONS_MAX);
    ASSERT(has_room(writer, option_len));
    writer->limit -= option_len;
    writer->options_len = (uint16_t)(writer->options_len + option_len);
    uint8_t *option = writer->octets + writer->limit + DNS_OPT_LEN;
    dns_wire_put16(option, code);
    dns_wire_put16(option + 2, len);
    return option + DNS_OPTION_HEADER_LEN;
}

/* RFC 6891 6.1.3: the upper bits of RCODE, version 0, DO as the client sent it (RFC 3225 3). The
 * options move down to where the records have ended. */
static void add_opt(struct dns_writer *writer)
{
    uint8_t *opt = writer->octets + writer->len;
    ASSERT(writer->len <= writer->limit);
    opt[0] = 0;
    dns_wire_put16(opt + 1, DNS_TYPE_OPT);
    dns_wire_put16(opt + 3, DNS_UDP_SIZE_MAX);
    opt[5] = (uint8_t)(writer->rcode >> 4);
    opt[6] = 0;
    dns_wire_put16(opt + 7, writer->is_dnssec_ok ? 0x8000 : 0);
    dns_wire_put16(opt + 9, writer->options_len);
    if (writer->options_len != 0)
        memmove(opt + DNS_OPT_LEN, writer->octets + writer->limit + DNS_OPT_LEN,
                writer->options_len);
    writer->len += DNS_OPT_LEN + writer->options_len;
    writer->counts[DNS_SECTION_ADDITIONAL]++;
}

/* What is only known at the end. */
static void write_header(struct dns_writer *writer)
{
    dns_wire_put16(writer->octets + 2, (uint16_t)(writer->flags | (writer->rcode & 0xf)));
    for (unsigned i = 0; i < DNS_SECTION_COUNT; i++)
        dns_wire_put16(writer->octets + 6 + 2 * i, writer->counts[i]);
}

void dns_answer_finish(struct dns_writer *writer)
{
    ASSERT(writer->has_edns || writer->rcode < DNS_RCODE_BADVERS);
    if (writer->has_edns)
        add_opt(writer);
    write_header(writer);
}

void dns_answer_truncate(struct dns_writer *writer)
{
    uint32_t opt_len = writer->has_edns ? DNS_OPT_LEN + writer->options_len : 0;
    ASSERT(writer->len >= writer->body_at + opt_len);
    memmove(writer->octets + writer->body_at, writer->octets + writer->len - opt_len, opt_len);
    writer->len = writer->body_at + opt_len;
    memset(writer->counts, 0, sizeof writer->counts);
    writer->counts[DNS_SECTION_ADDITIONAL] = writer->has_edns;
    writer->flags |= DNS_FLAG_TC;
    write_header(writer);
}
