/* node/cli/key_commands.c: key-signing keys of zones. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/random.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define DNSKEY_MAX 512u
#define DNSKEY_HEAD_LEN 4u
#define DIGEST_MAX 64u
#define DIGEST_SHA256 2u
#define KMS_ARN_HEAD "arn:aws:kms:us-east-1:000000000000:key/"

struct key_texts {
    char ds[2 * DIGEST_MAX + 32];
    char dnskey[BASE64_SIZE(DNSKEY_MAX) + 32];
};

static bool format_key(const Ctl__Key *key, struct key_texts *out)
{
    char digest[2 * DIGEST_MAX + 1], public_key[BASE64_SIZE(DNSKEY_MAX)];
    const uint8_t *rdata = key->dnskey.data;

    if (key->dnskey.len <= DNSKEY_HEAD_LEN || key->dnskey.len > DNSKEY_MAX ||
        key->ds_sha256.len > DIGEST_MAX)
        return false;
    hex_format_upper(key->ds_sha256.data, key->ds_sha256.len, digest);
    base64_format(rdata + DNSKEY_HEAD_LEN, key->dnskey.len - DNSKEY_HEAD_LEN, public_key);
    snprintf(out->ds, sizeof(out->ds), "%" PRIu32 " %u %u %s", key->key_tag, rdata[3],
             DIGEST_SHA256, digest);
    snprintf(out->dnskey, sizeof(out->dnskey), "%u %u %u %s",
             (unsigned)rdata[0] << 8 | (unsigned)rdata[1], rdata[2], rdata[3], public_key);
    return true;
}

static json_t *key_json(const Ctl__Key *key, const struct key_texts *texts)
{
    char created[CLOCK_TEXT_LEN], modified[CLOCK_TEXT_LEN];

    clock_format(key->created_wall_ms, created);
    clock_format(key->modified_wall_ms, modified);
    return json_pack("{s:s, s:s, s:s, s:I, s:s, s:s, s:s, s:s}", "name", key->name, "status",
                     key->is_active ? "ACTIVE" : "INACTIVE", "kms_arn", key->kms_arn, "key_tag",
                     (json_int_t)key->key_tag, "ds", texts->ds, "dnskey", texts->dnskey, "created",
                     created, "modified", modified);
}

static void print_key(const Ctl__Key *key, const struct key_texts *texts)
{
    char created[CLOCK_TEXT_LEN];

    clock_format(key->created_wall_ms, created);
    printf("name     %s\nstatus   %s\ncreated  %s\nkey      %s\nDS       %s\nDNSKEY   %s\n",
           key->name, key->is_active ? "ACTIVE" : "INACTIVE", created, key->kms_arn, texts->ds,
           texts->dnskey);
}

/* Send @request, whose reply has the zone's keys, and show the one of that name. */
static int ask_key(struct cli *cli, struct Ctl__Request *request, const char *name)
{
    struct Ctl__Reply *reply;
    struct key_texts texts;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    const Ctl__KeyListReply *list = reply->key_list;
    const Ctl__Key *key = NULL;
    for (size_t i = 0; list && i < list->n_keys; i++) {
        if (strcmp(list->keys[i]->name, name) == 0)
            key = list->keys[i];
    }
    if (!list)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no keys", cli->node);
    else if (!key || !format_key(key, &texts))
        status = cli_fail(cli, CLI_REFUSED,
                          "the zone has no key '%s'; 'quartet key list' shows all", name);
    else if (cli->is_json)
        output_json(key_json(key, &texts));
    else
        print_key(key, &texts);
    cli_free_reply(reply);
    return status;
}

static int run_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyCreate create = CTL__KEY_CREATE__INIT;
    char reference[RANDOM_UUID_SIZE], uuid[RANDOM_UUID_SIZE], arn[128];

    random_uuid(reference);
    random_uuid(uuid);
    snprintf(arn, sizeof(arn), KMS_ARN_HEAD "%s", uuid);
    create.zone = (char *)cli->words[0];
    create.name = (char *)cli->words[1];
    create.caller_reference = cli->caller_reference ? (char *)cli->caller_reference : reference;
    create.kms_arn = arn;
    create.is_active = true;
    request.kind_case = CTL__REQUEST__KIND_KEY_CREATE;
    request.key_create = &create;
    return ask_key(cli, &request, cli->words[1]);
}

