/* node/query_additional.c: what helps the client go on, so far as there is room (RFC 1034 4.3.2
 * step 6): the addresses of the names in an answer, when some zone here holds exactly these names
 * with authority. No wildcard, no chain, and no TC for what is left out. For name servers of a zone
 * its glue serves too: the root's live below a cut (RFC 9609 4.2).
 *
 *   type         name at  what a target "." means
 *   NS           0        -
 *   MX           2        no mail (RFC 7505)
 *   SRV          6        no such service (RFC 2782)
 *   SVCB, HTTPS  2        the owner in ServiceMode (RFC 9460 2.5.2); nobody in AliasMode (2.5.1)
 *
 * The target of an alias will be asked for the same type next, so that comes too (RFC 9460 4.1).
 */
#include "query_internal.h"
#include "zone/group.h"

struct targets { /* seen so far: each is looked up once */
    unsigned count;
    const uint8_t *names[QUERY_ADDITIONAL_MAX];
};

static bool is_new(struct targets *targets, const uint8_t *name)
{
    for (unsigned i = 0; i < targets->count; i++)
        if (dns_name_is_equal(targets->names[i], name))
            return false;
    targets->names[targets->count++] = name;
    return true;
}

bool query__add_aside(struct exchange *x, const struct dns_owner *owner,
                      const struct zone_wire_set *set, const struct zone *zone)
{
    const struct dns_rrset rrset = query__rrset_of(set);
    if (!zone_set_is_group(set))
        return dns_answer_add(x->reply, DNS_SECTION_ADDITIONAL, owner, &rrset);
    struct query_found found;
    x->is_aside = true;
    const bool has_room = query__route(x, zone_set_group(set), query__view_of(x, zone), &found) !=
                              QUERY_ROUTE_FOUND ||
                          query__add_found(x, DNS_SECTION_ADDITIONAL, owner, &found);
    x->is_aside = false;
    return has_room;
}

static void add_set(struct exchange *x, const struct dns_owner *owner, const uint8_t *name_lower,
                    uint16_t type)
{
    const struct zone *zone;
    const struct zone_wire_set *set =
        zone_view_find_record_set(x->env->image, x->view, name_lower, type, &zone);
    if (set == NULL && x->match.set->type == DNS_TYPE_NS) {
        zone = x->match.zone;
        set = zone_find_glue(zone, name_lower, type);
    }
    if (set != NULL)
        (void)query__add_aside(x, owner, set, zone);
}

static void add_target(struct exchange *x, const struct dns_owner *target, uint16_t alias_type)
{
    uint8_t name[DNS_NAME_MAX];
    dns_name_lower(target->name, name);
    if (alias_type != 0)
        add_set(x, target, name, alias_type);
    add_set(x, target, name, DNS_TYPE_A);
    add_set(x, target, name, DNS_TYPE_AAAA);
}

/* Of the record at @at in a reply, whose owner is a pointer or a name in full. */
static uint32_t data_offset(const uint8_t *reply, uint32_t at)
{
    const bool is_pointer = (reply[at] & 0xc0) == 0xc0;
    return at + (is_pointer ? 0 : dns_name_len(reply + at) - 2) + DNS_RRSET_DATA_OFFSET;
}

/* The records are read in the reply, where they may stand in another order than in the image, or
 * come from several sets. */
static void add_targets(struct exchange *x, uint32_t set_at, unsigned name_at, bool is_svcb)
{
    const struct dns_owner owner =
        dns_answer_suffix_owner(&x->owner, x->owner.name + x->match.owner_offset);
    const uint32_t end_at = x->reply->len;
    struct targets targets = {.count = 0};
    uint32_t at = set_at;
    for (unsigned i = 0; at < end_at && i < QUERY_ADDITIONAL_MAX; i++) {
        const uint32_t data_at = data_offset(x->reply->octets, at);
        const uint8_t *data = x->reply->octets + data_at;
        const bool is_alias = is_svcb && dns_wire_get16(data) == 0;
        struct dns_owner target = {.name = data + name_at, .offset = (uint16_t)(data_at + name_at)};
        at = data_at + dns_wire_get16(data - 2);
        if (dns_name_is_root(target.name)) {
            if (!is_svcb || is_alias)
                continue;
            target = owner;
        }
        if (!is_new(&targets, target.name))
            continue;
        const bool is_self = dns_name_is_equal(target.name, owner.name);
        add_target(x, &target, is_alias && !is_self ? x->match.set->type : 0);
    }
}

void query__add_additional(struct exchange *x, uint32_t set_at)
{
    switch (x->match.set->type) {
    case DNS_TYPE_NS: add_targets(x, set_at, 0, false); break;
    case DNS_TYPE_MX: add_targets(x, set_at, 2, false); break;
    case DNS_TYPE_SRV: add_targets(x, set_at, 6, false); break;
    default: add_targets(x, set_at, 2, true); break;
    }
}
