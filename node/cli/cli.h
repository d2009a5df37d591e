/* node/cli/cli.h: the quartet command: its options, its table of commands, and how they end. One
 * process, one command, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "dns/name.h"

struct Ctl__Reply;
struct Ctl__Request;
struct client;

/* What the process ends with; told by --help. */
enum cli_exit {
    CLI_OK = 0,
    CLI_REFUSED = 1,     /* the node said no, or something is wrong: the text says what */
    CLI_USAGE = 2,       /* wrong arguments */
    CLI_UNREACHABLE = 3, /* no node answered, or none leads */
    CLI_UNKNOWN = 4,     /* no outcome in time: it may have been done */
};

/* Long options of all commands; each command lists those that it takes. */
enum cli_option {
    CLI_OPTION_JSON = 0x100,
    CLI_OPTION_NODE,
    CLI_OPTION_ADMIN_FILE,
    CLI_OPTION_TIMEOUT,
    CLI_OPTION_JOINED,
    CLI_OPTION_DOMAIN,
    CLI_OPTION_AUTOPILOT,
    CLI_OPTION_DEAD_AFTER,
    CLI_OPTION_VOTERS,
    CLI_OPTION_TTL,
    CLI_OPTION_USES,
    CLI_OPTION_TOKEN,
    CLI_OPTION_BARE,
    CLI_OPTION_WITH,
    CLI_OPTION_COMMENT,
    CLI_OPTION_CALLER_REFERENCE,
    CLI_OPTION_WAIT,
    CLI_OPTION_CREATE,
    CLI_OPTION_CHECK,
    CLI_OPTION_WITH_CONTENTS,
    CLI_OPTION_OUTPUT,
    CLI_OPTION_LIMIT,
    CLI_OPTION_ADD,
    CLI_OPTION_LIST,
    CLI_OPTION_ASSUME,
    /* From here on the command itself reads the value: cli_value(), value_options.c. */
    CLI_VALUE_FIRST,
    CLI_VALUE_TYPE = CLI_VALUE_FIRST,
    CLI_VALUE_IP,
    CLI_VALUE_HOST,
    CLI_VALUE_PORT,
    CLI_VALUE_PATH,
    CLI_VALUE_SEARCH,
    CLI_VALUE_INTERVAL,
    CLI_VALUE_THRESHOLD,
    CLI_VALUE_HEALTH_THRESHOLD,
    CLI_VALUE_CHILDREN,
    CLI_VALUE_REGIONS,
    CLI_VALUE_INVERTED,
    CLI_VALUE_DISABLED,
    CLI_VALUE_SNI,
    CLI_VALUE_MEASURE_LATENCY,
    CLI_VALUE_VERIFY_CERTIFICATE,
    CLI_VALUE_VERSION,
    CLI_VALUE_EVEN_IF_USED,
    CLI_VALUE_DROP_ROUTING,
    CLI_VALUE_RECORD,
    CLI_VALUE_SET_IDENTIFIER,
    CLI_VALUE_REASON,
    CLI_VALUE_FOR,
    CLI_VALUE_LOCATION,
    CLI_VALUE_REMOVE,
    CLI_VALUE_ROUTE53,
    CLI_VALUE_WEIGHT,
    CLI_VALUE_REGION,
    CLI_VALUE_GEO,
    CLI_VALUE_COORDINATES,
    CLI_VALUE_BIAS,
    CLI_VALUE_GEOPROXIMITY,
    CLI_VALUE_FAILOVER,
    CLI_VALUE_MULTIVALUE,
    CLI_VALUE_CIDR,
    CLI_VALUE_ALIAS,
    CLI_VALUE_EVALUATE,
    CLI_VALUE_HEALTH_CHECK,
    CLI_VALUE_STICKY,
    CLI_VALUE_ANSWERS,
    CLI_VALUE_ALL_DOWN,
    CLI_VALUE_CLIENT,
    CLI_VALUE_RESOLVER,
    CLI_VALUE_DRAW,
    CLI_VALUE_FORCE,
    CLI_VALUE_DRY_RUN,
    CLI_VALUE_REPEAT_NAME,
    CLI_VALUE_DELEGATION_SET,
    CLI_VALUE_VPC,
    CLI_VALUE_VPC_REGION,
    CLI_VALUE_ZONE,
    CLI_VALUE_USER,
    CLI_VALUE_POLICY,
    CLI_VALUE_PRESET,
    CLI_VALUE_RATE,
    CLI_VALUE_ALL,
    CLI_VALUE_DELETE_PERCENT,
    CLI_VALUE_YES,
    CLI_VALUE_KEY_FILE,
    CLI_VALUE_PASSPHRASE,
    CLI_VALUE_WITHOUT_SECRETS,
    CLI_VALUE_HOSTS,
    CLI_VALUE_ROUTING,
    CLI_VALUE_EVERY_MEMBER,
    CLI_VALUE_CA,
    CLI_VALUE_CANCEL,
    CLI_VALUE_WAIT_DONE,
    CLI_VALUE_LAST,
};

