/* links: zone dns base */
/* Record sets of any octets against the rules. What the rules take as data of a type must print,
 * and read back from that text to the same octets: our grammars and libknot's agree. Data of any
 * octets have one order. Input: type, TTL (four octets), then pieces, each led by its length in two
 * octets. */
#include "base/assert.h"
#include "dns/name.h"
#include "zone/record_set.h"
#include "zone/record_text.h"

#include <stdlib.h>
#include <string.h>

#define RDATAS_MAX 8
#define TEXT_LEN_MAX 262400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_text(uint16_t type, const uint8_t *data, uint16_t len)
{
    static const uint8_t ROOT[] = {0};
    static char text[TEXT_LEN_MAX];
    static uint8_t again[ZONE_RDATA_LEN_MAX];
    struct zone_problem problem;
    size_t text_len, again_len;

    if (!zone_type_is_storable(type) || !zone_rdata_is_valid(type, data, len))
        return;
    ASSERT(zone_rdata_format(type, data, len, text, sizeof(text), &text_len) == 0);
    ASSERT(zone_rdata_parse(text, type, ROOT, again, &again_len, &problem) == 0);
    ASSERT(again_len == len && memcmp(again, data, len) == 0);
}

static int compare(uint16_t type, const struct zone_rdata *a, const struct zone_rdata *b)
{
    int order = zone_rdata_compare(type, a->data, a->len, b->data, b->len);

    ASSERT(zone_rdata_is_same(type, a->data, a->len, b->data, b->len) == (order == 0));
    return order;
}

/* Any octets have one order, so that sorting them brings the same records together. */
static void check_order(const struct zone_record_set *set)
{
    for (unsigned i = 0; i < set->rdata_count; i++) {
        const struct zone_rdata *a = &set->rdatas[i];
        ASSERT(compare(set->type, a, a) == 0);
        for (unsigned j = 0; j < set->rdata_count; j++) {
            const struct zone_rdata *b = &set->rdatas[j];
            const int order = compare(set->type, a, b);
            ASSERT((order < 0) == (compare(set->type, b, a) > 0));
            for (unsigned k = 0; order <= 0 && k < set->rdata_count; k++)
                ASSERT(compare(set->type, b, &set->rdatas[k]) > 0 ||
                       compare(set->type, a, &set->rdatas[k]) <= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t APEX[] = "\001a";
    struct zone_rdata rdatas[RDATAS_MAX];
    struct zone_record_set set = {.name = APEX, .rdatas = rdatas};
    struct zone_problem problem;

    if (len < 6)
        return 0;
    set.type = (uint16_t)(data[0] << 8 | data[1]);
    memcpy(&set.ttl_s, data + 2, sizeof(set.ttl_s));
    data += 6;
    len -= 6;
    if (dns_name_check(data, len) > 0) {
        set.name = data;
        len -= dns_name_len(data);
        data += dns_name_len(data);
    }
    while (len >= 2 && set.rdata_count < RDATAS_MAX) {
        size_t piece_len = (size_t)(data[0] << 8 | data[1]);
        piece_len = piece_len < len - 2 ? piece_len : len - 2;
        rdatas[set.rdata_count++] = (struct zone_rdata){data + 2, (uint16_t)piece_len};
        check_text(set.type, data + 2, (uint16_t)piece_len);
        data += 2 + piece_len;
        len -= 2 + piece_len;
    }
    check_order(&set);
    zone_rules_check_set(APEX, &set, &problem);
    return 0;
}
