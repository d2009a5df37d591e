#include "cli/set_copy.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "zone/routing.h"

struct copy {
    struct zone_record_set set; /* first: what the caller frees */
    struct zone_routing routing;
    struct zone_rdata rdatas[]; /* then octets */
};

static size_t optional_name_len(const uint8_t *name)
{
    return name ? dns_name_len(name) : 0;
}

static size_t octets_of(const struct zone_record_set *set)
{
    size_t len = dns_name_len(set->name) + set->set_identifier_len;

    for (unsigned i = 0; i < set->rdata_count; i++)
        len += set->rdatas[i].len;
    if (set->routing)
        len += optional_name_len(set->routing->alias_target) +
               optional_name_len(set->routing->fallback);
    return len;
}

static const void *append(uint8_t **at, const void *octets, size_t len)
{
    const uint8_t *start = *at;

    if (!octets)
        return NULL;
    memcpy(*at, octets, len);
    *at += len;
    return start;
}

struct zone_record_set *set_copy_new(const struct zone_record_set *set)
{
    struct copy *copy =
        malloc(sizeof(*copy) + set->rdata_count * sizeof(copy->rdatas[0]) + octets_of(set));

    if (!copy)
        return NULL;
    uint8_t *at = (uint8_t *)(copy->rdatas + set->rdata_count);
    copy->set = *set;
    copy->set.name = append(&at, set->name, dns_name_len(set->name));
    copy->set.set_identifier = append(&at, set->set_identifier, set->set_identifier_len);
    copy->set.rdatas = copy->rdatas;
    for (unsigned i = 0; i < set->rdata_count; i++) {
        const struct zone_rdata *from = &set->rdatas[i];
        copy->rdatas[i] = (struct zone_rdata){append(&at, from->data, from->len), from->len};
    }
    if (set->routing) {
        copy->routing = *set->routing;
        copy->routing.alias_target =
            append(&at, set->routing->alias_target, optional_name_len(set->routing->alias_target));
        copy->routing.fallback =
            append(&at, set->routing->fallback, optional_name_len(set->routing->fallback));
        copy->set.routing = &copy->routing;
    }
    return &copy->set;
}

int set_copy_compare_keys(const struct zone_record_set *a, const struct zone_record_set *b)
{
    size_t a_len = a->set_identifier_len, b_len = b->set_identifier_len;
    size_t least = a_len < b_len ? a_len : b_len;
    int order = dns_name_compare(a->name, b->name);

    if (order == 0)
        order = (a->type > b->type) - (a->type < b->type);
    if (order == 0 && least > 0)
        order = memcmp(a->set_identifier, b->set_identifier, least);
    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static bool has_record(const struct zone_record_set *set, const struct zone_rdata *rdata)
{
    for (unsigned i = 0; i < set->rdata_count; i++) {
        const struct zone_rdata *own = &set->rdatas[i];
        if (own->len == rdata->len && memcmp(own->data, rdata->data, rdata->len) == 0)
            return true;
    }
    return false;
}

static bool are_same_names(const uint8_t *a, const uint8_t *b)
{
    return a == b || (a && b && dns_name_is_equal(a, b));
}

static bool is_same_place(const struct zone_routing *a, const struct zone_routing *b)
{
    return strcmp(a->region, b->region) == 0 && strcmp(a->continent, b->continent) == 0 &&
           strcmp(a->country, b->country) == 0 && strcmp(a->subdivision, b->subdivision) == 0 &&
           a->has_coordinates == b->has_coordinates && a->latitude_cdeg == b->latitude_cdeg &&
           a->longitude_cdeg == b->longitude_cdeg && a->bias == b->bias &&
           strcmp(a->cidr_collection_id, b->cidr_collection_id) == 0 &&
           strcmp(a->cidr_location, b->cidr_location) == 0;
}

static bool is_same_routing(const struct zone_routing *a, const struct zone_routing *b)
{
    if (!a || !b)
        return a == b;
    return a->kind == b->kind && a->weight == b->weight && a->is_secondary == b->is_secondary &&
           is_same_place(a, b) && strcmp(a->health_check_id, b->health_check_id) == 0 &&
           a->is_alias == b->is_alias && are_same_names(a->alias_target, b->alias_target) &&
           a->evaluate_target_health == b->evaluate_target_health && a->is_sticky == b->is_sticky &&
           a->answers_max == b->answers_max && a->all_down == b->all_down &&
           are_same_names(a->fallback, b->fallback);
}

bool set_copy_is_equal(const struct zone_record_set *a, const struct zone_record_set *b)
{
    if (a->ttl_s != b->ttl_s || a->rdata_count != b->rdata_count ||
        !is_same_routing(a->routing, b->routing))
        return false;
    for (unsigned i = 0; i < a->rdata_count; i++) {
        if (!has_record(b, &a->rdatas[i]))
            return false;
    }
    return true;
}