#define CLI_ASSUMED_MAX 64
#define CLI_WORDS_MAX 1024 /* arguments that are not options: the values of a large record set */

struct cli {
    const char *node;
    const char *admin_file;
    uint64_t timeout_ms;
    bool is_json;
    /* of the command; NULL, 0 and false when not given */
    const char *domain, *token, *with, *comment, *caller_reference, *output, *autopilot;
    const char *list;
    uint64_t ttl_ms, dead_after_ms;
    uint32_t uses, voters, limit;
    bool has_ttl, has_joined, has_wait, has_create, has_check, has_with_contents, has_add, has_bare;
    const char *values[CLI_VALUE_LAST - CLI_VALUE_FIRST]; /* cli_value() */
    const char *assumed[CLI_ASSUMED_MAX];                 /* of --assume, which may come often */
    unsigned assumed_count;
    const char *words[CLI_WORDS_MAX];
    unsigned word_count;
    struct client *client;                  /* connected */
    void (*while_waiting)(struct cli *cli); /* called when a question has gone out; may be NULL */
};

struct cli_command {
    const char *group; /* "zone"; NULL: a command of one word */
    const char *verb;
    const char *words; /* "ZONE FILE", for the usage line */
    unsigned words_min, words_max;
    const char *summary;            /* one line */
    const char *text;               /* more, with examples; may be NULL */
    const enum cli_option *options; /* ended by 0; may be NULL */
    bool needs_no_node;             /* works without a connection */
    int (*run)(struct cli *cli);    /* returns enum cli_exit */
};

/* Parse the line, connect, run: the whole program but main(). Returns the exit status. */
int cli_run(int argc, char **argv);

/* One error line to standard error, "quartet: …"; with --json an object {"error": …} to standard
 * output. Returns @status. */
int cli_fail(const struct cli *cli, int status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A sentence to standard output; with --json an object {"message": …}. Returns CLI_OK. */
int cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Ask the node. CLI_OK: the caller frees *@reply by cli_free_reply(). Else the failure has been
 * told and is the exit status. */
int cli_ask(struct cli *cli, struct Ctl__Request *request, struct Ctl__Reply **reply);
void cli_free_reply(struct Ctl__Reply *reply); /* accepts NULL */
/* Ask, print the reply's message, and with --wait wait for the change in the reply. */
int cli_ask_and_say(struct cli *cli, struct Ctl__Request *request);
/* With --wait: until every live node serves change @id. */
int cli_wait_change(struct cli *cli, const char *id);

/* The value of an option, "yes" for one that was given without; NULL: it was not given. */
const char *cli_value(const struct cli *cli, enum cli_option option);
/* Read a value: nothing happens when it was not given. false: told. Numbers are below 2^31; flags
 * are yes or no; durations as with all options, in milliseconds. */
bool cli_value_number(const struct cli *cli, enum cli_option option, uint32_t *out);
bool cli_value_flag(const struct cli *cli, enum cli_option option, bool *out);
bool cli_value_duration(const struct cli *cli, enum cli_option option, uint64_t *out);
/* "90", "90s", "15m", "24h", "7d", "250ms". */
bool cli_parse_duration(const char *text, uint64_t *out);

/* A zone's name as given, to wire octets. false: told. */
bool cli_parse_name(const struct cli *cli, const char *text, uint8_t out[DNS_NAME_MAX]);
/* The zone's name, asked from the node: @zone may be an id. Exit status. */
int cli_zone_apex(struct cli *cli, const char *zone, uint8_t apex[DNS_NAME_MAX]);
/* A record's name: "@" is the zone, a final dot or the zone's own ending makes it absolute, and
 * anything else is within the zone. false: told. */
bool cli_record_name(const struct cli *cli, const char *text, const uint8_t *apex,
                     uint8_t out[DNS_NAME_MAX]);
