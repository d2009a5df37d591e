/* zone/rules_routing.c: which routing record sets may have. Run by apply on every node: see
 * routing.h. */
#include "zone/routing.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/location.h"
#include "zone/group_build.h"
#include "zone/record_set.h"
#include "zone/rules_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL_SIZE (4 * ZONE_SET_IDENTIFIER_MAX + 8)
#define SET_OVERHEAD_OCTETS 64u
#define RECORD_OVERHEAD_OCTETS 12u
#define BIAS_MAX 99
#define LATITUDE_MAX_CDEG 9000
#define LONGITUDE_MAX_CDEG 18000

static const char *const KIND_NAMES[POLICY_KIND_COUNT] = {
    [POLICY_SIMPLE] = "simple",
    [POLICY_WEIGHTED] = "weighted",
    [POLICY_LATENCY] = "latency",
    [POLICY_GEOLOCATION] = "geolocation",
    [POLICY_GEOPROXIMITY] = "geoproximity",
    [POLICY_FAILOVER] = "failover",
    [POLICY_MULTIVALUE] = "multivalue",
    [POLICY_IP_BASED] = "IP-based",
};

static enum policy_kind kind_of(const struct zone_record_set *set)
{
    return set->routing ? set->routing->kind : POLICY_SIMPLE;
}

/* "set 'a'", or "the simple set". Octets that a terminal may take amiss are "\ddd". */
static const char *label_of(const struct zone_record_set *set, char out[LABEL_SIZE])
{
    int len = snprintf(out, LABEL_SIZE, "set '");

    if (set->set_identifier_len == 0)
        return "the simple set";
    for (unsigned i = 0; i < set->set_identifier_len && i < ZONE_SET_IDENTIFIER_MAX; i++) {
        const uint8_t octet = (uint8_t)set->set_identifier[i];
        const bool is_plain = octet >= 0x20 && octet < 0x7f;
        len += snprintf(out + len, LABEL_SIZE - (size_t)len, is_plain ? "%c" : "\\%03u", octet);
    }
    snprintf(out + len, LABEL_SIZE - (size_t)len, "'");
    return out;
}

/* ---- one set by itself ---- */

/* Fill @problem with "NAME TYPE: set 'a': rule". */
static int __attribute__((format(printf, 3, 4)))
refuse(struct zone_problem *problem, const struct zone_record_set *set, const char *format, ...)
{
    char label[LABEL_SIZE];
    char rule[256];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(rule, sizeof(rule), format, arguments);
    va_end(arguments);
    if (set->set_identifier_len == 0)
        return zone__refuse(problem, ERR_INVALID, set->name, set->type, "%s", rule);
    return zone__refuse(problem, ERR_INVALID, set->name, set->type, "%s: %s", label_of(set, label),
                        rule);
}

/* Up to @size octets from outside, which people will read: ended, and without anything odd. */
static bool is_word(const char *text, size_t size)
{
    size_t len = 0;

    while (len < size && text[len] > ' ' && text[len] <= '~')
        len++;
    return len < size && text[len] == '\0';
}

static bool are_texts_words(const struct zone_routing *routing)
{
#define IS_WORD(text) is_word((text), sizeof(text))
    return IS_WORD(routing->region) && IS_WORD(routing->continent) && IS_WORD(routing->country) &&
           IS_WORD(routing->subdivision) && IS_WORD(routing->cidr_collection_id) &&
           IS_WORD(routing->cidr_location) && IS_WORD(routing->health_check_id) &&
           IS_WORD(routing->hosted_zone_id);
#undef IS_WORD
}

static int check_identifier(const struct zone_record_set *set, struct zone_problem *problem)
{
    const enum policy_kind kind = kind_of(set);

    if (kind == POLICY_SIMPLE && set->set_identifier_len > 0)
        return refuse(problem, set, "a set with an identifier needs a routing policy");
    if (kind != POLICY_SIMPLE && set->set_identifier_len == 0)
        return refuse(problem, set, "a %s set needs a set identifier", KIND_NAMES[kind]);
    if (set->set_identifier_len > ZONE_SET_IDENTIFIER_MAX)
        return refuse(problem, set, "the set identifier is longer than %u octets",
                      ZONE_SET_IDENTIFIER_MAX);
    for (unsigned i = 0; i < set->set_identifier_len; i++) {
        const uint8_t octet = (uint8_t)set->set_identifier[i];
        if (octet < 0x20 || octet == 0x7f)
            return refuse(problem, set, "the set identifier has a control character");
    }
    return 0;
}