static int run_update(struct cli *cli, bool is_active)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyUpdate update = CTL__KEY_UPDATE__INIT;

    update.zone = (char *)cli->words[0];
    update.name = (char *)cli->words[1];
    update.is_active = is_active;
    request.kind_case = CTL__REQUEST__KIND_KEY_UPDATE;
    request.key_update = &update;
    return ask_key(cli, &request, cli->words[1]);
}

static int run_activate(struct cli *cli)
{
    return run_update(cli, true);
}

static int run_deactivate(struct cli *cli)
{
    return run_update(cli, false);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyDelete deletion = CTL__KEY_DELETE__INIT;
    struct Ctl__Reply *reply;

    deletion.zone = (char *)cli->words[0];
    deletion.name = (char *)cli->words[1];
    request.kind_case = CTL__REQUEST__KIND_KEY_DELETE;
    request.key_delete = &deletion;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    cli_free_reply(reply);
    return cli_say(cli, "the key %s is deleted", cli->words[1]);
}

static void fill_request(struct cli *cli, Ctl__KeyList *list, Ctl__Request *request)
{
    list->zone = (char *)cli->words[0];
    request->kind_case = CTL__REQUEST__KIND_KEY_LIST;
    request->key_list = list;
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyList list = CTL__KEY_LIST__INIT;

    fill_request(cli, &list, &request);
    return ask_key(cli, &request, cli->words[1]);
}

static void show_list(const struct cli *cli, const Ctl__KeyListReply *list)
{
    json_t *array = cli->is_json ? json_array() : NULL;
    struct key_texts texts;
    struct table table;

    table_init(&table, "NAME|STATUS|TAG|DS");
    for (size_t i = 0; i < list->n_keys; i++) {
        const Ctl__Key *key = list->keys[i];
        if (!format_key(key, &texts))
            continue;
        if (array) {
            json_array_append_new(array, key_json(key, &texts));
            continue;
        }
        table_next_row(&table);
        table_cell(&table, 0, "%s", key->name);
        table_cell(&table, 1, "%s", key->is_active ? "ACTIVE" : "INACTIVE");
        table_cell(&table, 2, "%" PRIu32, key->key_tag);
        table_cell(&table, 3, "%s", texts.ds);
    }
    if (array)
        output_json(array);
    else
        table_print(&table);
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__KeyList list = CTL__KEY_LIST__INIT;
    struct Ctl__Reply *reply;

    fill_request(cli, &list, &request);
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (reply->key_list)
        show_list(cli, reply->key_list);
    else
        status = cli_fail(cli, CLI_REFUSED, "%s sent no keys", cli->node);
    cli_free_reply(reply);
    return status;
}

static const enum cli_option create_options[] = {CLI_OPTION_CALLER_REFERENCE, 0};

const struct cli_command cli_key_commands[] = {
    {"key", "create", "ZONE NAME", 2, 2, "make a key-signing key for a zone",
     "An ECDSA P-256 key (algorithm 13); its private half is stored sealed under the cluster key. "
     "Answers are not signed in this version: do not publish the DS record yet.",
     create_options, false, run_create},
    {"key", "list", "ZONE", 1, 1, "list the key-signing keys of a zone", NULL, NULL, false,
     run_list},
    {"key", "show", "ZONE NAME", 2, 2, "show one key with its DS and DNSKEY records", NULL, NULL,
     false, run_show},
    {"key", "activate", "ZONE NAME", 2, 2, "let a key sign the zone's DNSKEY set", NULL, NULL,
     false, run_activate},
    {"key", "deactivate", "ZONE NAME", 2, 2, "let it sign no longer", NULL, NULL, false,
     run_deactivate},
    {"key", "delete", "ZONE NAME", 2, 2, "delete an inactive key", NULL, NULL, false, run_delete},
    {0},
};
