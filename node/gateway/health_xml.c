#include "gateway/health_xml.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "gateway/members.h"
#include "gateway/request.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define MEMBER_SIZE 64u
#define TYPES                                                                                      \
    "HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP, CALCULATED, CLOUDWATCH_METRIC, "           \
    "RECOVERY_CONTROL"

enum kind { KIND_TYPE, KIND_TEXT, KIND_NUMBER, KIND_FLAG, KIND_LIST };

/* Bounds as in the model, but that checks may come every second, and from less than three regions:
 * a cluster has those that its operator gave it. */
static const struct field {
    const char *element, *name;
    enum kind kind;
    size_t offset, count_offset;
    unsigned least, most; /* of the number, the text's length, or the items */
    unsigned item_most;   /* length of an item */
} fields[] = {
#define FIELD(element, name, kind, least, most)                                                    \
    {                                                                                              \
        element, #name, kind, offsetof(Cmd__HealthCheckConfig, name), 0, least, most, 0            \
    }
#define LIST(element, name, least, most, item_most)                                                \
    {                                                                                              \
        element, #name, KIND_LIST, offsetof(Cmd__HealthCheckConfig, name),                         \
            offsetof(Cmd__HealthCheckConfig, n_##name), least, most, item_most                     \
    }
    FIELD("Type", type, KIND_TYPE, 1, 64),
    FIELD("IPAddress", ip_address, KIND_TEXT, 0, 45),
    FIELD("Port", port, KIND_NUMBER, 1, 65535),
    FIELD("ResourcePath", resource_path, KIND_TEXT, 0, 255),
    FIELD("FullyQualifiedDomainName", fully_qualified_domain_name, KIND_TEXT, 0, 255),
    FIELD("SearchString", search_string, KIND_TEXT, 0, 255),
    FIELD("RequestInterval", request_interval_s, KIND_NUMBER, 1, 86400),
    FIELD("FailureThreshold", failure_threshold, KIND_NUMBER, 1, 10),
    FIELD("MeasureLatency", measure_latency, KIND_FLAG, 0, 0),
    FIELD("Inverted", is_inverted, KIND_FLAG, 0, 0),
    FIELD("Disabled", is_disabled, KIND_FLAG, 0, 0),
    FIELD("HealthThreshold", health_threshold, KIND_NUMBER, 0, 256),
    LIST("ChildHealthChecks", children, 0, 256, 64),
    FIELD("EnableSNI", enable_sni, KIND_FLAG, 0, 0),
    LIST("Regions", regions, 1, 64, 64),
#undef FIELD
#undef LIST
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))
_Static_assert(FIELD_COUNT <= HEALTH_FIELDS_MAX, "each field may be given");

/* The model writes members with a small first letter. */
static void name_member(const char *prefix, const char *element, char out[MEMBER_SIZE])
{
    snprintf(out, MEMBER_SIZE, "%s%s", prefix, element);
    size_t at = strlen(prefix);
    out[at] = (char)tolower((unsigned char)out[at]);
}

static void read_list(struct gateway_call *call, const struct field *field,
                      const struct xml_element *list, const char *member, uint8_t *target)
{
    unsigned count = member_list(call, member, list, field->least, field->most), at = 0;
    char **items = arena_alloc(gateway_arena(call), (count + 1) * sizeof(*items));

    if (!items || count > field->most)
        count = 0;
    for (const struct xml_element *item = list->child; item && at < count; item = item->next)
        items[at++] = (char *)member_text(call, member, item->text, 1, field->item_most);
    memcpy(target + field->offset, &items, sizeof(char **));
    memcpy(target + field->count_offset, &(size_t){at}, sizeof(size_t));
}

static void read_field(struct gateway_call *call, const struct field *field,
                       const struct xml_element *element, const char *member, uint8_t *target)
{
    uint8_t *at = target + field->offset;
    const char *text = element->text;

    switch (field->kind) {
    case KIND_TYPE: *(const char **)(void *)at = member_enum(call, member, text, TYPES); break;
    case KIND_TEXT:
        *(const char **)(void *)at = member_text(call, member, text, 0, field->most);
        break;
    case KIND_NUMBER:
        *(uint32_t *)(void *)at =
            (uint32_t)member_number(call, member, text, field->least, field->most, field->least);
        break;
    case KIND_FLAG:
        *(protobuf_c_boolean *)(void *)at = member_bool(call, member, text, false);
        break;
    case KIND_LIST: read_list(call, field, element, member, target); break;
    }
}

