#include "lib/test_route.h"

#include "base/assert.h"
#include "dns/name.h"
#include "policy/health.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/record_text.h"
#include "zone/routing.h"
#include "zone/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_MAX = 1024, RDATAS_MAX = 64, RDATA_SIZE = 512 };

struct routed { /* one line */
    uint8_t origin[DNS_NAME_MAX];
    uint8_t name[DNS_NAME_MAX], target[DNS_NAME_MAX], fallback[DNS_NAME_MAX];
    char identifier[ZONE_SET_IDENTIFIER_MAX + 1];
    struct zone_rdata rdatas[RDATAS_MAX];
    uint8_t octets[RDATAS_MAX][RDATA_SIZE];
    struct zone_routing routing;
    struct zone_record_set set;
};

static void read_name(const char *text, const uint8_t *origin, uint8_t out[DNS_NAME_MAX])
{
    ASSERT(dns_name_parse(text, origin, out) > 0);
    dns_name_lower(out, out);
}

static enum policy_kind read_kind(const char *word)
{
    static const char *const words[] = {"simple", "weighted", "latency", "geo",
                                        "near",   "failover", "multi",   "cidr"};
    for (unsigned i = 0; i < POLICY_KIND_COUNT; i++)
        if (strcmp(word, words[i]) == 0)
            return (enum policy_kind)i;
    fprintf(stderr, "test route: no policy %s\n", word);
    abort();
}

static void read_place(const char *text, struct zone_routing *out)
{
    if (strcmp(text, "EU") == 0 || strcmp(text, "AS") == 0 || strcmp(text, "NA") == 0)
        snprintf(out->continent, sizeof out->continent, "%s", text);
    else
        snprintf(out->country, sizeof out->country, "%.2s", text);
    if (strlen(text) > 3)
        snprintf(out->subdivision, sizeof out->subdivision, "%s", text + 3);
}

static void read_pair(struct routed *line, const char *key, const char *value)
{
    struct zone_routing *out = &line->routing;
    const unsigned number = (unsigned)strtoul(value, NULL, 10);
    const char *second = strpbrk(value, ",/");
    if (strcmp(key, "weight") == 0)
        out->weight = (uint8_t)number;
    else if (strcmp(key, "region") == 0)
        out->region_number = (uint8_t)number;
    else if (strcmp(key, "place") == 0)
        read_place(value, out);
    else if (strcmp(key, "bias") == 0)
        out->bias = (int8_t)strtol(value, NULL, 10);
    else if (strcmp(key, "check") == 0)
        out->check_slot = number;
    else if (strcmp(key, "override") == 0)
        out->override_slot = number;
    else if (strcmp(key, "answers") == 0)
        out->answers_max = (uint8_t)number;
    else if (strcmp(key, "at") == 0) {
        ASSERT(second != NULL);
        out->has_coordinates = true;
        out->latitude_cdeg = (int16_t)(100 * strtol(value, NULL, 10));
        out->longitude_cdeg = (int16_t)(100 * strtol(second + 1, NULL, 10));
    } else if (strcmp(key, "cidr") == 0) {
        ASSERT(second != NULL);
        out->cidr_slot = number;
        snprintf(out->cidr_location, sizeof out->cidr_location, "%s", second + 1);
    } else {
        ASSERT(strcmp(key, "fallback") == 0);
        read_name(value, line->origin, line->fallback);
        out->fallback = line->fallback;
        out->all_down = POLICY_ALL_DOWN_FALLBACK;
    }
}

static void read_word(struct routed *line, char *word)
{
    char *value = strchr(word, '=');
    if (value != NULL) {
        *value = '\0';
        read_pair(line, word, value + 1);
    } else if (strcmp(word, "secondary") == 0) {
        line->routing.is_secondary = true;
    } else if (strcmp(word, "sticky") == 0) {
        line->routing.is_sticky = true;
    } else if (strcmp(word, "closed") == 0) {
        line->routing.all_down = POLICY_ALL_DOWN_CLOSED;
    } else {
        ASSERT(strcmp(word, "last-good") == 0);
        line->routing.all_down = POLICY_ALL_DOWN_LAST_GOOD;
    }
}

