/* node/query_client.c: whose location counts, and what the tables of places know about it. Each is
 * asked once a question, when the first group needs it.
 *
 *   request                                     the client is
 *   ECS of a family we know, source above 0     its subnet, cut to /24 (IPv4) or /48 (IPv6)
 *   ECS of family 0, or source 0                nowhere: so it wishes (RFC 7871 7.1.2)
 *   no ECS, or the name is in a private zone    who sent the request
 */
#include "query_internal.h"

#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/region.h"
#include "zone/image.h"

#include <endian.h>
#include <netinet/in.h>
#include <string.h>

enum { /* bits of query_place.known */
       KNOWN_ADDRESS = 1,
       KNOWN_LOCATION = 2,
       KNOWN_LATENCY = 4,
       KNOWN_CIDR = 8,
};
enum { PREFIX_BITS_IPV4 = 24, PREFIX_BITS_IPV6 = 48, IPV4_MAPPED_LEN = 12 };

static unsigned prefix_bits(const struct geo_address *address)
{
    return address->is_ipv6 ? PREFIX_BITS_IPV6 : PREFIX_BITS_IPV4;
}

/* The first @bits of the 64 bits that are octets in memory. */
static uint64_t leading_bits(uint64_t octets, unsigned bits)
{
    return bits >= 64 ? octets : octets & htobe64(~(UINT64_MAX >> bits));
}

/* @address without what lies behind its first @bits bits. */
static struct geo_address cut(const struct geo_address *address, unsigned bits)
{
    uint64_t halves[2];
    struct geo_address out = {.is_ipv6 = address->is_ipv6};
    out.bits = (uint8_t)(bits < address->bits ? bits : address->bits);
    memcpy(halves, address->octets, sizeof halves);
    halves[0] = leading_bits(halves[0], out.bits);
    halves[1] = out.bits > 64 ? leading_bits(halves[1], out.bits - 64u) : 0;
    memcpy(out.octets, halves, sizeof halves);
    return out;
}

static bool read_ecs(const struct dns_ecs *ecs, struct geo_address *out)
{
    if (ecs->family == DNS_ECS_NONE || ecs->source_bits == 0)
        return false;
    struct geo_address whole = {.bits = ecs->source_bits, .is_ipv6 = ecs->family == DNS_ECS_IPV6};
    for (unsigned i = 0; i < ecs->address_len; i++)
        whole.octets[i] = ecs->address[i];
    *out = cut(&whole, prefix_bits(&whole));
    return true;
}

static bool read_sender(const struct sockaddr *sender, struct geo_address *out)
{
    static const uint8_t mapped[IPV4_MAPPED_LEN] = {[10] = 0xff, [11] = 0xff};
    if (sender == NULL)
        return false;
    if (sender->sa_family == AF_INET) {
        const struct sockaddr_in *ipv4 = (const void *)sender;
        memcpy(out->octets, &ipv4->sin_addr, sizeof ipv4->sin_addr);
        out->bits = 32;
        return true;
    }
    if (sender->sa_family != AF_INET6)
        return false;
    const uint8_t *octets = ((const struct sockaddr_in6 *)(const void *)sender)->sin6_addr.s6_addr;
    out->is_ipv6 = memcmp(octets, mapped, sizeof mapped) != 0;
    out->bits = out->is_ipv6 ? 128 : 32;
    memcpy(out->octets, out->is_ipv6 ? octets : octets + IPV4_MAPPED_LEN, out->bits / 8);
    return true;
}

void query__find_address(struct exchange *x)
{
    struct query_place *place = &x->place;
    const struct dns_options *options = &x->question->options;
    if ((place->known & KNOWN_ADDRESS) != 0)
        return;
    place->known |= KNOWN_ADDRESS;
    place->is_ecs = (options->has & DNS_HAS_ECS) != 0 && !x->is_private;
    place->address = (struct geo_address){.bits = 0};
    place->has_address = place->is_ecs ? read_ecs(&options->ecs, &place->address)
                                       : read_sender(x->client, &place->address);
    if (query__is_watched(x))
        query__tell(x, &(struct query_event){
                           .kind = QUERY_EVENT_CLIENT,
                           .address = place->has_address ? &place->address : NULL,
                           .is_ecs = place->is_ecs,
                       });
}

const struct zone_view *query__find_view(const struct exchange *x)
{
    struct geo_address address = {.bits = 0};
    return read_sender(x->client, &address) ? zone_view_find(x->env->image, &address) : NULL;
}

/* The answer holds for @bits of the client's address at most. Without a client subnet the option of
 * the reply, if it has one, says nothing of that address. */
static void narrow(struct query_place *place, unsigned bits)
{
    if (!place->is_ecs)
        return;
    const unsigned bits_max = prefix_bits(&place->address);
    bits = bits < bits_max ? bits : bits_max;
    if (bits > place->scope_bits)
        place->scope_bits = (uint8_t)bits;
}

static void find_location(struct exchange *x, const struct geo_view *geo)
{
    struct query_place *place = &x->place;
    unsigned bits = 0;
    if ((place->known & KNOWN_LOCATION) != 0)
        return;
    place->known |= KNOWN_LOCATION;
    place->location = NULL;
    if (place->has_address && geo != NULL && geo->database != NULL)
        place->location = geo_database_find(geo->database, &place->address, &bits);
    place->location_bits = (uint8_t)bits;
    if (query__is_watched(x))
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_LOCATION,
                                             .location = place->location,
                                             .scope_bits = bits});
}

