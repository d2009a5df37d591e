#include "cli/value_options.h"

#include <argp.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/credential_policy.h"

#define DURATION_MAX_MS (UINT64_C(366) * 86400 * 1000)

#define FLAG(name, key, text)                                                                      \
    {                                                                                              \
        name, key, "no", OPTION_ARG_OPTIONAL, text, 0                                              \
    }
static const struct argp_option options[] = {
    {"type", CLI_VALUE_TYPE, "TYPE", 0,
     "HTTP, HTTPS, HTTP_STR_MATCH, HTTPS_STR_MATCH, TCP or CALCULATED", 0},
    {"ip", CLI_VALUE_IP, "ADDRESS", 0, "what is checked; private addresses too", 0},
    {"host", CLI_VALUE_HOST, "NAME", 0,
     "the Host header and SNI; without --ip also what is resolved (IPv4) and checked", 0},
    {"port", CLI_VALUE_PORT, "N", 0, "(HTTP 80, HTTPS 443)", 0},
    {"path", CLI_VALUE_PATH, "PATH", 0, "what is asked for (/)", 0},
    {"search", CLI_VALUE_SEARCH, "TEXT", 0,
     "must be within the first 5120 octets; only *_STR_MATCH", 0},
    {"interval", CLI_VALUE_INTERVAL, "TIME", 0, "between two checks of one node (30s)", 0},
    {"threshold", CLI_VALUE_THRESHOLD, "N", 0,
     "results in a row that change a node's opinion, 1 to 10 (3)", 0},
    {"health-threshold", CLI_VALUE_HEALTH_THRESHOLD, "N", 0,
     "CALCULATED: so many children must be healthy", 0},
    {"children", CLI_VALUE_CHILDREN, "ID,...", 0, "CALCULATED: the checks that it is made of", 0},
    {"regions", CLI_VALUE_REGIONS, "NAME,...", 0, "only nodes of these regions check (all)", 0},
    FLAG("inverted", CLI_VALUE_INVERTED, "take healthy for unhealthy and the reverse"),
    FLAG("disabled", CLI_VALUE_DISABLED, "do not check; it counts as healthy"),
    FLAG("sni", CLI_VALUE_SNI, "HTTPS: send the name in the handshake (yes)"),
    FLAG("measure-latency", CLI_VALUE_MEASURE_LATENCY, "keep how long answers take"),
    FLAG("verify-certificate", CLI_VALUE_VERIFY_CERTIFICATE,
         "HTTPS: a certificate that is not valid is a failure (Route 53 never looks)"),
    {"if-version", CLI_VALUE_VERSION, "N", 0, "refuse when it has another version by now", 0},
    FLAG("even-if-used", CLI_VALUE_EVEN_IF_USED,
         "also when record sets use it; they count as always healthy then"),
    FLAG("drop-routing", CLI_VALUE_DROP_ROUTING,
         "also when record sets with routing, which no zone file holds, go with it"),
    FLAG("record", CLI_VALUE_RECORD, "of one record set: ZONE NAME TYPE"),
    {"set-identifier", CLI_VALUE_SET_IDENTIFIER, "ID", 0,
     "which of the record sets of that name and type", 0},
    {"reason", CLI_VALUE_REASON, "TEXT", 0, "why; shown wherever the override is", 0},
    {"for", CLI_VALUE_FOR, "TIME", 0, "clear it by itself then: 30s, 10m, 24h, 7d", 0},
    {"location", CLI_VALUE_LOCATION, "NAME", 0, "only this location", 0},
    FLAG("remove", CLI_VALUE_REMOVE, "take the blocks out"),
    FLAG("route53", CLI_VALUE_ROUTE53, "print JSON as Route 53 lists record sets"),
    {"weight", CLI_VALUE_WEIGHT, "N", 0, "weighted: its share among the others, 0 to 255", 0},
    {"region", CLI_VALUE_REGION, "REGION", 0,
     "latency: where it stands (us-east-1, or one of your own)", 0},
    {"geo", CLI_VALUE_GEO, "PLACE", 0,
     "geolocation: EU, FR, US-WA, continent:NA, country:NA, or '*' for everywhere else", 0},
    {"coordinates", CLI_VALUE_COORDINATES, "LAT,LON", 0, "geoproximity: where it stands", 0},
    {"bias", CLI_VALUE_BIAS, "N", 0, "geoproximity: draw more (to 99) or fewer (to -99)", 0},
    FLAG("geoproximity", CLI_VALUE_GEOPROXIMITY, "by distance to --region"),
    {"failover", CLI_VALUE_FAILOVER, "primary|secondary", 0, "failover", 0},
    FLAG("multivalue", CLI_VALUE_MULTIVALUE, "multivalue: up to eight healthy ones"),
    {"cidr", CLI_VALUE_CIDR, "COLLECTION/LOCATION", 0,
     "IP-based: for clients in that location's blocks ('*': everyone else)", 0},
    {"alias", CLI_VALUE_ALIAS, "TARGET", 0, "answer with what that name has, in place of values",
     0},
    FLAG("evaluate-target-health", CLI_VALUE_EVALUATE,
         "the alias is healthy while something healthy is behind it"),
    {"health-check", CLI_VALUE_HEALTH_CHECK, "CHECK", 0,
     "answer with it only while that is healthy; an id, or a reference", 0},
    FLAG("sticky", CLI_VALUE_STICKY, "weighted: the same choice for a client's network"),
    {"answers", CLI_VALUE_ANSWERS, "N", 0, "answer with so many record sets", 0},
    {"all-down", CLI_VALUE_ALL_DOWN, "open|closed|last-good|NAME", 0,
     "what to answer when none is healthy (open: as if all were)", 0},
    {"client", CLI_VALUE_CLIENT, "ADDRESS[/N]", 0,
     "who is to be answered, as resolvers tell it (EDNS client subnet)", 0},
    {"resolver", CLI_VALUE_RESOLVER, "ADDRESS", 0, "who asks for him (127.0.0.1)", 0},
    {"draw", CLI_VALUE_DRAW, "HEX", 0, "repeat what was chosen by chance", 0},
    {"key-file", CLI_VALUE_KEY_FILE, "FILE", 0, "the key of the secrets in a backup", 0},
    FLAG("passphrase", CLI_VALUE_PASSPHRASE,
         "in place of a key file: asked for, or the first line of standard input"),
    FLAG("without-secrets", CLI_VALUE_WITHOUT_SECRETS,
         "leave access keys and signing keys out, so that no key is needed"),
    FLAG("force", CLI_VALUE_FORCE, "also over what was changed since"),
    FLAG("dry-run", CLI_VALUE_DRY_RUN, "only print what would be changed"),
    FLAG("repeat-name", CLI_VALUE_REPEAT_NAME,
         "also when there is a zone of the name, which stays the one that is served"),
    {"vpc", CLI_VALUE_VPC, "VPC", 0, "a private zone, which the clients of this VPC see", 0},
    {"vpc-region", CLI_VALUE_VPC_REGION, "REGION", 0, "where the VPC is (us-east-1)", 0},
    {"delegation-set", CLI_VALUE_DELEGATION_SET, "ID", 0, "with the name servers of that set", 0},
    {"zone", CLI_VALUE_ZONE, "ZONE", 0, "take the name servers of that zone", 0},
    {"user", CLI_VALUE_USER, "NAME", 0, "whose it is; shown in the log of changes", 0},
    {"policy", CLI_VALUE_POLICY, "FILE", 0, "what it may do: a policy document as IAM has it", 0},
    {"preset", CLI_VALUE_PRESET, "PURPOSE", 0, "the same, made for " CREDENTIAL_POLICY_WORDS, 0},
    {"delete-percent", CLI_VALUE_DELETE_PERCENT, "N", 0,
     "refuse a batch that removes more of a zone's record sets (0: off; ten may always go)", 0},
    {"rate", CLI_VALUE_RATE, "N", 0, "at most so many requests a second at each gateway", 0},
    FLAG("hosts", CLI_VALUE_HOSTS, "only look at the members' hosts"),
    FLAG("routing", CLI_VALUE_ROUTING, "only look at routing"),
    FLAG("yes", CLI_VALUE_YES, "do it without a question"),
    FLAG("all", CLI_VALUE_EVERY_MEMBER, "every member, one after the other"),
    FLAG("ca", CLI_VALUE_CA, "another certificate authority, and certificates by it"),
    FLAG("cancel", CLI_VALUE_CANCEL, "give the rotation of the CA up"),
    FLAG("wait", CLI_VALUE_WAIT_DONE, "return when every member has it"),
    FLAG("all", CLI_VALUE_ALL, "the hidden record sets of traffic policies, too"),
    {0},
};