/* Fields that belong to policies, as bits, in the order of their names. */
enum {
    FIELD_WEIGHT = 1,
    FIELD_STICKY = 2,
    FIELD_REGION = 4,
    FIELD_LOCATION = 8,
    FIELD_COORDINATES = 16,
    FIELD_BIAS = 32,
    FIELD_SECONDARY = 64,
    FIELD_CIDR = 128,
};
static const char *const FIELD_NAMES[] = {"a weight",    "sticky choice",  "a region",
                                          "a location",  "coordinates",    "a bias",
                                          "a secondary", "a CIDR location"};
static const uint8_t FIELDS_OF_KIND[POLICY_KIND_COUNT] = {
    [POLICY_WEIGHTED] = FIELD_WEIGHT | FIELD_STICKY,
    [POLICY_LATENCY] = FIELD_REGION,
    [POLICY_GEOLOCATION] = FIELD_LOCATION,
    [POLICY_GEOPROXIMITY] = FIELD_REGION | FIELD_COORDINATES | FIELD_BIAS,
    [POLICY_FAILOVER] = FIELD_SECONDARY,
    [POLICY_IP_BASED] = FIELD_CIDR,
};

/* Those that say something. */
static unsigned fields_of(const struct zone_routing *routing)
{
    unsigned fields = 0;

    if (routing->weight != 0)
        fields |= FIELD_WEIGHT;
    if (routing->is_sticky)
        fields |= FIELD_STICKY;
    if (routing->region[0] != '\0')
        fields |= FIELD_REGION;
    if (routing->continent[0] != '\0' || routing->country[0] != '\0' ||
        routing->subdivision[0] != '\0')
        fields |= FIELD_LOCATION;
    if (routing->has_coordinates || routing->latitude_cdeg != 0 || routing->longitude_cdeg != 0)
        fields |= FIELD_COORDINATES;
    if (routing->bias != 0)
        fields |= FIELD_BIAS;
    if (routing->is_secondary)
        fields |= FIELD_SECONDARY;
    if (routing->cidr_collection_id[0] != '\0' || routing->cidr_location[0] != '\0')
        fields |= FIELD_CIDR;
    return fields;
}

static int check_fields(const struct zone_record_set *set, struct zone_problem *problem)
{
    const unsigned foreign = fields_of(set->routing) & ~(unsigned)FIELDS_OF_KIND[kind_of(set)];

    for (unsigned i = 0; i < sizeof(FIELD_NAMES) / sizeof(FIELD_NAMES[0]); i++)
        if (foreign & 1u << i)
            return refuse(problem, set, "a %s set has no use for %s", KIND_NAMES[kind_of(set)],
                          FIELD_NAMES[i]);
    return 0;
}

static bool is_capitals_or_digits(const char *text)
{
    for (; *text != '\0'; text++)
        if (!(*text >= 'A' && *text <= 'Z') && !(*text >= '0' && *text <= '9'))
            return false;
    return true;
}

/* A continent; or "*"; or a country and maybe a subdivision of it. */
static int check_location(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;
    const bool is_default = strcmp(routing->country, "*") == 0;

    if (routing->continent[0] != '\0' &&
        (routing->country[0] != '\0' || routing->subdivision[0] != '\0'))
        return refuse(problem, set, "a location is a continent or a country, not both");
    if (routing->subdivision[0] != '\0' && (routing->country[0] == '\0' || is_default))
        return refuse(problem, set, "a subdivision needs the country that it is a part of");
    if (!is_capitals_or_digits(routing->continent) ||
        !is_capitals_or_digits(routing->subdivision) ||
        (!is_default && !is_capitals_or_digits(routing->country)))
        return refuse(problem, set, "codes of places are written in capital letters and digits");
    if (routing->continent[0] != '\0')
        return geo_continent_key(routing->continent) != GEO_KEY_NONE
                   ? 0
                   : refuse(problem, set, "there is no continent %s: use AF AN AS EU NA OC or SA",
                            routing->continent);
    if (is_default)
        return 0;
    if (geo_country_key(routing->country) == GEO_KEY_NONE)
        return refuse(problem, set,
                      "a geolocation set needs a continent, a country of two letters, or * for "
                      "everywhere else");
    if (routing->subdivision[0] != '\0' &&
        geo_subdivision_key(routing->country, routing->subdivision) == GEO_KEY_NONE)
        return refuse(problem, set, "a subdivision's code is of 1 to 3 letters or digits");
    return 0;
}