static void read_data(struct routed *line, char *text)
{
    struct zone_problem problem;
    char *rest;
    for (char *data = strtok_r(text, ";", &rest); data != NULL; data = strtok_r(NULL, ";", &rest)) {
        uint8_t octets[ZONE_RDATA_LEN_MAX];
        size_t len;
        const unsigned index = line->set.rdata_count;
        data += strspn(data, " ");
        ASSERT(index < RDATAS_MAX);
        ASSERT(zone_rdata_parse(data, line->set.type, line->origin, octets, &len, &problem) == 0);
        ASSERT(len <= RDATA_SIZE);
        memcpy(line->octets[index], octets, len);
        line->rdatas[index] = (struct zone_rdata){line->octets[index], (uint16_t)len};
        line->set.rdata_count++;
    }
}

/* What stands before "=", "->" or "=>". */
static void read_head(struct routed *line, char *text)
{
    char *rest;
    read_name(strtok_r(text, " ", &rest), line->origin, line->name);
    line->set.name = line->name;
    line->set.ttl_s = (uint32_t)strtoul(strtok_r(NULL, " ", &rest), NULL, 10);
    ASSERT(zone_type_parse(strtok_r(NULL, " ", &rest), &line->set.type) == 0);
    snprintf(line->identifier, sizeof line->identifier, "%s", strtok_r(NULL, " ", &rest));
    if (strcmp(line->identifier, "-") != 0) {
        line->set.set_identifier = line->identifier;
        line->set.set_identifier_len = (uint8_t)strlen(line->identifier);
    }
    line->routing.kind = read_kind(strtok_r(NULL, " ", &rest));
    for (char *word; (word = strtok_r(NULL, " ", &rest)) != NULL;)
        read_word(line, word);
    line->set.routing = &line->routing;
    line->set.rdatas = line->rdatas;
}

static void read_line(struct routed *line, char *text)
{
    char *alias = strstr(text, " -> "), *evaluating = strstr(text, " => ");
    char *tail = alias != NULL ? alias : evaluating != NULL ? evaluating : strstr(text, " = ");
    ASSERT(tail != NULL);
    *tail = '\0';
    read_head(line, text);
    if (alias == NULL && evaluating == NULL) {
        read_data(line, tail + 3);
        return;
    }
    line->routing.is_alias = true;
    line->routing.evaluate_target_health = evaluating != NULL;
    read_name(tail + 4, line->origin, line->target);
    line->routing.alias_target = line->target;
}

void test_route_put_private(struct zone_publisher *publisher, const char *id, const char *origin,
                            const char *lines)
{
    struct routed *line = malloc(sizeof *line);
    ASSERT(line != NULL);
    while (*lines != '\0') {
        char text[LINE_MAX];
        const size_t len = strcspn(lines, "\n");
        ASSERT(lines[len] == '\n' && len < sizeof text);
        memcpy(text, lines, len);
        text[len] = '\0';
        lines += len + 1;
        memset(line, 0, offsetof(struct routed, octets));
        memset(&line->routing, 0, sizeof *line - offsetof(struct routed, routing));
        read_name(origin, NULL, line->origin);
        read_line(line, text);
        if (id != NULL)
            ASSERT(zone_private_put(publisher, id, &line->set) == 0);
        else
            ASSERT(zone_change_put(publisher, line->origin, &line->set) == 0);
    }
    free(line);
    test_route_publish(publisher);
}

void test_route_put(struct zone_publisher *publisher, const char *origin, const char *lines)
{
    test_route_put_private(publisher, NULL, origin, lines);
}

void test_route_publish(struct zone_publisher *publisher)
{
    const uint64_t index = zone_image_index(zone_image_read_begin(publisher));
    zone_image_read_end();
    ASSERT(zone_publish(publisher, index) == 0);
}

void test_route_set_health(struct zone_publisher *publisher, uint32_t slot, bool is_healthy,
                           uint64_t index)
{
    const uint8_t octet =
        is_healthy ? POLICY_HEALTHY_BIT | POLICY_HEALTH_HEALTHY : POLICY_HEALTH_UNHEALTHY;
    ASSERT(policy_health_set(zone_publisher_health(publisher), slot, octet, index) == 0);
}
