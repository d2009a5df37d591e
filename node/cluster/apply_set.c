/* node/cluster/apply_set.c: record sets and texts of commands, checked. */
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_internal.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/command.pb-c.h"

int apply__check_id(struct apply *apply, const char *what, const char *text, char first)
{
    size_t len = strlen(text);
    bool is_good = len == 21 && text[0] == first;

    for (size_t i = 1; i < len && is_good; i++)
        is_good = (text[i] >= 'A' && text[i] <= 'Z') || (text[i] >= '0' && text[i] <= '9');
    if (is_good)
        return 0;
    return apply__refuse(apply, ERR_INVALID, "%s is not %c and 20 of A-Z, 0-9", what, first);
}

int apply__check_text(struct apply *apply, const char *what, const char *text, size_t size)
{
    if (strlen(text) < size)
        return 0;
    return apply__refuse(apply, ERR_LIMIT, "%s is longer than %zu octets", what, size - 1);
}

int apply__read_zone(struct apply *apply, const char *zone_id, struct state_zone *out)
{
    if (apply->has_zone && strcmp(apply->zone.id, zone_id) == 0) {
        *out = apply->zone;
        return 0;
    }
    int rc = apply__check_id(apply, "zone id", zone_id, 'Z');
    if (rc == 0)
        rc = state_get_zone(apply__kv(apply), zone_id, out);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND, "there is no zone %s", zone_id);
    return rc;
}

void apply__write_zone(struct apply *apply, const struct state_zone *zone)
{
    state_put_zone(apply->overlay, zone);
    apply->zone = *zone;
    apply->has_zone = true;
}

/* Copy the records into the stored form, and views of them beside it. */
static int take_rdata(struct apply *apply, const Cmd__RecordSet *from, struct apply__set *out)
{
    size_t len = 0, count = from->n_rdata;

    for (size_t i = 0; i < count; i++) {
        if (from->rdata[i].len > UINT16_MAX)
            return apply__refuse(apply, ERR_LIMIT, "a record is longer than 65535 octets");
        len += 2 + from->rdata[i].len;
    }
    if (len > STATE_SET_RDATA_MAX)
        return apply__refuse(apply, ERR_LIMIT, "a record set is longer than %u octets",
                             STATE_SET_RDATA_MAX);
    uint8_t *packed = arena_alloc(apply->scratch, len + 1);
    struct zone_rdata *views = arena_alloc(apply->scratch, count * sizeof(*views) + 1);
    if (!packed || !views)
        return ERR_NOMEM;
    out->state.rdata = packed;
    for (size_t i = 0; i < count; i++) {
        uint16_t rdata_len = (uint16_t)from->rdata[i].len;
        *packed++ = (uint8_t)(rdata_len >> 8);
        *packed++ = (uint8_t)rdata_len;
        if (rdata_len > 0)
            memcpy(packed, from->rdata[i].data, rdata_len);
        views[i] = (struct zone_rdata){packed, rdata_len};
        packed += rdata_len;
    }
    out->state.rdata_len = len;
    out->state.rdata_count = (uint16_t)count;
    out->zone.rdatas = views;
    out->zone.rdata_count = (uint16_t)count;
    return 0;
}

/* The texts of the values, in the stored form: none, or one for each record. */
static int take_texts(struct apply *apply, const Cmd__RecordSet *from, struct apply__set *out)
{
    size_t len = 0;

    if (from->n_value_texts == 0)
        return 0;
    if (from->n_value_texts != from->n_rdata)
        return apply__refuse(apply, ERR_INVALID, "a record set has a text for each record");
    for (size_t i = 0; i < from->n_value_texts; i++)
        len += 2 + strlen(from->value_texts[i]);
    if (len > STATE_SET_TEXTS_MAX)
        return 0; /* written out from the records, then */
    uint8_t *packed = arena_alloc(apply->scratch, len);
    if (!packed)
        return ERR_NOMEM;
    out->state.texts = packed;
    out->state.texts_len = len;
    for (size_t i = 0; i < from->n_value_texts; i++) {
        size_t text_len = strlen(from->value_texts[i]);
        *packed++ = (uint8_t)(text_len >> 8);
        *packed++ = (uint8_t)text_len;
        memcpy(packed, from->value_texts[i], text_len);
        packed += text_len;
    }
    return 0;
}

