/* node/cli/credential_commands.c: access keys of the Route 53 API. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/credential_policy.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

/* ---- what is shown ---- */

static json_t *credential_json(const Ctl__CredentialReply *credential)
{
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:I, s:b}", "access_key_id", credential->access_key_id, "user",
                  credential->user_name, "active", !credential->is_inactive, "requests_per_s",
                  (json_int_t)credential->requests_per_s, "has_policy", credential->has_policy);

    if (credential->created_wall_ms > 0)
        json_object_set_new(object, "created", output_json_time(credential->created_wall_ms));
    if (credential->policy[0]) {
        json_t *policy = json_loads(credential->policy, 0, NULL);
        json_object_set_new(object, "policy", policy ? policy : json_string(credential->policy));
    }
    if (credential->secret_access_key[0])
        json_object_set_new(object, "secret_access_key",
                            json_string(credential->secret_access_key));
    return object;
}

static const char *quota_text(const Ctl__CredentialReply *credential, char out[32])
{
    if (credential->requests_per_s == 0)
        return "none";
    snprintf(out, 32, "%" PRIu32 "/s", credential->requests_per_s);
    return out;
}

static void print_credential(const Ctl__CredentialReply *credential)
{
    char quota[32], created[CLOCK_TEXT_LEN];

    printf("access key  %s\nuser        %s\nstatus      %s\nquota       %s\n",
           credential->access_key_id, credential->user_name[0] ? credential->user_name : "-",
           credential->is_inactive ? "disabled" : "active", quota_text(credential, quota));
    if (credential->created_wall_ms > 0) {
        clock_format(credential->created_wall_ms, created);
        printf("created     %s\n", created);
    }
    if (credential->policy[0])
        printf("policy\n%s\n", credential->policy);
    else
        printf("policy      none: everything is allowed\n");
}

/* What a user copies into a shell. The secret is never shown again. */
static void print_new(const Ctl__CredentialReply *credential)
{
    printf(
        "export AWS_ACCESS_KEY_ID=%s\n"
        "export AWS_SECRET_ACCESS_KEY=%s\n"
        "export AWS_DEFAULT_REGION=us-east-1\n"
        "# Keep the secret: it is not shown again. A key that is lost is deleted and made anew.\n"
        "# Tools find the API by AWS_ENDPOINT_URL_ROUTE_53=http://GATEWAY:PORT, older ones by\n"
        "# --endpoint-url.\n",
        credential->access_key_id, credential->secret_access_key);
    if (!credential->has_policy)
        printf("# This key may do everything; --preset or --policy limit one.\n");
}

/* Ask for what is answered by one access key. */
static int ask_credential(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    const Ctl__CredentialReply *credential = reply->credential;
    if (!credential)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no access key", cli->node);
    else if (cli->is_json)
        output_json(credential_json(credential));
    else if (credential->secret_access_key[0])
        print_new(credential);
    else
        print_credential(credential);
    cli_free_reply(reply);
    return status;
}

/* ---- commands ---- */

static int run_create(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CredentialCreate create = CTL__CREDENTIAL_CREATE__INIT;
    const char *user = cli_value(cli, CLI_VALUE_USER);
    uint32_t rate = 0;
    char *policy;

    if (user && cli->word_count > 0)
        return cli_fail(cli, CLI_USAGE, "the user's name is given twice");
    if (!user && cli->word_count > 0)
        user = cli->words[0];
    if (!cli_value_number(cli, CLI_VALUE_RATE, &rate))
        return CLI_USAGE;
    int status = credential_policy_take(cli, &policy);
    if (status != CLI_OK)
        return status;
    create.user_name = (char *)(uintptr_t)(user ? user : "");
    create.policy = policy ? policy : "";
    create.requests_per_s = rate;
    request.kind_case = CTL__REQUEST__KIND_CREDENTIAL_CREATE;
    request.credential_create = &create;
    status = ask_credential(cli, &request);
    free(policy);
    return status;
}

static int ask_update(struct cli *cli, Ctl__CredentialUpdate *update)
{
    Ctl__Request request = CTL__REQUEST__INIT;

    update->access_key_id = (char *)(uintptr_t)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_CREDENTIAL_UPDATE;
    request.credential_update = update;
    return ask_credential(cli, &request);
}

static int run_update(struct cli *cli)
{
    Ctl__CredentialUpdate update = CTL__CREDENTIAL_UPDATE__INIT;
    const char *user = cli_value(cli, CLI_VALUE_USER);
    char *fields[3], *policy;

    if (!cli_value_number(cli, CLI_VALUE_RATE, &update.requests_per_s))
        return CLI_USAGE;
    int status = credential_policy_take(cli, &policy);
    if (status != CLI_OK)
        return status;
    update.fields = fields;
    if (user) {
        update.user_name = (char *)(uintptr_t)user;
        fields[update.n_fields++] = "user_name";
    }
    if (policy) {
        update.policy = policy;
        fields[update.n_fields++] = "policy";
    }
    if (cli_value(cli, CLI_VALUE_RATE))
        fields[update.n_fields++] = "requests_per_s";
    if (update.n_fields == 0)
        status = cli_fail(cli, CLI_USAGE, "say what is to be changed; see --help");
    else
        status = ask_update(cli, &update);
    free(policy);
    return status;
}

