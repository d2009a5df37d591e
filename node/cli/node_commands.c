#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/hex.h"
#include "cli/cli.h"
#include "cli/drain_text.h"
#include "cli/output.h"
#include "cli/term_text.h"
#include "proto/control.pb-c.h"

static void hash_text(const Ctl__NodeStatusReply *node, char out[33])
{
    out[0] = '\0';
    if (node->state_hash.len == 16)
        hex_format(node->state_hash.data, 16, out);
}

static json_t *backup_json(const Ctl__BackupSchedule *backup)
{
    json_t *object =
        json_pack("{s:s, s:I, s:b, s:s, s:I, s:s, s:I, s:I, s:I}", "folder", backup->folder,
                  "every_ms", (json_int_t)backup->every_ms, "is_running", (int)backup->is_running,
                  "error", backup->error, "age_ms", (json_int_t)backup->made_ago_ms, "file",
                  backup->file, "index", (json_int_t)backup->index, "octets",
                  (json_int_t)backup->octets, "took_ms", (json_int_t)backup->took_ms);

    if (backup->made_wall_ms != 0)
        json_object_set_new(object, "made", output_json_time(backup->made_wall_ms));
    if (backup->tried_wall_ms != 0)
        json_object_set_new(object, "tried", output_json_time(backup->tried_wall_ms));
    return object;
}

static void print_backup(const Ctl__BackupSchedule *backup)
{
    char text[CLOCK_TEXT_LEN];

    printf("backup     in %s, every %s", backup->folder, output_duration(backup->every_ms));
    if (backup->is_running)
        printf("; one is being made");
    if (backup->made_wall_ms != 0)
        printf("; the newest is %s old", output_duration(backup->made_ago_ms));
    else
        printf("; there is none yet");
    printf("\n");
    if (backup->error[0]) {
        clock_format(backup->tried_wall_ms, text);
        printf("           FAILED at %s: %s\n", text, backup->error);
    } else if (backup->file[0]) {
        printf("           %s: log index %" PRIu64 ", %" PRIu64 " octets, made in %" PRIu64 " ms\n",
               backup->file, backup->index, backup->octets, backup->took_ms);
    }
}

static void print_node_json(const Ctl__NodeStatusReply *node)
{
    char hash[33];
    json_t *counters = json_object();

    hash_text(node, hash);
    for (size_t i = 0; i < node->n_counters; i++)
        json_object_set_new(counters, node->counters[i]->name,
                            json_integer((json_int_t)node->counters[i]->value));
    json_t *object = json_pack(
        "{s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:s}",
        "version", node->version, "phase", node->phase, "step", node->step, "id",
        output_json_id(node->id), "name", node->name, "region", node->region, "role", node->role,
        "leader", output_json_id(node->leader), "term", (json_int_t)node->term, "commit_index",
        (json_int_t)node->commit_index, "applied_index", (json_int_t)node->applied_index,
        "image_index", (json_int_t)node->image_index, "first_index", (json_int_t)node->first_index,
        "snapshots_installed", (json_int_t)node->snapshots_installed, "uptime_s",
        (json_int_t)node->uptime_s, "domain", node->domain, "state_hash", hash);
    if (node->image) {
        json_object_set_new(object, "zones", json_integer((json_int_t)node->image->zones));
        json_object_set_new(object, "image_octets",
                            json_integer((json_int_t)node->image->memory_octets));
    }
    if (node->backup)
        json_object_set_new(object, "backup", backup_json(node->backup));
    json_object_set_new(object, "counters", counters);
    json_object_set_new(object, "last_index", json_integer((json_int_t)node->last_index));
    json_object_set_new(object, "last_term", json_integer((json_int_t)node->last_term));
    json_object_set_new(object, "is_drained", json_boolean(node->is_drained));
    json_object_set_new(object, "is_superseded", json_boolean(node->is_superseded));
    output_json(object);
}

