/* zone/zone_file.c: reading and writing zone files, record by record. libzscanner does the syntax;
 * the includes are ours, so that their depth, number and cycles are bounded. */
#include "zone/zone_file.h"

#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_text.h"
#include "zone/zone_scratch.h"

#include <libzscanner/scanner.h>

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INCLUDES_MAX 10000  /* in all, so that files including files twice end some time */
#define TEXT_LEN_MAX 262400 /* data of one record, each octet as \DDD */

/* One file, or the text given. */
struct source {
    zs_scanner_t *scanner;
    char *name; /* in messages */
    dev_t device;
    ino_t inode;
    bool is_file;
    bool is_kept; /* the scanner is the scratch's */
};

struct reading {
    const struct zone_file_reader *reader;
    struct source stack[ZONE_FILE_INCLUDE_DEPTH_MAX];
    unsigned depth; /* of sources that are open */
    unsigned include_count;
    bool can_include;
    uint64_t error_count;
};

static void __attribute__((format(printf, 4, 5)))
report(struct reading *reading, const char *file, uint64_t line, const char *format, ...)
{
    char text[1024];
    va_list arguments;

    if (++reading->error_count > ZONE_FILE_ERRORS_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    reading->reader->error(reading->reader->user, file, line, text);
}

static void close_source(struct source *source)
{
    if (source->scanner && !source->is_kept) {
        zs_deinit(source->scanner);
        free(source->scanner);
    }
    free(source->name);
}

/* A scanner without input. @origin is text with a final dot. */
static int open_source(struct source *source, const char *name, const char *origin, uint32_t ttl_s)
{
    *source = (struct source){.name = strdup(name)};
    zs_scanner_t *scanner = malloc(sizeof(*scanner));
    if (!source->name || !scanner || zs_init(scanner, origin, DNS_CLASS_IN, ttl_s) != 0) {
        free(scanner);
        close_source(source);
        return ERR_NOMEM;
    }
    source->scanner = scanner;
    return 0;
}

static bool is_open(const struct reading *reading, const struct stat *info)
{
    for (unsigned i = 0; i < reading->depth; i++)
        if (reading->stack[i].is_file && reading->stack[i].device == info->st_dev &&
            reading->stack[i].inode == info->st_ino)
            return true;
    return false;
}

/* Open @path on top of the stack. Failures are reported at @file:@line, and reading goes on without
 * the file. Only ERR_NOMEM is returned. */
static int push_file(struct reading *reading, const char *path, const char *origin, uint32_t ttl_s,
                     const char *file, uint64_t line)
{
    struct source *source = &reading->stack[reading->depth];
    struct stat info;

    if (open_source(source, path, origin, ttl_s) != 0)
        return ERR_NOMEM;
    if (zs_set_input_file(source->scanner, path) != 0) {
        report(reading, file, line, "cannot read %s: %s", path,
               zs_strerror(source->scanner->error.code));
    } else if (fstat(source->scanner->file.descriptor, &info) != 0) {
        report(reading, file, line, "cannot read %s", path);
    } else if (is_open(reading, &info)) {
        report(reading, file, line, "%s includes itself", path);
    } else {
        source->device = info.st_dev;
        source->inode = info.st_ino;
        source->is_file = true;
        reading->depth++;
        return 0;
    }
    close_source(source);
    return 0;
}

/* $INCLUDE: the scanner has made the path relative to its file and has the origin as text. */
static int include(struct reading *reading, const struct source *source)
{
    const zs_scanner_t *scanner = source->scanner;
    const char *reason = NULL;

    if (!reading->can_include)
        reason = "$INCLUDE is not allowed here";
    else if (reading->depth == ZONE_FILE_INCLUDE_DEPTH_MAX)
        reason = "$INCLUDE is nested too deep";
    else if (++reading->include_count > INCLUDES_MAX)
        reason = "too many $INCLUDE";
    if (reason) {
        report(reading, source->name, scanner->line_counter, "%s", reason);
        return 0;
    }
    return push_file(reading, scanner->include_filename, (const char *)scanner->buffer,
                     scanner->default_ttl, source->name, scanner->line_counter);
}

static int deliver(struct reading *reading, const struct source *source)
{
    const zs_scanner_t *scanner = source->scanner;
    uint8_t name[DNS_NAME_MAX];

    if (scanner->r_class != DNS_CLASS_IN) {
        report(reading, source->name, scanner->line_counter, "only class IN is served");
        return 0;
    }
    if (dns_name_check(scanner->r_owner, scanner->r_owner_length) < 0) {
        report(reading, source->name, scanner->line_counter, "bad name");
        return 0;
    }
    dns_name_lower(scanner->r_owner, name);
    const struct zone_file_record record = {
        .name = name,
        .type = scanner->r_type,
        .rdata_len = (uint16_t)scanner->r_data_length,
        .ttl_s = scanner->r_ttl,
        .rdata = scanner->r_data,
        .file = source->name,
        .line = scanner->line_counter,
    };
    return reading->reader->record(reading->reader->user, &record);
}

static void pop(struct reading *reading)
{
    close_source(&reading->stack[--reading->depth]);
}

/* What the scanner found next, in the source on top. */
static int step(struct reading *reading)
{
    const struct source *source = &reading->stack[reading->depth - 1];
    zs_scanner_t *scanner = source->scanner;

    if (zs_parse_record(scanner) != 0 && scanner->state != ZS_STATE_ERROR) {
        report(reading, source->name, scanner->line_counter, "%s",
               zs_strerror(scanner->error.code));
        pop(reading);
        return 0;
    }
    switch (scanner->state) {
    case ZS_STATE_DATA: return deliver(reading, source);
    case ZS_STATE_INCLUDE: return include(reading, source);
    case ZS_STATE_ERROR:
        report(reading, source->name, scanner->line_counter, "%s",
               zs_strerror(scanner->error.code));
        if (scanner->error.fatal)
            pop(reading);
        return 0;
    default: pop(reading); return 0;
    }
}

static int read_all(struct reading *reading, uint64_t *error_count)
{
    int err = 0;

    while (reading->depth > 0 && err == 0)
        err = step(reading);
    while (reading->depth > 0)
        pop(reading);
    if (error_count)
        *error_count = reading->error_count;
    return err == 0 && reading->error_count > 0 ? ERR_INVALID : err;
}

/* Open a small file through the scratch. 0; ERR_UNSUPPORTED: this one needs a scanner of its own.
 */
static int push_small(struct reading *reading, const char *path, const char *origin)
{
    const struct zone_file_reader *reader = reading->reader;

    if (!reader->scratch)
        return ERR_UNSUPPORTED;
    zs_scanner_t *scanner =
        zone__scratch_open(reader->scratch, path, origin, reader->default_ttl_s);
    if (!scanner)
        return ERR_UNSUPPORTED;
    struct source source = {.scanner = scanner, .name = strdup(path), .is_kept = true};
    if (!source.name)
        return ERR_NOMEM;
    reading->stack[reading->depth++] = source;
    return 0;
}

int zone_file_read(const char *path, const struct zone_file_reader *reader, uint64_t *error_count)
{
    struct reading reading = {.reader = reader, .can_include = true};
    char origin[DNS_NAME_TEXT_SIZE];

    zone_name_format(reader->origin, origin);
    int err = push_small(&reading, path, origin);
    if (err == ERR_UNSUPPORTED)
        err = push_file(&reading, path, origin, reader->default_ttl_s, path, 0);
    return err != 0 ? err : read_all(&reading, error_count);
}

int zone_file_read_text(const char *text, size_t len, const char *file, bool can_include,
                        const struct zone_file_reader *reader, uint64_t *error_count)
{
    struct reading reading = {.reader = reader, .can_include = can_include};
    char origin[DNS_NAME_TEXT_SIZE];

    zone_name_format(reader->origin, origin);
    if (open_source(&reading.stack[0], file, origin, reader->default_ttl_s) != 0)
        return ERR_NOMEM;
    reading.depth = 1;
    if (zs_set_input_string(reading.stack[0].scanner, text, len) != 0) {
        pop(&reading);
        return ERR_NOMEM;
    }
    return read_all(&reading, error_count);
}

int zone_file_write_begin(FILE *out, const uint8_t *apex)
{
    char text[DNS_NAME_TEXT_SIZE];

    zone_name_format(apex, text);
    return fprintf(out, "$ORIGIN %s\n", text) < 0 ? ERR_IO : 0;
}

int zone_file_write_set(FILE *out, const struct zone_record_set *set)
{
    char name[DNS_NAME_TEXT_SIZE];
    char type[ZONE_TYPE_TEXT_LEN_MAX];
    char *data = malloc(TEXT_LEN_MAX);
    int err = data ? 0 : ERR_NOMEM;
    size_t len;

    zone_type_format(set->type, type);
    zone_name_format(set->name, name);
    for (unsigned i = 0; i < set->rdata_count && err == 0; i++) {
        err = zone_rdata_format(set->type, set->rdatas[i].data, set->rdatas[i].len, data,
                                TEXT_LEN_MAX, &len);
        if (err == 0 && fprintf(out, "%s %u IN %s %s\n", name, set->ttl_s, type, data) < 0)
            err = ERR_IO;
    }
    free(data);
    return err;
}
