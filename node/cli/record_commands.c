#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/record_list.h"
#include "cli/record_view.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

#define TTL_DEFAULT_S 300u

struct listing {
    const struct cli *cli;
    json_t *sets;        /* with --json */
    const uint8_t *name; /* only this name, or NULL */
    uint16_t type;       /* only this type, or 0 */
    unsigned count;
    bool is_done;
};

static int list_one(void *user, const struct zone_record_set *set)
{
    struct listing *listing = user;

    if (listing->name && !dns_name_is_equal(listing->name, set->name))
        return 1; /* the list began at that name: it is over */
    if (listing->type && listing->type != set->type)
        return 0;
    if (listing->cli->limit && listing->count == listing->cli->limit)
        return 1;
    listing->count++;
    if (!listing->sets)
        return record_view_print(set);
    json_array_append_new(listing->sets, record_view_json(set));
    return 0;
}

static int run_list(struct cli *cli)
{
    struct listing listing = {.cli = cli};
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];

    int status = cli_zone_apex(cli, cli->words[0], apex);
    if (status != CLI_OK)
        return status;
    if (cli->word_count > 1) {
        if (!cli_record_name(cli, cli->words[1], apex, name))
            return CLI_USAGE;
        listing.name = name;
    }
    if (cli->word_count > 2 && zone_type_parse(cli->words[2], &listing.type) != 0)
        return cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[2]);
    if (cli->is_json)
        listing.sets = json_array();
    status = record_list_each(cli, cli->words[0], listing.name, list_one, &listing);
    if (status == CLI_OK && listing.sets)
        output_json(listing.sets);
    else if (listing.sets)
        json_decref(listing.sets);
    return status;
}

/* Octets of all values of one set, parsed from the command line. */
struct values {
    uint8_t *octets;
    ProtobufCBinaryData rdata[CLI_WORDS_MAX];
    size_t count;
};

static int parse_values(struct cli *cli, uint16_t type, const uint8_t *apex, struct values *out)
{
    unsigned count = cli->word_count - 3;
    uint8_t *storage = malloc(ZONE_RDATA_LEN_MAX);
    int status = CLI_OK;
    size_t used = 0;

    out->count = 0;
    out->octets = malloc((size_t)count * ZONE_RDATA_LEN_MAX);
    if (!storage || !out->octets)
        status = cli_fail(cli, CLI_REFUSED, "out of memory");
    for (unsigned i = 0; status == CLI_OK && i < count; i++) {
        struct zone_problem problem;
        size_t len;
        if (zone_rdata_parse(cli->words[3 + i], type, apex, storage, &len, &problem) != 0) {
            status = cli_fail(cli, CLI_USAGE, "'%s': %s", cli->words[3 + i], problem.text);
            break;
        }
        memcpy(out->octets + used, storage, len);
        out->rdata[out->count++] = (ProtobufCBinaryData){len, out->octets + used};
        used += len;
    }
    free(storage);
    return status;
}

static int send_change(struct cli *cli, Cmd__Change *change)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange record_change = CTL__RECORD_CHANGE__INIT;
    Cmd__Change *changes[] = {change};

    record_change.zone = (char *)cli->words[0];
    record_change.comment = cli->comment ? (char *)cli->comment : "";
    record_change.n_changes = 1;
    record_change.changes = changes;
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &record_change;
    return cli_ask_and_say(cli, &request);
}

static int run_set(struct cli *cli)
{
    Cmd__Change change = CMD__CHANGE__INIT;
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    struct values values = {.octets = NULL};
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    uint16_t type;

    if (zone_type_parse(cli->words[2], &type) != 0)
        return cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[2]);
    int status = cli_zone_apex(cli, cli->words[0], apex);
    if (status != CLI_OK)
        return status;
    if (!cli_record_name(cli, cli->words[1], apex, name))
        return CLI_USAGE;
    status = parse_values(cli, type, apex, &values);
    if (status == CLI_OK) {
        set.name = (ProtobufCBinaryData){dns_name_len(name), name};
        set.type = type;
        set.ttl_s = cli->has_ttl ? (uint32_t)(cli->ttl_ms / 1000) : TTL_DEFAULT_S;
        set.n_rdata = values.count;
        set.rdata = values.rdata;
        change.action = cli->has_add ? CMD__ACTION__ACTION_CREATE : CMD__ACTION__ACTION_UPSERT;
        change.record_set = &set;
        status = send_change(cli, &change);
    }
    free(values.octets);
    return status;
}

