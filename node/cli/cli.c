#include "cli/cli.h"

#include <jansson.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/client.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define PROBLEMS_LEN 4096
#define ACTOR_LEN 100

int cli_fail(const struct cli *cli, int status, const char *format, ...)
{
    char text[8192];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (cli->is_json)
        output_json(json_pack("{s:s, s:i}", "error", text, "exit_status", status));
    else
        fprintf(stderr, "quartet: %s\n", text);
    return status;
}

int cli_say(const struct cli *cli, const char *format, ...)
{
    char text[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (cli->is_json)
        output_json(json_pack("{s:s}", "message", text));
    else
        printf("%s\n", text);
    return CLI_OK;
}

/* A node that shuts down answers ERR_CLOSED to all that is under way, whatever becomes of it. */
static int exit_status_of(int code)
{
    switch (code) {
    case ERR_CLOSED:
    case ERR_TIMEOUT: return CLI_UNKNOWN;
    case ERR_UNAVAILABLE: return CLI_UNREACHABLE;
    default: return CLI_REFUSED;
    }
}

/* Who asks, for the journal: the user, or who became root by sudo. */
static void fill_actor(char out[ACTOR_LEN])
{
    const char *user = getenv("SUDO_USER");
    const struct passwd *entry = user && *user ? NULL : getpwuid(getuid());

    if (entry)
        user = entry->pw_name;
    snprintf(out, ACTOR_LEN, "cli:%s", user && *user ? user : "unknown");
}

/* Route 53's texts, which programs compare, say what is wrong and not what to do. */
static const char *advice_of(const char *error)
{
    if (strcmp(error, "HostedZoneNotEmpty") == 0)
        return " Delete them first, or the zone with its contents (--with-contents).";
    if (strcmp(error, "NoSuchHealthCheck") == 0)
        return " 'quartet health list' shows all.";
    return "";
}

/* A batch may have several things wrong with it. */
static int fail_reply(struct cli *cli, const struct Ctl__Reply *reply)
{
    char more[PROBLEMS_LEN] = "";
    size_t len = 0;

    for (size_t i = 1; i < reply->n_messages && len < sizeof(more) - 1; i++)
        len += (size_t)snprintf(more + len, sizeof(more) - len, "\n  and: %s", reply->messages[i]);
    return cli_fail(cli, exit_status_of(reply->code), "%s%s%s", reply->message,
                    advice_of(reply->error), more);
}

/* No reply came, although the request may have arrived. */
static int fail_exchange(const struct cli *cli, bool is_sent, int rc)
{
    if (rc == ERR_TIMEOUT)
        return cli_fail(cli, CLI_UNKNOWN,
                        "%s did not answer within %s; what was asked may still be done", cli->node,
                        output_duration(cli->timeout_ms));
    if (is_sent && rc == ERR_UNAVAILABLE)
        return cli_fail(cli, CLI_UNKNOWN,
                        "%s went away before it answered; what was asked may still be done",
                        cli->node);
    return cli_fail(cli, exit_status_of(rc), "%s: %s", cli->node, err_text(rc));
}

int cli_ask(struct cli *cli, struct Ctl__Request *request, struct Ctl__Reply **reply)
{
    char actor[ACTOR_LEN];
    struct Ctl__Reply *got = NULL;

    fill_actor(actor);
    request->actor = actor;
    int rc = client_send(cli->client, 0, request, (uint32_t)cli->timeout_ms);
    bool is_sent = rc == 0;
    if (is_sent && cli->while_waiting)
        cli->while_waiting(cli);
    if (is_sent)
        rc = client_wait(cli->client, 0, &got);
    if (rc != 0)
        return fail_exchange(cli, is_sent, rc);
    if (got->code != 0) {
        int status = fail_reply(cli, got);
        cli_free_reply(got);
        return status;
    }
    *reply = got;
    return CLI_OK;
}

void cli_free_reply(struct Ctl__Reply *reply)
{
    if (reply)
        ctl__reply__free_unpacked(reply, NULL);
}

int cli_wait_change(struct cli *cli, const char *id)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ChangeGet get = CTL__CHANGE_GET__INIT;
    struct Ctl__Reply *reply;

    get.change_id = (char *)id;
    get.wait = true;
    request.kind_case = CTL__REQUEST__KIND_CHANGE_GET;
    request.change_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__ChangeReply *change = reply->change;
    if (!change) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no answer about the change", cli->node);
    } else if (strcmp(change->status, "INSYNC") != 0) {
        status = cli_fail(cli, CLI_UNKNOWN,
                          "made, but not served by every live node yet: %s lags; 'quartet change "
                          "show %s' tells more",
                          change->n_laggards > 0 ? change->laggards[0] : "a node", id);
    }
    cli_free_reply(reply);
    return status;
}

int cli_ask_and_say(struct cli *cli, struct Ctl__Request *request)
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    if (cli->has_wait && reply->change_id[0])
        status = cli_wait_change(cli, reply->change_id);
    if (status == CLI_OK && cli->is_json) {
        json_t *object = json_pack("{s:s}", "message", reply->message);
        if (reply->change_id[0])
            json_object_set_new(object, "change_id", json_string(reply->change_id));
        if (reply->change_id[0] && cli->has_wait)
            json_object_set_new(object, "status", json_string("INSYNC"));
        output_json(object);
    } else if (status == CLI_OK) {
        printf("%s", reply->message);
        if (reply->change_id[0])
            printf(" (change %s%s)", reply->change_id, cli->has_wait ? ", in sync" : "");
        printf("\n");
    }
    cli_free_reply(reply);
    return status;
}

bool cli_parse_name(const struct cli *cli, const char *text, uint8_t out[DNS_NAME_MAX])
{
    if (dns_name_parse(text, NULL, out) > 0)
        return true;
    cli_fail(cli, CLI_USAGE, "'%s' is no domain name", text);
    return false;
}
