/* zone/collection.c: a zone file as record sets, for zone_file.h. */
#include "zone/zone_file.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_text.h"

#include <stdlib.h>
#include <string.h>

/* One line of a file. Offsets rather than pointers, as `octets` moves while it grows. */
struct line {
    size_t name_offset;
    size_t rdata_offset;
    uint64_t number;
    uint32_t ttl_s;
    uint32_t file; /* index of its name */
    uint16_t type;
    uint16_t rdata_len;
};

struct zone_collection {
    const char *path; /* borrowed while it is read */
    const struct zone_collection_report *report;
    uint64_t error_count;
    uint64_t warning_count;
    uint8_t *octets; /* names and data */
    size_t octets_len, octets_max;
    struct line *lines;
    size_t line_count, line_max;
    char **files;
    size_t file_count, file_max;
    struct zone_record_set *sets;
    size_t *set_lines; /* first line of each set */
    size_t set_count;
    struct zone_rdata *rdatas;
};

/* Room for @needed items in a growing array. */
static int grow(void **items, size_t *capacity, size_t needed, size_t item_size)
{
    if (needed <= *capacity)
        return 0;
    size_t wanted = *capacity * 2 > needed ? *capacity * 2 : needed + 16;
    void *bigger = realloc(*items, wanted * item_size);
    if (!bigger)
        return ERR_NOMEM;
    *items = bigger;
    *capacity = wanted;
    return 0;
}

static int add_octets(struct zone_collection *c, const uint8_t *octets, size_t len, size_t *offset)
{
    int err = grow((void **)&c->octets, &c->octets_max, c->octets_len + len, 1);
    if (err != 0)
        return err;
    if (len > 0)
        memcpy(c->octets + c->octets_len, octets, len);
    *offset = c->octets_len;
    c->octets_len += len;
    return 0;
}

/* Lines of one name mostly follow one another and share its octets. */
static int add_name(struct zone_collection *c, const uint8_t *name, size_t *offset)
{
    const struct line *last = c->line_count > 0 ? &c->lines[c->line_count - 1] : NULL;

    if (last && dns_name_is_equal(c->octets + last->name_offset, name)) {
        *offset = last->name_offset;
        return 0;
    }
    return add_octets(c, name, dns_name_len(name), offset);
}

static int add_file(struct zone_collection *c, const char *file, uint32_t *index)
{
    if (c->file_count == 0 || strcmp(c->files[c->file_count - 1], file) != 0) {
        int err = grow((void **)&c->files, &c->file_max, c->file_count + 1, sizeof(char *));
        char *name = err == 0 ? strdup(file) : NULL;
        if (!name)
            return ERR_NOMEM;
        c->files[c->file_count++] = name;
    }
    *index = (uint32_t)(c->file_count - 1);
    return 0;
}

static int on_record(void *user, const struct zone_file_record *record)
{
    struct zone_collection *c = user;
    struct line line = {
        .number = record->line,
        .ttl_s = record->ttl_s,
        .type = record->type,
        .rdata_len = record->rdata_len,
    };

    if (add_name(c, record->name, &line.name_offset) != 0 ||
        add_octets(c, record->rdata, record->rdata_len, &line.rdata_offset) != 0 ||
        add_file(c, record->file, &line.file) != 0 ||
        grow((void **)&c->lines, &c->line_max, c->line_count + 1, sizeof(line)) != 0)
        return ERR_NOMEM;
    c->lines[c->line_count++] = line;
    return 0;
}

static void on_error(void *user, const char *file, uint64_t line, const char *text)
{
    struct zone_collection *c = user;
    c->report->error(c->report->user, file, line, text);
}

static void complain(struct zone_collection *c, const struct line *line, bool is_warning,
                     const char *text)
{
    uint64_t *count = is_warning ? &c->warning_count : &c->error_count;

    if (++*count > ZONE_FILE_ERRORS_MAX)
        return;
    (is_warning ? c->report->warning : c->report->error)(
        c->report->user, line ? c->files[line->file] : c->path, line ? line->number : 0, text);
}