static int check_proximity(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;

    if (routing->has_coordinates == (routing->region[0] != '\0'))
        return refuse(problem, set,
                      "a geoproximity set is at a region or at coordinates: one of them");
    if (!routing->has_coordinates && (fields_of(routing) & FIELD_COORDINATES))
        return refuse(problem, set, "a geoproximity set at a region has no coordinates");
    if (abs(routing->latitude_cdeg) > LATITUDE_MAX_CDEG ||
        abs(routing->longitude_cdeg) > LONGITUDE_MAX_CDEG)
        return refuse(problem, set, "the latitude is -90 to 90 degrees, the longitude -180 to 180");
    if (abs(routing->bias) > BIAS_MAX)
        return refuse(problem, set, "the bias is -%d to %d", BIAS_MAX, BIAS_MAX);
    return 0;
}

static int check_failover(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;

    if (routing->is_secondary || routing->health_check_id[0] != '\0' ||
        (routing->is_alias && routing->evaluate_target_health))
        return 0;
    return refuse(problem, set,
                  routing->is_alias
                      ? "a primary that is an alias evaluates its target, or has a health check"
                      : "a primary needs a health check, or it never fails over");
}

static int check_cidr(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;
    const char *location = routing->cidr_location;
    const size_t len = strspn(location, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                        "0123456789_-");

    if (routing->cidr_collection_id[0] == '\0')
        return refuse(problem, set, "an IP-based set needs a CIDR collection");
    if (strcmp(location, "*") != 0 && (len == 0 || location[len] != '\0'))
        return refuse(problem, set,
                      "a CIDR location is named by letters, digits, _ and -, or is * for "
                      "everywhere else");
    return 0;
}

static int check_policy(const struct zone_record_set *set, struct zone_problem *problem)
{
    switch (kind_of(set)) {
    case POLICY_LATENCY:
        return set->routing->region[0] != '\0'
                   ? 0
                   : refuse(problem, set, "a latency set needs a region");
    case POLICY_GEOLOCATION: return check_location(set, problem);
    case POLICY_GEOPROXIMITY: return check_proximity(set, problem);
    case POLICY_FAILOVER: return check_failover(set, problem);
    case POLICY_IP_BASED: return check_cidr(set, problem);
    case POLICY_MULTIVALUE:
        if (set->type == DNS_TYPE_CNAME)
            return refuse(problem, set, "CNAME cannot be multivalue: a name has one CNAME");
        return set->routing->is_alias ? refuse(problem, set, "an alias cannot be multivalue") : 0;
    default: return 0;
    }
}

/* Names that a set leads to. */
static int check_leads_to(const struct zone_record_set *set, const uint8_t *name, const char *what,
                          struct zone_problem *problem)
{
    if (!zone__name_is_lower(name))
        return refuse(problem, set, "the %s is not in lower case", what);
    if (dns_name_is_root(name))
        return refuse(problem, set, "the %s is empty", what);
    if (dns_name_is_equal(name, set->name))
        return refuse(problem, set, "the %s is the set's own name", what);
    return 0;
}

static int check_alias(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;

    if (!routing->is_alias)
        return routing->alias_target || routing->evaluate_target_health ||
                       routing->hosted_zone_id[0] != '\0'
                   ? refuse(problem, set, "a set of records has no alias target")
                   : 0;
    if (!routing->alias_target)
        return refuse(problem, set, "an alias needs a target");
    if (set->rdata_count > 0)
        return refuse(problem, set, "an alias has no records of its own");
    if (set->ttl_s > 0)
        return refuse(problem, set, "an alias has no TTL: its target's counts");
    if (!is_capitals_or_digits(routing->hosted_zone_id))
        return refuse(problem, set, "a hosted zone's id is of capital letters and digits");
    return check_leads_to(set, routing->alias_target, "alias target", problem);
}

