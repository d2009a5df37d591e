#include "cli/record_references.h"

#include <string.h>

#include "cli/cli.h"
#include "proto/control.pb-c.h"
#include "route53/route53.h"

int record_reference_collection(struct cli *cli, const char *name, char out[ZONE_UUID_SIZE])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrList list = CTL__CIDR_LIST__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_CIDR_LIST;
    request.cidr_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    out[0] = '\0';
    for (size_t i = 0; reply->cidr_list && i < reply->cidr_list->n_collections; i++) {
        const Ctl__CidrReply *collection = reply->cidr_list->collections[i];
        if (strcmp(collection->name, name) == 0 && strlen(collection->id) < ZONE_UUID_SIZE)
            memcpy(out, collection->id, strlen(collection->id) + 1);
    }
    cli_free_reply(reply);
    return out[0]
               ? CLI_OK
               : cli_fail(cli, CLI_REFUSED,
                          "there is no CIDR collection '%s'; 'quartet cidr list' shows all", name);
}

int record_reference_check(struct cli *cli, const char *text, char out[ZONE_UUID_SIZE])
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__HealthGet get = CTL__HEALTH_GET__INIT;
    struct Ctl__Reply *reply;

    get.id = (char *)(uintptr_t)text;
    request.kind_case = CTL__REQUEST__KIND_HEALTH_GET;
    request.health_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->health || strlen(reply->health->id) >= ZONE_UUID_SIZE)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no health check", cli->node);
    else
        memcpy(out, reply->health->id, strlen(reply->health->id) + 1);
    cli_free_reply(reply);
    return status;
}

/* What was found last, of each kind: neighbours in a file often name the same. */
struct resolving {
    struct cli *cli;
    char names[2][ZONE_UUID_SIZE], ids[2][ZONE_UUID_SIZE];
};

static int resolve(void *user, bool is_collection, char text[ZONE_UUID_SIZE])
{
    struct resolving *last = user;
    char *name = last->names[is_collection], *id = last->ids[is_collection];

    if (strcmp(name, text) != 0) {
        int status = is_collection ? record_reference_collection(last->cli, text, id)
                                   : record_reference_check(last->cli, text, id);
        if (status != CLI_OK)
            return status;
        memcpy(name, text, strlen(text) + 1);
    }
    memcpy(text, id, strlen(id) + 1);
    return CLI_OK;
}

int record_references_resolve(struct cli *cli, struct route53_file *file)
{
    struct resolving last = {.cli = cli};

    return route53_each_name(file, resolve, &last);
}