static void warn_line(struct zone_collection *c, const struct line *line, const char *what)
{
    char name[DNS_NAME_TEXT_SIZE];
    char type[ZONE_TYPE_TEXT_LEN_MAX];
    char text[DNS_NAME_TEXT_SIZE + ZONE_TYPE_TEXT_LEN_MAX + 100];

    if (dns_name_format(c->octets + line->name_offset, name, sizeof(name)) < 0)
        return;
    zone_type_format(line->type, type);
    snprintf(text, sizeof(text), "%s %s: %s", name, type, what);
    complain(c, line, true, text);
}

/* By set, then by data (RFC 4034 6.3), then by place in the file. */
static int compare_lines(const struct line *a, const struct line *b,
                         const struct zone_collection *c)
{
    struct zone_record_set a_set = {.name = c->octets + a->name_offset, .type = a->type};
    struct zone_record_set b_set = {.name = c->octets + b->name_offset, .type = b->type};
    int order = a->name_offset == b->name_offset && a->type == b->type
                    ? 0
                    : zone_record_set_compare(&a_set, &b_set);

    if (order == 0)
        order = zone_rdata_compare(a->type, c->octets + a->rdata_offset, a->rdata_len,
                                   c->octets + b->rdata_offset, b->rdata_len);
    return order != 0 ? order
                      : (a->rdata_offset > b->rdata_offset) - (a->rdata_offset < b->rdata_offset);
}

/* The end of the ascending run that begins at @from. */
static size_t find_run_end(struct zone_collection *c, size_t from)
{
    size_t end = from + 1;
    while (end < c->line_count && compare_lines(&c->lines[end - 1], &c->lines[end], c) <= 0)
        end++;
    return end;
}

/* Merge two neighbouring runs by way of @scratch, which has room for the first. */
static void merge_runs(struct zone_collection *c, size_t from, size_t middle, size_t end,
                       struct line *scratch)
{
    size_t left_count = middle - from, left = 0, right = middle, out = from;

    memcpy(scratch, &c->lines[from], left_count * sizeof(*scratch));
    while (left < left_count && right < end)
        c->lines[out++] = compare_lines(&scratch[left], &c->lines[right], c) <= 0
                              ? scratch[left++]
                              : c->lines[right++];
    memcpy(&c->lines[out], &scratch[left], (left_count - left) * sizeof(*scratch));
}

/* One pass over the runs, two by two; returns how many it found. */
static size_t merge_pairs(struct zone_collection *c, struct line *scratch)
{
    size_t run_count = 0;

    for (size_t from = 0, end; from < c->line_count; from = end) {
        size_t middle = find_run_end(c, from);
        end = middle;
        run_count++;
        if (middle == c->line_count)
            break;
        end = find_run_end(c, middle);
        run_count++;
        merge_runs(c, from, middle, end, scratch);
    }
    return run_count;
}

/* Files are mostly in order, or consist of a few parts that are: a merge sort of the runs that are
 * there takes one comparison a line then. Stable. */
static int sort_lines(struct zone_collection *c)
{
    if (find_run_end(c, 0) == c->line_count)
        return 0;
    struct line *scratch = malloc(c->line_count * sizeof(*scratch));
    if (!scratch)
        return ERR_NOMEM;
    while (merge_pairs(c, scratch) > 2)
        ;
    free(scratch);
    return 0;
}

static bool is_same_set(const struct zone_collection *c, const struct line *a, const struct line *b)
{
    return a->type == b->type &&
           (a->name_offset == b->name_offset ||
            dns_name_is_equal(c->octets + a->name_offset, c->octets + b->name_offset));
}

/* One more data of @set, unless it repeats the one before. */
static void merge_line(struct zone_collection *c, struct zone_record_set *set,
                       struct zone_rdata *rdatas, const struct line *line)
{
    const struct zone_rdata rdata = {c->octets + line->rdata_offset, line->rdata_len};
    const struct zone_rdata *last = set->rdata_count > 0 ? &rdatas[set->rdata_count - 1] : NULL;