/* Only where all sets may be down is there something to say about it. */
static bool can_be_down(const struct zone_record_set *set)
{
    return kind_of(set) != POLICY_SIMPLE ||
           (set->routing->is_alias && set->routing->evaluate_target_health);
}

static int check_extensions(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_routing *routing = set->routing;

    if (routing->answers_max > POLICY_ANSWERS_MAX)
        return refuse(problem, set, "at most %u sets are answered with", POLICY_ANSWERS_MAX);
    if (routing->answers_max > 0 && kind_of(set) == POLICY_SIMPLE)
        return refuse(problem, set, "a simple set has no use for a number of answers");
    if (routing->answers_max > 1 && set->type == DNS_TYPE_CNAME)
        return refuse(problem, set, "an answer has one CNAME only");
    if ((unsigned)routing->all_down > POLICY_ALL_DOWN_FALLBACK)
        return refuse(problem, set, "what happens when all are down is not known");
    if (routing->all_down != POLICY_ALL_DOWN_OPEN && !can_be_down(set))
        return refuse(problem, set, "a simple set is always answered: it is never down");
    if ((routing->all_down == POLICY_ALL_DOWN_FALLBACK) != (routing->fallback != NULL))
        return refuse(problem, set, "a fallback has a name, and only a fallback has");
    return routing->fallback ? check_leads_to(set, routing->fallback, "fallback", problem) : 0;
}

int zone_rules_check_routing(const uint8_t *apex, const struct zone_record_set *set,
                             struct zone_problem *problem)
{
    (void)apex;
    if (!set->routing)
        return check_identifier(set, problem);
    if ((unsigned)kind_of(set) >= POLICY_KIND_COUNT)
        return refuse(problem, set, "the routing policy is not known");
    if (!are_texts_words(set->routing))
        return refuse(problem, set, "a text of the routing is too long or not printable");
    if (!zone__type_may_be_routed(set->type) &&
        (kind_of(set) != POLICY_SIMPLE || set->routing->is_alias ||
         set->routing->health_check_id[0] != '\0'))
        return refuse(problem, set, "this type has no routing, health check or alias");
    int err = check_identifier(set, problem);
    if (err == 0)
        err = check_fields(set, problem);
    if (err == 0)
        err = check_policy(set, problem);
    if (err == 0)
        err = check_alias(set, problem);
    if (err == 0)
        err = check_extensions(set, problem);
    return err;
}

/* ---- all sets of a name and type ---- */

/* Fill @problem with "NAME TYPE: set 'b' is such, but set 'a' is otherwise: rule". */
static int refuse_pair(struct zone_problem *problem, const struct zone_record_set *b,
                       const char *is_such, const struct zone_record_set *a,
                       const char *is_otherwise, const char *rule)
{
    char label_a[LABEL_SIZE], label_b[LABEL_SIZE];

    return zone__refuse(problem, ERR_INVALID, b->name, b->type, "%s %s, but %s %s: %s",
                        label_of(b, label_b), is_such, label_of(a, label_a), is_otherwise, rule);
}

static int check_same_policy(const struct zone_record_set *a, const struct zone_record_set *b,
                             struct zone_problem *problem)
{
    char is_a[32], is_b[32];

    snprintf(is_a, sizeof(is_a), "is %s", KIND_NAMES[kind_of(a)]);
    snprintf(is_b, sizeof(is_b), "is %s", KIND_NAMES[kind_of(b)]);
    if (kind_of(a) != kind_of(b))
        return refuse_pair(problem, b, is_b, a, is_a,
                           "all sets of a name and type have the same routing policy");
    if (kind_of(a) == POLICY_SIMPLE)
        return refuse_pair(problem, b, "is there", a, "is too",
                           "there is one simple set of a name and type");
    return 0;
}

static bool is_fallback_same(const struct zone_routing *a, const struct zone_routing *b)
{
    if (!a->fallback || !b->fallback)
        return a->fallback == b->fallback;
    return dns_name_is_equal(a->fallback, b->fallback);
}

