/* node/cli/arguments.c: from the command line to a command: argp for the words before the command,
 * then argp again for the command with the options that it lists. */
#include <argp.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cli/cli.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/value_options.h"

#define SOCKET_DEFAULT "/var/lib/quartet/control.sock"
#define ADMIN_FILE_DEFAULT "/var/lib/quartet/admin.conf"
#define TIMEOUT_DEFAULT_MS 15000u
#define COMMAND_OPTIONS_MAX 32
#define WAIT_MAX_MS (UINT64_C(86400) * 1000)

const char *argp_program_version = "quartet " QUARTET_VERSION;

static const struct cli_command *const groups[] = {
    cli_cluster_commands,
    cli_recover_commands,
    cli_drain_commands,
    cli_node_commands,
    cli_token_commands,
    cli_member_commands,
    cli_backup_commands,
    cli_cert_commands,
    cli_upgrade_commands,
    cli_zone_commands,
    cli_record_commands,
    cli_change_commands,
    cli_health_commands,
    cli_cidr_commands,
    cli_region_commands,
    cli_geo_commands,
    cli_alias_commands,
    cli_latency_commands,
    cli_explain_commands,
    cli_doctor_commands,
    cli_delegation_commands,
    cli_limit_commands,
    cli_credential_commands,
    cli_view_commands,
    cli_query_log_commands,
    cli_key_commands,
    cli_traffic_policy_commands,
    cli_traffic_instance_commands,
    cli_tag_commands,
};
#define GROUP_COUNT (sizeof(groups) / sizeof(groups[0]))

static const struct argp_option all_options[] = {
    {"json", CLI_OPTION_JSON, NULL, 0, "print JSON", 0},
    {"node", CLI_OPTION_NODE, "NODE", 0,
     "control socket, or HOST:PORT of a node's admin port ($QUARTET_NODE, " SOCKET_DEFAULT ")", 0},
    {"admin-file", CLI_OPTION_ADMIN_FILE, "FILE", 0,
     "credentials for an admin port ($QUARTET_ADMIN_FILE, " ADMIN_FILE_DEFAULT ")", 0},
    {"timeout", CLI_OPTION_TIMEOUT, "TIME", 0, "how long to wait for the node (15s)", 0},
    {"joined", CLI_OPTION_JOINED, NULL, 0, "fail unless the node is a member of a cluster", 0},
    {"domain", CLI_OPTION_DOMAIN, "NAME", 0,
     "the cluster's own zone, which names its nameservers, such as ns.example.net", 0},
    {"autopilot", CLI_OPTION_AUTOPILOT, "on|off", 0,
     "keep an odd number of voters and replace dead ones", 0},
    {"dead-after", CLI_OPTION_DEAD_AFTER, "TIME", 0, "replace a voter silent for so long", 0},
    {"voters", CLI_OPTION_VOTERS, "1|3|5", 0, "how many voters to aim for", 0},
    {"ttl", CLI_OPTION_TTL, "TIME", 0, "how long it lives: 300, 30s, 15m, 24h, 7d", 0},
    {"uses", CLI_OPTION_USES, "N", 0, "how many nodes may join by it (1)", 0},
    {"token", CLI_OPTION_TOKEN, "TOKEN", 0, "what 'quartet token create' printed", 0},
    {"bare", CLI_OPTION_BARE, NULL, 0, "print the token alone", 0},
    {"with", CLI_OPTION_WITH, "MEMBER", 0, "the replica that takes its place (the best one)", 0},
    {"comment", CLI_OPTION_COMMENT, "TEXT", 0, "a remark that is kept", 0},
    {"caller-reference", CLI_OPTION_CALLER_REFERENCE, "TEXT", 0, "a reference of your own", 0},
    {"wait", CLI_OPTION_WAIT, NULL, 0, "return when every live node serves it", 0},
    {"create", CLI_OPTION_CREATE, NULL, 0, "make the zone when there is none", 0},
    {"check", CLI_OPTION_CHECK, NULL, 0, "only check the file; no node is asked", 0},
    {"with-contents", CLI_OPTION_WITH_CONTENTS, NULL, 0, "also when there are records in it", 0},
    {"output", CLI_OPTION_OUTPUT, "FILE", 0, "write there instead of standard output", 0},
    {"limit", CLI_OPTION_LIMIT, "N", 0, "at most so many", 0},
    {"list", CLI_OPTION_LIST, "FILE", 0, "a line for each zone: its name, blanks, its file", 0},
    {"assume", CLI_OPTION_ASSUME, "CHECK=up|down", 0,
     "as if this health check were so; may be given again", 0},
    {"add", CLI_OPTION_ADD, NULL, 0, "fail if there is such a record set already", 0},
    {0},
};
static const enum cli_option global_options[] = {CLI_OPTION_JSON, CLI_OPTION_NODE,
                                                 CLI_OPTION_ADMIN_FILE, CLI_OPTION_TIMEOUT, 0};

