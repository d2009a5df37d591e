#include "cli/record_options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/record_references.h"
#include "geo/location.h"
#include "zone/record_set.h"
#include "zone/routing.h"

/* A name that may lie outside the zone: a final dot or the zone's own ending makes it absolute. */
static bool parse_name(const char *text, const uint8_t *apex, uint8_t out[DNS_NAME_MAX])
{
    uint8_t name[DNS_NAME_MAX];
    size_t len = strlen(text);
    bool is_absolute = len > 0 && text[len - 1] == '.' && (len < 2 || text[len - 2] != '\\');
    bool is_ours = strcmp(text, "@") != 0 && dns_name_parse(text, NULL, name) > 0 &&
                   (is_absolute || dns_name_is_within(name, apex));

    if (!is_ours && dns_name_parse(text, apex, name) < 0)
        return false;
    dns_name_lower(name, out);
    return true;
}

/* Is the flag given? Its value was checked before. */
static bool is_on(const struct cli *cli, enum cli_option option)
{
    const char *value = cli_value(cli, option);

    return value && strcmp(value, "yes") == 0;
}

/* A whole number within bounds. */
static bool parse_number(const char *text, long least, long most, long *out)
{
    char *end;

    errno = 0;
    *out = strtol(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *out >= least && *out <= most;
}

static int take_number(struct cli *cli, const char *option, const char *text, const long bounds[2],
                       long *out)
{
    if (parse_number(text, bounds[0], bounds[1], out))
        return CLI_OK;
    return cli_fail(cli, CLI_USAGE, "--%s: '%s' is no number from %ld to %ld", option, text,
                    bounds[0], bounds[1]);
}

/* Copy @text into a field of @size. */
static int take_text(struct cli *cli, const char *option, const char *text, size_t size, char *out)
{
    if (strlen(text) >= size)
        return cli_fail(cli, CLI_USAGE, "--%s: '%.60s...' is too long", option, text);
    memcpy(out, text, strlen(text) + 1);
    return CLI_OK;
}

/* ---- policies, one each ---- */

static int take_weight(struct cli *cli, struct zone_routing *out)
{
    static const long bounds[] = {0, 255};
    long weight;
    int status = take_number(cli, "weight", cli_value(cli, CLI_VALUE_WEIGHT), bounds, &weight);

    out->kind = POLICY_WEIGHTED;
    if (status == CLI_OK)
        out->weight = (uint8_t)weight;
    return status;
}

/* Codes that name a continent and a country. */
static bool is_ambiguous(const char *code)
{
    return geo_continent_key(code) != GEO_KEY_NONE && geo_country_name(code) != NULL;
}

static void copy_upper(const char *from, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (char)toupper((unsigned char)from[i]);
    out[len] = '\0';
}

/* "continent:NA", "country:NA", "EU", "FR", "US-WA", "*". */
static int take_geo(struct cli *cli, struct zone_routing *out)
{
    const char *text = cli_value(cli, CLI_VALUE_GEO);
    bool is_continent = strncmp(text, "continent:", 10) == 0;
    bool is_country = strncmp(text, "country:", 8) == 0;
    const char *code = text + (is_continent ? 10 : is_country ? 8 : 0);
    size_t len = strcspn(code, "-");
    char upper[3];

    out->kind = POLICY_GEOLOCATION;
    if (strcmp(code, "*") == 0 && !is_continent)
        return take_text(cli, "geo", code, sizeof(out->country), out->country);
    if (len != 2 || strlen(code) > 6 || (is_continent && code[2]))
        return cli_fail(cli, CLI_USAGE,
                        "--geo: '%s' is no continent (EU), country (FR), country's part (US-WA) or "
                        "'*' for everywhere else",
                        text);
    copy_upper(code, 2, upper);
    if (!is_continent && !is_country && !code[2] && is_ambiguous(upper))
        return cli_fail(cli, CLI_USAGE, "--geo: %s is %s and %s: write continent:%s or country:%s",
                        upper, geo_continent_name(upper), geo_country_name(upper), upper, upper);
    if (!is_country && !code[2] && geo_continent_key(upper) != GEO_KEY_NONE)
        is_continent = true;
    memcpy(is_continent ? out->continent : out->country, upper, sizeof(upper));
    if (code[2])
        copy_upper(code + 3, strlen(code + 3), out->subdivision);
    return CLI_OK;
}

/* "47.61,-122.33" */
static int take_coordinates(struct cli *cli, struct zone_routing *out)
{
    double latitude, longitude;
    int used = 0;

    if (sscanf(cli_value(cli, CLI_VALUE_COORDINATES), "%lf,%lf%n", &latitude, &longitude, &used) !=
            2 ||
        cli_value(cli, CLI_VALUE_COORDINATES)[used] || !(latitude >= -90 && latitude <= 90) ||
        !(longitude >= -180 && longitude <= 180))
        return cli_fail(cli, CLI_USAGE,
                        "--coordinates: '%s' is no LATITUDE,LONGITUDE in degrees, such as "
                        "47.61,-122.33",
                        cli_value(cli, CLI_VALUE_COORDINATES));
    out->has_coordinates = true;
    out->latitude_cdeg = (int16_t)(latitude * 100 + (latitude < 0 ? -0.5 : 0.5));
    out->longitude_cdeg = (int16_t)(longitude * 100 + (longitude < 0 ? -0.5 : 0.5));
    return CLI_OK;
}

static int take_proximity(struct cli *cli, struct zone_routing *out)
{
    static const long bounds[] = {-99, 99};
    long bias = 0;
    int status = CLI_OK;

    out->kind = POLICY_GEOPROXIMITY;
    if (!cli_value(cli, CLI_VALUE_COORDINATES) == !cli_value(cli, CLI_VALUE_REGION))
        return cli_fail(cli, CLI_USAGE,
                        "geoproximity takes one of --coordinates LAT,LON and --region REGION");
    if (cli_value(cli, CLI_VALUE_BIAS))
        status = take_number(cli, "bias", cli_value(cli, CLI_VALUE_BIAS), bounds, &bias);
    out->bias = (int8_t)bias;
    if (status == CLI_OK && cli_value(cli, CLI_VALUE_COORDINATES))
        return take_coordinates(cli, out);
    return status != CLI_OK ? status
                            : take_text(cli, "region", cli_value(cli, CLI_VALUE_REGION),
                                        sizeof(out->region), out->region);
}

static int take_latency(struct cli *cli, struct zone_routing *out)
{
    out->kind = POLICY_LATENCY;
    return take_text(cli, "region", cli_value(cli, CLI_VALUE_REGION), sizeof(out->region),
                     out->region);
}

static int take_failover(struct cli *cli, struct zone_routing *out)
{
    out->kind = POLICY_FAILOVER;
    out->is_secondary = strcmp(cli_value(cli, CLI_VALUE_FAILOVER), "secondary") == 0;
    if (!out->is_secondary && strcmp(cli_value(cli, CLI_VALUE_FAILOVER), "primary") != 0)
        return cli_fail(cli, CLI_USAGE, "--failover: it is primary or secondary, not '%s'",
                        cli_value(cli, CLI_VALUE_FAILOVER));
    return CLI_OK;
}

static int take_multivalue(struct cli *cli, struct zone_routing *out)
{
    (void)cli;
    out->kind = POLICY_MULTIVALUE;
    return CLI_OK;
}

/* COLLECTION/LOCATION, the collection by id or name. */
static int take_cidr(struct cli *cli, struct zone_routing *out)
{
    const char *text = cli_value(cli, CLI_VALUE_CIDR), *slash = strchr(text, '/');
    size_t len = slash ? (size_t)(slash - text) : 0;
    char collection[65];

    out->kind = POLICY_IP_BASED;
    if (len == 0 || len >= sizeof(collection) || !slash[1])
        return cli_fail(cli, CLI_USAGE, "--cidr: '%s' is no COLLECTION/LOCATION", text);
    memcpy(collection, text, len);
    collection[len] = '\0';
    int status = take_text(cli, "cidr", slash + 1, sizeof(out->cidr_location), out->cidr_location);
    if (status != CLI_OK || len != ZONE_UUID_SIZE - 1)
        return status != CLI_OK
                   ? status
                   : record_reference_collection(cli, collection, out->cidr_collection_id);
    return take_text(cli, "cidr", collection, sizeof(out->cidr_collection_id),
                     out->cidr_collection_id);
}

static int take_policy(struct cli *cli, struct zone_routing *out)
{
    bool is_proximity = is_on(cli, CLI_VALUE_GEOPROXIMITY) ||
                        cli_value(cli, CLI_VALUE_COORDINATES) || cli_value(cli, CLI_VALUE_BIAS);
    const struct {
        const char *option;
        bool is_given;
        int (*take)(struct cli *cli, struct zone_routing *out);
    } policies[] = {
        {"--weight", cli_value(cli, CLI_VALUE_WEIGHT) != NULL, take_weight},
        {"--region", cli_value(cli, CLI_VALUE_REGION) != NULL && !is_proximity, take_latency},
        {"--geo", cli_value(cli, CLI_VALUE_GEO) != NULL, take_geo},
        {"--geoproximity", is_proximity, take_proximity},
        {"--failover", cli_value(cli, CLI_VALUE_FAILOVER) != NULL, take_failover},
        {"--multivalue", is_on(cli, CLI_VALUE_MULTIVALUE), take_multivalue},
        {"--cidr", cli_value(cli, CLI_VALUE_CIDR) != NULL, take_cidr},
    };
    const char *first = NULL;
    int status = CLI_OK;

    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]) && status == CLI_OK; i++) {
        if (!policies[i].is_given)
            continue;
        if (first)
            return cli_fail(cli, CLI_USAGE, "%s and %s are two policies: a record set has one",
                            first, policies[i].option);
        first = policies[i].option;
        status = policies[i].take(cli, out);
    }
    if (status == CLI_OK && first && !cli_value(cli, CLI_VALUE_SET_IDENTIFIER))
        status = cli_fail(cli, CLI_USAGE,
                          "%s needs --set-identifier: a name for this record set among those of "
                          "the same name and type",
                          first);
    if (status == CLI_OK && !first && cli_value(cli, CLI_VALUE_SET_IDENTIFIER))
        status = cli_fail(cli, CLI_USAGE,
                          "--set-identifier goes with a policy: --weight, --region, --geo, "
                          "--geoproximity, --failover, --multivalue or --cidr");
    return status;
}

