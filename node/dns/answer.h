/* node/dns/answer.h: structs to reply octets. A writer fills one caller's buffer front to back:
 * header, question as asked, then whole record sets, section by section, and an OPT record last,
 * whose room is set aside from the start: its options are parked, already rendered, at the far end
 * of the reply's room. Record sets come rendered, so adding one is a copy.
 *
 * Compression: the owner of every record is a pointer to a name written earlier (the question, a
 * suffix of it, a chain's target, a name server's name) as long as that lies in the first 16 KiB;
 * names in record data are never compressed. */
#pragma once

#include "dns/question.h"
#include "dns/type.h"
#include "dns/wire.h"

#include <stdbool.h>
#include <stdint.h>

#define DNS_UDP_SIZE_MAX 1232u /* our limit and what our OPT announces: fits any IPv6 path */
#define DNS_UDP_SIZE_MIN 512u  /* without EDNS (RFC 1035 2.3.4) */
#define DNS_OPT_LEN 11u        /* without options */
#define DNS_OPTIONS_MAX 212u   /* octets of options: with these any question fits 512 */

/* Record sets as rendered octets: @count records, each a 2-octet owner pointer 0xC00C ("the
 * question"), then type, class, TTL, data length and data, names in data uncompressed. A view. */
struct dns_rrset {
    const uint8_t *octets;
    uint32_t octets_len;
    uint16_t count;
};
#define DNS_RRSET_DATA_OFFSET 12u /* of a record's data, counted from its owner pointer */

/* Octets of the rendered record at @record, so where the next one starts. */
static inline uint32_t dns_rrset_record_len(const uint8_t *record)
{
    return DNS_RRSET_DATA_OFFSET + dns_wire_get16(record + 10);
}

enum dns_section {
    DNS_SECTION_ANSWER,
    DNS_SECTION_AUTHORITY,
    DNS_SECTION_ADDITIONAL,
    DNS_SECTION_COUNT,
};

/* A name and where the reply already has it. */
struct dns_owner {
    const uint8_t *name; /* in full, for when no pointer can reach */
    uint16_t offset;     /* of the same name, uncompressed, in the reply */
};

struct dns_writer { /* caller sets octets and capacity; the rest is the writer's */
    uint8_t *octets;
    uint32_t capacity;    /* at least 512 */
    uint32_t len;         /* octets written */
    uint32_t body_at;     /* where the question ends and records begin */
    uint32_t limit;       /* len may not pass this; room for OPT is already taken off */
    uint16_t options_len; /* parked behind limit + DNS_OPT_LEN */
    uint16_t flags;       /* header word, written by finish */
    uint16_t rcode;       /* enum dns_rcode */
    uint16_t counts[DNS_SECTION_COUNT];
    bool has_edns;
    bool is_dnssec_ok;
    bool has_valid_cookie; /* set by the query: the client proved its address (RFC 7873) */
};

/* Start the reply to @question in at most @size_max octets (512 or more, within capacity): QR set,
 * opcode and RD copied, CD clear (RFC 4035 3.1.6), the question echoed in its own case, NOERROR. */
void dns_answer_begin(struct dns_writer *writer, const struct dns_question *question,
                      uint32_t size_max);
/* The owner "name of the question". */
struct dns_owner dns_answer_question_owner(const struct dns_question *question);
/* The owner that is @owner without its leftmost labels up to its suffix @suffix. */
struct dns_owner dns_answer_suffix_owner(const struct dns_owner *owner, const uint8_t *suffix);
/* The owner "name that ends the record data just written", such as a CNAME's target. */
struct dns_owner dns_answer_last_owner(const struct dns_writer *writer, const uint8_t *name);

/* Append all of @set under @owner. False, and nothing is written, where it does not fit. Sections
 * must come in order. */
bool dns_answer_add(struct dns_writer *writer, enum dns_section section,
                    const struct dns_owner *owner, const struct dns_rrset *set);
/* The same for a set of one record (SOA), with @ttl_s in place of its own TTL. */
bool dns_answer_add_one(struct dns_writer *writer, enum dns_section section,
                        const struct dns_owner *owner, const struct dns_rrset *set, uint32_t ttl_s);
/* The same as dns_answer_add(), beginning with record @first of the set (0 to count - 1); those
 * before it come last. */
bool dns_answer_add_from(struct dns_writer *writer, enum dns_section section,
                         const struct dns_owner *owner, const struct dns_rrset *set,
                         unsigned first);
/* Append one CNAME from @owner to @target to the answer: what a DNAME stands for (RFC 6672 3.1). */
bool dns_answer_add_cname(struct dns_writer *writer, const struct dns_owner *owner, uint32_t ttl_s,
                          const uint8_t *target);
/* Put an option of @len octets into the OPT record of a reply that has one, in no set order;
 * returns where the caller writes its data at once. What was written so far must leave room, so add
 * options before records, or after dns_answer_clear. At most DNS_OPTIONS_MAX octets, headers
 * included. */
uint8_t *dns_answer_add_option(struct dns_writer *writer, uint16_t code, uint16_t len);
/* Where a writer stands; dns_answer_rewind() forgets the records of @section added since then,
 * which must be all. */
struct dns_mark {
    uint32_t len;
    uint16_t count;
};
static inline struct dns_mark dns_answer_mark(const struct dns_writer *writer,
                                              enum dns_section section)
{
    return (struct dns_mark){.len = writer->len, .count = writer->counts[section]};
}
void dns_answer_rewind(struct dns_writer *writer, enum dns_section section,
                       const struct dns_mark *mark);
/* Forget all records: only header, question and OPT remain. */
void dns_answer_clear(struct dns_writer *writer);
/* Write OPT where the question had one, and the header. The reply is octets[0..len). */
void dns_answer_finish(struct dns_writer *writer);
/* Cut a finished reply down to its question and OPT (which keeps its options), and set TC, so that
 * the client asks again by TCP. */
void dns_answer_truncate(struct dns_writer *writer);
