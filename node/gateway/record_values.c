/* node/gateway/record_values.c: names and values of one set, to the octets of the wire. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "dns/name.h"
#include "gateway/record_internal.h"
#include "gateway/record_read.h"
#include "proto/command.pb-c.h"
#include "route53/value.h"
#include "zone/record_set.h"
#include "zone/record_text.h"

/* A name in lower case. */
static bool read_name(struct record__reading *reading, const char *from, ProtobufCBinaryData *out,
                      struct record__problems *problems)
{
    uint8_t name[DNS_NAME_MAX];
    char problem[ROUTE53_PROBLEM_SIZE];
    int len = route53_name_parse(from, name, problem);

    if (len < 0) {
        record__problem(problems, "FATAL problem: %s", problem);
        return true;
    }
    dns_name_lower_len(name, (unsigned)len, name);
    out->data = arena_copy(reading->arena, name, (size_t)len);
    out->len = (size_t)len;
    return out->data != NULL;
}

static int order_of(const void *a, const void *b, void *type)
{
    const ProtobufCBinaryData *x = *(const ProtobufCBinaryData *const *)a;
    const ProtobufCBinaryData *y = *(const ProtobufCBinaryData *const *)b;

    return zone_rdata_compare(*(const uint16_t *)type, x->data, x->len, y->data, y->len);
}

/* Sorting keeps a set of thousands quick to check. */
static bool check_distinct(struct record__reading *reading, const char *const *texts,
                           struct record__problems *problems)
{
    const Cmd__RecordSet *set = reading->set;
    const ProtobufCBinaryData **sorted =
        arena_alloc(reading->arena, set->n_rdata * sizeof(ProtobufCBinaryData *));
    uint16_t type = (uint16_t)set->type;

    if (!sorted)
        return false;
    for (size_t i = 0; i < set->n_rdata; i++)
        sorted[i] = &set->rdata[i];
    qsort_r(sorted, set->n_rdata, sizeof(ProtobufCBinaryData *), order_of, &type);
    for (size_t i = 1; i < set->n_rdata; i++) {
        if (order_of(&sorted[i - 1], &sorted[i], &type) == 0) {
            const ProtobufCBinaryData *later =
                sorted[i] > sorted[i - 1] ? sorted[i] : sorted[i - 1];
            record__problem(problems, "Duplicate Resource Record: '%s'", texts[later - set->rdata]);
        }
    }
    return true;
}

/* One value. */
static bool read_value(struct record__reading *reading, const char *from,
                       struct record__problems *problems)
{
    uint8_t octets[ZONE_RDATA_LEN_MAX];
    char problem[ROUTE53_PROBLEM_SIZE];
    Cmd__RecordSet *set = reading->set;
    size_t len;
    int rc = route53_value_parse((uint16_t)set->type, from, octets, &len, problem);

    if (rc == ERR_INVALID)
        record__problem(problems, "Invalid Resource Record: 'FATAL problem: %s'", problem);
    if (rc != 0)
        return rc == ERR_INVALID;
    uint8_t *data = arena_copy(reading->arena, octets, len);
    if (!data)
        return false;
    set->rdata[set->n_rdata++] = (ProtobufCBinaryData){len, data};
    return true;
}

/* Route 53 lists values as they were written; those that are written out from their octets alike
 * need not be kept. */
static bool keep_texts(struct record__reading *reading, const char *const *texts, char *written)
{
    Cmd__RecordSet *set = reading->set;
    bool is_needed = false;

    set->value_texts = arena_alloc(reading->arena, set->n_rdata * sizeof(char *));
    if (!set->value_texts)
        return false;
    for (size_t i = 0; i < set->n_rdata; i++) {
        const ProtobufCBinaryData *rdata = &set->rdata[i];
        bool is_alike = route53_value_format((uint16_t)set->type, rdata->data, (uint16_t)rdata->len,
                                             written) > 0 &&
                        strcmp(written, texts[i]) == 0;
        is_needed = is_needed || !is_alike;
        set->value_texts[i] = (char *)(uintptr_t)(is_alike ? "" : texts[i]);
    }
    set->n_value_texts = is_needed ? set->n_rdata : 0;
    return true;
}

static bool read_values(struct record__reading *reading, struct record__problems *problems)
{
    const struct xml_element *records = reading->parts.records;
    size_t count = records->child_count, used = 0;
    char written[ROUTE53_VALUE_TEXT_SIZE];
    const char **texts = arena_alloc(reading->arena, count * sizeof(*texts) + 1);

    reading->set->rdata = arena_alloc(reading->arena, count * sizeof(*reading->set->rdata) + 1);
    if (!texts || !reading->set->rdata)
        return false;
    for (const struct xml_element *at = records->child; at; at = at->next) {
        const char *value = xml_child_text(at, "Value");
        if (!value) /* was told as a breach */
            continue;
        if (!read_value(reading, value, problems))
            return false;
        if (reading->set->n_rdata > used)
            texts[used++] = value;
    }
    if (problems->count == 0 && reading->change->action != CMD__ACTION__ACTION_DELETE &&
        !keep_texts(reading, texts, written))
        return false;
    return used < 2 || check_distinct(reading, texts, problems);
}

bool record__read_values(struct record__reading *reading, struct record__problems *problems)
{
    const struct record__parts *parts = &reading->parts;

    if (!read_name(reading, parts->name, &reading->set->name, problems))
        return false;
    if (parts->alias)
        return read_name(reading, xml_child_text(parts->alias, "DNSName"),
                         &reading->routing->alias->target, problems);
    if (parts->records->child_count > RECORD_READ_VALUES_MAX &&
        reading->change->action != CMD__ACTION__ACTION_DELETE)
        record__problem(problems,
                        "Number of resource records in a resource record set limit of %u "
                        "exceeded.",
                        RECORD_READ_VALUES_MAX);
    return read_values(reading, problems);
}
