/* zone/rules.c: which record sets a zone may hold. Run by apply on every node: see record_set.h. */
#include "zone/record_set.h"

#include "base/assert.h"
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_text.h"
#include "zone/routing.h"
#include "zone/rules_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RENDERED_RECORD_LEN 12 /* owner pointer, type, class, TTL, data length */
#define RECORDS_MAX (ZONE_WIRE_LEN_MAX / RENDERED_RECORD_LEN)
#define NAME_TYPES_MAX                                                                             \
    256 /* more of one name, all above the types with rules, are not looked at                     \
         */

int zone__refuse(struct zone_problem *problem, int code, const uint8_t *name, uint16_t type,
                 const char *format, ...)
{
    char name_text[DNS_NAME_TEXT_SIZE];
    char type_text[ZONE_TYPE_TEXT_LEN_MAX] = "";
    const size_t size = sizeof(problem->text);
    va_list arguments;

    if (dns_name_format(name, name_text, sizeof(name_text)) < 0)
        name_text[0] = '\0';
    if (type != 0)
        zone_type_format(type, type_text);
    int len = snprintf(problem->text, size, "%s%s%s: ", name_text, type ? " " : "", type_text);
    ASSERT(len > 0 && (size_t)len < size);
    va_start(arguments, format);
    vsnprintf(problem->text + len, size - (size_t)len, format, arguments);
    va_end(arguments);
    return code;
}

static int refuse_set(struct zone_problem *problem, int code, const struct zone_record_set *set,
                      const char *rule)
{
    return zone__refuse(problem, code, set->name, set->type, "%s", rule);
}

bool zone__name_is_lower(const uint8_t *name)
{
    uint8_t lower[DNS_NAME_MAX];
    return memcmp(name, lower, dns_name_lower(name, lower)) == 0;
}

static int check_owner(const uint8_t *apex, const struct zone_record_set *set,
                       struct zone_problem *problem)
{
    if (!zone__name_is_lower(set->name))
        return refuse_set(problem, ERR_INVALID, set, "the name is not in lower case");
    if (!dns_name_is_within(set->name, apex))
        return refuse_set(problem, ERR_INVALID, set, "the name is not within the zone");
    return 0;
}

/* Where a type may stand, and whether it may be there once only. */
static int check_type(const uint8_t *apex, const struct zone_record_set *set,
                      struct zone_problem *problem)
{
    const bool is_apex = dns_name_is_equal(set->name, apex);
    const char *rule = NULL;

    if (!zone_type_is_storable(set->type))
        rule = "this type cannot be stored (RFC 6895 3.1)";
    else if (set->type == DNS_TYPE_SOA && !is_apex)
        rule = "SOA belongs at the top of the zone only";
    else if (set->type == DNS_TYPE_CNAME && is_apex)
        rule = "CNAME cannot be at the top of the zone, beside SOA and NS (RFC 1034 3.6.2)";
    else if (set->type == DNS_TYPE_DS && is_apex)
        rule = "DS belongs in the parent zone (RFC 4035 2.4)";
    else if (set->type == DNS_TYPE_NS && dns_name_is_wildcard(set->name))
        rule = "NS cannot be at a wildcard (RFC 4592 4.2)";
    else if (set->type == DNS_TYPE_SOA && set->rdata_count > 1)
        rule = "there is only one SOA record in a zone";
    else if (set->type == DNS_TYPE_CNAME && set->rdata_count > 1)
        rule = "only one CNAME record may be at a name (RFC 2181 10.1)";
    else if (set->type == DNS_TYPE_DNAME && set->rdata_count > 1)
        rule = "only one DNAME record may be at a name (RFC 6672 2.4)";
    return rule ? refuse_set(problem, ERR_INVALID, set, rule) : 0;
}

static int rdata_order(const void *a, const void *b, void *type)
{
    const struct zone_rdata *left = *(const struct zone_rdata *const *)a;
    const struct zone_rdata *right = *(const struct zone_rdata *const *)b;

    return zone_rdata_compare(*(const uint16_t *)type, left->data, left->len, right->data,
                              right->len);
}

