/* node/cli/explain_commands.c: why a client gets the answer that it gets, as a tree. */
#include <arpa/inet.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/prefix.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"
#include "zone/record_text.h"

enum {
    COLUMNS_MAX = 100,
    INDENT = 2,  /* columns for each level */
    HANGING = 4, /* of the lines that a long one goes on in */
    TEXT_MIN = 40,
};

/* A request with all that it points into. */
struct asking {
    Ctl__Explain explain;
    uint8_t name[DNS_NAME_MAX], client[17], resolver[16];
    Ctl__Assumption assumptions[CLI_ASSUMED_MAX];
    Ctl__Assumption *pointers[CLI_ASSUMED_MAX];
    char ids[CLI_ASSUMED_MAX][64];
};

static bool take_client(const struct cli *cli, struct asking *asking)
{
    const char *text = cli_value(cli, CLI_VALUE_CLIENT), *reason = "";
    struct prefix prefix;

    if (!text)
        return true;
    if (prefix_parse(text, &prefix, &reason) != 0) {
        cli_fail(cli, CLI_USAGE, "--client: '%s' is no address or prefix: %s", text, reason);
        return false;
    }
    asking->client[0] = prefix.len;
    memcpy(asking->client + 1, prefix.octets, 16);
    asking->explain.client = (ProtobufCBinaryData){prefix.is_ipv6 ? 17 : 5, asking->client};
    return true;
}

static bool take_resolver(const struct cli *cli, struct asking *asking)
{
    const char *text = cli_value(cli, CLI_VALUE_RESOLVER);

    if (!text)
        return true;
    const bool is_ipv6 = strchr(text, ':') != NULL;
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, asking->resolver) != 1) {
        cli_fail(cli, CLI_USAGE, "--resolver: '%s' is no IPv4 or IPv6 address", text);
        return false;
    }
    asking->explain.resolver = (ProtobufCBinaryData){is_ipv6 ? 16 : 4, asking->resolver};
    return true;
}

static bool take_draw(const struct cli *cli, struct asking *asking)
{
    const char *text = cli_value(cli, CLI_VALUE_DRAW);

    if (!text)
        return true;
    const size_t len = strlen(text);
    if (len == 0 || len > 16 || strspn(text, "0123456789abcdefABCDEF") != len) {
        cli_fail(cli, CLI_USAGE, "--draw: '%s' is not what an explanation shows: 16 hex digits",
                 text);
        return false;
    }
    asking->explain.draw = strtoull(text, NULL, 16);
    asking->explain.has_draw = true;
    return true;
}

static bool take_assumption(const struct cli *cli, const char *text, unsigned index,
                            struct asking *asking)
{
    Ctl__Assumption *assumption = &asking->assumptions[index];
    const char *state = strchr(text, '=');
    const size_t id_len = state ? (size_t)(state - text) : 0;

    if (id_len == 0 || id_len >= sizeof(asking->ids[0]) ||
        (strcmp(state, "=up") != 0 && strcmp(state, "=down") != 0)) {
        cli_fail(cli, CLI_USAGE, "--assume: '%s': write CHECK=up or CHECK=down", text);
        return false;
    }
    memcpy(asking->ids[index], text, id_len);
    ctl__assumption__init(assumption);
    assumption->health_check_id = asking->ids[index];
    assumption->is_healthy = strcmp(state, "=up") == 0;
    asking->pointers[index] = assumption;
    return true;
}

static bool take_words(const struct cli *cli, struct asking *asking)
{
    uint16_t type = DNS_TYPE_A;

    ctl__explain__init(&asking->explain);
    if (!cli_parse_name(cli, cli->words[0], asking->name))
        return false;
    if (cli->word_count > 1 && zone_type_parse(cli->words[1], &type) != 0) {
        cli_fail(cli, CLI_USAGE, "'%s' is no record type", cli->words[1]);
        return false;
    }
    asking->explain.name = (ProtobufCBinaryData){dns_name_len(asking->name), asking->name};
    asking->explain.type = type;
    for (unsigned i = 0; i < cli->assumed_count; i++) {
        if (!take_assumption(cli, cli->assumed[i], i, asking))
            return false;
    }
    asking->explain.n_assumptions = cli->assumed_count;
    asking->explain.assumptions = asking->pointers;
    return take_client(cli, asking) && take_resolver(cli, asking) && take_draw(cli, asking);
}

/* ---- as a tree ---- */

