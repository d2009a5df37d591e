#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/record_apply.h"
#include "cli/record_list.h"
#include "cli/record_options.h"
#include "cli/record_view.h"
#include "cli/routing_message.h"
#include "proto/control.pb-c.h"
#include "route53/route53.h"
#include "zone/record_text.h"

#define TTL_DEFAULT_S 300u

struct listing {
    const struct cli *cli;
    json_t *sets;        /* with --json */
    const uint8_t *name; /* only this name, or NULL */
    uint16_t type;       /* only this type, or 0 */
    unsigned count;
    bool is_route53;
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
    return json_array_append_new(listing->sets, listing->is_route53 ? route53_write_set(set)
                                                                    : record_view_json(set)) == 0
               ? 0
               : ERR_INVALID;
}

static int run_list(struct cli *cli)
{
    struct listing listing = {.cli = cli};
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];

    if (!cli_value_flag(cli, CLI_VALUE_ROUTE53, &listing.is_route53))
        return CLI_USAGE;
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
    if (cli->is_json || listing.is_route53)
        listing.sets = json_array();
    status = record_list_each(cli, cli->words[0], listing.name, list_one, &listing);
    if (status == CLI_OK && listing.is_route53)
        output_json(json_pack("{s:o}", "ResourceRecordSets", listing.sets));
    else if (status == CLI_OK && listing.sets)
        output_json(listing.sets);
    else if (listing.sets)
        json_decref(listing.sets);
    return status;
}

/* Octets of all values of one set, parsed from the command line. */
struct values {
    uint8_t *octets;
    struct zone_rdata rdatas[CLI_WORDS_MAX];
    size_t count;
};

static int parse_values(struct cli *cli, uint16_t type, const uint8_t *apex, struct values *out)
{
    unsigned count = cli->word_count - 3;
    uint8_t *storage = malloc(ZONE_RDATA_LEN_MAX);
    int status = CLI_OK;
    size_t used = 0;

    out->count = 0;
    out->octets = malloc((size_t)count * ZONE_RDATA_LEN_MAX + 1);
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
        out->rdatas[out->count++] = (struct zone_rdata){out->octets + used, (uint16_t)len};
        used += len;
    }
    free(storage);
    return status;
}

static int send_change(struct cli *cli, Cmd__Action action, const struct zone_record_set *set)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange record_change = CTL__RECORD_CHANGE__INIT;
    Cmd__Change change = CMD__CHANGE__INIT, *changes[] = {&change};

    change.action = action;
    change.record_set = record_message_new(set);
    if (!change.record_set)
        return cli_fail(cli, CLI_REFUSED, "out of memory");
    record_change.zone = (char *)cli->words[0];
    record_change.comment = cli->comment ? (char *)cli->comment : "";
    record_change.n_changes = 1;
    record_change.changes = changes;
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &record_change;
    int status = cli_ask_and_say(cli, &request);
    record_message_free(change.record_set);
    return status;
}

/* An alias has neither values nor TTL, and all else has. */
static int check_words(struct cli *cli)
{
    bool is_alias = cli_value(cli, CLI_VALUE_ALIAS) != NULL;

    if (is_alias && cli->word_count > 3)
        return cli_fail(cli, CLI_USAGE, "an alias takes no values: --alias TARGET in their place");
    if (is_alias && cli->has_ttl)
        return cli_fail(cli, CLI_USAGE, "an alias has no TTL: that of its target counts");
    if (!is_alias && cli->word_count == 3)
        return cli_fail(cli, CLI_USAGE, "give at least one VALUE, or --alias TARGET");
    return CLI_OK;
}

static int run_set(struct cli *cli)
{
    struct zone_routing routing;
    struct record_options options = {.routing = &routing};
    struct values values = {.octets = NULL};
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    struct zone_record_set set = {.name = name, .rdatas = values.rdatas};
    int status = check_words(cli);

    if (status == CLI_OK && zone_type_parse(cli->words[2], &set.type) != 0)
        status = cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[2]);
    if (status == CLI_OK)
        status = cli_zone_apex(cli, cli->words[0], apex);
    if (status == CLI_OK && !cli_record_name(cli, cli->words[1], apex, name))
        status = CLI_USAGE;
    if (status == CLI_OK)
        status = record_options_take(cli, apex, &options, &set);
    if (status == CLI_OK && !cli_value(cli, CLI_VALUE_ALIAS)) {
        status = parse_values(cli, set.type, apex, &values);
        set.rdata_count = (uint16_t)values.count;
        set.ttl_s = cli->has_ttl ? (uint32_t)(cli->ttl_ms / 1000) : TTL_DEFAULT_S;
    }
    if (status == CLI_OK)
        status = send_change(
            cli, cli->has_add ? CMD__ACTION__ACTION_CREATE : CMD__ACTION__ACTION_UPSERT, &set);
    free(values.octets);
    return status;
}

struct deletion {
    struct cli *cli;
    const uint8_t *name;
    const char *identifier; /* "": the set without one */
    uint16_t type;
    int status;
    unsigned others; /* of the same name and type, by other identifiers */
    bool was_found;
};

