/* node/cli/latency_commands.c: round-trip times from clients to regions. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/prefix.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define CHUNK_ENTRIES 4096u /* most in one request */
#define ENTRIES_MAX 1000000u
#define LINE_SIZE 256u
#define MS_MAX 60000u
#define PROBLEMS_MAX 20u /* shown */
#define PREFIX_LEN_MAX 17u

struct figure {
    uint8_t prefix[PREFIX_LEN_MAX];
    uint8_t prefix_len;
    uint16_t ms;
    char region[65];
};
struct table_file {
    const char *path;
    struct figure *list;
    size_t count, capacity;
    uint64_t line, problem_count;
};

static size_t prefix_octets(const struct prefix *prefix, uint8_t out[PREFIX_LEN_MAX])
{
    const size_t address_len = prefix->is_ipv6 ? 16 : 4;

    out[0] = prefix->len;
    memcpy(out + 1, prefix->octets, address_len);
    return address_len + 1;
}

/* Without blanks at both ends, in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t\r\n");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

static bool parse_ms(const char *text, uint16_t *out)
{
    char *end;

    errno = 0;
    const unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *text < '0' || *text > '9' || *end || value > MS_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

/* "PREFIX,REGION,MS". NULL, or what is wrong. */
static const char *parse_line(char *line, struct figure *out)
{
    char *region = strchr(line, ','), *ms = region ? strchr(region + 1, ',') : NULL;
    struct prefix prefix;
    const char *reason;

    if (!ms || strchr(ms + 1, ','))
        return "write PREFIX,REGION,MILLISECONDS";
    *region++ = '\0';
    *ms++ = '\0';
    if (prefix_parse(trim(line), &prefix, &reason) != 0)
        return reason;
    region = trim(region);
    if (*region == '\0' || strlen(region) >= sizeof(out->region))
        return "a region's name has 1 to 64 octets";
    if (!parse_ms(trim(ms), &out->ms))
        return "milliseconds are a whole number from 0 to 60000";
    out->prefix_len = (uint8_t)prefix_octets(&prefix, out->prefix);
    snprintf(out->region, sizeof(out->region), "%s", region);
    return NULL;
}

static void tell_problem(struct table_file *file, const char *problem)
{
    if (file->problem_count++ < PROBLEMS_MAX)
        fprintf(stderr, "%s:%" PRIu64 ": %s\n", file->path, file->line, problem);
}

/* false: no memory. */
static bool read_line(struct table_file *file, char *line)
{
    if (file->count == file->capacity) {
        const size_t capacity = file->count > 0 ? 2 * file->count : 1024;
        void *larger = realloc(file->list, capacity * sizeof(*file->list));
        if (!larger)
            return false;
        file->list = larger;
        file->capacity = capacity;
    }
    const char *problem = parse_line(line, &file->list[file->count]);
    if (problem)
        tell_problem(file, problem);
    else if (file->count == ENTRIES_MAX)
        tell_problem(file, "there are more than 1,000,000 figures");
    else
        file->count++;
    return true;
}

static int read_lines(struct cli *cli, struct table_file *file, FILE *stream)
{
    char line[LINE_SIZE];

    while (fgets(line, sizeof(line), stream)) {
        file->line++;
        if (!strchr(line, '\n') && !feof(stream)) {
            tell_problem(file, "the line is too long");
            while (fgets(line, sizeof(line), stream) && !strchr(line, '\n')) {
            }
            continue;
        }
        char *text = trim(line);
        if (*text != '\0' && *text != '#' && !read_line(file, text))
            return cli_fail(cli, CLI_REFUSED, "out of memory");
    }
    if (ferror(stream))
        return cli_fail(cli, CLI_REFUSED, "cannot read %s: %s", file->path, strerror(errno));
    if (file->problem_count > 0)
        return cli_fail(cli, CLI_REFUSED, "%" PRIu64 " lines of %s are wrong: nothing was imported",
                        file->problem_count, file->path);
    if (file->count == 0)
        return cli_fail(cli, CLI_REFUSED, "%s has no figures: nothing was imported", file->path);
    return CLI_OK;
}

static int send_chunk(struct cli *cli, const struct table_file *file, size_t from, size_t count)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__LatencyImport import = CTL__LATENCY_IMPORT__INIT;
    Cmd__LatencyEntry *entries = calloc(count, sizeof(*entries));
    Cmd__LatencyEntry **pointers = calloc(count, sizeof(Cmd__LatencyEntry *));
    struct Ctl__Reply *reply;
    int status = CLI_REFUSED;

    for (size_t i = 0; entries && pointers && i < count; i++) {
        struct figure *figure = &file->list[from + i];
        cmd__latency_entry__init(&entries[i]);
        entries[i].prefix = (ProtobufCBinaryData){figure->prefix_len, figure->prefix};
        entries[i].region = figure->region;
        entries[i].ms = figure->ms;
        pointers[i] = &entries[i];
        import.n_entries = i + 1;
    }
    import.is_first = from == 0;
    import.entries = pointers;
    request.kind_case = CTL__REQUEST__KIND_LATENCY_IMPORT;
    request.latency_import = &import;
    if (import.n_entries < count)
        cli_fail(cli, CLI_REFUSED, "out of memory");
    else if ((status = cli_ask(cli, &request, &reply)) == CLI_OK)
        cli_free_reply(reply);
    free(entries);
    free(pointers);
    return status;
}

