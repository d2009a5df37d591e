#include "cli/health_view.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

#define WHAT_SIZE 700u

static const char *mode_text(Cmd__OverrideMode mode)
{
    switch (mode) {
    case CMD__OVERRIDE_MODE__OVERRIDE_FORCE_UP: return "forced up";
    case CMD__OVERRIDE_MODE__OVERRIDE_FORCE_DOWN: return "forced down";
    case CMD__OVERRIDE_MODE__OVERRIDE_DRAIN: return "draining";
    default: return "none";
    }
}

void health_override_text(const struct Ctl__Override *override, char out[HEALTH_OVERRIDE_TEXT_SIZE])
{
    uint64_t now_wall_ms = clock_wall_ms();
    char drain[128] = "", expiry[128] = "";

    if (override->drained_wall_ms > now_wall_ms)
        snprintf(drain, sizeof(drain), "; cached answers run out in %s",
                 output_duration(override->drained_wall_ms - now_wall_ms));
    else if (override->drained_wall_ms > 0)
        snprintf(drain, sizeof(drain), "; drained, no resolver has an answer any more");
    if (override->expires_wall_ms > now_wall_ms)
        snprintf(expiry, sizeof(expiry), "; clears itself in %s",
                 output_duration(override->expires_wall_ms - now_wall_ms));
    else if (override->expires_wall_ms > 0)
        snprintf(expiry, sizeof(expiry), "; clears itself now");
    snprintf(out, HEALTH_OVERRIDE_TEXT_SIZE, "%s by %s: %s%s%s", mode_text(override->mode),
             override->actor[0] ? override->actor : "unknown", override->reason, drain, expiry);
}

json_t *health_override_json(const struct Ctl__Override *override)
{
    static const char *const words[] = {"none", "up", "down", "drain"};
    json_t *object = json_pack("{s:s, s:s, s:s, s:o}", "mode", words[override->mode & 3], "reason",
                               override->reason, "actor", override->actor, "set",
                               output_json_time(override->set_wall_ms));

    if (override->expires_wall_ms)
        json_object_set_new(object, "expires", output_json_time(override->expires_wall_ms));
    if (override->drained_wall_ms)
        json_object_set_new(object, "drained", output_json_time(override->drained_wall_ms));
    return object;
}

/* What is checked, in one line. */
static void what_text(const Cmd__HealthCheckConfig *config, char out[WHAT_SIZE])
{
    const char *host =
        config->ip_address[0] ? config->ip_address : config->fully_qualified_domain_name;
    bool is_ipv6 = strchr(config->ip_address, ':');

    if (strcmp(config->type, "CALCULATED") == 0)
        snprintf(out, WHAT_SIZE, "%u of %zu children", config->health_threshold,
                 config->n_children);
    else
        snprintf(out, WHAT_SIZE, "%s%s%s:%u%s", is_ipv6 ? "[" : "", host, is_ipv6 ? "]" : "",
                 config->port, config->resource_path);
}

static void status_text(const Ctl__HealthReply *check, char out[64])
{
    const char *word = check->is_healthy ? "healthy" : "unhealthy";

    if (strcmp(word, check->reason) == 0)
        snprintf(out, 64, "%s", word);
    else
        snprintf(out, 64, "%s (%s)", word, check->reason);
}

static void since_text(const Ctl__HealthReply *check, char out[CLOCK_TEXT_LEN])
{
    snprintf(out, CLOCK_TEXT_LEN, "-");
    if (check->since_wall_ms)
        clock_format(check->since_wall_ms, out);
}

void health_view_row(const struct Ctl__HealthReply *check, struct table *table)
{
    char what[WHAT_SIZE], status[64], since[CLOCK_TEXT_LEN];

    what_text(check->config, what);
    status_text(check, status);
    since_text(check, since);
    table_next_row(table);
    table_cell(table, 0, "%s", check->id);
    table_cell(table, 1, "%s", check->config->type);
    table_cell(table, 2, "%s", what);
    table_cell(table, 3, "%s", status);
    table_cell(table, 4, "%s", since);
    table_cell(table, 5, "%u/%u", check->healthy_checkers, check->checkers);
}

