#include "cli/record_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/routing_message.h"
#include "cli/routing_text.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "zone/record_text.h"

#define RDATA_TEXT_SIZE 262401

int record_view_fill(const struct Cmd__RecordSet *from, struct record_view *view,
                     struct zone_record_set *out)
{
    size_t identifier_len = strlen(from->set_identifier);

    if (dns_name_check(from->name.data, from->name.len) != (int)from->name.len ||
        from->n_rdata > RECORD_VIEW_RDATAS_MAX || from->type > UINT16_MAX ||
        identifier_len > ZONE_SET_IDENTIFIER_MAX)
        return ERR_INVALID;
    if (from->routing && routing_message_take(from->routing, &view->routing) != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < from->n_rdata; i++) {
        if (from->rdata[i].len > UINT16_MAX)
            return ERR_INVALID;
        view->rdatas[i] = (struct zone_rdata){from->rdata[i].data, (uint16_t)from->rdata[i].len};
    }
    *out = (struct zone_record_set){.name = from->name.data,
                                    .type = (uint16_t)from->type,
                                    .rdata_count = (uint16_t)from->n_rdata,
                                    .ttl_s = from->ttl_s,
                                    .rdatas = view->rdatas,
                                    .set_identifier = identifier_len ? from->set_identifier : NULL,
                                    .set_identifier_len = (uint8_t)identifier_len,
                                    .routing = from->routing ? &view->routing : NULL};
    return 0;
}

/* What one line says of routing: "; weighted 10, set 'a', …"; nothing for simple sets. */
static void print_routing(const struct zone_record_set *set)
{
    char text[ROUTING_TEXT_SIZE];

    if (set->routing) {
        routing_text_format(set, text);
        printf("  ; %s", text);
    }
    printf("\n");
}

int record_view_print(const struct zone_record_set *set)
{
    return record_view_print_behind("", set);
}

int record_view_print_behind(const char *lead, const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX], target[DNS_NAME_TEXT_SIZE];
    char *text = malloc(RDATA_TEXT_SIZE);
    int rc = text ? 0 : ERR_NOMEM;

    dns_name_format(set->name, name, sizeof(name));
    zone_type_format(set->type, type);
    if (rc == 0 && set->routing && set->routing->is_alias) {
        dns_name_format(set->routing->alias_target, target, sizeof(target));
        printf("%s%-32s %6s IN %-6s ALIAS %s", lead, name, "-", type, target);
        print_routing(set);
    }
    for (unsigned i = 0; rc == 0 && i < set->rdata_count; i++) {
        size_t len;
        rc = zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, text,
                               RDATA_TEXT_SIZE, &len);
        if (rc == 0) {
            printf("%s%-32s %6" PRIu32 " IN %-6s %s", lead, name, set->ttl_s, type, text);
            print_routing(set);
        }
    }
    free(text);
    return rc;
}

static json_t *values_of(const struct zone_record_set *set)
{
    char *text = malloc(RDATA_TEXT_SIZE);
    json_t *values = json_array();

    for (unsigned i = 0; text && i < set->rdata_count; i++) {
        size_t len;
        if (zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, text,
                              RDATA_TEXT_SIZE, &len) == 0)
            json_array_append_new(values, json_string(text));
    }
    free(text);
    return values;
}

struct json_t *record_view_json(const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    dns_name_format(set->name, name, sizeof(name));
    zone_type_format(set->type, type);
    json_t *object = json_pack("{s:s, s:s}", "name", name, "type", type);
    if (!set->routing || !set->routing->is_alias) {
        json_object_set_new(object, "ttl", json_integer(set->ttl_s));
        json_object_set_new(object, "values", values_of(set));
    }
    if (set->routing)
        routing_text_json(set, object);
    return object;
}
