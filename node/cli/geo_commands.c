/* node/cli/geo_commands.c: a node's location database. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define PATH_SIZE 1024u

/* The file's whole path: it is the node that reads it. false: told. */
static bool whole_path(const struct cli *cli, const char *given, char out[PATH_SIZE])
{
    const bool is_here = strchr(cli->node, '/') != NULL;
    char folder[PATH_SIZE];

    if (given[0] != '/' && !is_here) {
        cli_fail(cli, CLI_USAGE, "'%s': give the file's whole path on %s, from / on", given,
                 cli->node);
        return false;
    }
    if (given[0] == '/')
        folder[0] = '\0';
    else if (!getcwd(folder, sizeof(folder))) {
        cli_fail(cli, CLI_REFUSED, "cannot tell the current folder: %s", strerror(errno));
        return false;
    }
    int len = snprintf(out, PATH_SIZE, "%s%s%s", folder, folder[0] ? "/" : "", given);
    if (len >= (int)PATH_SIZE) {
        cli_fail(cli, CLI_USAGE, "'%s' is too long for a path", given);
        return false;
    }
    return true;
}

static int run_load(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__GeoLoad load = CTL__GEO_LOAD__INIT;
    char path[PATH_SIZE];

    if (!whole_path(cli, cli->words[0], path))
        return CLI_USAGE;
    load.path = path;
    request.kind_case = CTL__REQUEST__KIND_GEO_LOAD;
    request.geo_load = &load;
    return cli_ask_and_say(cli, &request);
}

static void print_status(const Ctl__GeoReply *geo, const char *message)
{
    char built[CLOCK_TEXT_LEN], loaded[CLOCK_TEXT_LEN];

    if (geo->path[0] == '\0') {
        printf("database    none%s%s\n", message[0] ? ": " : "", message);
    } else {
        clock_format(geo->built_wall_s * 1000, built);
        clock_format(geo->loaded_wall_s * 1000, loaded);
        printf("database    %s%s%s\n", geo->path, message[0] ? "; " : "", message);
        printf("type        %s%s%s\n", geo->type, geo->description[0] ? ", " : "",
               geo->description);
        printf("built       %s\n", built);
        printf("loaded      %s, in %u ms\n", loaded, geo->load_ms);
        printf("holds       %" PRIu64 " prefixes, %" PRIu64 " locations, %.1f MB in memory\n",
               geo->prefixes, geo->locations, (double)geo->memory_octets / 1e6);
    }
    if (geo->problem[0])
        printf("problem     %s\n", geo->problem);
    if (geo->path[0] == '\0' && geo->problem[0] == '\0' && message[0] == '\0')
        printf("\nLoad one:   quartet geo load FILE\n"
               "or name it in the node's configuration: geo_database: FILE\n");
}

static void print_status_json(const Ctl__GeoReply *geo, const char *message, const char *address)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:i, s:s, s:b}", "path", geo->path,
                  "type", geo->type, "description", geo->description, "built",
                  geo->path[0] ? output_json_time(geo->built_wall_s * 1000) : json_null(), "loaded",
                  geo->path[0] ? output_json_time(geo->loaded_wall_s * 1000) : json_null(),
                  "prefixes", (json_int_t)geo->prefixes, "locations", (json_int_t)geo->locations,
                  "memory_octets", (json_int_t)geo->memory_octets, "load_ms", (int)geo->load_ms,
                  "problem", geo->problem, "is_loading", message[0] != '\0');

    if (address) {
        json_object_set_new(object, "address", json_string(address));
        json_object_set_new(object, "location", json_string(geo->location));
        json_object_set_new(object, "scope_bits", json_integer(geo->scope_bits));
    }
    output_json(object);
}

static void print_location(const Ctl__GeoReply *geo, const char *address)
{
    printf("%-11s %s\n", address, geo->location[0] ? geo->location : "location not known");
    if (geo->path[0])
        printf("            the same for all of its /%u\n", geo->scope_bits);
}

static int run_status(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__GeoStatus status_request = CTL__GEO_STATUS__INIT;
    struct Ctl__Reply *reply;
    const char *address = cli->word_count > 0 ? cli->words[0] : NULL;
    uint8_t octets[16];

    if (address) {
        const bool is_ipv6 = strchr(address, ':') != NULL;
        if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, address, octets) != 1)
            return cli_fail(cli, CLI_USAGE, "'%s' is no IPv4 or IPv6 address", address);
        status_request.address = (ProtobufCBinaryData){is_ipv6 ? 16 : 4, octets};
    }
    request.kind_case = CTL__REQUEST__KIND_GEO_STATUS;
    request.geo_status = &status_request;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->geo) {
        status = cli_fail(cli, CLI_REFUSED, "%s sent no answer about its database", cli->node);
    } else if (cli->is_json) {
        print_status_json(reply->geo, reply->message, address);
    } else {
        print_status(reply->geo, reply->message);
        if (address)
            print_location(reply->geo, address);
    }
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_geo_commands[] = {
    {"geo", "load", "FILE", 1, 1, "have a node locate clients by a MaxMind-format database",
     "The node that is asked reads FILE, which has to be there; DNS goes on meanwhile, by the "
     "database from before. A restart loads it again. Databases of MaxMind (GeoIP2, GeoLite2), "
     "DB-IP, IPinfo and ip-location-db work, for countries or cities.\n\n"
     "  quartet geo load /var/lib/quartet/GeoLite2-City.mmdb",
     NULL, false, run_load},
    {"geo", "status", "[ADDRESS]", 0, 1, "a node's location database, and where ADDRESS is",
     "  quartet geo status\n"
     "  quartet geo status 198.51.100.7",
     NULL, false, run_status},
    {0},
};