static int run_import(struct cli *cli)
{
    struct table_file file = {.path = cli->words[0]};
    FILE *stream = strcmp(file.path, "-") == 0 ? stdin : fopen(file.path, "r");
    size_t sent = 0;

    if (!stream)
        return cli_fail(cli, CLI_REFUSED, "cannot read %s: %s", file.path, strerror(errno));
    int status = read_lines(cli, &file, stream);
    while (status == CLI_OK && sent < file.count) {
        const size_t left = file.count - sent;
        const size_t count = left < CHUNK_ENTRIES ? left : CHUNK_ENTRIES;
        status = send_chunk(cli, &file, sent, count);
        sent += status == CLI_OK ? count : 0;
    }
    if (status == CLI_OK && !cli->is_json)
        printf("imported %zu figure%s\n", file.count, file.count == 1 ? "" : "s");
    else if (status == CLI_OK)
        output_json(json_pack("{s:I}", "imported", (json_int_t)file.count));
    else if (sent > 0)
        fprintf(stderr, "quartet: %zu of %zu figures were imported: import again to have all\n",
                sent, file.count);
    if (stream != stdin)
        fclose(stream);
    free(file.list);
    return status;
}

/* ---- show ---- */

static void row_text(const Ctl__LatencyReply *latency, char out[PREFIX_TEXT_SIZE])
{
    struct prefix prefix = {.is_ipv6 = latency->row.len == PREFIX_LEN_MAX};

    out[0] = '\0';
    if ((latency->row.len != 5 && latency->row.len != PREFIX_LEN_MAX) ||
        latency->row.data[0] > (latency->row.len - 1) * 8)
        return;
    prefix.len = latency->row.data[0];
    memcpy(prefix.octets, latency->row.data + 1, latency->row.len - 1);
    prefix_format(&prefix, out);
}

static void print_json(const Ctl__LatencyReply *latency, const char *asked)
{
    json_t *object =
        json_pack("{s:I, s:I, s:I}", "version", (json_int_t)latency->version, "imported",
                  (json_int_t)latency->imported, "measured", (json_int_t)latency->measured);
    json_t *figures = json_array();
    char row[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < latency->n_figures; i++) {
        const Ctl__LatencyFigure *figure = latency->figures[i];
        json_array_append_new(figures,
                              json_pack("{s:s, s:i, s:s, s:o, s:b}", "region", figure->region, "ms",
                                        (int)figure->ms, "source", figure->source, "measured",
                                        figure->measured_wall_s > 0
                                            ? output_json_time(figure->measured_wall_s * 1000)
                                            : json_null(),
                                        "best", figure->is_tied));
    }
    if (asked) {
        row_text(latency, row);
        json_object_set_new(object, "client", json_string(asked));
        json_object_set_new(object, "row", row[0] ? json_string(row) : json_null());
        json_object_set_new(object, "figures", figures);
    } else {
        json_decref(figures);
    }
    output_json(object);
}

static void print_row(const Ctl__LatencyReply *latency, const char *asked)
{
    char row[PREFIX_TEXT_SIZE], time[CLOCK_TEXT_LEN];
    struct table table;

    row_text(latency, row);
    if (latency->n_figures == 0) {
        printf("no figures for %s: latency records go by distance\n", asked);
        return;
    }
    printf("%s is answered by the figures of %s\n", asked, row);
    table_init(&table, "REGION|MS|SOURCE|WINDOW|BEST");
    for (size_t i = 0; i < latency->n_figures; i++) {
        const Ctl__LatencyFigure *figure = latency->figures[i];
        clock_format(figure->measured_wall_s * 1000, time);
        table_next_row(&table);
        table_cell(&table, 0, "%s", figure->region);
        table_cell(&table, 1, "%u", figure->ms);
        table_cell(&table, 2, "%s", figure->source);
        table_cell(&table, 3, "%s", figure->measured_wall_s > 0 ? time : "-");
        table_cell(&table, 4, "%s", figure->is_tied ? "yes" : "");
    }
    table_print(&table);
}

static int run_show(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__LatencyShow show = CTL__LATENCY_SHOW__INIT;
    const char *asked = cli->word_count > 0 ? cli->words[0] : NULL;
    uint8_t octets[PREFIX_LEN_MAX];
    struct Ctl__Reply *reply;
    struct prefix prefix;
    const char *reason;

    if (asked && prefix_parse(asked, &prefix, &reason) != 0)
        return cli_fail(cli, CLI_USAGE, "'%s': %s", asked, reason);
    if (asked)
        show.prefix = (ProtobufCBinaryData){prefix_octets(&prefix, octets), octets};
    request.kind_case = CTL__REQUEST__KIND_LATENCY_SHOW;
    request.latency_show = &show;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->latency)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no figures", cli->node);
    else if (cli->is_json)
        print_json(reply->latency, asked);
    else if (asked)
        print_row(reply->latency, asked);
    else
        printf("imported    %" PRIu64 " figures\nmeasured    %" PRIu64 " figures\n"
               "version     %" PRIu64 "\n",
               reply->latency->imported, reply->latency->measured, reply->latency->version);
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_latency_commands[] = {
    {"latency", "import", "FILE", 1, 1, "import round-trip times from clients to regions",
     "One figure a line, PREFIX,REGION,MILLISECONDS; lines that begin with # are passed over; - is "
     "standard input. What was imported before is replaced; what nodes measure stays, and counts "
     "where nothing is imported.\n\n  quartet latency import table.csv",
     NULL, false, run_import},
    {"latency", "show", "[PREFIX|ADDRESS]", 0, 1, "show the round-trip times of a client",
     "Without a client: how many figures there are.\n\n  quartet latency show 198.51.100.7", NULL,
     false, run_show},
    {0},
};