struct deletion {
    struct cli *cli;
    const uint8_t *name;
    uint16_t type;
    int status;
    bool was_found;
};

/* A DELETE names the whole set, as Route 53 wants it: it is looked up first. */
static int delete_one(void *user, const struct zone_record_set *found)
{
    struct deletion *deletion = user;
    Cmd__Change change = CMD__CHANGE__INIT;
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    static ProtobufCBinaryData rdata[RECORD_VIEW_RDATAS_MAX];

    if (!dns_name_is_equal(deletion->name, found->name))
        return 1;
    if (found->type != deletion->type)
        return 0;
    for (unsigned i = 0; i < found->rdata_count; i++)
        rdata[i] = (ProtobufCBinaryData){found->rdatas[i].len, (uint8_t *)found->rdatas[i].data};
    set.name = (ProtobufCBinaryData){dns_name_len(found->name), (uint8_t *)found->name};
    set.type = found->type;
    set.ttl_s = found->ttl_s;
    set.n_rdata = found->rdata_count;
    set.rdata = rdata;
    change.action = CMD__ACTION__ACTION_DELETE;
    change.record_set = &set;
    deletion->was_found = true;
    deletion->status = send_change(deletion->cli, &change);
    return 1;
}

static int run_delete(struct cli *cli)
{
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    struct deletion deletion = {.cli = cli, .name = name};

    if (zone_type_parse(cli->words[2], &deletion.type) != 0)
        return cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[2]);
    int status = cli_zone_apex(cli, cli->words[0], apex);
    if (status != CLI_OK)
        return status;
    if (!cli_record_name(cli, cli->words[1], apex, name))
        return CLI_USAGE;
    status = record_list_each(cli, cli->words[0], name, delete_one, &deletion);
    if (status != CLI_OK)
        return status;
    if (!deletion.was_found)
        return cli_fail(cli, CLI_REFUSED, "there is no record set %s %s in %s", cli->words[1],
                        cli->words[2], cli->words[0]);
    return deletion.status;
}

static const enum cli_option list_options[] = {CLI_OPTION_LIMIT, 0};
static const enum cli_option set_options[] = {CLI_OPTION_TTL, CLI_OPTION_ADD, CLI_OPTION_COMMENT,
                                              CLI_OPTION_WAIT, 0};
static const enum cli_option delete_options[] = {CLI_OPTION_COMMENT, CLI_OPTION_WAIT, 0};

const struct cli_command cli_record_commands[] = {
    {"record", "list", "ZONE [NAME [TYPE]]", 1, 3, "the records of a zone, or of one name", NULL,
     list_options, false, run_list},
    {"record", "set", "ZONE NAME TYPE VALUE...", 4, CLI_WORDS_MAX,
     "make or replace the record set of one name and type",
     "NAME is within the zone unless it ends in a dot or in the zone's name; '@' is the zone "
     "itself. "
     "VALUE is written as in a zone file.\n\n"
     "  quartet record set example.com www A 192.0.2.1 192.0.2.2 --ttl 60 --wait\n"
     "  quartet record set example.com @ MX '10 mail' '20 backup.example.net.'\n"
     "  quartet record set example.com @ TXT '\"v=spf1 -all\"'",
     set_options, false, run_set},
    {"record", "delete", "ZONE NAME TYPE", 3, 3, "delete the record set of one name and type", NULL,
     delete_options, false, run_delete},
    {0},
};
