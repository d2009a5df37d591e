/* node/query_found.c: record sets into the reply where there is a choice of order, or more than one
 * set that have to look like one. */
#include "query_internal.h"

#include "base/assert.h"

#include <string.h>

enum { RECORD_TTL_OFFSET = 6, RECORD_DATA_LEN_OFFSET = 10 };

/* Draws of chance below this are spent by groups: query_route.c has fewer. */
enum { DRAW_OF_ORDER = 1024 };

/* Of @count records, the one to begin with. */
static unsigned first_of(const struct exchange *x, unsigned count, unsigned set_number)
{
    if (count == 1)
        return 0;
    const uint64_t draw = query__draw(x, DRAW_OF_ORDER + 16 * x->link_count + set_number);
    return (unsigned)((draw >> 32) * count >> 32);
}

struct merge { /* several sets on their way into one */
    struct exchange *x;
    enum dns_section section;
    const struct dns_owner *owner;
    const struct query_found *found;
};

static uint32_t least_ttl_s(const struct query_found *found)
{
    uint32_t least = UINT32_MAX;
    for (unsigned i = 0; i < found->count; i++) {
        const uint32_t ttl_s = dns_wire_get32(found->sets[i]->wire + RECORD_TTL_OFFSET);
        least = ttl_s < least ? ttl_s : least;
    }
    return least;
}

static bool has_record(const struct zone_wire_set *set, const uint8_t *record)
{
    const uint32_t record_len = dns_rrset_record_len(record);
    const uint8_t *at = set->wire;
    for (unsigned i = 0; i < set->record_count; i++) {
        const uint32_t len = dns_rrset_record_len(at);
        if (len == record_len &&
            memcmp(at + RECORD_DATA_LEN_OFFSET, record + RECORD_DATA_LEN_OFFSET,
                   len - RECORD_DATA_LEN_OFFSET) == 0)
            return true;
        at += len;
    }
    return false;
}

/* Is @record, of set @set_number, in one of the sets before? */
static bool is_repeated(const struct merge *merge, unsigned set_number, const uint8_t *record)
{
    for (unsigned i = 0; i < set_number; i++)
        if (has_record(merge->found->sets[i], record))
            return true;
    return false;
}

/* Records @from to before @to of set @set_number, those that are new. */
static bool add_new(const struct merge *merge, unsigned set_number, unsigned from, unsigned to,
                    uint32_t ttl_s)
{
    const uint8_t *record = merge->found->sets[set_number]->wire;
    for (unsigned i = 0; i < to; i++) {
        const struct dns_rrset one = {
            .octets = record, .octets_len = dns_rrset_record_len(record), .count = 1};
        record += one.octets_len;
        if (i >= from && !is_repeated(merge, set_number, one.octets) &&
            !dns_answer_add_one(merge->x->reply, merge->section, merge->owner, &one, ttl_s))
            return false;
    }
    return true;
}

static bool add_merged(const struct merge *merge)
{
    struct dns_writer *reply = merge->x->reply;
    const uint32_t ttl_s = least_ttl_s(merge->found);
    const struct dns_mark mark = dns_answer_mark(reply, merge->section);
    for (unsigned i = 0; i < merge->found->count; i++) {
        const unsigned count = merge->found->sets[i]->record_count;
        const unsigned first = first_of(merge->x, count, i);
        if (!add_new(merge, i, first, count, ttl_s) || !add_new(merge, i, 0, first, ttl_s)) {
            dns_answer_rewind(reply, merge->section, &mark);
            return false;
        }
    }
    return true;
}

static bool add_single(struct exchange *x, enum dns_section section, const struct dns_owner *owner,
                       const struct zone_wire_set *set)
{
    const struct dns_rrset rrset = query__rrset_of(set);
    if (rrset.count == 1)
        return dns_answer_add(x->reply, section, owner, &rrset);
    return dns_answer_add_from(x->reply, section, owner, &rrset, first_of(x, rrset.count, 0));
}

bool query__add_found(struct exchange *x, enum dns_section section, const struct dns_owner *owner,
                      const struct query_found *found)
{
    ASSERT(found->count > 0);
    const struct merge merge = {.x = x, .section = section, .owner = owner, .found = found};
    if (found->count > 1 ? !add_merged(&merge) : !add_single(x, section, owner, found->sets[0]))
        return false;
    for (unsigned i = 0; query__is_watched(x) && i < found->count; i++)
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_CHOSEN, .set = found->sets[i]});
    return true;
}