    if (last && line->ttl_s != set->ttl_s) {
        warn_line(c, line, "TTLs differ within the record set; the lowest is used");
        set->ttl_s = line->ttl_s < set->ttl_s ? line->ttl_s : set->ttl_s;
    }
    if (last && zone_rdata_is_same(line->type, last->data, last->len, rdata.data, rdata.len)) {
        warn_line(c, line, "the same record is there twice");
        return;
    }
    if (set->rdata_count == UINT16_MAX) {
        complain(c, line, false, "too many records of one name and type");
        return;
    }
    rdatas[set->rdata_count++] = rdata;
}

static int build_sets(struct zone_collection *c)
{
    size_t rdata_count = 0;

    if (c->line_count == 0)
        return 0;
    if (sort_lines(c) != 0)
        return ERR_NOMEM;
    c->sets = calloc(c->line_count, sizeof(*c->sets));
    c->set_lines = calloc(c->line_count, sizeof(*c->set_lines));
    c->rdatas = calloc(c->line_count, sizeof(*c->rdatas));
    if (!c->sets || !c->set_lines || !c->rdatas)
        return ERR_NOMEM;
    for (size_t i = 0; i < c->line_count; i++) {
        const struct line *line = &c->lines[i];
        if (i == 0 || !is_same_set(c, &c->lines[i - 1], line)) {
            rdata_count += c->set_count > 0 ? c->sets[c->set_count - 1].rdata_count : 0;
            c->set_lines[c->set_count] = i;
            c->sets[c->set_count++] = (struct zone_record_set){
                .name = c->octets + line->name_offset,
                .type = line->type,
                .ttl_s = line->ttl_s,
                .rdatas = c->rdatas + rdata_count,
            };
        }
        merge_line(c, &c->sets[c->set_count - 1], c->rdatas + rdata_count, line);
    }
    return 0;
}

static void on_problem(void *user, const struct zone_record_set *set, bool is_warning,
                       const struct zone_problem *problem)
{
    struct zone_collection *c = user;
    const bool is_ours = c->set_count > 0 && set >= c->sets && set < c->sets + c->set_count;
    const struct line *line = is_ours ? &c->lines[c->set_lines[set - c->sets]] : NULL;

    complain(c, line, is_warning, problem->text);
}

int zone_collection_read(const char *path, const uint8_t *apex, uint32_t default_ttl_s,
                         const struct zone_collection_report *report, struct zone_collection **out,
                         uint64_t *error_count)
{
    struct zone_collection *c = calloc(1, sizeof(*c));
    if (!c)
        return ERR_NOMEM;
    const struct zone_file_reader reader = {
        .record = on_record,
        .error = on_error,
        .user = c,
        .origin = apex,
        .default_ttl_s = default_ttl_s,
        .scratch = report->scratch,
    };

    c->path = path;
    c->report = report;
    int err = zone_file_read(path, &reader, &c->error_count);
    if (err == 0 || err == ERR_INVALID) /* after errors of syntax, still look for the others */
        err = build_sets(c);
    const bool is_unread = c->line_count == 0 && c->error_count > 0; /* told already */
    if (err == 0 && !is_unread)
        zone_rules_check_zone(apex, c->sets, c->set_count, on_problem, c);
    if (error_count)
        *error_count = c->error_count;
    if (err == 0 && c->error_count > 0)
        err = ERR_INVALID;
    if (err == 0)
        *out = c;
    else
        zone_collection_free(c);
    return err;
}

void zone_collection_free(struct zone_collection *collection)
{
    if (!collection)
        return;
    for (size_t i = 0; i < collection->file_count; i++)
        free(collection->files[i]);
    free(collection->files);
    free(collection->octets);
    free(collection->lines);
    free(collection->sets);
    free(collection->set_lines);
    free(collection->rdatas);
    free(collection);
}

const struct zone_record_set *zone_collection_sets(const struct zone_collection *collection,
                                                   size_t *count)
{
    *count = collection->set_count;
    return collection->sets;
}