/* ---- the rest ---- */

static int take_check(struct cli *cli, struct zone_routing *out)
{
    const char *text = cli_value(cli, CLI_VALUE_HEALTH_CHECK);

    if (!text)
        return CLI_OK;
    if (strlen(text) == ZONE_UUID_SIZE - 1)
        return take_text(cli, "health-check", text, sizeof(out->health_check_id),
                         out->health_check_id);
    return record_reference_check(cli, text, out->health_check_id);
}

static int take_alias(struct cli *cli, const uint8_t *apex, struct record_options *storage)
{
    if (!cli_value(cli, CLI_VALUE_ALIAS))
        return is_on(cli, CLI_VALUE_EVALUATE)
                   ? cli_fail(cli, CLI_USAGE, "--evaluate-target-health goes with --alias")
                   : CLI_OK;
    if (!parse_name(cli_value(cli, CLI_VALUE_ALIAS), apex, storage->target))
        return cli_fail(cli, CLI_USAGE, "--alias: '%s' is no domain name",
                        cli_value(cli, CLI_VALUE_ALIAS));
    storage->routing->is_alias = true;
    storage->routing->alias_target = storage->target;
    storage->routing->evaluate_target_health = is_on(cli, CLI_VALUE_EVALUATE);
    return CLI_OK;
}