/* What each set says of the whole group. */
static int check_same_whole(const struct zone_record_set *a, const struct zone_record_set *b,
                            struct zone_problem *problem)
{
    static const char *const ALL_DOWN[] = {"open", "closed", "last-good", "a fallback"};
    const struct zone_routing *left = a->routing, *right = b->routing;
    char is_a[64], is_b[64];

    if (strcmp(left->cidr_collection_id, right->cidr_collection_id) != 0) {
        snprintf(is_a, sizeof(is_a), "of %s", left->cidr_collection_id);
        snprintf(is_b, sizeof(is_b), "is of CIDR collection %s", right->cidr_collection_id);
        return refuse_pair(problem, b, is_b, a, is_a, "the sets of a group share one collection");
    }
    if (left->is_sticky != right->is_sticky)
        return refuse_pair(problem, b, right->is_sticky ? "is sticky" : "is not sticky", a,
                           left->is_sticky ? "is" : "is not", "a group is sticky as a whole");
    if (left->answers_max != right->answers_max) {
        snprintf(is_a, sizeof(is_a), "says %u", left->answers_max);
        snprintf(is_b, sizeof(is_b), "says %u answers", right->answers_max);
        return refuse_pair(problem, b, is_b, a, is_a, "a group has one number of answers");
    }
    if (left->all_down != right->all_down) {
        snprintf(is_a, sizeof(is_a), "says %s", ALL_DOWN[left->all_down]);
        snprintf(is_b, sizeof(is_b), "says %s when all are down", ALL_DOWN[right->all_down]);
        return refuse_pair(problem, b, is_b, a, is_a, "a group does one thing then");
    }
    if (!is_fallback_same(left, right))
        return refuse_pair(problem, b, "has a fallback", a, "has another",
                           "a group has one fallback");
    return 0;
}

/* Route 53 has one TTL for all records of a weighted group; aliases have none. */
static int check_same_ttl(const struct zone_record_set *a, const struct zone_record_set *b,
                          struct zone_problem *problem)
{
    char is_a[32], is_b[32];

    if (a->ttl_s == b->ttl_s)
        return 0;
    snprintf(is_a, sizeof(is_a), "has %u", a->ttl_s);
    snprintf(is_b, sizeof(is_b), "has TTL %u", b->ttl_s);
    return refuse_pair(problem, b, is_b, a, is_a, "the sets of a weighted group have one TTL");
}

static int check_alike(const struct zone_record_set *const *sets, size_t set_count,
                       struct zone_problem *problem)
{
    const struct zone_record_set *with_ttl = NULL; /* the first that is no alias */
    int err = 0;

    for (size_t i = 0; err == 0 && i < set_count; i++) {
        if (i > 0)
            err = check_same_policy(sets[0], sets[i], problem);
        if (err == 0 && i > 0)
            err = check_same_whole(sets[0], sets[i], problem);
        if (err != 0 || kind_of(sets[i]) != POLICY_WEIGHTED || sets[i]->routing->is_alias)
            continue;
        if (!with_ttl)
            with_ttl = sets[i];
        err = check_same_ttl(with_ttl, sets[i], problem);
    }
    return err;
}

static int identifier_order(const void *a, const void *b)
{
    const struct zone_record_set *left = *(const struct zone_record_set *const *)a;
    const struct zone_record_set *right = *(const struct zone_record_set *const *)b;

    if (left->set_identifier_len != right->set_identifier_len)
        return left->set_identifier_len - right->set_identifier_len;
    return left->set_identifier_len > 0
               ? memcmp(left->set_identifier, right->set_identifier, left->set_identifier_len)
               : 0;
}

/* By what the policy looks up: sets have no fields of other policies, so all may be compared. */
static int place_order(const struct zone_routing *a, const struct zone_routing *b)
{
    int order = strcmp(a->region, b->region);

    if (order == 0)
        order = strcmp(a->continent, b->continent);
    if (order == 0)
        order = strcmp(a->country, b->country);
    if (order == 0)
        order = strcmp(a->subdivision, b->subdivision);
    if (order == 0)
        order = strcmp(a->cidr_location, b->cidr_location);
    if (order == 0)
        order = a->is_secondary - b->is_secondary;
    if (order == 0)
        order = a->latitude_cdeg - b->latitude_cdeg;
    if (order == 0)
        order = a->longitude_cdeg - b->longitude_cdeg;
    return order;
}