/* Length of the UTF-8 character at @text (RFC 3629 4); 0: malformed. */
static size_t character_len(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;
    size_t len = at[0] < 0x80 ? 1 : at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : 4;

    if (at[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) { /* stops at the NUL, too */
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
        (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
        return 0;
    return len;
}

/* A set identifier is text that fits a line. */
static int take_identifier(struct apply *apply, const char *text, struct apply__set *out)
{
    size_t len = strlen(text);

    if (len > STATE_SET_IDENTIFIER_MAX)
        return apply__refuse(apply, ERR_LIMIT, "the set identifier is longer than %u octets",
                             STATE_SET_IDENTIFIER_MAX);
    for (size_t i = 0, step; i < len; i += step) {
        step = character_len(text + i);
        if (step == 0 || (unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return apply__refuse(apply, ERR_INVALID,
                                 "the set identifier has a control character, or is no UTF-8");
    }
    out->state.set_identifier_len = len;
    out->zone.set_identifier_len = (uint8_t)len;
    if (len > 0)
        out->state.set_identifier = out->zone.set_identifier = text;
    return 0;
}

int apply__copy_set(struct apply *apply, const struct Cmd__RecordSet *from, struct apply__set *out)
{
    if (!from || from->name.len == 0 ||
        dns_name_check(from->name.data, from->name.len) != (int)from->name.len)
        return apply__refuse(apply, ERR_INVALID, "a record set has no well-formed name");
    if (from->type > UINT16_MAX)
        return apply__refuse(apply, ERR_INVALID, "%u is not a record type", from->type);
    uint8_t *name = arena_alloc(apply->scratch, from->name.len);
    if (!name)
        return ERR_NOMEM;
    dns_name_lower(from->name.data, name);
    memset(out, 0, sizeof(*out));
    int rc = take_rdata(apply, from, out);
    if (rc == 0)
        rc = take_texts(apply, from, out);
    if (rc != 0)
        return rc;
    out->state.name = out->zone.name = name;
    out->state.type = out->zone.type = (uint16_t)from->type;
    out->state.ttl_s = out->zone.ttl_s = from->ttl_s;
    rc = take_identifier(apply, from->set_identifier, out);
    return rc == 0 && from->routing ? apply__take_routing(apply, from->routing, out) : rc;
}

/* Two rules for which Route 53 has words; zone_rules_check_set() has them too. */
static int check_place(struct apply *apply, const struct state_zone *zone,
                       const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE], apex[DNS_NAME_TEXT_SIZE];
    bool is_within = dns_name_is_within(set->name, zone->name);

    if (is_within && (set->type != DNS_TYPE_CNAME || !dns_name_is_equal(set->name, zone->name)))
        return 0;
    dns_name_format_octal(set->name, name);
    dns_name_format_octal(zone->name, apex);
    return apply__refuse(apply, ERR_INVALID,
                         is_within ? "RRSet of type CNAME with DNS name %s is not permitted at "
                                     "apex in zone %s"
                                   : "RRSet with DNS name %s is not permitted in zone %s",
                         name, apex);
}

int apply__check_set(struct apply *apply, const struct state_zone *zone,
                     const struct apply__set *set)
{
    struct zone_problem problem;
    int rc = check_place(apply, zone, &set->zone);

    if (rc != 0)
        return rc;
    rc = zone_rules_check_set(zone->name, &set->zone, &problem);
    return rc != 0 ? apply__refuse(apply, rc, "%s", problem.text) : 0;
}

int apply__take_set(struct apply *apply, const struct state_zone *zone,
                    const struct Cmd__RecordSet *from, struct apply__set *out)
{
    int rc = apply__copy_set(apply, from, out);

    return rc == 0 ? apply__check_set(apply, zone, out) : rc;
}

struct reading {
    struct apply *apply;
    struct state_record_set *out;
};

static int on_set(void *user, const struct state_record_set *set)
{
    struct reading *reading = user;
    struct state_record_set *out = arena_alloc(reading->apply->scratch, sizeof(*out));
    uint8_t *rdata = arena_copy(reading->apply->scratch, set->rdata, set->rdata_len);
    uint8_t *routing = arena_copy(reading->apply->scratch, set->routing, set->routing_len);
    uint8_t *texts = arena_copy(reading->apply->scratch, set->texts, set->texts_len);

    char *instance_id = arena_copy(reading->apply->scratch, set->instance_id,
                                   set->instance_id ? STATE_SET_INSTANCE_LEN : 0);

    if (!out || !rdata || !routing || !texts || !instance_id)
        return ERR_NOMEM;
    *out = *set;
    out->texts = set->texts ? texts : NULL;
    out->rdata = rdata;
    out->routing = set->routing ? routing : NULL;
    out->instance_id = set->instance_id ? instance_id : NULL;
    reading->out = out;
    return 0;
}

int apply__read_set(struct apply *apply, uint64_t content, const struct state_record_set *which,
                    const struct state_record_set **out)
{
    struct reading reading = {apply, NULL};
    int rc = state_get_record_set(apply__kv(apply), content, which, on_set, &reading);

    *out = reading.out;
    return rc == ERR_NOT_FOUND ? 0 : rc;
}

/* Does the rule of zone_rules_check_name() care which types stand beside one of this type? If not,
 * a CNAME is all that matters, which one read tells where a scan would cost ten. */
static bool is_ordinary(uint16_t type)
{
    switch (type) {
    case DNS_TYPE_CNAME:
    case DNS_TYPE_DNAME:
    case DNS_TYPE_NS:
    case DNS_TYPE_SOA:
    case DNS_TYPE_DS:
    case DNS_TYPE_RRSIG:
    case DNS_TYPE_NSEC: return false;
    default: return true;
    }
}

bool apply__types_matter(const struct state_record_set *before,
                         const struct state_record_set *after)
{
    if (before && after)
        return false; /* the same types as before */
    return after || !is_ordinary(before->type);
}

struct collecting {
    const uint8_t *name;
    struct apply__types *types;
};

/* Names of types in messages; all that Route 53 has. */
static const struct {
    uint16_t type;
    const char *text;
} type_names[] = {
    {DNS_TYPE_A, "A"},         {DNS_TYPE_AAAA, "AAAA"},   {DNS_TYPE_CAA, "CAA"},
    {DNS_TYPE_CNAME, "CNAME"}, {DNS_TYPE_DS, "DS"},       {DNS_TYPE_HTTPS, "HTTPS"},
    {DNS_TYPE_MX, "MX"},       {DNS_TYPE_NAPTR, "NAPTR"}, {DNS_TYPE_NS, "NS"},
    {DNS_TYPE_PTR, "PTR"},     {DNS_TYPE_SOA, "SOA"},     {DNS_TYPE_SPF, "SPF"},
    {DNS_TYPE_SRV, "SRV"},     {DNS_TYPE_SSHFP, "SSHFP"}, {DNS_TYPE_SVCB, "SVCB"},
    {DNS_TYPE_TLSA, "TLSA"},   {DNS_TYPE_TXT, "TXT"},
};

void apply__type_text(uint16_t type, char out[APPLY__TYPE_TEXT_SIZE])
{
    snprintf(out, APPLY__TYPE_TEXT_SIZE, "TYPE%u", type);
    for (size_t i = 0; i < sizeof(type_names) / sizeof(type_names[0]); i++) {
        if (type_names[i].type == type)
            snprintf(out, APPLY__TYPE_TEXT_SIZE, "%s", type_names[i].text);
    }
}

void apply__set_text(const struct state_record_set *set, char out[APPLY__SET_TEXT_SIZE])
{
    char name[DNS_NAME_TEXT_SIZE], type[APPLY__TYPE_TEXT_SIZE];
    int identifier_len = (int)set->set_identifier_len;

    dns_name_format_octal(set->name, name);
    apply__type_text(set->type, type);
    if (identifier_len == 0)
        snprintf(out, APPLY__SET_TEXT_SIZE, "[name='%s', type='%s']", name, type);
    else
        snprintf(out, APPLY__SET_TEXT_SIZE, "[name='%s', type='%s', set-identifier='%.*s']", name,
                 type, identifier_len, set->set_identifier);
}

static int on_type(void *user, const struct state_record_set *set)
{
    struct collecting *collecting = user;

    if (!dns_name_is_equal(set->name, collecting->name))
        return 1;
    if (collecting->types->count > 0 &&
        collecting->types->types[collecting->types->count - 1] == set->type)
        return 0; /* another set of the same group */
    if (collecting->types->count == APPLY__TYPES_MAX)
        return ERR_LIMIT;
    collecting->types->types[collecting->types->count++] = set->type;
    return 0;
}

static int note_set(void *user, const struct state_record_set *set)
{
    (void)set;
    *(bool *)user = true;
    return 1;
}

static int has_cname(struct apply *apply, uint64_t content, const uint8_t *name, bool *out)
{
    struct state_record_set cname = {.name = name, .type = DNS_TYPE_CNAME};
    const struct state_record_set *stored;

    *out = false;
    if (apply->may_have_routed) /* it may be a group */
        return state_list_group(apply__kv(apply), content, name, cname.type, note_set, out);
    int rc = apply__read_set(apply, content, &cname, &stored);
    *out = rc == 0 && stored;
    return rc;
}

int apply__read_types(struct apply *apply, uint64_t content, const struct state_record_set *added,
                      const uint8_t *name, struct apply__types *out)
{
    struct collecting collecting = {name, out};
    struct state_set_start start = {.name = name};
    bool is_beside_cname;

    out->count = 0;
    if (added && is_ordinary(added->type)) {
        int rc = has_cname(apply, content, name, &is_beside_cname);
        out->types[out->count++] = added->type;
        if (rc == 0 && is_beside_cname)
            out->types[out->count++] = DNS_TYPE_CNAME;
        return rc;
    }
    int rc = state_list_record_sets(apply__kv(apply), content, &start, on_type, &collecting);
    if (rc == ERR_LIMIT)
        return apply__refuse(apply, ERR_LIMIT, "more than %u types at one name", APPLY__TYPES_MAX);
    return rc;
}

static void assume_type(struct apply__types *types, uint16_t type)
{
    if (!apply__has_type(types, type) && types->count < APPLY__TYPES_MAX)
        types->types[types->count++] = type;
}

void apply__assume_apex(struct apply__types *types)
{
    assume_type(types, DNS_TYPE_SOA);
    assume_type(types, DNS_TYPE_NS);
}

void apply__assume_delegation(struct apply__types *types)
{
    if (apply__has_type(types, DNS_TYPE_DS) && !apply__has_type(types, DNS_TYPE_DNAME))
        assume_type(types, DNS_TYPE_NS);
}

bool apply__has_type(const struct apply__types *types, uint16_t type)
{
    for (size_t i = 0; i < types->count; i++) {
        if (types->types[i] == type)
            return true;
    }
    return false;
}