/* Sorting keeps a set of thousands quick to check. */
static int check_distinct(const struct zone_record_set *set, struct zone_problem *problem)
{
    const struct zone_rdata *sorted[RECORDS_MAX];
    uint16_t type = set->type;

    ASSERT(set->rdata_count <= RECORDS_MAX);
    for (size_t i = 0; i < set->rdata_count; i++)
        sorted[i] = &set->rdatas[i];
    qsort_r(sorted, set->rdata_count, sizeof(sorted[0]), rdata_order, &type);
    for (size_t i = 1; i < set->rdata_count; i++)
        if (rdata_order(&sorted[i - 1], &sorted[i], &type) == 0)
            return refuse_set(problem, ERR_INVALID, set, "the same record is there twice");
    return 0;
}

static int check_rdatas(const struct zone_record_set *set, struct zone_problem *problem)
{
    size_t wire_len = 0;

    if (set->rdata_count == 0)
        return refuse_set(problem, ERR_INVALID, set, "a record set holds at least one record");
    for (size_t i = 0; i < set->rdata_count; i++) {
        const struct zone_rdata *rdata = &set->rdatas[i];
        if (!zone_rdata_is_valid(set->type, rdata->data, rdata->len))
            return zone__refuse(problem, ERR_INVALID, set->name, set->type,
                                "record %zu is not well-formed data of this type", i + 1);
        wire_len += RENDERED_RECORD_LEN + rdata->len;
        if (wire_len > ZONE_WIRE_LEN_MAX)
            return zone__refuse(problem, ERR_LIMIT, set->name, set->type,
                                "the records are more than %u octets together and would not fit a "
                                "message",
                                ZONE_WIRE_LEN_MAX);
    }
    return set->rdata_count == 1 ? 0 : check_distinct(set, problem);
}

int zone_rules_check_set(const uint8_t *apex, const struct zone_record_set *set,
                         struct zone_problem *problem)
{
    int err = check_owner(apex, set, problem);
    if (err == 0)
        err = check_type(apex, set, problem);
    if (err == 0 && set->ttl_s > ZONE_TTL_S_MAX)
        err = refuse_set(problem, ERR_INVALID, set, "the TTL is above 2147483647 (RFC 2181 8)");
    if (err == 0)
        err = zone_rules_check_routing(apex, set, problem);
    if (err == 0 && !(set->routing && set->routing->is_alias))
        err = check_rdatas(set, problem);
    return err;
}

static bool has_type(const uint16_t *types, size_t type_count, uint16_t type)
{
    for (size_t i = 0; i < type_count; i++)
        if (types[i] == type)
            return true;
    return false;
}

/* RFC 1034 3.6.2, and what RFC 4035 2.5 lets stand beside a CNAME. */
static bool is_alone_but_for_dnssec(const uint16_t *types, size_t type_count)
{
    for (size_t i = 0; i < type_count; i++)
        if (types[i] != DNS_TYPE_CNAME && types[i] != DNS_TYPE_RRSIG && types[i] != DNS_TYPE_NSEC)
            return false;
    return true;
}

int zone_rules_check_name(const uint8_t *apex, const uint8_t *name, const uint16_t *types,
                          size_t type_count, struct zone_problem *problem)
{
    const bool is_apex = dns_name_is_equal(name, apex);
    const bool has_ns = has_type(types, type_count, DNS_TYPE_NS);

    if (is_apex && !has_type(types, type_count, DNS_TYPE_SOA))
        return zone__refuse(problem, ERR_INVALID, name, DNS_TYPE_SOA,
                            "a zone needs its SOA record");
    if (is_apex && !has_ns)
        return zone__refuse(problem, ERR_INVALID, name, DNS_TYPE_NS,
                            "a zone needs NS records at its top");
    if (has_type(types, type_count, DNS_TYPE_CNAME) && !is_alone_but_for_dnssec(types, type_count))
        return zone__refuse(problem, ERR_INVALID, name, DNS_TYPE_CNAME,
                            "CNAME cannot stand beside other records (RFC 1034 3.6.2)");
    if (!is_apex && has_ns && has_type(types, type_count, DNS_TYPE_DNAME))
        return zone__refuse(problem, ERR_INVALID, name, DNS_TYPE_DNAME,
                            "DNAME cannot stand beside the NS of a delegation (RFC 6672 2.3)");
    if (!is_apex && !has_ns && has_type(types, type_count, DNS_TYPE_DS))
        return zone__refuse(problem, ERR_INVALID, name, DNS_TYPE_DS,
                            "DS needs the NS of a delegation beside it (RFC 4035 2.4)");
    return 0;
}

