#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/zone_apply.h"
#include "cli/zone_history.h"
#include "cli/zone_import.h"
#include "cli/zone_vpc.h"
#include "proto/control.pb-c.h"

#define ZONES_PAGE 500

static void name_text(const ProtobufCBinaryData *name, char out[DNS_NAME_TEXT_SIZE])
{
    out[0] = '\0';
    if (dns_name_check(name->data, name->len) == (int)name->len)
        dns_name_format(name->data, out, DNS_NAME_TEXT_SIZE);
}

static json_t *vpcs_json(const Ctl__ZoneReply *zone)
{
    json_t *vpcs = json_array();

    for (size_t i = 0; i < zone->n_vpcs; i++)
        json_array_append_new(vpcs, json_pack("{s:s, s:s}", "id", zone->vpcs[i]->id, "region",
                                              zone->vpcs[i]->region));
    return vpcs;
}

static json_t *zone_json(const Ctl__ZoneReply *zone)
{
    char name[DNS_NAME_TEXT_SIZE];
    json_t *servers = json_array();

    for (size_t i = 0; i < zone->n_name_servers; i++) {
        name_text(&zone->name_servers[i], name);
        json_array_append_new(servers, json_string(name));
    }
    name_text(&zone->name, name);
    json_t *object =
        json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", zone->id, "name", name, "record_sets",
                  (json_int_t)zone->record_set_count, "comment", zone->comment, "caller_reference",
                  zone->caller_reference, "created", output_json_time(zone->created_wall_ms));
    json_object_set_new(object, "private", json_boolean(zone->is_private));
    json_object_set_new(object, "served", json_boolean(!zone->is_not_served));
    if (zone->delegation_set_id[0])
        json_object_set_new(object, "delegation_set", json_string(zone->delegation_set_id));
    if (zone->n_vpcs > 0)
        json_object_set_new(object, "vpcs", vpcs_json(zone));
    if (zone->n_name_servers > 0)
        json_object_set_new(object, "name_servers", servers);
    else
        json_decref(servers);
    return object;
}

static void print_zone(const Ctl__ZoneReply *zone)
{
    char name[DNS_NAME_TEXT_SIZE], created[CLOCK_TEXT_LEN];

    name_text(&zone->name, name);
    clock_format(zone->created_wall_ms, created);
    printf("zone         %s\nid           %s\nrecord sets  %" PRIu64 "\ncreated      %s\n", name,
           zone->id, zone->record_set_count, created);
    for (size_t i = 0; i < zone->n_vpcs; i++)
        printf("%-12s %s (%s)\n", i == 0 ? "private, for" : "", zone->vpcs[i]->id,
               zone->vpcs[i]->region);
    if (zone->is_not_served)
        printf("served       no: another zone of the name is ('quartet zone activate %s')\n",
               zone->id);
    if (zone->delegation_set_id[0])
        printf("delegation   %s\n", zone->delegation_set_id);
    if (zone->comment[0])
        printf("comment      %s\n", zone->comment);
    for (size_t i = 0; i < zone->n_name_servers; i++) {
        name_text(&zone->name_servers[i], name);
        printf("%-12s %s\n", i == 0 ? "name servers" : "", name);
    }
}

/* Ask for what is answered by one zone; with --wait until its change is in sync. */
static int ask_zone(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    if (!reply->zone)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no zone", cli->node);
    else if (cli->has_wait && reply->change_id[0])
        status = cli_wait_change(cli, reply->change_id);
    if (status == CLI_OK && cli->is_json) {
        json_t *object = zone_json(reply->zone);
        if (reply->change_id[0])
            json_object_set_new(object, "change_id", json_string(reply->change_id));
        output_json(object);
    } else if (status == CLI_OK) {
        print_zone(reply->zone);
    }
    cli_free_reply(reply);
    return status;
}

