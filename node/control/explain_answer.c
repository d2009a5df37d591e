#include "control/explain_answer.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "control/explain_tree.h"
#include "dns/answer.h"
#include "dns/edns.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

enum {
    HEADER_LEN = 12,
    RDATA_TEXT_SIZE = 262400, /* zone/record_text.h: always enough */
    SCOPE_NONE = -1,
};

struct record { /* views of the reply */
    uint8_t owner[DNS_NAME_MAX];
    uint16_t type, rdata_len;
    uint32_t ttl_s;
    const uint8_t *rdata;
};
struct reading {
    const uint8_t *octets;
    uint32_t len, at;
    char *rdata_text;
};

/* The name at reading->at, which goes on behind it; we only ever point backwards. */
static void read_name(struct reading *reading, uint8_t out[DNS_NAME_MAX])
{
    uint32_t at = reading->at, len = 0;
    bool is_away = false;

    for (;;) {
        ASSERT(at < reading->len);
        const uint8_t label_len = reading->octets[at];
        if (label_len >= 0xc0) {
            const uint32_t target = dns_wire_get16(reading->octets + at) & 0x3fffu;
            if (!is_away)
                reading->at = at + 2;
            is_away = true;
            ASSERT(target < at);
            at = target;
            continue;
        }
        ASSERT(label_len <= DNS_LABEL_MAX && len + label_len + 1 <= DNS_NAME_MAX);
        memcpy(out + len, reading->octets + at, label_len + 1u);
        len += label_len + 1u;
        at += label_len + 1u;
        if (label_len == 0)
            break;
    }
    if (!is_away)
        reading->at = at;
}

static void read_record(struct reading *reading, struct record *out)
{
    read_name(reading, out->owner);
    const uint8_t *const at = reading->octets + reading->at;
    ASSERT(reading->at + 10 <= reading->len);
    out->type = dns_wire_get16(at);
    out->ttl_s = dns_wire_get32(at + 4);
    out->rdata_len = dns_wire_get16(at + 8);
    out->rdata = at + 10;
    reading->at += 10u + out->rdata_len;
    ASSERT(reading->at <= reading->len);
}

static void tell_record(struct explain_tree *tree, struct reading *reading,
                        const struct record *record, enum dns_section section)
{
    static const char *const sections[] = {"answer", "authority", "additional"};
    char owner[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];
    size_t len = 0;
    struct Ctl__ExplainStep *step = explain_tree_add(tree, 1, "record");

    zone_name_format(record->owner, owner);
    zone_type_format(record->type, type);
    if (zone_rdata_format(record->type, record->rdata, record->rdata_len, reading->rdata_text,
                          RDATA_TEXT_SIZE, &len) != 0)
        reading->rdata_text[0] = '\0';
    explain_tree_text(
        tree, step, "%s%s%s %u %s %s", section == DNS_SECTION_ANSWER ? "" : sections[section],
        section == DNS_SECTION_ANSWER ? "" : ": ", owner, record->ttl_s, type, reading->rdata_text);
    explain_tree_field(tree, step, "section", "%s", sections[section]);
    explain_tree_field(tree, step, "name", "%s", owner);
    explain_tree_field(tree, step, "ttl", "%u", record->ttl_s);
    explain_tree_field(tree, step, "type", "%s", type);
    explain_tree_field(tree, step, "data", "%s", reading->rdata_text);
}

/* The scope in the reply's client subnet, or SCOPE_NONE. */
static int scope_of(const struct record *opt)
{
    uint32_t at = 0;

    while (at + DNS_OPTION_HEADER_LEN <= opt->rdata_len) {
        const uint16_t code = dns_wire_get16(opt->rdata + at);
        const uint16_t len = dns_wire_get16(opt->rdata + at + 2);
        if (code == DNS_OPTION_ECS && len >= 4)
            return opt->rdata[at + DNS_OPTION_HEADER_LEN + 3];
        at += DNS_OPTION_HEADER_LEN + len;
    }
    return SCOPE_NONE;
}

static const char *rcode_text(unsigned rcode)
{
    switch (rcode) {
    case DNS_RCODE_NOERROR: return "NOERROR";
    case DNS_RCODE_FORMERR: return "FORMERR";
    case DNS_RCODE_SERVFAIL: return "SERVFAIL";
    case DNS_RCODE_NXDOMAIN: return "NXDOMAIN";
    case DNS_RCODE_NOTIMP: return "NOTIMP";
    case DNS_RCODE_REFUSED: return "REFUSED";
    case DNS_RCODE_YXDOMAIN: return "YXDOMAIN";
    default: return "another code";
    }
}

static void tell_answer(struct explain_tree *tree, struct Ctl__ExplainStep *step,
                        const struct dns_writer *reply, int scope)
{
    const unsigned count = reply->counts[DNS_SECTION_ANSWER];
    struct explain_text text = {.len = 0};

    explain_text_add(&text, "answer: %s, %u record%s", rcode_text(reply->rcode), count,
                     count == 1 ? "" : "s");
    if (scope == 0)
        explain_text_add(&text, "; good for every client");
    else if (scope > 0)
        explain_text_add(&text, "; good for all of the client's /%d", scope);
    explain_tree_text(tree, step, "%s", text.octets);
    explain_tree_field(tree, step, "rcode", "%s", rcode_text(reply->rcode));
    explain_tree_field(tree, step, "records", "%u", count);
    if (scope != SCOPE_NONE)
        explain_tree_field(tree, step, "scope_bits", "%d", scope);
}

int explain_answer_tell(struct explain_tree *tree, const struct dns_writer *reply)
{
    struct reading reading = {.octets = reply->octets, .len = reply->len, .at = HEADER_LEN};
    struct record record;
    int scope = SCOPE_NONE;

    reading.rdata_text = malloc(RDATA_TEXT_SIZE);
    if (!reading.rdata_text)
        return ERR_NOMEM;
    explain_tree_begin_answer(tree);
    struct Ctl__ExplainStep *step = explain_tree_add(tree, 0, "answer");
    if (dns_wire_get16(reply->octets + 4) > 0) {
        read_name(&reading, record.owner);
        reading.at += 4;
    }
    for (unsigned section = 0; section < DNS_SECTION_COUNT; section++) {
        const unsigned count = dns_wire_get16(reply->octets + 6 + 2 * section);
        for (unsigned i = 0; i < count; i++) {
            read_record(&reading, &record);
            if (record.type == DNS_TYPE_OPT)
                scope = scope_of(&record);
            else
                tell_record(tree, &reading, &record, (enum dns_section)section);
        }
    }
    free(reading.rdata_text);
    tell_answer(tree, step, reply, scope);
    return 0;
}