static int type_rank(uint16_t type)
{
    return type == DNS_TYPE_SOA ? -1 : (int)type;
}

int zone_record_set_compare(const struct zone_record_set *a, const struct zone_record_set *b)
{
    int order = dns_name_compare(a->name, b->name);
    return order != 0 ? order : type_rank(a->type) - type_rank(b->type);
}

/* ---- a zone as a whole ---- */

struct zone_check {
    const uint8_t *apex;
    const uint8_t *cover; /* name of the last DNAME or delegation, which hides what is below */
    uint16_t cover_type;
    zone_problem_cb cb;
    void *user;
    size_t error_count;
};

static void report(struct zone_check *check, const struct zone_record_set *set, bool is_warning,
                   const struct zone_problem *problem)
{
    check->error_count += !is_warning;
    check->cb(check->user, set, is_warning, problem);
}

/* Below a DNAME nothing is seen; below a delegation only addresses are (glue). */
static void warn_if_occluded(struct zone_check *check, const struct zone_record_set *set)
{
    struct zone_problem problem;

    if (!check->cover || dns_name_is_equal(set->name, check->cover) ||
        !dns_name_is_within(set->name, check->cover))
        return;
    if (check->cover_type == DNS_TYPE_DNAME)
        refuse_set(&problem, 0, set, "never seen: it is below a DNAME (RFC 6672 2.4)");
    else if (set->type != DNS_TYPE_A && set->type != DNS_TYPE_AAAA)
        refuse_set(&problem, 0, set, "never seen: it is below a delegation");
    else
        return;
    report(check, set, true, &problem);
}

static bool is_cover(const struct zone_check *check, const struct zone_record_set *set)
{
    if (set->type == DNS_TYPE_NS)
        return !dns_name_is_equal(set->name, check->apex);
    return set->type == DNS_TYPE_DNAME;
}

/* The sets of one name: each by itself, then all together. */
static void check_name_sets(struct zone_check *check, const struct zone_record_set *sets,
                            size_t count)
{
    struct zone_problem problem;
    uint16_t types[NAME_TYPES_MAX]; /* the lowest: sets are sorted */
    size_t type_count = 0;

    for (size_t i = 0; i < count; i++) {
        if (zone_rules_check_set(check->apex, &sets[i], &problem) != 0)
            report(check, &sets[i], false, &problem);
        warn_if_occluded(check, &sets[i]);
        if (type_count < NAME_TYPES_MAX)
            types[type_count++] = sets[i].type;
    }
    if (zone_rules_check_name(check->apex, sets[0].name, types, type_count, &problem) != 0)
        report(check, &sets[0], false, &problem);
    for (size_t i = 0; i < count; i++)
        if (is_cover(check, &sets[i]) &&
            !(check->cover && dns_name_is_within(sets[i].name, check->cover))) {
            check->cover = sets[i].name;
            check->cover_type = sets[i].type;
        }
}

size_t zone_rules_check_zone(const uint8_t *apex, const struct zone_record_set *sets,
                             size_t set_count, zone_problem_cb cb, void *user)
{
    struct zone_check check = {.apex = apex, .cb = cb, .user = user};
    struct zone_problem problem;

    if (set_count == 0 || !dns_name_is_equal(sets[0].name, apex)) {
        struct zone_record_set missing = {.name = apex, .type = DNS_TYPE_SOA};
        zone__refuse(&problem, 0, apex, DNS_TYPE_SOA, "a zone needs its SOA record");
        report(&check, &missing, false, &problem);
    }
    for (size_t first = 0, next; first < set_count; first = next) {
        for (next = first + 1; next < set_count; next++)
            if (!dns_name_is_equal(sets[first].name, sets[next].name))
                break;
        check_name_sets(&check, &sets[first], next - first);
    }
    return check.error_count;
}