static int run_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneCreate create = CTL__ZONE_CREATE__INIT;
    Cmd__Vpc vpc = CMD__VPC__INIT;

    create.name = (char *)cli->words[0];
    create.comment = cli->comment ? (char *)cli->comment : "";
    create.caller_reference = cli->caller_reference ? (char *)cli->caller_reference : "";
    create.delegation_set_id = (char *)cli_value(cli, CLI_VALUE_DELEGATION_SET);
    if (!create.delegation_set_id)
        create.delegation_set_id = "";
    bool may_repeat = false;
    if (!cli_value_flag(cli, CLI_VALUE_REPEAT_NAME, &may_repeat))
        return CLI_USAGE;
    create.may_repeat_name = may_repeat;
    if (zone_vpc_read(cli, &vpc))
        create.vpc = &vpc;
    request.kind_case = CTL__REQUEST__KIND_ZONE_CREATE;
    request.zone_create = &create;
    return ask_zone(cli, &request);
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneGet get = CTL__ZONE_GET__INIT;

    get.zone = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_ZONE_GET;
    request.zone_get = &get;
    return ask_zone(cli, &request);
}

static int run_update(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneUpdate update = CTL__ZONE_UPDATE__INIT;

    if (!cli->comment)
        return cli_fail(cli, CLI_USAGE, "nothing is to be changed: say --comment TEXT");
    update.zone = (char *)cli->words[0];
    update.has_comment = true;
    update.comment = (char *)cli->comment;
    request.kind_case = CTL__REQUEST__KIND_ZONE_UPDATE;
    request.zone_update = &update;
    return ask_zone(cli, &request);
}