static int take_all_down(struct cli *cli, const uint8_t *apex, struct record_options *storage)
{
    static const char *const words[] = {"open", "closed", "last-good"};
    const char *text = cli_value(cli, CLI_VALUE_ALL_DOWN);

    if (!text)
        return CLI_OK;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(text, words[i]) == 0) {
            storage->routing->all_down = (enum policy_all_down)i;
            return CLI_OK;
        }
    }
    if (!parse_name(text, apex, storage->fallback))
        return cli_fail(cli, CLI_USAGE,
                        "--all-down: '%s' is not open, closed, last-good or a domain name", text);
    storage->routing->all_down = POLICY_ALL_DOWN_FALLBACK;
    storage->routing->fallback = storage->fallback;
    return CLI_OK;
}

static bool says_nothing(const struct zone_routing *routing)
{
    return routing->kind == POLICY_SIMPLE && !routing->is_alias && !routing->health_check_id[0] &&
           !routing->is_sticky && routing->answers_max == 0 &&
           routing->all_down == POLICY_ALL_DOWN_OPEN;
}

static bool check_flags(const struct cli *cli)
{
    static const enum cli_option flags[] = {CLI_VALUE_GEOPROXIMITY, CLI_VALUE_MULTIVALUE,
                                            CLI_VALUE_EVALUATE, CLI_VALUE_STICKY};
    bool ignored;

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (!cli_value_flag(cli, flags[i], &ignored))
            return false;
    }
    return true;
}

int record_options_take(struct cli *cli, const uint8_t *apex, struct record_options *storage,
                        struct zone_record_set *set)
{
    static const long bounds[] = {1, POLICY_ANSWERS_MAX};
    struct zone_routing *routing = storage->routing;
    long answers = 0;

    memset(routing, 0, sizeof(*routing));
    int status = check_flags(cli) ? take_policy(cli, routing) : CLI_USAGE;
    if (status == CLI_OK)
        status = take_check(cli, routing);
    if (status == CLI_OK)
        status = take_alias(cli, apex, storage);
    if (status == CLI_OK)
        status = take_all_down(cli, apex, storage);
    if (status == CLI_OK && cli_value(cli, CLI_VALUE_ANSWERS))
        status = take_number(cli, "answers", cli_value(cli, CLI_VALUE_ANSWERS), bounds, &answers);
    if (status != CLI_OK)
        return status;
    routing->answers_max = (uint8_t)answers;
    routing->is_sticky = is_on(cli, CLI_VALUE_STICKY);
    set->routing = says_nothing(routing) ? NULL : routing;
    if (cli_value(cli, CLI_VALUE_SET_IDENTIFIER)) {
        if (strlen(cli_value(cli, CLI_VALUE_SET_IDENTIFIER)) > ZONE_SET_IDENTIFIER_MAX)
            return cli_fail(cli, CLI_USAGE, "--set-identifier: it is longer than %u octets",
                            ZONE_SET_IDENTIFIER_MAX);
        set->set_identifier = cli_value(cli, CLI_VALUE_SET_IDENTIFIER);
        set->set_identifier_len = (uint8_t)strlen(cli_value(cli, CLI_VALUE_SET_IDENTIFIER));
    }
    return CLI_OK;
}
