#include "cli/record_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "zone/record_text.h"

#define RDATA_TEXT_SIZE 262401

int record_view_fill(const struct Cmd__RecordSet *from, struct zone_rdata *rdatas,
                     struct zone_record_set *out)
{
    if (dns_name_check(from->name.data, from->name.len) != (int)from->name.len ||
        from->n_rdata > RECORD_VIEW_RDATAS_MAX || from->type > UINT16_MAX)
        return ERR_INVALID;
    for (size_t i = 0; i < from->n_rdata; i++) {
        if (from->rdata[i].len > UINT16_MAX)
            return ERR_INVALID;
        rdatas[i] = (struct zone_rdata){from->rdata[i].data, (uint16_t)from->rdata[i].len};
    }
    *out = (struct zone_record_set){.name = from->name.data,
                                    .type = (uint16_t)from->type,
                                    .rdata_count = (uint16_t)from->n_rdata,
                                    .ttl_s = from->ttl_s,
                                    .rdatas = rdatas};
    return 0;
}

int record_view_print(const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];
    char *text = malloc(RDATA_TEXT_SIZE);
    int rc = text ? 0 : ERR_NOMEM;

    dns_name_format(set->name, name, sizeof(name));
    zone_type_format(set->type, type);
    for (unsigned i = 0; rc == 0 && i < set->rdata_count; i++) {
        size_t len;
        rc = zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, text,
                               RDATA_TEXT_SIZE, &len);
        if (rc == 0)
            printf("%-32s %6" PRIu32 " IN %-6s %s\n", name, set->ttl_s, type, text);
    }
    free(text);
    return rc;
}

struct json_t *record_view_json(const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];
    char *text = malloc(RDATA_TEXT_SIZE);
    json_t *values = json_array();

    dns_name_format(set->name, name, sizeof(name));
    zone_type_format(set->type, type);
    for (unsigned i = 0; text && i < set->rdata_count; i++) {
        size_t len;
        if (zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, text,
                              RDATA_TEXT_SIZE, &len) == 0)
            json_array_append_new(values, json_string(text));
    }
    free(text);
    return json_pack("{s:s, s:s, s:I, s:o}", "name", name, "type", type, "ttl",
                     (json_int_t)set->ttl_s, "values", values);
}