static int run_activate(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneActivate activate = CTL__ZONE_ACTIVATE__INIT;

    activate.zone = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_ZONE_ACTIVATE;
    request.zone_activate = &activate;
    return ask_zone(cli, &request);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneDelete deletion = CTL__ZONE_DELETE__INIT;

    deletion.zone = (char *)cli->words[0];
    deletion.with_contents = cli->has_with_contents;
    request.kind_case = CTL__REQUEST__KIND_ZONE_DELETE;
    request.zone_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

struct zone_listing {
    const struct cli *cli;
    json_t *array; /* with --json */
    struct table table;
    unsigned count;
};

/* true: go on with the next page. */
static bool list_page(struct zone_listing *listing, const Ctl__ZoneListReply *page)
{
    char name[DNS_NAME_TEXT_SIZE];

    for (size_t i = 0; i < page->n_zones; i++) {
        const Ctl__ZoneReply *zone = page->zones[i];
        if (listing->cli->limit && listing->count == listing->cli->limit)
            return false;
        listing->count++;
        if (listing->array) {
            json_array_append_new(listing->array, zone_json(zone));
            continue;
        }
        name_text(&zone->name, name);
        table_next_row(&listing->table);
        table_cell(&listing->table, 0, "%s", name);
        table_cell(&listing->table, 1, "%s", zone->id);
        table_cell(&listing->table, 2, "%" PRIu64, zone->record_set_count);
        table_cell(&listing->table, 3, "%s",
                   zone->is_private      ? "private"
                   : zone->is_not_served ? "not served"
                                         : "yes");
        table_cell(&listing->table, 4, "%s", zone->comment);
    }
    return page->next_name.len > 0 && page->next_name.len <= DNS_NAME_MAX;
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneList list = CTL__ZONE_LIST__INIT;
    struct zone_listing listing = {.cli = cli, .array = cli->is_json ? json_array() : NULL};
    uint8_t start[DNS_NAME_MAX];
    char start_id[64];
    bool has_more = true;
    int status = CLI_OK;

    list.limit = ZONES_PAGE;
    request.kind_case = CTL__REQUEST__KIND_ZONE_LIST;
    request.zone_list = &list;
    table_init(&listing.table, "ZONE|ID|RECORD SETS|SERVED|COMMENT");
    while (has_more) {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        has_more = reply->zone_list && list_page(&listing, reply->zone_list);
        if (has_more) {
            list.start_name.len = reply->zone_list->next_name.len;
            list.start_name.data = start;
            memcpy(start, reply->zone_list->next_name.data, list.start_name.len);
            snprintf(start_id, sizeof(start_id), "%s", reply->zone_list->next_id);
            list.start_id = start_id;
        }
        cli_free_reply(reply);
    }
    if (status == CLI_OK && listing.array)
        output_json(json_incref(listing.array));
    else if (status == CLI_OK)
        table_print(&listing.table);
    json_decref(listing.array);
    return status;
}

static const enum cli_option create_options[] = {
    CLI_OPTION_COMMENT,       CLI_OPTION_CALLER_REFERENCE,
    CLI_OPTION_WAIT,          CLI_VALUE_REPEAT_NAME,
    CLI_VALUE_DELEGATION_SET, CLI_VALUE_VPC,
    CLI_VALUE_VPC_REGION,     0};
static const enum cli_option vpc_options[] = {CLI_VALUE_VPC_REGION, CLI_OPTION_COMMENT,
                                              CLI_OPTION_WAIT, 0};
static const enum cli_option authorize_options[] = {CLI_VALUE_VPC_REGION, 0};
static const enum cli_option update_options[] = {CLI_OPTION_COMMENT, 0};
static const enum cli_option wait_options[] = {CLI_OPTION_WAIT, 0};
static const enum cli_option list_options[] = {CLI_OPTION_LIMIT, 0};
static const enum cli_option import_options[] = {CLI_OPTION_CREATE,
                                                 CLI_OPTION_CHECK,
                                                 CLI_OPTION_COMMENT,
                                                 CLI_OPTION_WAIT,
                                                 CLI_OPTION_LIST,
                                                 CLI_VALUE_DROP_ROUTING,
                                                 0};
static const enum cli_option export_options[] = {CLI_OPTION_OUTPUT, 0};
static const enum cli_option delete_options[] = {CLI_OPTION_WITH_CONTENTS, CLI_OPTION_WAIT, 0};
static const enum cli_option apply_options[] = {CLI_VALUE_DRY_RUN, CLI_VALUE_DROP_ROUTING,
                                                CLI_OPTION_COMMENT, CLI_OPTION_WAIT, 0};
static const enum cli_option log_options[] = {CLI_OPTION_LIMIT, 0};
static const enum cli_option revert_options[] = {CLI_VALUE_FORCE, CLI_OPTION_COMMENT,
                                                 CLI_OPTION_WAIT, 0};

#define ZONE_TEXT                                                                                  \
    "ZONE is the zone's name or id; of several zones of one name, the name means the one that is " \
    "served.\n\n"

const struct cli_command cli_zone_commands[] = {
    {"zone", "create", "NAME", 1, 1, "make a zone with the SOA and NS records of this cluster",
     "With --vpc it is a private zone: only clients in the networks of that VPC see it ('quartet "
     "view set'), and they see nothing of a public zone of its name.\n\n"
     "  quartet zone create example.com --comment 'our shop'\n"
     "  quartet zone create corp.example.com --vpc vpc-0a1b2c3d",
     create_options, false, run_create},
    {"zone", "list", NULL, 0, 0, "all zones, by name", NULL, list_options, false, run_list},
    {"zone", "show", "ZONE", 1, 1, "one zone and its name servers", ZONE_TEXT, NULL, false,
     run_show},
    {"zone", "update", "ZONE", 1, 1, "give a zone another comment", ZONE_TEXT, update_options,
     false, run_update},
    {"zone", "activate", "ID", 1, 1, "of several zones of one name, serve this one from now on",
     "The other one is kept, and not served. Clients see the old records or the new ones, and are "
     "answered all the time: each node reads the zone first (some seconds for a million record "
     "sets), then switches at once. --wait ends when all nodes have.\n\n"
     "  quartet zone activate Z0123456789ABCDEFGHIJ --wait",
     wait_options, false, run_activate},
    {"zone", "associate", "ZONE VPC", 2, 2, "let the clients of one more VPC see a private zone",
     ZONE_TEXT "  quartet zone associate corp.example.com vpc-0a1b2c3d --wait", vpc_options, false,
     zone_associate_run},
    {"zone", "disassociate", "ZONE VPC", 2, 2, "hide a private zone from the clients of a VPC",
     ZONE_TEXT "The last VPC of a zone stays: delete the zone instead.", vpc_options, false,
     zone_disassociate_run},
    {"zone", "authorize", "ZONE VPC", 2, 2, "note that a VPC may be associated with a private zone",
     ZONE_TEXT "Route 53 wants this for a VPC of another account. Here all VPCs are of one, so it "
               "is kept and shown, and nothing depends on it.\n\n"
               "  quartet zone authorize corp.example.com vpc-0a1b2c3d",
     authorize_options, false, zone_authorize_run},
    {"zone", "deauthorize", "ZONE VPC", 2, 2, "take such a note back", ZONE_TEXT, authorize_options,
     false, zone_deauthorize_run},
    {"zone", "authorizations", "ZONE", 1, 1, "the VPCs that may be associated with a private zone",
     ZONE_TEXT, NULL, false, zone_authorizations_run},
    {"zone", "import", "[ZONE FILE]", 0, 2, "replace what a zone holds by a zone file",
     "ZONE is the zone's name, which is the file's first $ORIGIN.\n\n"
     "Reads any RFC 1035 zone file ($ORIGIN, $TTL, $INCLUDE, unknown types). The whole file is "
     "checked "
     "first; every error is told with file and line, and then nothing is changed. The zone "
     "answers "
     "with its old records until all of the new ones are there, and switches at once.\n\n"
     "With --list many zones are imported, several at a time. A zone that is refused is told and "
     "left as it was; the others go on, and the command ends with status 1.\n\n"
     "A zone with record sets that have routing is refused unless --drop-routing says so.\n\n"
     "  quartet zone import example.com example.com.zone --create --wait\n"
     "  quartet zone import example.com example.com.zone --check\n"
     "  quartet zone import --list zones.txt --create --wait",
     import_options, false, zone_import_run},
    {"zone", "export", "ZONE", 1, 1, "write a zone as a zone file",
     ZONE_TEXT "Importing the file again makes the same zone.\n\n"
               "  quartet zone export example.com --output example.com.zone",
     export_options, false, zone_export_run},
    {"zone", "apply", "[ZONE] FILE", 1, 2, "make a zone equal to a file, by what differs alone",
     "FILE is a zone file, or a list of ResourceRecordSets in Route 53's JSON ('quartet record "
     "list "
     "--route53', 'aws route53 list-resource-record-sets'), whose SOA and NS of the zone itself "
     "are "
     "left out. Prints the difference, then makes it, in one batch of up to 1000 changes, or as "
     "few "
     "as it takes. What somebody else changes meanwhile is not overwritten: that is refused.\n\n"
     "  quartet zone apply example.com.zone --dry-run\n"
     "  quartet zone apply example.com sets.json --wait",
     apply_options, false, zone_apply_run},
    {"zone", "log", "ZONE", 1, 1, "what was changed in a zone, when and by whom",
     ZONE_TEXT "The newest change comes first. Changes are remembered up to the cluster's setting "
               "changes.kept (100000).\n\n"
               "  quartet zone log example.com --limit 5",
     log_options, false, zone_log_run},
    {"zone", "diff", "ZONE [CHANGE]", 1, 2, "what one change did (the last one)",
     ZONE_TEXT "  quartet zone diff example.com C0123456789ABCDEFGHIJ", NULL, false, zone_diff_run},
    {"zone", "revert", "ZONE [CHANGE]", 1, 2, "take one change back (the last one)",
     ZONE_TEXT "In one batch. Refused when one of its record sets has been changed since, unless "
               "--force.\n\n"
               "  quartet zone revert example.com C0123456789ABCDEFGHIJ",
     revert_options, false, zone_revert_run},
    {"zone", "delete", "ZONE", 1, 1, "delete a zone",
     ZONE_TEXT "Refused while it holds more than its SOA and NS records, unless --with-contents.",
     delete_options, false, run_delete},
    {0},
};