static void print_list(const char *title, char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        printf("%-13s %s\n", i == 0 ? title : "", words[i]);
}

static void print_config(const Cmd__HealthCheckConfig *config)
{
    char what[WHAT_SIZE];

    what_text(config, what);
    printf("type          %s\nchecks        %s\n", config->type, what);
    if (config->fully_qualified_domain_name[0] && config->ip_address[0])
        printf("host          %s\n", config->fully_qualified_domain_name);
    if (config->search_string[0])
        printf("search        %s\n", config->search_string);
    if (config->request_interval_s)
        printf("interval      %u s\nthreshold     %u\n", config->request_interval_s,
               config->failure_threshold);
    printf("%s%s%s%s%s", config->is_inverted ? "inverted      yes\n" : "",
           config->is_disabled ? "disabled      yes\n" : "",
           config->enable_sni ? "sni           yes\n" : "",
           config->measure_latency ? "latency       measured\n" : "",
           config->verify_certificate ? "certificate   verified\n" : "");
    print_list("children", config->children, config->n_children);
    print_list("regions", config->regions, config->n_regions);
}

static void print_verdict(const Ctl__HealthReply *check)
{
    char status[64], since[CLOCK_TEXT_LEN], text[HEALTH_OVERRIDE_TEXT_SIZE];

    status_text(check, status);
    since_text(check, since);
    printf("status        %s\n", status);
    if (strcmp(check->config->type, "CALCULATED") == 0)
        printf("children      %u of %u healthy\n", check->healthy_checkers, check->checkers);
    else if (check->verdict == CMD__VERDICT__VERDICT_UNKNOWN && !check->since_wall_ms)
        printf("verdict       none yet\n");
    else
        printf("verdict       %s, since %s; %u of %u checkers find it healthy\n",
               check->verdict == CMD__VERDICT__VERDICT_UNKNOWN   ? "none yet"
               : check->verdict == CMD__VERDICT__VERDICT_HEALTHY ? "healthy"
                                                                 : "unhealthy",
               since, check->healthy_checkers, check->checkers);
    if (check->last_failure[0])
        printf("last failure  %s\n", check->last_failure);
    if (check->override) {
        health_override_text(check->override, text);
        printf("override      %s\n", text);
    }
}

static void print_users(const Ctl__HealthReply *check)
{
    char name[DNS_NAME_TEXT_SIZE], type[ZONE_TYPE_TEXT_LEN_MAX];

    for (size_t i = 0; i < check->n_used_by; i++) {
        const Ctl__RecordSetKey *key = check->used_by[i];
        name[0] = '\0';
        if (dns_name_check(key->name.data, key->name.len) == (int)key->name.len)
            dns_name_format(key->name.data, name, sizeof(name));
        zone_type_format((uint16_t)key->type, type);
        printf("%-13s %s %s%s%s\n", i == 0 ? "used by" : "", name, type,
               key->set_identifier[0] ? " " : "", key->set_identifier);
    }
    if (check->used_by_count > check->n_used_by)
        printf("              and %zu more\n", check->used_by_count - check->n_used_by);
    if (check->used_by_count == 0)
        printf("used by       no record set\n");
}

void health_view_print(const struct Ctl__HealthReply *check)
{
    printf("id            %s\nreference     %s\nversion       %" PRIu64 "\n", check->id,
           check->caller_reference, check->version);
    print_config(check->config);
    print_verdict(check);
    print_users(check);
}

void health_view_print_status(const struct Ctl__HealthReply *check)
{
    struct table table;
    char time[CLOCK_TEXT_LEN];

    printf("id            %s\n", check->id);
    print_verdict(check);
    if (check->n_opinions == 0) {
        printf("no node has told what it finds\n");
        return;
    }
    table_init(&table, "NODE|REGION|OPINION|CHECKED|STATUS");
    for (size_t i = 0; i < check->n_opinions; i++) {
        const Ctl__Opinion *opinion = check->opinions[i];
        clock_format(opinion->checked_wall_ms, time);
        table_next_row(&table);
        table_cell(&table, 0, "%s", opinion->node);
        table_cell(&table, 1, "%s", opinion->region);
        table_cell(&table, 2, "%s", opinion->is_healthy ? "healthy" : "unhealthy");
        table_cell(&table, 3, "%s", time);
        table_cell(&table, 4, "%s", opinion->status);
    }
    printf("\n");
    table_print(&table);
}

