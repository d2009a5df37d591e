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

/* More than records that fit a message, so that some are free. */
enum { SLOTS_MAX = 8192 };
_Static_assert(SLOTS_MAX > DNS_MESSAGE_MAX / DNS_RRSET_DATA_OFFSET, "no table is ever full");

struct merge { /* several sets on their way into one */
    struct exchange *x;
    enum dns_section section;
    const struct dns_owner *owner;
    const struct query_found *found;
    unsigned mask;             /* of places in slots: those above are not cleared */
    uint16_t slots[SLOTS_MAX]; /* where in the reply the data of its records is; 0: free */
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

static unsigned record_count(const struct query_found *found)
{
    unsigned count = 0;
    for (unsigned i = 0; i < found->count; i++)
        count += found->sets[i]->record_count;
    return count;
}

static void merge_begin(struct merge *merge, struct exchange *x, enum dns_section section,
                        const struct dns_owner *owner, const struct query_found *found)
{
    const unsigned count = record_count(found);
    unsigned slot_count = 16;
    while (slot_count < 2 * count && slot_count < SLOTS_MAX)
        slot_count *= 2;
    merge->x = x;
    merge->section = section;
    merge->owner = owner;
    merge->found = found;
    merge->mask = slot_count - 1;
    memset(merge->slots, 0, slot_count * sizeof merge->slots[0]);
}

/* Of a record's data with its length in front. Chance makes it hard to write records that collide.
 */
static unsigned hash_data(const struct merge *merge, const uint8_t *data)
{
    const unsigned len = 2u + dns_wire_get16(data);
    uint64_t hash = merge->x->draw;
    for (unsigned i = 0; i < len; i++)
        hash = (hash ^ data[i] ^ hash >> 32) * 0x9e3779b97f4a7c15u;
    return (unsigned)(hash >> 32);
}

/* The slot of the record with @data: free if the reply does not have it yet. */
static uint16_t *slot_of(struct merge *merge, const uint8_t *data)
{
    const uint8_t *octets = merge->x->reply->octets;
    const unsigned len = 2u + dns_wire_get16(data);
    unsigned at = hash_data(merge, data) & merge->mask;
    while (merge->slots[at] != 0 && (dns_wire_get16(octets + merge->slots[at]) + 2u != len ||
                                     memcmp(octets + merge->slots[at], data, len) != 0))
        at = (at + 1) & merge->mask;
    return &merge->slots[at];
}

/* Records @from to before @to of @set, those that are new. */
static bool add_new(struct merge *merge, const struct zone_wire_set *set, unsigned from,
                    unsigned to, uint32_t ttl_s)
{
    struct dns_writer *reply = merge->x->reply;
    const uint8_t *record = set->wire;
    for (unsigned i = 0; i < to; i++) {
        const struct dns_rrset one = {
            .octets = record, .octets_len = dns_rrset_record_len(record), .count = 1};
        const uint8_t *data = record + RECORD_DATA_LEN_OFFSET;
        record += one.octets_len;
        if (i < from)
            continue;
        uint16_t *slot = slot_of(merge, data);
        if (*slot != 0)
            continue;
        if (!dns_answer_add_one(reply, merge->section, merge->owner, &one, ttl_s))
            return false;
        *slot = (uint16_t)(reply->len - (uint32_t)(record - data));
    }
    return true;
}

static bool add_merged(struct merge *merge)
{
    struct dns_writer *reply = merge->x->reply;
    const uint32_t ttl_s = least_ttl_s(merge->found);
    const struct dns_mark mark = dns_answer_mark(reply, merge->section);
    for (unsigned i = 0; i < merge->found->count; i++) {
        const struct zone_wire_set *set = merge->found->sets[i];
        const unsigned first = first_of(merge->x, set->record_count, i);
        if (!add_new(merge, set, first, set->record_count, ttl_s) ||
            !add_new(merge, set, 0, first, ttl_s)) {
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

static bool add_several(struct exchange *x, enum dns_section section, const struct dns_owner *owner,
                        const struct query_found *found)
{
    struct merge merge; /* not cleared: the table is large */
    merge_begin(&merge, x, section, owner, found);
    return add_merged(&merge);
}

bool query__add_found(struct exchange *x, enum dns_section section, const struct dns_owner *owner,
                      const struct query_found *found)
{
    ASSERT(found->count > 0);
    if (found->count > 1 ? !add_several(x, section, owner, found)
                         : !add_single(x, section, owner, found->sets[0]))
        return false;
    for (unsigned i = 0; query__is_watched(x) && i < found->count; i++)
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_CHOSEN, .set = found->sets[i]});
    return true;
}