static void take_duration(struct argp_state *state, const char *text, uint64_t *out)
{
    if (!cli_parse_duration(text, out))
        argp_error(state, "'%s' is no time; write 30s, 15m, 24h or 7d (at most 366d)", text);
}

/* How long to wait for something: the protocol has 32 bits for it. */
static void take_wait(struct argp_state *state, const char *text, uint64_t *out)
{
    take_duration(state, text, out);
    if (*out == 0 || *out > WAIT_MAX_MS)
        argp_error(state, "'%s': it must be above 0 and at most 24h", text);
}

static void take_number(struct argp_state *state, const char *text, uint32_t *out)
{
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || *text == '-' || value == 0 ||
        value > INT32_MAX)
        argp_error(state, "'%s' is no number above 0", text);
    *out = (uint32_t)value;
}

static error_t parse_global(int key, char *value, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case CLI_OPTION_JSON: cli->is_json = true; return 0;
    case CLI_OPTION_NODE: cli->node = value; return 0;
    case CLI_OPTION_ADMIN_FILE: cli->admin_file = value; return 0;
    case CLI_OPTION_TIMEOUT: take_wait(state, value, &cli->timeout_ms); return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_text_option(int key, char *value, struct cli *cli)
{
    switch (key) {
    case CLI_OPTION_DOMAIN: cli->domain = value; return 0;
    case CLI_OPTION_AUTOPILOT: cli->autopilot = value; return 0;
    case CLI_OPTION_TOKEN: cli->token = value; return 0;
    case CLI_OPTION_WITH: cli->with = value; return 0;
    case CLI_OPTION_COMMENT: cli->comment = value; return 0;
    case CLI_OPTION_CALLER_REFERENCE: cli->caller_reference = value; return 0;
    case CLI_OPTION_OUTPUT: cli->output = value; return 0;
    case CLI_OPTION_LIST: cli->list = value; return 0;
    case CLI_OPTION_JOINED: cli->has_joined = true; return 0;
    case CLI_OPTION_WAIT: cli->has_wait = true; return 0;
    case CLI_OPTION_CREATE: cli->has_create = true; return 0;
    case CLI_OPTION_CHECK: cli->has_check = true; return 0;
    case CLI_OPTION_WITH_CONTENTS: cli->has_with_contents = true; return 0;
    case CLI_OPTION_ADD: cli->has_add = true; return 0;
    case CLI_OPTION_BARE: cli->has_bare = true; return 0;
    default: return ARGP_ERR_UNKNOWN;
    }
}

static error_t parse_command_option(int key, char *value, struct argp_state *state)
{
    struct cli *cli = state->input;

    switch (key) {
    case CLI_OPTION_TTL:
        take_duration(state, value, &cli->ttl_ms);
        cli->has_ttl = true;
        return 0;
    case CLI_OPTION_DEAD_AFTER: take_wait(state, value, &cli->dead_after_ms); return 0;
    case CLI_OPTION_VOTERS: take_number(state, value, &cli->voters); return 0;
    case CLI_OPTION_USES: take_number(state, value, &cli->uses); return 0;
    case CLI_OPTION_LIMIT: take_number(state, value, &cli->limit); return 0;
    case CLI_OPTION_ASSUME:
        if (cli->assumed_count == CLI_ASSUMED_MAX)
            argp_error(state, "at most %d health checks may be assumed", CLI_ASSUMED_MAX);
        cli->assumed[cli->assumed_count++] = value;
        return 0;
    case ARGP_KEY_ARG:
        if (cli->word_count == CLI_WORDS_MAX)
            argp_error(state, "more than %d words", CLI_WORDS_MAX);
        cli->words[cli->word_count++] = value;
        return 0;
    default: break;
    }
    if (key >= CLI_VALUE_FIRST && key < CLI_VALUE_LAST) {
        cli->values[key - CLI_VALUE_FIRST] = value ? value : "yes";
        return 0;
    }
    error_t rc = parse_global(key, value, state);
    return rc == ARGP_ERR_UNKNOWN ? parse_text_option(key, value, cli) : rc;
}

/* The rows of the tables for @wanted (ended by 0), appended at @out. */
static unsigned select_options(const enum cli_option *wanted, struct argp_option *out)
{
    unsigned count = 0;

    for (; wanted && *wanted; wanted++) {
        const struct argp_option *option =
            (int)*wanted >= CLI_VALUE_FIRST ? cli_value_options() : all_options;
        for (; option->name; option++) {
            if (option->key == (int)*wanted)
                out[count++] = *option;
        }
    }
    return count;
}

static void command_name(const struct cli_command *command, char *out, size_t size)
{
    snprintf(out, size, "%s%s%s", command->group ? command->group : "", command->group ? " " : "",
             command->verb);
}

static int run_command(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
    struct argp_option options[2 * COMMAND_OPTIONS_MAX] = {0};
    char name[64], program[80], doc[4096], error[CLIENT_ERROR_LEN];

    unsigned count = select_options(command->options, options);
    select_options(global_options, options + count);
    command_name(command, name, sizeof(name));
    snprintf(program, sizeof(program), "quartet %s", name);
    snprintf(doc, sizeof(doc), "%s.%s%s", command->summary, command->text ? "\v" : "",
             command->text ? command->text : "");
    struct argp argp = {options, parse_command_option, command->words, doc, NULL, NULL, NULL};
    argv[0] = program;
    argp_parse(&argp, argc, argv, 0, NULL, cli);
    if (cli->word_count < command->words_min || cli->word_count > command->words_max)
        return cli_fail(cli, CLI_USAGE, "usage: %s [OPTION...] %s   (--help tells more)", program,
                        command->words ? command->words : "");
    if (!command->needs_no_node && !cli->has_check) {
        int rc =
            client_open(cli->node, cli->admin_file, (uint32_t)cli->timeout_ms, &cli->client, error);
        if (rc != 0)
            return cli_fail(cli, rc == ERR_INVALID ? CLI_USAGE : CLI_UNREACHABLE, "%s", error);
    }
    int status = command->run(cli);
    client_close(cli->client);
    return status;
}

static void list_commands(FILE *out, const char *group)
{
    for (unsigned i = 0; i < GROUP_COUNT; i++) {
        for (const struct cli_command *command = groups[i]; command->verb; command++) {
            char name[64], line[256];
            if (group && (!command->group || strcmp(group, command->group) != 0))
                continue;
            command_name(command, name, sizeof(name));
            snprintf(line, sizeof(line), "%s %s", name, command->words ? command->words : "");
            fprintf(out, "  %-40s %s\n", line, command->summary);
        }
    }
}

static void print_help(void)
{
    printf("quartet: the command line of a Quartet cluster\n\n"
           "usage: quartet [--node NODE] COMMAND [OPTION...]\n\n");
    list_commands(stdout, NULL);
    printf("\n  --node NODE        control socket, or HOST:PORT of a node's admin port\n"
           "                     ($QUARTET_NODE, " SOCKET_DEFAULT ")\n"
           "  --admin-file FILE  credentials for an admin port\n"
           "                     ($QUARTET_ADMIN_FILE, " ADMIN_FILE_DEFAULT ")\n"
           "  --timeout TIME     how long to wait for the node (15s)\n"
           "  --json             print JSON, for any command that prints\n"
           "  --help, --version\n\n"
           "'quartet COMMAND --help' tells all about one command, with examples.\n\n"
           "exit status: 0 done; 1 refused, the text says why; 2 wrong arguments; 3 no node or\n"
           "no leader answered; 4 no outcome in time, it may have been done\n");
}

static error_t parse_leading(int key, char *value, struct argp_state *state)
{
    if (key == '?') {
        print_help();
        exit(CLI_OK);
    }
    if (key == 'V') {
        printf("%s\n", argp_program_version);
        exit(CLI_OK);
    }
    return parse_global(key, value, state);
}

static const struct cli_command *find_command(const char *first, const char *second, bool *is_group)
{
    *is_group = false;
    for (unsigned i = 0; i < GROUP_COUNT; i++) {
        for (const struct cli_command *command = groups[i]; command->verb; command++) {
            if (!command->group && strcmp(command->verb, first) == 0)
                return command;
            if (!command->group || strcmp(command->group, first) != 0)
                continue;
            *is_group = true;
            if (second && strcmp(command->verb, second) == 0)
                return command;
        }
    }
    return NULL;
}

static bool takes_value(const char *option)
{
    return strcmp(option, "--node") == 0 || strcmp(option, "--admin-file") == 0 ||
           strcmp(option, "--timeout") == 0;
}

/* How many of @argv, from @first on, are options before the command. */
static int skip_options(int argc, char **argv, int first)
{
    while (first < argc && argv[first][0] == '-')
        first += takes_value(argv[first]) && first + 1 < argc ? 2 : 1;
    return first;
}

static void print_options(const enum cli_option *wanted)
{
    struct argp_option options[COMMAND_OPTIONS_MAX] = {0};

    select_options(wanted, options);
    for (const struct argp_option *option = options; option->name; option++)
        printf("--%s\n", option->name);
}

/* For the shell: what may follow the words typed so far, one a line. Not in the help text. */
static int complete(int argc, char **argv)
{
    int at = skip_options(argc, argv, 0);
    const char *first = at < argc ? argv[at] : NULL, *second = at + 1 < argc ? argv[at + 1] : NULL;
    bool is_group = false;
    const struct cli_command *command = first ? find_command(first, second, &is_group) : NULL;

    if (command)
        print_options(command->options);
    for (unsigned i = 0; !command && i < GROUP_COUNT; i++) {
        for (const struct cli_command *row = groups[i]; row->verb; row++) {
            if (is_group && !second && row->group && strcmp(row->group, first) == 0)
                printf("%s\n", row->verb);
            else if (!first && (!row->group || row == groups[i]))
                printf("%s\n", row->group ? row->group : row->verb);
        }
    }
    if (command || !first)
        print_options(global_options);
    return CLI_OK;
}

/* How many of @argv are options before the command, parsed into @cli; negative: exit with ~that. */
static int parse_leading_options(struct cli *cli, int argc, char **argv)
{
    struct argp_option options[COMMAND_OPTIONS_MAX] = {0};
    struct argp argp = {options, parse_leading, NULL, NULL, NULL, NULL, NULL};
    int count = 1;

    unsigned selected = select_options(global_options, options);
    options[selected++] = (struct argp_option){"help", '?', NULL, 0, NULL, 0};
    options[selected] = (struct argp_option){"version", 'V', NULL, 0, NULL, 0};
    count = skip_options(argc, argv, count);
    argp_parse(&argp, count, argv, ARGP_NO_HELP, NULL, cli);
    return count;
}

int cli_run(int argc, char **argv)
{
    struct cli cli = {.node = getenv("QUARTET_NODE"),
                      .admin_file = getenv("QUARTET_ADMIN_FILE"),
                      .timeout_ms = TIMEOUT_DEFAULT_MS};
    bool is_group;

    if (!cli.node || !*cli.node)
        cli.node = SOCKET_DEFAULT;
    if (!cli.admin_file || !*cli.admin_file)
        cli.admin_file = ADMIN_FILE_DEFAULT;
    argp_err_exit_status = CLI_USAGE;
    int skipped = parse_leading_options(&cli, argc, argv);
    if (skipped >= argc) {
        print_help();
        return CLI_USAGE;
    }
    const char *first = argv[skipped], *second = skipped + 1 < argc ? argv[skipped + 1] : NULL;
    if (strcmp(first, "help") == 0) {
        print_help();
        return CLI_OK;
    }
    if (strcmp(first, "complete") == 0)
        return complete(argc - skipped - 1, argv + skipped + 1);
    const struct cli_command *command = find_command(first, second, &is_group);
    if (command) {
        int words = command->group ? 2 : 1;
        return run_command(command, &cli, argc - skipped - words + 1, argv + skipped + words - 1);
    }
    if (!is_group)
        return cli_fail(&cli, CLI_USAGE, "there is no command '%s'; 'quartet --help' lists all",
                        first);
    bool is_help = second && (strcmp(second, "--help") == 0 || strcmp(second, "-?") == 0);
    if (second && !is_help)
        cli_fail(&cli, CLI_USAGE, "there is no '%s %s'", first, second);
    list_commands(is_help ? stdout : stderr, first);
    return is_help ? CLI_OK : CLI_USAGE;
}
