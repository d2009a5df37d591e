/* node/cli/record_name.c: names of record sets as people write them (declared in cli.h). */
#include <string.h>

#include "cli/cli.h"
#include "proto/control.pb-c.h"

bool cli_record_name(const struct cli *cli, const char *text, const uint8_t *apex,
                     uint8_t out[DNS_NAME_MAX])
{
    uint8_t name[DNS_NAME_MAX];

    int len = dns_name_parse(text, NULL, name);
    if (len > 0 && strcmp(text, "@") != 0 && dns_name_is_within(name, apex))
        dns_name_lower(name, out);
    else if (dns_name_parse(text, apex, name) > 0 && dns_name_is_within(name, apex))
        dns_name_lower(name, out);
    else {
        cli_fail(cli, CLI_USAGE, "'%s' is no name within the zone", text);
        return false;
    }
    return true;
}

int cli_zone_apex(struct cli *cli, const char *zone, uint8_t apex[DNS_NAME_MAX])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__ZoneGet get = CTL__ZONE_GET__INIT;
    struct Ctl__Reply *reply;

    get.zone = (char *)zone;
    request.kind_case = CTL__REQUEST__KIND_ZONE_GET;
    request.zone_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    const Ctl__ZoneReply *found = reply->zone;
    if (!found || dns_name_check(found->name.data, found->name.len) != (int)found->name.len)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no zone", cli->node);
    else
        memcpy(apex, found->name.data, found->name.len);
    cli_free_reply(reply);
    return status;
}
