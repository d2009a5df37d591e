/* node/cli/health_override_commands.c: overrides of health checks and record sets. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/health_view.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

#define START_MAX 4096u /* octets of where a page begins */

const enum cli_option health_override_options[] = {CLI_VALUE_RECORD, CLI_VALUE_SET_IDENTIFIER,
                                                   CLI_VALUE_REASON, CLI_VALUE_FOR, 0};

/* What the override is of; the last word of the command is the mode. */
struct target {
    bool is_record;
    uint8_t name[DNS_NAME_MAX];
    uint16_t type;
    const char *set_identifier;
};

static int take_target(struct cli *cli, struct target *out)
{
    uint8_t apex[DNS_NAME_MAX];

    if (!cli_value_flag(cli, CLI_VALUE_RECORD, &out->is_record))
        return CLI_USAGE;
    if (cli->word_count != (out->is_record ? 4 : 2))
        return cli_fail(cli, CLI_USAGE,
                        "write CHECK up|down|drain|clear, or --record ZONE NAME TYPE "
                        "up|down|drain|clear");
    out->set_identifier = cli_value(cli, CLI_VALUE_SET_IDENTIFIER);
    if (!out->set_identifier)
        out->set_identifier = "";
    if (!out->is_record)
        return CLI_OK;
    if (zone_type_parse(cli->words[2], &out->type) != 0)
        return cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[2]);
    int status = cli_zone_apex(cli, cli->words[0], apex);
    if (status != CLI_OK)
        return status;
    return cli_record_name(cli, cli->words[1], apex, out->name) ? CLI_OK : CLI_USAGE;
}

/* The reply is the check with its override, or a sentence about the record set. */
static int ask(struct cli *cli, struct Ctl__Request *request)
{
    char text[HEALTH_OVERRIDE_TEXT_SIZE];
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    if (!reply->health)
        status = cli_say(cli, "%s", reply->message);
    else if (cli->is_json)
        output_json(health_view_json(reply->health));
    else if (reply->health->override) {
        health_override_text(reply->health->override, text);
        printf("health check %s is %s\n", reply->health->id, text);
    } else
        printf("health check %s has no override any more: it is %s\n", reply->health->id,
               reply->health->is_healthy ? "healthy" : "unhealthy");
    cli_free_reply(reply);
    return status;
}

static int set_override(struct cli *cli, const struct target *target, Cmd__OverrideMode mode)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__OverrideSet set = CTL__OVERRIDE_SET__INIT;
    const char *reason = cli_value(cli, CLI_VALUE_REASON);

    if (!reason || !*reason)
        return cli_fail(cli, CLI_USAGE,
                        "say why with --reason TEXT; it is shown wherever the override is");
    if (!cli_value_duration(cli, CLI_VALUE_FOR, &set.ttl_ms))
        return CLI_USAGE;
    if (target->is_record) {
        set.zone = (char *)cli->words[0];
        set.name = (ProtobufCBinaryData){dns_name_len(target->name), (uint8_t *)target->name};
        set.type = target->type;
        set.set_identifier = (char *)target->set_identifier;
    } else
        set.health_check_id = (char *)cli->words[0];
    set.mode = mode;
    set.reason = (char *)reason;
    request.kind_case = CTL__REQUEST__KIND_OVERRIDE_SET;
    request.override_set = &set;
    return ask(cli, &request);
}

static int clear_override(struct cli *cli, const struct target *target)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__OverrideClear clear = CTL__OVERRIDE_CLEAR__INIT;

    if (target->is_record) {
        clear.zone = (char *)cli->words[0];
        clear.name = (ProtobufCBinaryData){dns_name_len(target->name), (uint8_t *)target->name};
        clear.type = target->type;
        clear.set_identifier = (char *)target->set_identifier;
    } else
        clear.health_check_id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_OVERRIDE_CLEAR;
    request.override_clear = &clear;
    return ask(cli, &request);
}

int health_override_run(struct cli *cli)
{
    static const char *const modes[] = {"clear", "up", "down", "drain"};
    const char *word = cli->words[cli->word_count - 1];
    struct target target = {0};
    unsigned mode = 0;

    while (mode < 4 && strcmp(word, modes[mode]) != 0)
        mode++;
    if (mode == 4)
        return cli_fail(cli, CLI_USAGE, "'%s' is not up, down, drain or clear", word);
    int status = take_target(cli, &target);
    if (status != CLI_OK)
        return status;
    return mode == 0 ? clear_override(cli, &target)
                     : set_override(cli, &target, (Cmd__OverrideMode)mode);
}

/* ---- list ---- */

static void of_text(const Ctl__OverrideOf *of, char *out, size_t size)
{
    char name[DNS_NAME_TEXT_SIZE] = "", type[ZONE_TYPE_TEXT_LEN_MAX];
    const Ctl__RecordSetKey *key = of->record_set;

    if (!key) {
        snprintf(out, size, "%s", of->health_check_id);
        return;
    }
    if (dns_name_check(key->name.data, key->name.len) == (int)key->name.len)
        dns_name_format(key->name.data, name, sizeof(name));
    zone_type_format((uint16_t)key->type, type);
    snprintf(out, size, "%s %s%s%s", name, type, key->set_identifier[0] ? " " : "",
             key->set_identifier);
}

static json_t *of_json(const Ctl__OverrideOf *of)
{
    json_t *object = health_override_json(of->override);

    if (of->record_set)
        json_object_set_new(object, "record_set", health_key_json(of->record_set));
    else
        json_object_set_new(object, "health_check_id", json_string(of->health_check_id));
    return object;
}

static void show_page(const Ctl__OverrideListReply *list, json_t *array, struct table *table)
{
    char text[HEALTH_OVERRIDE_TEXT_SIZE], of[DNS_NAME_TEXT_SIZE + 200], set[CLOCK_TEXT_LEN];

    for (size_t i = 0; i < list->n_overrides; i++) {
        if (array) {
            json_array_append_new(array, of_json(list->overrides[i]));
            continue;
        }
        of_text(list->overrides[i], of, sizeof(of));
        clock_format(list->overrides[i]->override->set_wall_ms, set);
        health_override_text(list->overrides[i]->override, text);
        table_next_row(table);
        table_cell(table, 0, "%s", of);
        table_cell(table, 1, "%s", set);
        table_cell(table, 2, "%s", text);
    }
}

/* One page; @start becomes the next one's, empty behind the last. */
static int list_page(struct cli *cli, struct Ctl__Request *request, json_t *array,
                     struct table *table, uint8_t start[START_MAX])
{
    struct Ctl__Reply *reply;
    ProtobufCBinaryData *next = &request->override_list->start;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    *next = (ProtobufCBinaryData){0, start};
    const Ctl__OverrideListReply *page = reply->override_list;
    if (!page)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no overrides", cli->node);
    else
        show_page(page, array, table);
    if (page && page->next.len > 0 && page->next.len <= START_MAX) {
        memcpy(start, page->next.data, page->next.len);
        next->len = page->next.len;
    }
    cli_free_reply(reply);
    return status;
}

int health_overrides_run(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__OverrideList list = CTL__OVERRIDE_LIST__INIT;
    json_t *array = cli->is_json ? json_array() : NULL;
    uint8_t start[START_MAX];
    struct table table;
    int status;

    table_init(&table, "CHECK OR RECORD SET|SET|OVERRIDE");
    request.kind_case = CTL__REQUEST__KIND_OVERRIDE_LIST;
    request.override_list = &list;
    do
        status = list_page(cli, &request, array, &table, start);
    while (status == CLI_OK && list.start.len > 0);
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}
