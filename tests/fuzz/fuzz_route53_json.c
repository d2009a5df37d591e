/* links: route53 */
/* Any octets as a file of record sets in Route 53's JSON: read or refused with a reason. What was
 * read is written, and read again to the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "dns/name.h"
#include "route53/route53.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_name_equal(const uint8_t *a, const uint8_t *b)
{
    return a && b ? dns_name_is_equal(a, b) : a == b;
}

static void check_routing(const struct zone_routing *a, const struct zone_routing *b)
{
    ASSERT(a->kind == b->kind && a->weight == b->weight && a->bias == b->bias);
    ASSERT(strcmp(a->region, b->region) == 0 && strcmp(a->continent, b->continent) == 0);
    ASSERT(strcmp(a->country, b->country) == 0 && strcmp(a->subdivision, b->subdivision) == 0);
    ASSERT(strcmp(a->cidr_collection_id, b->cidr_collection_id) == 0);
    ASSERT(strcmp(a->cidr_location, b->cidr_location) == 0);
    ASSERT(strcmp(a->health_check_id, b->health_check_id) == 0);
    ASSERT(strcmp(a->hosted_zone_id, b->hosted_zone_id) == 0);
    ASSERT(a->has_coordinates == b->has_coordinates && a->latitude_cdeg == b->latitude_cdeg);
    ASSERT(a->longitude_cdeg == b->longitude_cdeg && a->is_secondary == b->is_secondary);
    ASSERT(a->is_alias == b->is_alias && a->evaluate_target_health == b->evaluate_target_health);
    ASSERT(a->is_sticky == b->is_sticky && a->answers_max == b->answers_max);
    ASSERT(a->all_down == b->all_down && is_name_equal(a->fallback, b->fallback));
    ASSERT(is_name_equal(a->alias_target, b->alias_target));
}

static void check_set(const struct zone_record_set *a, const struct zone_record_set *b)
{
    ASSERT(dns_name_is_equal(a->name, b->name) && a->type == b->type && a->ttl_s == b->ttl_s);
    ASSERT(a->rdata_count == b->rdata_count && a->set_identifier_len == b->set_identifier_len);
    ASSERT(a->set_identifier_len == 0 ||
           memcmp(a->set_identifier, b->set_identifier, a->set_identifier_len) == 0);
    for (unsigned i = 0; i < a->rdata_count; i++) {
        ASSERT(a->rdatas[i].len == b->rdatas[i].len);
        ASSERT(memcmp(a->rdatas[i].data, b->rdatas[i].data, a->rdatas[i].len) == 0);
    }
    ASSERT((a->routing == NULL) == (b->routing == NULL));
    if (a->routing)
        check_routing(a->routing, b->routing);
}

/* A place of "" is no policy, and is not written; what says nothing comes back as nothing. */
static bool is_whole(const struct zone_record_set *set)
{
    const struct zone_routing *routing = set->routing;

    return !routing || routing->kind == POLICY_SIMPLE || set->set_identifier_len > 0;
}

static void check_again(const struct zone_record_set *set)
{
    char error[ROUTE53_ERROR_SIZE];
    struct route53_file *again;
    json_t *written = route53_write_set(set);
    json_t *list = written ? json_pack("{s:[o]}", "ResourceRecordSets", written) : NULL;
    char *text = list ? json_dumps(list, 0) : NULL;
    size_t count;

    ASSERT(text);
    ASSERT(route53_read(text, strlen(text), &again, error) == 0);
    const struct route53_change *changes = route53_changes(again, &count);
    ASSERT(count == 1);
    check_set(set, &changes[0].set);
    route53_free(again);
    free(text);
    json_decref(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char error[ROUTE53_ERROR_SIZE] = "";
    struct route53_file *file;
    size_t count;

    if (route53_read((const char *)data, len, &file, error) != 0) {
        ASSERT(error[0] == '$' && strlen(error) < sizeof(error));
        return 0;
    }
    const struct route53_change *changes = route53_changes(file, &count);
    for (size_t i = 0; i < count; i++) {
        if (is_whole(&changes[i].set))
            check_again(&changes[i].set);
    }
    route53_free(file);
    return 0;
}
