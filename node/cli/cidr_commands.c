/* node/cli/cidr_commands.c: CIDR collections, for IP-based routing. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/prefix.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define ID_SIZE 37u
#define BLOCK_LEN_MAX 17u /* length in bits, 4 or 16 octets */

static json_t *collection_json(const Ctl__CidrReply *collection)
{
    json_t *locations = json_array();

    for (size_t i = 0; i < collection->n_locations; i++)
        json_array_append_new(locations, json_string(collection->locations[i]));
    return json_pack("{s:s, s:s, s:I, s:I, s:o}", "id", collection->id, "name", collection->name,
                     "version", (json_int_t)collection->version, "block_count",
                     (json_int_t)collection->block_count, "locations", locations);
}

static int ask_collection(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    const Ctl__CidrReply *collection = reply->cidr;
    if (!collection)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no CIDR collection", cli->node);
    else if (cli->is_json)
        output_json(collection_json(collection));
    else
        printf("name     %s\nid       %s\nversion  %" PRIu64 "\nblocks   %" PRIu64
               " in %zu locations\n",
               collection->name, collection->id, collection->version, collection->block_count,
               collection->n_locations);
    cli_free_reply(reply);
    return status;
}

static int run_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrCreate create = CTL__CIDR_CREATE__INIT;

    create.name = (char *)cli->words[0];
    create.caller_reference = cli->caller_reference ? (char *)cli->caller_reference : "";
    request.kind_case = CTL__REQUEST__KIND_CIDR_CREATE;
    request.cidr_create = &create;
    return ask_collection(cli, &request);
}

/* "192.0.2.0/24" to a block of a command. false: told. */
static bool take_block(const struct cli *cli, const char *text, uint8_t storage[BLOCK_LEN_MAX],
                       ProtobufCBinaryData *out)
{
    struct prefix prefix;
    const char *reason;

    if (prefix_parse(text, &prefix, &reason) != 0) {
        cli_fail(cli, CLI_USAGE, "'%s' is no CIDR block: %s", text, reason);
        return false;
    }
    storage[0] = prefix.len;
    memcpy(storage + 1, prefix.octets, prefix.is_ipv6 ? 16 : 4);
    *out = (ProtobufCBinaryData){prefix.is_ipv6 ? 17 : 5, storage};
    return true;
}