/* A DELETE names the whole set, as Route 53 wants it: it is looked up first. */
static int delete_one(void *user, const struct zone_record_set *found)
{
    struct deletion *deletion = user;

    if (!dns_name_is_equal(deletion->name, found->name))
        return 1;
    if (found->type != deletion->type)
        return 0;
    if (found->set_identifier_len != strlen(deletion->identifier) ||
        (found->set_identifier_len > 0 &&
         memcmp(found->set_identifier, deletion->identifier, found->set_identifier_len) != 0)) {
        deletion->others++;
        return 0;
    }
    deletion->was_found = true;
    deletion->status = send_change(deletion->cli, CMD__ACTION__ACTION_DELETE, found);
    return 1;
}

static int tell_not_found(struct cli *cli, const struct deletion *deletion)
{
    if (deletion->others > 0 && !deletion->identifier[0])
        return cli_fail(cli, CLI_REFUSED,
                        "%s %s has %u record sets with identifiers: say which by --set-identifier",
                        cli->words[1], cli->words[2], deletion->others);
    return cli_fail(cli, CLI_REFUSED, "there is no record set %s %s%s%s in %s", cli->words[1],
                    cli->words[2], deletion->identifier[0] ? " of identifier " : "",
                    deletion->identifier, cli->words[0]);
}

static int run_delete(struct cli *cli)
{
    const char *identifier = cli_value(cli, CLI_VALUE_SET_IDENTIFIER);
    uint8_t apex[DNS_NAME_MAX], name[DNS_NAME_MAX];
    struct deletion deletion = {
        .cli = cli,
        .name = name,
        .identifier = identifier ? identifier : "",
    };

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
    return deletion.was_found ? deletion.status : tell_not_found(cli, &deletion);
}

static const enum cli_option list_options[] = {CLI_OPTION_LIMIT, CLI_VALUE_ROUTE53, CLI_VALUE_ALL,
                                               0};
static const enum cli_option set_options[] = {
    CLI_OPTION_TTL,        CLI_OPTION_ADD,       CLI_VALUE_SET_IDENTIFIER,
    CLI_VALUE_WEIGHT,      CLI_VALUE_REGION,     CLI_VALUE_GEO,
    CLI_VALUE_COORDINATES, CLI_VALUE_BIAS,       CLI_VALUE_GEOPROXIMITY,
    CLI_VALUE_FAILOVER,    CLI_VALUE_MULTIVALUE, CLI_VALUE_CIDR,
    CLI_VALUE_ALIAS,       CLI_VALUE_EVALUATE,   CLI_VALUE_HEALTH_CHECK,
    CLI_VALUE_STICKY,      CLI_VALUE_ANSWERS,    CLI_VALUE_ALL_DOWN,
    CLI_OPTION_COMMENT,    CLI_OPTION_WAIT,      0};
static const enum cli_option delete_options[] = {CLI_VALUE_SET_IDENTIFIER, CLI_OPTION_COMMENT,
                                                 CLI_OPTION_WAIT, 0};
static const enum cli_option apply_options[] = {CLI_OPTION_COMMENT, CLI_OPTION_WAIT, 0};

const struct cli_command cli_record_commands[] = {
    {"record", "list", "ZONE [NAME [TYPE]]", 1, 3, "the records of a zone, or of one name", NULL,
     list_options, false, run_list},
    {"record", "set", "ZONE NAME TYPE [VALUE...]", 3, CLI_WORDS_MAX, "make or replace a record set",
     "NAME is within the zone unless it ends in a dot or in the zone's name; '@' is the zone "
     "itself. "
     "VALUE is written as in a zone file.\n\n"
     "  quartet record set example.com www A 192.0.2.1 192.0.2.2 --ttl 60 --wait\n"
     "  quartet record set example.com @ MX '10 mail' '20 backup.example.net.'\n"
     "  quartet record set example.com @ TXT '\"v=spf1 -all\"'\n\n"
     "With a routing policy there are several record sets of one name and type, each with its own "
     "--set-identifier, and each question is answered from one of them:\n\n"
     "  quartet record set example.com www A 192.0.2.1 --set-identifier a --weight 90\n"
     "  quartet record set example.com api A 192.0.2.1 --set-identifier us --region us-east-1\n"
     "  quartet record set example.com geo A 192.0.2.1 --set-identifier eu --geo EU\n"
     "  quartet record set example.com db A 192.0.2.1 --set-identifier 1 --failover primary \\\n"
     "      --health-check 0f9f3c4e\n\n"
     "An alias answers with what another name has:\n\n"
     "  quartet record set example.com @ A --alias www --evaluate-target-health",
     set_options, false, run_set},
    {"record", "delete", "ZONE NAME TYPE", 3, 3, "delete a record set", NULL, delete_options, false,
     run_delete},
    {"record", "apply", "ZONE FILE", 2, 2, "make the changes of a file in Route 53's JSON",
     "FILE is a change batch ({\"Changes\": [...]}), made as a whole or not at all, or a list "
     "({\"ResourceRecordSets\": [...]}), as 'aws route53 list-resource-record-sets' and 'quartet "
     "record list ZONE --route53' print it: its record sets are made or replaced, but for SOA and "
     "NS of the zone itself, and others stay. A list of over 1,000 sets takes several batches.",
     apply_options, false, record_apply_run},
    {0},
};