/* ---- JSON ---- */

static json_t *texts_json(char *const *words, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, json_string(words[i]));
    return array;
}

static json_t *config_json(const Cmd__HealthCheckConfig *config)
{
    return json_pack(
        "{s:s, s:s, s:i, s:s, s:s, s:s, s:i, s:i, s:b, s:b, s:b, s:i, s:o, s:b, s:o, s:b}", "type",
        config->type, "ip_address", config->ip_address, "port", (int)config->port, "resource_path",
        config->resource_path, "fully_qualified_domain_name", config->fully_qualified_domain_name,
        "search_string", config->search_string, "request_interval_s",
        (int)config->request_interval_s, "failure_threshold", (int)config->failure_threshold,
        "measure_latency", config->measure_latency, "is_inverted", config->is_inverted,
        "is_disabled", config->is_disabled, "health_threshold", (int)config->health_threshold,
        "children", texts_json(config->children, config->n_children), "enable_sni",
        config->enable_sni, "regions", texts_json(config->regions, config->n_regions),
        "verify_certificate", config->verify_certificate);
}

json_t *health_key_json(const Ctl__RecordSetKey *key)
{
    char name[DNS_NAME_TEXT_SIZE] = "", type[ZONE_TYPE_TEXT_LEN_MAX];

    if (dns_name_check(key->name.data, key->name.len) == (int)key->name.len)
        dns_name_format(key->name.data, name, sizeof(name));
    zone_type_format((uint16_t)key->type, type);
    return json_pack("{s:s, s:s, s:s, s:s}", "zone_id", key->zone_id, "name", name, "type", type,
                     "set_identifier", key->set_identifier);
}

static json_t *opinion_json(const Ctl__Opinion *opinion)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:b, s:s}", "node", opinion->node, "region",
                               opinion->region, "status", opinion->status, "checked",
                               output_json_time(opinion->checked_wall_ms), "healthy",
                               opinion->is_healthy, "last_failure", opinion->last_failure);

    if (opinion->last_failure_wall_ms)
        json_object_set_new(object, "last_failure_at",
                            output_json_time(opinion->last_failure_wall_ms));
    return object;
}

json_t *health_view_json(const struct Ctl__HealthReply *check)
{
    static const char *const verdicts[] = {"unknown", "healthy", "unhealthy"};
    json_t *users = json_array(), *opinions = json_array();
    json_t *object = json_pack(
        "{s:s, s:s, s:I, s:o, s:b, s:s, s:s, s:I, s:i, s:i, s:s, s:i}", "id", check->id,
        "caller_reference", check->caller_reference, "version", (json_int_t)check->version,
        "config", config_json(check->config), "healthy", check->is_healthy, "reason", check->reason,
        "verdict", verdicts[check->verdict % 3], "since_index", (json_int_t)check->since_index,
        "healthy_checkers", (int)check->healthy_checkers, "checkers", (int)check->checkers,
        "last_failure", check->last_failure, "used_by_count", (int)check->used_by_count);

    if (check->since_wall_ms)
        json_object_set_new(object, "since", output_json_time(check->since_wall_ms));
    if (check->override)
        json_object_set_new(object, "override", health_override_json(check->override));
    for (size_t i = 0; i < check->n_used_by; i++)
        json_array_append_new(users, health_key_json(check->used_by[i]));
    for (size_t i = 0; i < check->n_opinions; i++)
        json_array_append_new(opinions, opinion_json(check->opinions[i]));
    json_object_set_new(object, "used_by", users);
    json_object_set_new(object, "opinions", opinions);
    return object;
}
