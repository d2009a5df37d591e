/* node/cli/region_commands.c: regions, for latency and geoproximity routing. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

/* "48.86,2.35" to hundredths of a degree. */
static bool parse_coordinates(const char *text, int32_t *latitude_cdeg, int32_t *longitude_cdeg)
{
    char *end;

    errno = 0;
    double latitude = strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    const char *second = end + 1;
    double longitude = strtod(second, &end);
    if (errno != 0 || end == second || *end || !(fabs(latitude) <= 90) || !(fabs(longitude) <= 180))
        return false;
    *latitude_cdeg = (int32_t)lround(latitude * 100);
    *longitude_cdeg = (int32_t)lround(longitude * 100);
    return true;
}

static int run_set(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RegionSet set = CTL__REGION_SET__INIT;

    if (!parse_coordinates(cli->words[1], &set.latitude_cdeg, &set.longitude_cdeg))
        return cli_fail(cli, CLI_USAGE,
                        "'%s': write LATITUDE,LONGITUDE in degrees, such as 48.86,2.35 (south and "
                        "west are negative)",
                        cli->words[1]);
    set.name = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_REGION_SET;
    request.region_set = &set;
    return cli_ask_and_say(cli, &request);
}

static int run_delete(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RegionDelete deletion = CTL__REGION_DELETE__INIT;

    deletion.name = (char *)cli->words[0];
    request.kind_case = CTL__REQUEST__KIND_REGION_DELETE;
    request.region_delete = &deletion;
    return cli_ask_and_say(cli, &request);
}

static json_t *region_json(const Ctl__Region *region)
{
    return json_pack("{s:s, s:f, s:f, s:b}", "name", region->name, "latitude",
                     region->latitude_cdeg / 100.0, "longitude", region->longitude_cdeg / 100.0,
                     "own", region->is_own);
}

static void print_regions(const Ctl__RegionListReply *list)
{
    struct table table;

    table_init(&table, "REGION|LATITUDE|LONGITUDE|WHOSE");
    for (size_t i = 0; i < list->n_regions; i++) {
        const Ctl__Region *region = list->regions[i];
        table_next_row(&table);
        table_cell(&table, 0, "%s", region->name);
        table_cell(&table, 1, "%.2f", region->latitude_cdeg / 100.0);
        table_cell(&table, 2, "%.2f", region->longitude_cdeg / 100.0);
        table_cell(&table, 3, "%s", region->is_own ? "own" : "Route 53");
    }
    table_print(&table);
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RegionList list = CTL__REGION_LIST__INIT;
    struct Ctl__Reply *reply;

    request.kind_case = CTL__REQUEST__KIND_REGION_LIST;
    request.region_list = &list;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->region_list)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no list", cli->node);
    else if (cli->is_json) {
        json_t *array = json_array();
        for (size_t i = 0; i < reply->region_list->n_regions; i++)
            json_array_append_new(array, region_json(reply->region_list->regions[i]));
        output_json(array);
    } else
        print_regions(reply->region_list);
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_region_commands[] = {
    {"region", "set", "NAME LATITUDE,LONGITUDE", 2, 2, "make a region of your own, or move it",
     "Route 53's regions are there already.\n\n  quartet region set paris-dc 48.86,2.35\n"
     "  quartet region set -- sydney-dc -33.87,151.21",
     NULL, false, run_set},
    {"region", "list", NULL, 0, 0, "list the regions", NULL, NULL, false, run_list},
    {"region", "delete", "NAME", 1, 1, "delete a region of your own", NULL, NULL, false,
     run_delete},
    {0},
};
