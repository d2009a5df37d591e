/* links: zone policy geo dns base */
/* Record sets of any octets against the rules. What the rules take as data of a type must print,
 * and read back from that text to the same octets: our grammars and libknot's agree. Data of any
 * octets have one order. Input: type, TTL (four octets), then pieces, each led by its length in two
 * octets. Each piece is also a set with routing: what the rules let pass, one by one and as a
 * group, the image can hold. */
#include "base/assert.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/record_text.h"
#include "zone/routing.h"

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

/* ---- sets with routing ---- */

struct piece {
    const uint8_t *at;
    size_t left;
};

static uint8_t take(struct piece *piece)
{
    if (piece->left == 0)
        return 0;
    piece->left--;
    return *piece->at++;
}

/* One of @texts (NULL ends), or octets as they come, up to the whole of @out and without an end. */
static void take_text(struct piece *piece, const char *const *texts, char *out, size_t size)
{
    const uint8_t choice = take(piece);
    size_t count = 0;

    memset(out, 0, size);
    while (texts[count])
        count++;
    if (choice < 0xf0) {
        memcpy(out, texts[choice % count], strlen(texts[choice % count]));
        return;
    }
    for (size_t len = take(piece) % (size + 1); len > 0; len--)
        *out++ = (char)take(piece);
}

static const uint8_t *take_name(struct piece *piece)
{
    static const uint8_t NAMES[][5] = {"\001b", "\001a", "\001C", "", "\001*\001a"};
    const uint8_t choice = take(piece);
    const uint8_t *name = piece->at;

    if (choice < 0x60)
        return NULL;
    if (choice < 0xc0)
        return NAMES[choice % 5];
    if (dns_name_check(name, piece->left) <= 0)
        return NULL;
    piece->left -= dns_name_len(name);
    piece->at += dns_name_len(name);
    return name;
}

#define TAKE_TEXT(piece, field, ...)                                                               \
    take_text((piece), (const char *const[]){__VA_ARGS__, NULL}, (field), sizeof(field))

static void take_routing(struct piece *piece, struct zone_routing *out)
{
    const unsigned flags = take(piece);

    memset(out, 0, sizeof(*out));
    out->kind = (enum policy_kind)(take(piece) % (POLICY_KIND_COUNT + 1u));
    out->is_alias = flags & 1;
    out->evaluate_target_health = flags & 2;
    out->has_coordinates = flags & 4;
    out->is_secondary = flags & 8;
    out->is_sticky = flags & 16;
    out->weight = take(piece);
    out->bias = (int8_t)take(piece);
    out->answers_max = take(piece);
    out->all_down = (enum policy_all_down)(take(piece) % 5);
    out->latitude_cdeg = (int16_t)(take(piece) << 8 | take(piece));
    out->longitude_cdeg = (int16_t)(take(piece) << 8 | take(piece));
    out->check_slot = take(piece);
    TAKE_TEXT(piece, out->region, "", "us-east-1", "own");
    TAKE_TEXT(piece, out->continent, "", "EU", "eu");
    TAKE_TEXT(piece, out->country, "", "US", "*", "FR");
    TAKE_TEXT(piece, out->subdivision, "", "WA", "75");
    TAKE_TEXT(piece, out->cidr_collection_id, "", "c1", "c2");
    TAKE_TEXT(piece, out->cidr_location, "", "*", "home");
    TAKE_TEXT(piece, out->health_check_id, "", "h1");
    TAKE_TEXT(piece, out->hosted_zone_id, "", "Z1");
    out->alias_target = take_name(piece);
    out->fallback = take_name(piece);
}

static void take_set(struct piece *piece, struct zone_routing *routing, struct zone_record_set *out)
{
    static const uint16_t TYPES[] = {DNS_TYPE_A,  DNS_TYPE_A,   DNS_TYPE_CNAME, DNS_TYPE_NS,
                                     DNS_TYPE_DS, DNS_TYPE_SOA, 65280,          DNS_TYPE_DNAME};
    static const struct zone_rdata RDATA = {(const uint8_t *)"\002no", 4};
    const uint8_t choice = take(piece);

    take_routing(piece, routing);
    *out = (struct zone_record_set){.name = (const uint8_t *)"\001w\001a",
                                    .type = choice < 0xc0 ? DNS_TYPE_A : TYPES[choice % 8],
                                    .rdata_count = (choice & 1) == routing->is_alias,
                                    .ttl_s = choice & 2,
                                    .rdatas = &RDATA,
                                    .routing = choice & 4 ? NULL : routing};
    out->set_identifier_len = take(piece) % (ZONE_SET_IDENTIFIER_MAX + 3);
    if (out->set_identifier_len > piece->left)
        out->set_identifier_len = (uint8_t)piece->left;
    out->set_identifier = (const char *)piece->at;
}

static void assert_fit(const struct zone_record_set *const *sets, size_t count)
{
    static struct zone_publisher *publisher;
    struct zone_content *content;

    if (!publisher) {
        zone_reader_register();
        ASSERT(zone_publisher_new(&publisher) == 0);
    }
    ASSERT(zone_content_new(publisher, (const uint8_t *)"\001a", &content) == 0);
    for (size_t i = 0; i < count; i++)
        ASSERT(zone_content_put(publisher, content, sets[i]) == 0);
    zone_content_drop(publisher, content);
    zone_image_reclaim(publisher, 1000);
}

/* Those of the first one's type, which is what a group is. */
static void check_group(const struct zone_record_set *sets, size_t count)
{
    const struct zone_record_set *forth[RDATAS_MAX], *back[RDATAS_MAX];
    struct zone_problem problem;
    size_t group_count = 0;

    for (size_t i = 0; i < count; i++) {
        problem.text[0] = '\0';
        if (zone_rules_check_set((const uint8_t *)"\001a", &sets[i], &problem) != 0)
            ASSERT(problem.text[0] != '\0');
        else if (group_count == 0 || sets[i].type == forth[0]->type)
            forth[group_count++] = &sets[i];
    }
    for (size_t i = 0; i < group_count; i++)
        back[i] = forth[group_count - 1 - i];
    if (group_count == 0)
        return;
    const int err = zone_rules_check_group(forth, group_count, &problem);
    ASSERT(zone_rules_check_group(back, group_count, &problem) == err);
    if (err == 0)
        assert_fit(forth, group_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t APEX[] = "\001a";
    struct zone_rdata rdatas[RDATAS_MAX];
    struct zone_routing routings[RDATAS_MAX];
    struct zone_record_set sets[RDATAS_MAX];
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
        struct piece piece = {data + 2, piece_len};
        take_set(&piece, &routings[set.rdata_count], &sets[set.rdata_count]);
        rdatas[set.rdata_count++] = (struct zone_rdata){data + 2, (uint16_t)piece_len};
        check_text(set.type, data + 2, (uint16_t)piece_len);
        data += 2 + piece_len;
        len -= 2 + piece_len;
    }
    check_order(&set);
    zone_rules_check_set(APEX, &set, &problem);
    check_group(sets, set.rdata_count);
    return 0;
}
