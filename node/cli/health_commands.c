/* node/cli/health_commands.c: health checks. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/health_view.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define CHECKS_PAGE 200
#define LIST_MAX 256 /* words of --children and --regions */

/* A configuration as far as options give it, and the names of the fields that they give. */
struct config {
    Cmd__HealthCheckConfig config;
    char *fields[24];
    size_t field_count;
    char *children[LIST_MAX], *regions[LIST_MAX];
    char texts[2][16384]; /* of the two lists, cut into words */
};

static void note(struct config *out, const char *field)
{
    out->fields[out->field_count++] = (char *)(uintptr_t)field;
}

static void take_text(const struct cli *cli, struct config *out, enum cli_option option,
                      const char *field, char **place)
{
    const char *text = cli_value(cli, option);

    if (!text)
        return;
    *place = (char *)(uintptr_t)text;
    note(out, field);
}

static bool take_number(const struct cli *cli, struct config *out, enum cli_option option,
                        const char *field, uint32_t *place)
{
    if (cli_value(cli, option))
        note(out, field);
    return cli_value_number(cli, option, place);
}

static bool take_flag(const struct cli *cli, struct config *out, enum cli_option option,
                      const char *field, protobuf_c_boolean *place)
{
    bool is_set = *place != 0;

    if (cli_value(cli, option))
        note(out, field);
    if (!cli_value_flag(cli, option, &is_set))
        return false;
    *place = is_set;
    return true;
}

/* "a,b" to words; an empty text is an empty list. */
static bool take_list(const struct cli *cli, struct config *out, enum cli_option option,
                      const char *field, size_t *count)
{
    bool is_children = option == CLI_VALUE_CHILDREN;
    char **words = is_children ? out->children : out->regions;
    char *text = out->texts[is_children], *rest = NULL;
    const char *given = cli_value(cli, option);

    if (!given)
        return true;
    note(out, field);
    if (strlen(given) >= sizeof(out->texts[0])) {
        cli_fail(cli, CLI_USAGE, "the list of %s is too long", field);
        return false;
    }
    memcpy(text, given, strlen(given) + 1);
    for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
        if (*count == LIST_MAX) {
            cli_fail(cli, CLI_USAGE, "there are at most %d %s", LIST_MAX, field);
            return false;
        }
        words[(*count)++] = word;
    }
    return true;
}

static bool take_interval(const struct cli *cli, struct config *out)
{
    uint64_t interval_ms = 0;

    if (!cli_value(cli, CLI_VALUE_INTERVAL))
        return true;
    if (!cli_value_duration(cli, CLI_VALUE_INTERVAL, &interval_ms))
        return false;
    if (interval_ms < 1000 || interval_ms > 86400 * 1000 || interval_ms % 1000 != 0) {
        cli_fail(cli, CLI_USAGE, "--interval: whole seconds from 1s to 24h");
        return false;
    }
    note(out, "request_interval_s");
    out->config.request_interval_s = (uint32_t)(interval_ms / 1000);
    return true;
}

static bool take_config(const struct cli *cli, struct config *out)
{
    Cmd__HealthCheckConfig *config = &out->config;

    take_text(cli, out, CLI_VALUE_IP, "ip_address", &config->ip_address);
    take_text(cli, out, CLI_VALUE_HOST, "fully_qualified_domain_name",
              &config->fully_qualified_domain_name);
    take_text(cli, out, CLI_VALUE_PATH, "resource_path", &config->resource_path);
    take_text(cli, out, CLI_VALUE_SEARCH, "search_string", &config->search_string);
    config->children = out->children;
    config->regions = out->regions;
    return take_interval(cli, out) &&
           take_number(cli, out, CLI_VALUE_PORT, "port", &config->port) &&
           take_number(cli, out, CLI_VALUE_THRESHOLD, "failure_threshold",
                       &config->failure_threshold) &&
           take_number(cli, out, CLI_VALUE_HEALTH_THRESHOLD, "health_threshold",
                       &config->health_threshold) &&
           take_flag(cli, out, CLI_VALUE_INVERTED, "is_inverted", &config->is_inverted) &&
           take_flag(cli, out, CLI_VALUE_DISABLED, "is_disabled", &config->is_disabled) &&
           take_flag(cli, out, CLI_VALUE_SNI, "enable_sni", &config->enable_sni) &&
           take_flag(cli, out, CLI_VALUE_MEASURE_LATENCY, "measure_latency",
                     &config->measure_latency) &&
           take_flag(cli, out, CLI_VALUE_VERIFY_CERTIFICATE, "verify_certificate",
                     &config->verify_certificate) &&
           take_list(cli, out, CLI_VALUE_CHILDREN, "children", &config->n_children) &&
           take_list(cli, out, CLI_VALUE_REGIONS, "regions", &config->n_regions);
}