static int run_change(struct cli *cli)
{
    static uint8_t octets[CLI_WORDS_MAX][BLOCK_LEN_MAX];
    static ProtobufCBinaryData blocks[CLI_WORDS_MAX];
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrChange change = CTL__CIDR_CHANGE__INIT;
    Cmd__CidrChange one = CMD__CIDR_CHANGE__INIT, *changes[] = {&one};
    bool is_delete = false;
    uint32_t version = 0;

    if (!cli_value_flag(cli, CLI_VALUE_REMOVE, &is_delete) ||
        !cli_value_number(cli, CLI_VALUE_VERSION, &version))
        return CLI_USAGE;
    for (unsigned i = 2; i < cli->word_count; i++) {
        if (!take_block(cli, cli->words[i], octets[i], &blocks[one.n_blocks++]))
            return CLI_USAGE;
    }
    one.location = (char *)cli->words[1];
    one.is_delete = is_delete;
    one.blocks = blocks;
    change.collection = (char *)cli->words[0];
    change.version = version;
    change.n_changes = 1;
    change.changes = changes;
    request.kind_case = CTL__REQUEST__KIND_CIDR_CHANGE;
    request.cidr_change = &change;
    return ask_collection(cli, &request);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrDelete deletion = CTL__CIDR_DELETE__INIT;

    deletion.collection = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_CIDR_DELETE;
    request.cidr_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void show_collections(const Ctl__CidrListReply *list, json_t *array, struct table *table)
{
    for (size_t i = 0; i < list->n_collections; i++) {
        const Ctl__CidrReply *collection = list->collections[i];
        if (array) {
            json_array_append_new(array, collection_json(collection));
            continue;
        }
        table_next_row(table);
        table_cell(table, 0, "%s", collection->name);
        table_cell(table, 1, "%s", collection->id);
        table_cell(table, 2, "%" PRIu64, collection->version);
        table_cell(table, 3, "%" PRIu64, collection->block_count);
        table_cell(table, 4, "%zu", collection->n_locations);
    }
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrList list = CTL__CIDR_LIST__INIT;
    json_t *array = cli->is_json ? json_array() : NULL;
    char start[ID_SIZE] = "";
    struct table table;
    int status;

    table_init(&table, "NAME|ID|VERSION|BLOCKS|LOCATIONS");
    list.start_id = start;
    request.kind_case = CTL__REQUEST__KIND_CIDR_LIST;
    request.cidr_list = &list;
    do {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        if (!reply->cidr_list)
            status = cli_fail(cli, CLI_REFUSED, "%s sent no list", cli->node);
        else
            show_collections(reply->cidr_list, array, &table);
        snprintf(start, sizeof(start), "%s", reply->cidr_list ? reply->cidr_list->next_id : "");
        cli_free_reply(reply);
    } while (start[0]);
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}

static void block_text(const ProtobufCBinaryData *block, char out[PREFIX_TEXT_SIZE])
{
    struct prefix prefix = {0};

    out[0] = '\0';
    if (block->len != 5 && block->len != BLOCK_LEN_MAX)
        return;
    prefix.is_ipv6 = block->len == BLOCK_LEN_MAX;
    prefix.len = block->data[0];
    memcpy(prefix.octets, block->data + 1, block->len - 1);
    prefix_format(&prefix, out);
}

static void show_page(const Ctl__CidrBlocksReply *page, json_t *array, struct table *table)
{
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < page->n_blocks; i++) {
        block_text(&page->blocks[i]->block, text);
        if (array) {
            json_array_append_new(array, json_pack("{s:s, s:s}", "block", text, "location",
                                                   page->blocks[i]->location));
            continue;
        }
        table_next_row(table);
        table_cell(table, 0, "%s", text);
        table_cell(table, 1, "%s", page->blocks[i]->location);
    }
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrBlocks blocks = CTL__CIDR_BLOCKS__INIT;
    const char *location = cli_value(cli, CLI_VALUE_LOCATION);
    json_t *array = cli->is_json ? json_array() : NULL;
    uint8_t start[BLOCK_LEN_MAX];
    struct table table;
    int status = CLI_OK;

    table_init(&table, "BLOCK|LOCATION");
    blocks.collection = (char *)cli->words[0];
    blocks.location = location ? (char *)location : "";
    request.kind_case = CTL__REQUEST__KIND_CIDR_BLOCKS;
    request.cidr_blocks = &blocks;
    do {
        struct Ctl__Reply *reply;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        const Ctl__CidrBlocksReply *page = reply->cidr_blocks;
        blocks.start_block.len = 0;
        if (page)
            show_page(page, array, &table);
        if (page && page->next_block.len <= sizeof(start)) {
            blocks.start_block = (ProtobufCBinaryData){page->next_block.len, start};
            if (page->next_block.len > 0)
                memcpy(start, page->next_block.data, page->next_block.len);
        }
        cli_free_reply(reply);
    } while (blocks.start_block.len > 0);
    if (status == CLI_OK && array)
        output_json(json_incref(array));
    else if (status == CLI_OK)
        table_print(&table);
    json_decref(array);
    return status;
}

static const enum cli_option create_options[] = {CLI_OPTION_CALLER_REFERENCE, 0};
static const enum cli_option change_options[] = {CLI_VALUE_REMOVE, CLI_VALUE_VERSION, 0};
static const enum cli_option show_options[] = {CLI_VALUE_LOCATION, 0};

const struct cli_command cli_cidr_commands[] = {
    {"cidr", "create", "NAME", 1, 1, "create a CIDR collection",
     "Record sets with --cidr NAME/LOCATION answer clients in the blocks of that location.",
     create_options, false, run_create},
    {"cidr", "change", "COLLECTION LOCATION BLOCK...", 3, CLI_WORDS_MAX,
     "put blocks into a location, or take them out",
     "IPv4 blocks are /1 to /24, IPv6 blocks /1 to /48; of several that hold a client the longest "
     "counts. A block is in one location only. The last block of a location that record sets use "
     "stays.\n\n"
     "  quartet cidr change offices paris 192.0.2.0/24 2001:db8::/32\n"
     "  quartet cidr change offices paris 192.0.2.0/24 --remove",
     change_options, false, run_change},
    {"cidr", "list", NULL, 0, 0, "list the CIDR collections", NULL, NULL, false, run_list},
    {"cidr", "show", "COLLECTION", 1, 1, "show the blocks of a CIDR collection", NULL, show_options,
     false, run_show},
    {"cidr", "delete", "COLLECTION", 1, 1, "delete an empty CIDR collection", NULL, NULL, false,
     run_delete},
    {0},
};