static void note(struct health_fields *given, const char *name)
{
    for (unsigned i = 0; i < given->count; i++) {
        if (strcmp(given->names[i], name) == 0)
            return;
    }
    ASSERT(given->count < HEALTH_FIELDS_MAX);
    given->names[given->count++] = name;
}

void health_read_config(struct gateway_call *call, const struct xml_element *element,
                        const char *prefix, struct Cmd__HealthCheckConfig *config,
                        struct health_fields *given)
{
    cmd__health_check_config__init(config);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const struct xml_element *child = xml_child(element, fields[i].element);
        char member[MEMBER_SIZE];
        if (!child)
            continue;
        name_member(prefix, fields[i].element, member);
        read_field(call, &fields[i], child, member, (uint8_t *)config);
        note(given, fields[i].name);
    }
}

void health_read_resets(struct gateway_call *call, const struct xml_element *list,
                        struct Cmd__HealthCheckConfig *config, struct health_fields *given)
{
    static const char values[] =
        "ChildHealthChecks, FullyQualifiedDomainName, Regions, ResourcePath";

    if (!list)
        return;
    (void)member_list(call, "resetElements", list, 0, 64);
    for (const struct xml_element *item = list->child; item; item = item->next) {
        const char *name = member_enum(call, "resetElements", item->text, values);
        for (size_t i = 0; i < FIELD_COUNT; i++) {
            if (strcmp(fields[i].element, name) != 0)
                continue;
            uint8_t *target = (uint8_t *)config;
            if (fields[i].kind == KIND_LIST)
                memcpy(target + fields[i].count_offset, &(size_t){0}, sizeof(size_t));
            else
                *(const char **)(void *)(target + fields[i].offset) = "";
            note(given, fields[i].name);
        }
    }
}

/* ---- out ---- */

static void write_given(struct xml_writer *xml, const char *name, const char *text)
{
    if (text[0])
        xml_text(xml, name, text);
}

static void write_list(struct xml_writer *xml, const char *name, const char *item, char **texts,
                       size_t count)
{
    xml_open(xml, name);
    for (size_t i = 0; i < count; i++)
        xml_text(xml, item, texts[i]);
    xml_close(xml);
}

static void write_endpoint(struct xml_writer *xml, const Cmd__HealthCheckConfig *config)
{
    write_given(xml, "IPAddress", config->ip_address);
    xml_number(xml, "Port", config->port);
    xml_text(xml, "Type", config->type);
    write_given(xml, "ResourcePath", config->resource_path);
    write_given(xml, "FullyQualifiedDomainName", config->fully_qualified_domain_name);
    write_given(xml, "SearchString", config->search_string);
    xml_number(xml, "RequestInterval", config->request_interval_s);
    xml_number(xml, "FailureThreshold", config->failure_threshold);
    xml_bool(xml, "MeasureLatency", config->measure_latency);
}

static void write_config(struct xml_writer *xml, const Cmd__HealthCheckConfig *config)
{
    bool is_calculated = strcmp(config->type, "CALCULATED") == 0;

    xml_open(xml, "HealthCheckConfig");
    if (is_calculated)
        xml_text(xml, "Type", config->type);
    else
        write_endpoint(xml, config);
    xml_bool(xml, "Inverted", config->is_inverted);
    xml_bool(xml, "Disabled", config->is_disabled);
    if (is_calculated) {
        xml_number(xml, "HealthThreshold", config->health_threshold);
        write_list(xml, "ChildHealthChecks", "ChildHealthCheck", config->children,
                   config->n_children);
    } else
        xml_bool(xml, "EnableSNI", config->enable_sni);
    if (config->n_regions > 0)
        write_list(xml, "Regions", "Region", config->regions, config->n_regions);
    xml_close(xml);
}

void health_write(struct xml_writer *xml, const struct Ctl__HealthReply *check)
{
    xml_open(xml, "HealthCheck");
    xml_text(xml, "Id", check->id);
    xml_text(xml, "CallerReference", check->caller_reference);
    if (check->config)
        write_config(xml, check->config);
    xml_number(xml, "HealthCheckVersion", check->version);
    xml_close(xml);
}