/* Identifiers are distinct, so equal inputs are sorted equally by any qsort. */
static int routing_order(const void *a, const void *b)
{
    const struct zone_record_set *left = *(const struct zone_record_set *const *)a;
    const struct zone_record_set *right = *(const struct zone_record_set *const *)b;
    const int order = place_order(left->routing, right->routing);

    return order != 0 ? order : identifier_order(a, b);
}

/* What two sets of a group may not share, as one has it. */
static void place_format(const struct zone_routing *routing, char *out, size_t size)
{
    switch (routing->kind) {
    case POLICY_FAILOVER:
        snprintf(out, size, "is %s", routing->is_secondary ? "secondary" : "primary");
        return;
    case POLICY_IP_BASED:
        snprintf(out, size, "is for CIDR location %s", routing->cidr_location);
        return;
    case POLICY_GEOLOCATION:
        if (routing->subdivision[0] != '\0')
            snprintf(out, size, "is for location %s-%s", routing->country, routing->subdivision);
        else
            snprintf(out, size, "is for location %s%s", routing->continent, routing->country);
        return;
    default:
        if (routing->has_coordinates)
            snprintf(out, size, "is at %.2f,%.2f", routing->latitude_cdeg / 100.0,
                     routing->longitude_cdeg / 100.0);
        else
            snprintf(out, size, "is for region %s", routing->region);
        return;
    }
}

static int check_distinct(const struct zone_record_set **sorted, size_t set_count,
                          struct zone_problem *problem)
{
    char place[ZONE_REGION_SIZE + 32];

    qsort(sorted, set_count, sizeof(sorted[0]), identifier_order);
    for (size_t i = 1; i < set_count; i++)
        if (identifier_order(&sorted[i - 1], &sorted[i]) == 0)
            return refuse_pair(problem, sorted[i], "is there", sorted[i - 1], "is too",
                               "each set of a group has an identifier of its own");
    if (set_count < 2 || kind_of(sorted[0]) == POLICY_WEIGHTED ||
        kind_of(sorted[0]) == POLICY_MULTIVALUE)
        return 0;
    qsort(sorted, set_count, sizeof(sorted[0]), routing_order);
    for (size_t i = 1; i < set_count; i++) {
        if (place_order(sorted[i - 1]->routing, sorted[i]->routing) != 0)
            continue;
        place_format(sorted[i]->routing, place, sizeof(place));
        return refuse_pair(problem, sorted[i], place, sorted[i - 1], "is too",
                           "only one set of a group can be");
    }
    return 0;
}

static size_t octets_of(const struct zone_record_set *set)
{
    size_t octets = SET_OVERHEAD_OCTETS + set->set_identifier_len;

    if (set->routing && set->routing->is_alias)
        octets += dns_name_len(set->routing->alias_target);
    for (unsigned i = 0; i < set->rdata_count; i++)
        octets += RECORD_OVERHEAD_OCTETS + set->rdatas[i].len;
    return octets;
}

int zone_rules_check_group(const struct zone_record_set *const *sets, size_t set_count,
                           struct zone_problem *problem)
{
    const struct zone_record_set *sorted[POLICY_SETS_MAX];
    size_t octets = 0;

    if (set_count > POLICY_SETS_MAX)
        return zone__refuse(problem, ERR_LIMIT, sets[0]->name, sets[0]->type,
                            "a name has at most %u sets of one type", POLICY_SETS_MAX);
    for (size_t i = 0; i < set_count; i++) {
        sorted[i] = sets[i];
        octets += octets_of(sets[i]);
    }
    if (octets > ZONE_GROUP_OCTETS_MAX)
        return zone__refuse(problem, ERR_LIMIT, sets[0]->name, sets[0]->type,
                            "the sets of this type are more than %u octets together",
                            ZONE_GROUP_OCTETS_MAX);
    int err = check_alike(sets, set_count, problem);
    return err != 0 ? err : check_distinct(sorted, set_count, problem);
}