static void find_latency(struct exchange *x, const struct geo_view *geo)
{
    struct query_place *place = &x->place;
    unsigned bits = 0;
    if ((place->known & KNOWN_LATENCY) != 0)
        return;
    place->known |= KNOWN_LATENCY;
    place->latency = NULL;
    if (place->has_address && geo != NULL && geo->latency != NULL)
        place->latency = geo_latency_find(geo->latency, &place->address, &bits);
    place->latency_bits = (uint8_t)bits;
    if (query__is_watched(x))
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_LATENCY,
                                             .latency = place->latency,
                                             .scope_bits = bits});
}

static uint32_t find_cidr_location(struct exchange *x, const struct geo_view *geo, uint32_t slot)
{
    struct query_place *place = &x->place;
    unsigned bits = 0;
    if ((place->known & KNOWN_CIDR) != 0 && place->cidr_slot == slot)
        return place->cidr_location;
    place->known |= KNOWN_CIDR;
    place->cidr_slot = slot;
    place->cidr_location = 0;
    if (place->has_address && geo != NULL && geo->cidr != NULL)
        place->cidr_location = geo_cidr_find(geo->cidr, slot, &place->address, &bits);
    narrow(place, bits);
    if (query__is_watched(x))
        query__tell(x, &(struct query_event){.kind = QUERY_EVENT_CIDR,
                                             .cidr_location = place->cidr_location,
                                             .scope_bits = bits});
    return place->cidr_location;
}

uint64_t query__hash_prefix(const struct geo_address *address, unsigned bits)
{
    const struct geo_address prefix = cut(address, bits);
    uint64_t high, low;
    memcpy(&high, prefix.octets, sizeof high);
    memcpy(&low, prefix.octets + sizeof high, sizeof low);
    uint64_t hash = (high ^ prefix.is_ipv6) * 0x9e3779b97f4a7c15u;
    hash = (hash ^ hash >> 32 ^ low) * 0xd6e8feb86659fd93u;
    return hash ^ hash >> 32;
}

/* Does the row say how far each region of @group is? Else distance has to help. */
static bool has_all_regions(const struct geo_latency_row *row, const struct policy_group *group)
{
    for (unsigned i = 0; row != NULL && i < group->count; i++)
        if (geo_latency_ms(row, group->sets[i].key) == GEO_LATENCY_NONE)
            return false;
    return row != NULL;
}

static void locate_by_latency(struct exchange *x, const struct geo_view *geo,
                              const struct policy_group *group, struct policy_client *out)
{
    struct query_place *place = &x->place;
    find_latency(x, geo);
    narrow(place, place->latency_bits);
    out->latency = place->latency;
    if (!has_all_regions(place->latency, group)) {
        find_location(x, geo);
        narrow(place, place->location_bits);
        out->location = place->location;
    }
    if (place->has_address)
        out->hash = query__hash_prefix(
            &place->address, place->latency != NULL ? geo_latency_prefix(place->latency)->len
                                                    : place->location_bits);
}

static void locate_sticky(struct query_place *place, struct policy_client *out)
{
    if (!place->has_address)
        return;
    narrow(place, prefix_bits(&place->address));
    out->hash = query__hash_prefix(&place->address, prefix_bits(&place->address));
}

void query__locate(struct exchange *x, const struct policy_group *group, uint64_t draw,
                   struct policy_client *out)
{
    *out = (struct policy_client){.hash = draw};
    if (!policy_needs_location(group->kind) && !group->is_sticky)
        return;
    const struct geo_view *geo = zone_image_geo(x->env->image);
    query__find_address(x);
    out->regions = geo != NULL ? geo->regions : NULL;
    switch (group->kind) {
    case POLICY_WEIGHTED: locate_sticky(&x->place, out); break;
    case POLICY_LATENCY: locate_by_latency(x, geo, group, out); break;
    case POLICY_IP_BASED: out->cidr_location = find_cidr_location(x, geo, group->cidr_slot); break;
    default:
        find_location(x, geo);
        narrow(&x->place, x->place.location_bits);
        out->location = x->place.location;
        if (group->kind == POLICY_GEOPROXIMITY && x->place.has_address)
            out->hash = query__hash_prefix(&x->place.address, x->place.location_bits);
        break;
    }
}

struct geo_fetch query__prefetch_place(struct exchange *x, const struct policy_group *group)
{
    const struct geo_view *geo = zone_image_geo(x->env->image);
    const struct geo_address *address = &x->place.address;
    const struct geo_fetch nothing = {.root = NULL};
    if (geo == NULL || !policy_needs_location(group->kind))
        return nothing;
    query__find_address(x);
    if (!x->place.has_address)
        return nothing;
    if (group->kind == POLICY_IP_BASED)
        return geo->cidr != NULL ? geo_cidr_prefetch(geo->cidr, group->cidr_slot, address)
                                 : nothing;
    if (group->kind == POLICY_LATENCY && geo->latency != NULL)
        return geo_latency_prefetch(geo->latency, address);
    return geo->database != NULL ? geo_database_prefetch(geo->database, address) : nothing;
}
