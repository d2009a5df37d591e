#include "cli/credential_policy.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "cli/cli.h"
#include "proto/control.pb-c.h"
#include "route53/iam.h"

#define ARN "arn:aws:route53:::"
#define ACME_PREFIX "_acme-challenge"

/* ---- presets ---- */

static json_t *document(json_t *statements_take)
{
    return json_pack("{s:s, s:o}", "Version", "2012-10-17", "Statement", statements_take);
}

static json_t *read_only(void)
{
    return document(json_pack("[{s:s, s:s, s:[s, s, s], s:s}]", "Sid", "Look", "Effect", "Allow",
                              "Action", "route53:Get*", "route53:List*", "route53:TestDNSAnswer",
                              "Resource", "*"));
}

/* What clients ask before and after they change a record: which zones there are, and is it done? */
static json_t *find_statement(void)
{
    return json_pack("{s:s, s:s, s:[s, s, s, s, s], s:s}", "Sid", "FindZonesAndWait", "Effect",
                     "Allow", "Action", "route53:ListHostedZones", "route53:ListHostedZonesByName",
                     "route53:GetHostedZoneCount", "route53:ListTagsForResources",
                     "route53:GetChange", "Resource", "*");
}

static json_t *zone_statement(const char *sid, const char *zone_arn)
{
    return json_pack("{s:s, s:s, s:[s, s, s, s], s:s}", "Sid", sid, "Effect", "Allow", "Action",
                     "route53:GetHostedZone", "route53:ListResourceRecordSets",
                     "route53:ListTagsForResource", "route53:GetDNSSEC", "Resource", zone_arn);
}

static json_t *change_statement(const char *zone_arn)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "Sid", "ChangeRecords", "Effect", "Allow", "Action",
                     "route53:ChangeResourceRecordSets", "Resource", zone_arn);
}

static json_t *zone_policy(const char *zone_arn)
{
    return document(json_pack("[o, o, o]", find_statement(), zone_statement("ReadZone", zone_arn),
                              change_statement(zone_arn)));
}

/* TXT of _acme-challenge, directly in the zone or before any name in it. @apex: no dot at its end.
 */
static json_t *acme_policy(const char *zone_arn, const char *apex)
{
    char direct[DNS_NAME_TEXT_SIZE + 32], below[DNS_NAME_TEXT_SIZE + 32];
    json_t *change = change_statement(zone_arn);

    snprintf(direct, sizeof(direct), ACME_PREFIX ".%s", apex);
    snprintf(below, sizeof(below), ACME_PREFIX ".*.%s", apex);
    json_object_set_new(change, "Condition",
                        json_pack("{s:{s:[s]}, s:{s:[s, s]}}", "ForAllValues:StringEquals",
                                  IAM_KEY_RECORD_TYPES, "TXT", "ForAllValues:StringLike",
                                  IAM_KEY_RECORD_NAMES, direct, below));
    return document(
        json_pack("[o, o, o]", find_statement(), zone_statement("ReadZone", zone_arn), change));
}

/* The zone @text as the node knows it: the ARN, and the name as conditions have it. Exit status. */
static int find_zone(struct cli *cli, const char *text, char arn[64], char apex[DNS_NAME_TEXT_SIZE])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneGet get = CTL__ZONE_GET__INIT;
    struct Ctl__Reply *reply;

    get.zone = (char *)(uintptr_t)text;
    request.kind_case = CTL__REQUEST__KIND_ZONE_GET;
    request.zone_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__ZoneReply *zone = reply->zone;
    if (!zone || dns_name_check(zone->name.data, zone->name.len) != (int)zone->name.len) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no zone", cli->node);
    } else {
        snprintf(arn, 64, ARN "hostedzone/%.32s", zone->id);
        dns_name_format_octal(zone->name.data, apex);
        apex[strlen(apex) - 1] = '\0';
    }
    cli_free_reply(reply);
    return status;
}

static int take_preset(struct cli *cli, const char *preset, char **out)
{
    char arn[64], apex[DNS_NAME_TEXT_SIZE];
    bool is_acme = strncmp(preset, "acme:", 5) == 0;
    json_t *policy;

    if (strcmp(preset, "read-only") == 0) {
        policy = read_only();
    } else if (is_acme || strncmp(preset, "zone:", 5) == 0) {
        int status = find_zone(cli, preset + 5, arn, apex);
        if (status != CLI_OK)
            return status;
        policy = is_acme ? acme_policy(arn, apex) : zone_policy(arn);
    } else {
        return cli_fail(cli, CLI_USAGE, "--preset: '%s' is not " CREDENTIAL_POLICY_WORDS, preset);
    }
    *out = policy ? json_dumps(policy, JSON_INDENT(2)) : NULL;
    json_decref(policy);
    return *out ? CLI_OK : cli_fail(cli, CLI_REFUSED, "out of memory");
}

/* ---- files ---- */

/* An empty file is the policy that allows everything, as is "" in place of a name. */
static int take_file(struct cli *cli, const char *path, char **out)
{
    struct iam_policy *policy = NULL;
    char problem[IAM_PROBLEM_SIZE] = "out of memory";
    uint8_t *octets;
    size_t len;

    if (!*path) {
        *out = strdup("");
        return *out ? CLI_OK : cli_fail(cli, CLI_REFUSED, "out of memory");
    }
    int rc = file_read(path, IAM_POLICY_LEN_MAX, &octets, &len);
    if (rc == ERR_LIMIT)
        return cli_fail(cli, CLI_USAGE, "%s: a policy has at most %u octets", path,
                        IAM_POLICY_LEN_MAX);
    if (rc != 0)
        return cli_fail(cli, CLI_USAGE, "%s: %s", path,
                        rc == ERR_IO ? strerror(errno) : err_text(rc));
    rc = strlen((char *)octets) == len ? iam_policy_parse((char *)octets, &policy, problem)
                                       : ERR_INVALID;
    iam_policy_free(policy);
    if (rc != 0) {
        free(octets);
        return cli_fail(cli, CLI_USAGE, "%s: %s", path, problem);
    }
    *out = (char *)octets;
    return CLI_OK;
}

int credential_policy_take(struct cli *cli, char **out)
{
    const char *path = cli_value(cli, CLI_VALUE_POLICY), *preset = cli_value(cli, CLI_VALUE_PRESET);

    *out = NULL;
    if (path && preset)
        return cli_fail(cli, CLI_USAGE, "give --policy or --preset, not both");
    if (path)
        return take_file(cli, path, out);
    return preset ? take_preset(cli, preset, out) : CLI_OK;
}