const struct argp_option *cli_value_options(void)
{
    return options;
}

const char *cli_value(const struct cli *cli, enum cli_option option)
{
    return cli->values[option - CLI_VALUE_FIRST];
}

static const char *name_of(enum cli_option option)
{
    const struct argp_option *at = options;

    while (at->key != (int)option)
        at++;
    return at->name;
}

bool cli_value_number(const struct cli *cli, enum cli_option option, uint32_t *out)
{
    const char *text = cli_value(cli, option);
    char *end;

    if (!text)
        return true;
    if (!*text) { /* the default */
        *out = 0;
        return true;
    }
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || end == text || *end || *text == '-' || value > INT32_MAX) {
        cli_fail(cli, CLI_USAGE, "--%s: '%s' is no number", name_of(option), text);
        return false;
    }
    *out = (uint32_t)value;
    return true;
}

bool cli_value_flag(const struct cli *cli, enum cli_option option, bool *out)
{
    const char *text = cli_value(cli, option);

    if (text && strcmp(text, "yes") != 0 && strcmp(text, "no") != 0) {
        cli_fail(cli, CLI_USAGE, "--%s: write yes or no, not '%s'", name_of(option), text);
        return false;
    }
    if (text)
        *out = strcmp(text, "yes") == 0;
    return true;
}

bool cli_value_duration(const struct cli *cli, enum cli_option option, uint64_t *out)
{
    const char *text = cli_value(cli, option);

    if (!text || cli_parse_duration(text, out))
        return true;
    cli_fail(cli, CLI_USAGE, "--%s: '%s' is no time; write 30s, 15m, 24h or 7d", name_of(option),
             text);
    return false;
}

bool cli_parse_duration(const char *text, uint64_t *out)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"", 1000},   {"ms", 1},          {"s", 1000},
                 {"m", 60000}, {"h", 3600 * 1000}, {"d", 86400 * 1000}};
    char *end;

    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *text == '-')
        return false;
    for (unsigned i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(end, units[i].unit) == 0 && value <= DURATION_MAX_MS / units[i].ms) {
            *out = value * units[i].ms;
            return true;
        }
    }
    return false;
}