/* How much of @text goes into a line of @width: up to a blank, or all of it that fits. */
static size_t line_len(const char *text, size_t width)
{
    const size_t len = strlen(text);

    if (len <= width)
        return len;
    for (size_t at = width; at > 0; at--) {
        if (text[at] == ' ')
            return at;
    }
    return width;
}

static void print_step(const Ctl__ExplainStep *step)
{
    const char *text = step->text;
    unsigned indent = step->depth < COLUMNS_MAX ? step->depth * INDENT : COLUMNS_MAX;

    if (indent > COLUMNS_MAX - HANGING - TEXT_MIN)
        indent = COLUMNS_MAX - HANGING - TEXT_MIN;
    for (bool is_first = true; *text; is_first = false) {
        const unsigned before = is_first ? indent : indent + HANGING;
        const size_t len = line_len(text, COLUMNS_MAX - before);
        printf("%*s%.*s\n", (int)before, "", (int)len, text);
        text += len;
        text += *text == ' ';
    }
}

static void print_tree(const Ctl__ExplainReply *reply)
{
    char draw[HEX_ID_LEN];

    for (size_t i = 0; i < reply->n_steps; i++) {
        const Ctl__ExplainStep *step = reply->steps[i];
        if (i > 0 && step->depth == 0)
            printf("\n");
        print_step(step);
    }
    hex_format_id(reply->draw, draw);
    printf("\nanswered by %s from the state of log entry %llu; chance was --draw %s\n", reply->node,
           (unsigned long long)reply->image_index, draw);
}

/* ---- JSON ---- */

static json_t *text_json(const char *text)
{
    json_t *value = json_string(text);

    return value ? value : json_string("(not UTF-8)");
}

static json_t *step_json(const Ctl__ExplainStep *step)
{
    json_t *fields = json_object();

    for (size_t i = 0; i < step->n_fields; i++)
        json_object_set_new(fields, step->fields[i]->name, text_json(step->fields[i]->value));
    return json_pack("{s:i, s:s, s:o, s:o}", "depth", (int)step->depth, "kind", step->kind, "text",
                     text_json(step->text), "fields", fields);
}

static void print_json(const struct cli *cli, const Ctl__ExplainReply *reply)
{
    json_t *steps = json_array();
    char type[ZONE_TYPE_TEXT_LEN_MAX];
    uint16_t number = DNS_TYPE_A;

    if (cli->word_count > 1)
        (void)zone_type_parse(cli->words[1], &number);
    zone_type_format(number, type);
    for (size_t i = 0; i < reply->n_steps; i++)
        json_array_append_new(steps, step_json(reply->steps[i]));
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:I, s:o}", "name", cli->words[0], "type", type, "node",
                  reply->node, "image_index", (json_int_t)reply->image_index, "steps", steps);
    char draw[HEX_ID_LEN];
    hex_format_id(reply->draw, draw);
    json_object_set_new(object, "draw", json_string(draw));
    output_json(object);
}

static int run_explain(struct cli *cli)
{
    static struct asking asking;
    Ctl__Request request = CTL__REQUEST__INIT;
    struct Ctl__Reply *reply;

    if (!take_words(cli, &asking))
        return CLI_USAGE;
    request.kind_case = CTL__REQUEST__KIND_EXPLAIN;
    request.explain = &asking.explain;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->explain)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no explanation", cli->node);
    else if (cli->is_json)
        print_json(cli, reply->explain);
    else
        print_tree(reply->explain);
    cli_free_reply(reply);
    return status;
}

static const enum cli_option explain_options[] = {CLI_VALUE_CLIENT, CLI_VALUE_RESOLVER,
                                                  CLI_OPTION_ASSUME, CLI_VALUE_DRAW, 0};

const struct cli_command cli_explain_commands[] = {
    {NULL, "explain", "NAME [TYPE]", 1, 2, "why a client gets the answer that it gets",
     "The node that is asked answers the question as it would answer it by DNS, and tells every "
     "step: where the client is, which record sets were considered, what ranked them, which health "
     "checks passed them over, and where aliases lead. TYPE is A unless told. Without --client the "
     "location is that of the resolver. An assumed check counts as it is told for the record sets "
     "that have it; calculated checks above it stay as they are.\n\n"
     "  quartet explain www.example.com --client 198.51.100.0/24\n"
     "  quartet explain www.example.com AAAA --client 2001:db8::/48 --assume 0f9f2b1c=down",
     explain_options, false, run_explain},
    {0},
};