static void print_node(const Ctl__NodeStatusReply *node)
{
    char hash[33];

    hash_text(node, hash);
    printf("node       %s, quartetd %s, up %s\n", node->name, node->version,
           output_duration(node->uptime_s * 1000));
    printf("phase      %s%s%s%s\n", node->phase, node->step[0] ? ": " : "", node->step,
           node->is_superseded ? ": the cluster was recovered without this node" : "");
    if (node->id == 0) {
        printf("\nMake a cluster of it:  quartet cluster init --domain NAME\n"
               "or let it join one:    quartet join HOST:PORT --token TOKEN\n");
        return;
    }
    if (node->is_drained)
        printf("drained    %s\n", drain_text(node->drained_until_wall_ms));
    printf("id         %016" PRIx64 "\n", node->id);
    printf("role       %s in term %s\n", node->role, term_text(node->term));
    printf("log        from %" PRIu64 ", committed %" PRIu64 ", applied %" PRIu64
           ", answers from %" PRIu64 "\n",
           node->first_index, node->commit_index, node->applied_index, node->image_index);
    printf("state      hash %s\n", hash);
    if (node->image)
        printf("image      %" PRIu64 " zones, %" PRIu64 " KiB\n", node->image->zones,
               node->image->memory_octets / 1024);
    if (node->backup)
        print_backup(node->backup);
    for (size_t i = 0; i < node->n_counters; i++) {
        if (node->counters[i]->value != 0)
            printf("           %-22s %" PRIu64 "\n", node->counters[i]->name,
                   node->counters[i]->value);
    }
}

static int run_status(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__NodeStatus status_request = CTL__NODE_STATUS__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_NODE_STATUS;
    request.node_status = &status_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__NodeStatusReply *node = reply->node_status;
    if (!node) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no status", cli->node);
    } else {
        if (cli->is_json)
            print_node_json(node);
        else
            print_node(node);
        if (cli->has_joined && strcmp(node->phase, "member") != 0)
            status = CLI_REFUSED;
    }
    cli_free_reply(reply);
    return status;
}

static json_t *storage_json(const Ctl__StorageMemory *storage)
{
    return json_pack("{s:I, s:I, s:I}", "block_cache", (json_int_t)storage->block_cache,
                     "memtables", (json_int_t)storage->memtables, "table_readers",
                     (json_int_t)storage->table_readers);
}

static uint64_t share(uint64_t octets, uint64_t count)
{
    return count > 0 ? octets / count : 0;
}

static void print_memory_json(const Ctl__NodeMemoryReply *node)
{
    const Ctl__ImageMemory *image = node->image;

    output_json(json_pack(
        "{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I}, s:o, s:o, s:I, s:{s:I, s:I}, s:{s:I, s:I, s:I}}",
        "image", "used", (json_int_t)image->used, "reserved", (json_int_t)image->reserved,
        "retired_blocks", (json_int_t)image->retired_blocks, "zones", (json_int_t)image->zones,
        "names", (json_int_t)image->names, "per_zone", (json_int_t)share(image->used, image->zones),
        "per_name", (json_int_t)share(image->used, image->names), "state",
        storage_json(node->state), "log", storage_json(node->log), "log_entries",
        (json_int_t)node->log_entries, "sockets", "count", (json_int_t)node->socket_count, "octets",
        (json_int_t)node->sockets, "process", "resident", (json_int_t)node->process_resident,
        "proportional", (json_int_t)node->process_proportional, "anonymous",
        (json_int_t)node->process_anonymous));
}

static void print_octets(const char *what, const char *part, uint64_t octets)
{
    printf("%-9s %-24s %9.1f MB\n", what, part, (double)octets / 1e6);
}

static void print_storage(const char *what, const Ctl__StorageMemory *storage)
{
    print_octets(what, "block cache", storage->block_cache);
    print_octets("", "memtables", storage->memtables);
    print_octets("", "indexes and filters", storage->table_readers);
}

static void print_memory(const Ctl__NodeMemoryReply *node)
{
    const Ctl__ImageMemory *image = node->image;

    print_octets("image", "used", image->used);
    print_octets("", "reserved", image->reserved);
    printf("          %" PRIu64 " zones, %" PRIu64 " names: %" PRIu64 " octets a zone, %" PRIu64
           " a name; %" PRIu64 " blocks wait for readers\n",
           image->zones, image->names, share(image->used, image->zones),
           share(image->used, image->names), image->retired_blocks);
    print_storage("state", node->state);
    print_storage("log", node->log);
    print_octets("", "entries", node->log_entries);
    print_octets("process", "proportional (PSS)", node->process_proportional);
    print_octets("", "resident (RSS)", node->process_resident);
    print_octets("", "its own alone", node->process_anonymous);
    printf("kernel    %-24s %9.1f MB in %u\n", "sockets", (double)node->sockets / 1e6,
           node->socket_count);
}

static int run_memory(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__NodeMemory memory_request = CTL__NODE_MEMORY__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_NODE_MEMORY;
    request.node_memory = &memory_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__NodeMemoryReply *node = reply->node_memory;
    if (!node || !node->image || !node->state || !node->log)
        status = cli_fail(cli, CLI_REFUSED, "%s did not tell its memory", cli->node);
    else if (cli->is_json)
        print_memory_json(node);
    else
        print_memory(node);
    cli_free_reply(reply);
    return status;
}