/* Ask for what is answered by one check, and print it by @print. */
static int ask_check(struct cli *cli, struct Ctl__Request *request,
                     void (*print)(const Ctl__HealthReply *check))
{
    struct Ctl__Reply *reply;
    int status = cli_ask(cli, request, &reply);

    if (status != CLI_OK)
        return status;
    if (!reply->health)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no health check", cli->node);
    else if (cli->is_json)
        output_json(health_view_json(reply->health));
    else
        print(reply->health);
    cli_free_reply(reply);
    return status;
}

static int run_create(struct cli *cli)
{
    static struct config config;
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthCreate create = CTL__HEALTH_CREATE__INIT;
    const char *type = cli_value(cli, CLI_VALUE_TYPE);

    if (!type)
        return cli_fail(cli, CLI_USAGE,
                        "--type is missing: HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP or "
                        "CALCULATED");
    cmd__health_check_config__init(&config.config);
    config.config.type = (char *)(uintptr_t)type;
    config.config.enable_sni = strncmp(type, "HTTPS", 5) == 0;
    if (!take_config(cli, &config))
        return CLI_USAGE;
    create.config = &config.config;
    create.caller_reference = cli->caller_reference ? (char *)cli->caller_reference : "";
    request.kind_case = CTL__REQUEST__KIND_HEALTH_CREATE;
    request.health_create = &create;
    return ask_check(cli, &request, health_view_print);
}

static int run_update(struct cli *cli)
{
    static struct config config;
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthUpdate update = CTL__HEALTH_UPDATE__INIT;
    uint32_t version = 0;

    cmd__health_check_config__init(&config.config);
    if (!take_config(cli, &config) || !cli_value_number(cli, CLI_VALUE_VERSION, &version))
        return CLI_USAGE;
    if (config.field_count == 0)
        return cli_fail(cli, CLI_USAGE, "say what is to be changed, such as --path /ready");
    update.id = (char *)cli->words[0];
    update.version = version;
    update.config = &config.config;
    update.fields = config.fields;
    update.n_fields = config.field_count;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_UPDATE;
    request.health_update = &update;
    return ask_check(cli, &request, health_view_print);
}

static int get_check(struct cli *cli, bool with_opinions,
                     void (*print)(const Ctl__HealthReply *check))
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthGet get = CTL__HEALTH_GET__INIT;

    get.id = (char *)cli->words[0];
    get.with_opinions = with_opinions;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_GET;
    request.health_get = &get;
    return ask_check(cli, &request, print);
}

static int run_show(struct cli *cli)
{
    return get_check(cli, false, health_view_print);
}