static int set_inactive(struct cli *cli, bool is_inactive)
{
    Ctl__CredentialUpdate update = CTL__CREDENTIAL_UPDATE__INIT;
    char *fields[] = {"is_inactive"};

    update.fields = fields;
    update.n_fields = 1;
    update.is_inactive = is_inactive;
    return ask_update(cli, &update);
}

static int run_disable(struct cli *cli)
{
    return set_inactive(cli, true);
}

static int run_enable(struct cli *cli)
{
    return set_inactive(cli, false);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CredentialDelete deletion = CTL__CREDENTIAL_DELETE__INIT;

    deletion.access_key_id = (char *)(uintptr_t)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_CREDENTIAL_DELETE;
    request.credential_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static void print_list(const Ctl__CredentialListReply *list)
{
    struct table table;

    table_init(&table, "ACCESS KEY|USER|STATUS|POLICY|QUOTA|CREATED");
    for (size_t i = 0; i < list->n_credentials; i++) {
        const Ctl__CredentialReply *credential = list->credentials[i];
        char quota[32], created[CLOCK_TEXT_LEN];
        clock_format(credential->created_wall_ms, created);
        table_next_row(&table);
        table_cell(&table, 0, "%s", credential->access_key_id);
        table_cell(&table, 1, "%s", credential->user_name[0] ? credential->user_name : "-");
        table_cell(&table, 2, "%s", credential->is_inactive ? "disabled" : "active");
        table_cell(&table, 3, "%s", credential->has_policy ? "yes" : "everything");
        table_cell(&table, 4, "%s", quota_text(credential, quota));
        table_cell(&table, 5, "%s", created);
    }
    table_print(&table);
}

static void print_json_list(const Ctl__CredentialListReply *list)
{
    json_t *array = json_array();

    for (size_t i = 0; i < list->n_credentials; i++)
        json_array_append_new(array, credential_json(list->credentials[i]));
    output_json(array);
}

/* All, or the one that is named. */
static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CredentialList list = CTL__CREDENTIAL_LIST__INIT;
    struct Ctl__Reply *reply;
    bool is_one = cli->word_count > 0;

    if (is_one)
        list.access_key_id = (char *)(uintptr_t)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_CREDENTIAL_LIST;
    request.credential_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__CredentialListReply *found = reply->credential_list;
    if (!found || (is_one && found->n_credentials != 1))
        status = cli_fail(cli, CLI_REFUSED, "%s sent no access keys", cli->node);
    else if (is_one && cli->is_json)
        output_json(credential_json(found->credentials[0]));
    else if (is_one)
        print_credential(found->credentials[0]);
    else if (cli->is_json)
        print_json_list(found);
    else
        print_list(found);
    cli_free_reply(reply);
    return status;
}

static const enum cli_option write_options[] = {CLI_VALUE_USER, CLI_VALUE_POLICY, CLI_VALUE_PRESET,
                                                CLI_VALUE_RATE, 0};

const struct cli_command cli_credential_commands[] = {
    {"credential", "create", "[USER]", 0, 1, "make an access key for the Route 53 API",
     "It prints what a shell needs; the secret is shown this once. Without --policy and --preset "
     "the key may do everything. Policies are documents as IAM has them, with Action, Resource and "
     "the conditions that Route 53 knows; those that would not be understood are refused.\n\n"
     "  quartet credential create deploy\n"
     "  quartet credential create certbot --preset acme:example.com\n"
     "  quartet credential create external-dns --preset zone:example.com --rate 50\n"
     "  quartet credential create audit --preset read-only\n"
     "  quartet credential create ci --policy ci.json",
     write_options, false, run_create},
    {"credential", "list", NULL, 0, 0, "list the access keys", NULL, NULL, false, run_list},
    {"credential", "show", "KEY", 1, 1, "show an access key and its policy", NULL, NULL, false,
     run_list},
    {"credential", "update", "KEY", 1, 1, "change what an access key may do",
     "Gateways go by the change within two seconds. --policy '' allows everything, --rate 0 takes "
     "the quota away.\n\n"
     "  quartet credential update AKIA2EXAMPLE2EXAMPLE --preset read-only",
     write_options, false, run_update},
    {"credential", "disable", "KEY", 1, 1, "refuse an access key until it is enabled again",
     "Gateways refuse it within two seconds.", NULL, false, run_disable},
    {"credential", "enable", "KEY", 1, 1, "take a disabled access key again", NULL, NULL, false,
     run_enable},
    {"credential", "delete", "KEY", 1, 1, "delete an access key",
     "Gateways refuse it within two seconds. It cannot be brought back.", NULL, false, run_delete},
    {0},
};