static int run_verify(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__StateVerify verify = CTL__STATE_VERIFY__INIT;

    request.kind_case = CTL__REQUEST__KIND_STATE_VERIFY;
    request.state_verify = &verify;
    if (cli->timeout_ms < 300000)
        cli->timeout_ms = 300000; /* it reads all of the state */
    return cli_ask_and_say(cli, &request);
}

static int run_token_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TokenCreate create = CTL__TOKEN_CREATE__INIT;
    struct Ctl__Reply *reply;

    create.ttl_ms = cli->has_ttl ? cli->ttl_ms : UINT64_C(24) * 3600 * 1000;
    create.uses = cli->uses ? cli->uses : 1;
    request.kind_case = CTL__REQUEST__KIND_TOKEN_CREATE;
    request.token_create = &create;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->token)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no token", cli->node);
    else if (cli->is_json)
        output_json(json_pack(
            "{s:s, s:s, s:o, s:i}", "token", reply->token->token, "address", reply->token->address,
            "expires", output_json_time(reply->token->expires_wall_ms), "uses", (int)create.uses));
    else if (cli->has_bare)
        printf("%s\n", reply->token->token);
    else
        printf("quartet join %s --token %s\n", reply->token->address, reply->token->token);
    cli_free_reply(reply);
    return status;
}

static void print_tokens(const Ctl__TokenListReply *list)
{
    struct table table;

    table_init(&table, "TOKEN|USES LEFT|EXPIRES");
    for (size_t i = 0; i < list->n_tokens; i++) {
        char expires[CLOCK_TEXT_LEN];
        clock_format(list->tokens[i]->expires_wall_ms, expires);
        table_next_row(&table);
        table_cell(&table, 0, "%s", list->tokens[i]->id);
        table_cell(&table, 1, "%u", list->tokens[i]->uses_left);
        table_cell(&table, 2, "%s", expires);
    }
    table_print(&table);
}

static void print_tokens_json(const Ctl__TokenListReply *list)
{
    json_t *tokens = json_array();

    for (size_t i = 0; i < list->n_tokens; i++)
        json_array_append_new(tokens,
                              json_pack("{s:s, s:i, s:o}", "id", list->tokens[i]->id, "uses_left",
                                        (int)list->tokens[i]->uses_left, "expires",
                                        output_json_time(list->tokens[i]->expires_wall_ms)));
    output_json(tokens);
}

static int run_token_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TokenList list = CTL__TOKEN_LIST__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_TOKEN_LIST;
    request.token_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->token_list)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no tokens", cli->node);
    else if (cli->is_json)
        print_tokens_json(reply->token_list);
    else
        print_tokens(reply->token_list);
    cli_free_reply(reply);
    return status;
}

static int run_token_revoke(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TokenRevoke revoke = CTL__TOKEN_REVOKE__INIT;

    revoke.id = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_TOKEN_REVOKE;
    request.token_revoke = &revoke;
    return cli_ask_and_say(cli, &request);
}

static const enum cli_option status_options[] = {CLI_OPTION_JOINED, 0};
static const enum cli_option create_options[] = {CLI_OPTION_TTL, CLI_OPTION_USES, CLI_OPTION_BARE,
                                                 0};

const struct cli_command cli_node_commands[] = {
    {"node", "status", NULL, 0, 0, "one node: phase, role, log, state hash, counters",
     "Asks the node itself and nobody else, so it works without a quorum.", status_options, false,
     run_status},
    {"node", "memory", NULL, 0, 0, "what a node's memory is spent on",
     "Asks the node itself. Of the image, of what RocksDB holds for the state and for the log, of "
     "the log's entries, of the whole process and its sockets. MB are 1,000,000 octets.",
     NULL, false, run_memory},
    {"node", "verify", NULL, 0, 0, "read all of a node's state again with checksums", NULL, NULL,
     false, run_verify},
    {0},
};

const struct cli_command cli_token_commands[] = {
    {"token", "create", NULL, 0, 0, "print the line by which a node joins",
     "The line is shown once; the cluster keeps only a hash of its secret.\n\n"
     "  quartet token create\n"
     "  quartet token create --ttl 1h --uses 3\n"
     "  quartet token create --bare    # the token alone, for scripts",
     create_options, false, run_token_create},
    {"token", "list", NULL, 0, 0, "tokens that still work", NULL, NULL, false, run_token_list},
    {"token", "revoke", "TOKEN-ID", 1, 1, "make a token worthless", NULL, NULL, false,
     run_token_revoke},
    {0},
};