static int run_status(struct cli *cli)
{
    return get_check(cli, true, health_view_print_status);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthDelete deletion = CTL__HEALTH_DELETE__INIT;
    bool even_if_used = false;

    if (!cli_value_flag(cli, CLI_VALUE_EVEN_IF_USED, &even_if_used))
        return CLI_USAGE;
    deletion.id = (char *)cli->words[0];
    deletion.even_if_used = even_if_used;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_DELETE;
    request.health_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

struct listing {
    struct cli *cli;
    json_t *array; /* with --json */
    struct table table;
    unsigned count;
};

/* true: go on with the next page. */
static bool list_page(struct listing *listing, const Ctl__HealthListReply *page)
{
    for (size_t i = 0; i < page->n_checks; i++) {
        if (listing->cli->limit && listing->count == listing->cli->limit)
            return false;
        listing->count++;
        if (listing->array)
            json_array_append_new(listing->array, health_view_json(page->checks[i]));
        else
            health_view_row(page->checks[i], &listing->table);
    }
    return page->next_id[0] != 0;
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthList list = CTL__HEALTH_LIST__INIT;
    struct listing listing = {.cli = cli, .array = cli->is_json ? json_array() : NULL};
    char next_id[64] = "";
    bool has_more = true;
    int status = CLI_OK;

    list.limit = CHECKS_PAGE;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_LIST;
    request.health_list = &list;
    table_init(&listing.table, "ID|TYPE|CHECKS|STATUS|SINCE|CHECKERS");
    while (has_more && status == CLI_OK) {
        struct Ctl__Reply *reply;
        list.start_id = next_id;
        status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            break;
        has_more = reply->health_list && list_page(&listing, reply->health_list);
        if (has_more)
            snprintf(next_id, sizeof(next_id), "%s", reply->health_list->next_id);
        cli_free_reply(reply);
    }
    if (status == CLI_OK && listing.array)
        output_json(json_incref(listing.array));
    else if (status == CLI_OK)
        table_print(&listing.table);
    json_decref(listing.array);
    return status;
}

#define CONFIG_OPTIONS                                                                             \
    CLI_VALUE_IP, CLI_VALUE_HOST, CLI_VALUE_PORT, CLI_VALUE_PATH, CLI_VALUE_SEARCH,                \
        CLI_VALUE_INTERVAL, CLI_VALUE_THRESHOLD, CLI_VALUE_HEALTH_THRESHOLD, CLI_VALUE_CHILDREN,   \
        CLI_VALUE_REGIONS, CLI_VALUE_INVERTED, CLI_VALUE_DISABLED, CLI_VALUE_SNI,                  \
        CLI_VALUE_MEASURE_LATENCY, CLI_VALUE_VERIFY_CERTIFICATE
static const enum cli_option create_options[] = {CLI_VALUE_TYPE, CONFIG_OPTIONS,
                                                 CLI_OPTION_CALLER_REFERENCE, 0};
static const enum cli_option update_options[] = {CONFIG_OPTIONS, CLI_VALUE_VERSION, 0};
static const enum cli_option list_options[] = {CLI_OPTION_LIMIT, 0};
static const enum cli_option delete_options[] = {CLI_VALUE_EVEN_IF_USED, 0};

const struct cli_command cli_health_commands[] = {
    {"health", "create", NULL, 0, 0, "create a health check",
     "Every node checks the endpoint (or the nodes of --regions do); it is healthy when more than "
     "18 % of them find it so, and all nodes take that over at once. Until there is an opinion it "
     "counts as healthy.\n\n"
     "  quartet health create --type HTTP --ip 192.0.2.1 --port 80 --path /ready --interval 10s\n"
     "  quartet health create --type HTTPS_STR_MATCH --host www.example.com --search ok\n"
     "  quartet health create --type TCP --ip 10.0.0.5 --port 5432 --interval 1s --threshold 1\n"
     "  quartet health create --type CALCULATED --health-threshold 2 --children ID,ID,ID\n\n"
     "--caller-reference is a name of your own for the check, for commands and files. The same one "
     "with the same settings gives the check that is there already.",
     create_options, false, run_create},
    {"health", "update", "CHECK", 1, 1, "change a health check",
     "CHECK is an id, the beginning of one, or the check's reference. Only what is given changes; "
     "an "
     "empty value goes back to the default. The type, the interval, whether latency is measured "
     "and whether there is an "
     "address at all are settled when a check is created. The verdict stays until the nodes have "
     "checked what is new.\n\n"
     "  quartet health update 4f1c --path /healthz --threshold 2\n"
     "  quartet health update 4f1c --disabled=no",
     update_options, false, run_update},
    {"health", "list", NULL, 0, 0, "list the health checks",
     "STATUS is what routing takes a check for, with the reason when it is not the checkers' "
     "verdict. CHECKERS: how many find it healthy, of how many (of a calculated check: children).",
     list_options, false, run_list},
    {"health", "show", "CHECK", 1, 1, "show one health check and who uses it", NULL, NULL, false,
     run_show},
    {"health", "status", "CHECK", 1, 1, "show what each node last found", NULL, NULL, false,
     run_status},
    {"health", "delete", "CHECK", 1, 1, "delete a health check", NULL, delete_options, false,
     run_delete},
    {"health", "override", "CHECK|--record ZONE NAME TYPE up|down|drain|clear", 2, 4,
     "force a check or a record set up or down",
     "It counts before whatever the checkers find, on all nodes, until it is cleared. drain is "
     "down, and tells how long resolvers may still give the old answer.\n\n"
     "  quartet health override 4f1c down --reason 'moving racks' --for 2h\n"
     "  quartet health override --record example.com www A drain --set-identifier blue --reason "
     "deploy\n"
     "  quartet health override 4f1c clear",
     health_override_options, false, health_override_run},
    {"health", "overrides", NULL, 0, 0, "list all overrides", NULL, NULL, false,
     health_overrides_run},
    {0},
};
