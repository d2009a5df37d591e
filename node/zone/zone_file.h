/* node/zone/zone_file.h: RFC 1035 zone files. Reads and writes files: an edge, for the command line
 * and tools; apply and the answer path never come here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "zone/record_set.h"

#define ZONE_FILE_ERRORS_MAX 100       /* reported one by one; more are only counted */
#define ZONE_FILE_INCLUDE_DEPTH_MAX 16 /* files open at once */

struct zone_file_record {
    const uint8_t *name; /* wire form, lower case; borrowed for the call */
    uint16_t type;
    uint16_t rdata_len;
    uint32_t ttl_s;
    const uint8_t *rdata;
    const char *file; /* where it stands */
    uint64_t line;
};

/* What reading many small files keeps from one to the next: a scanner is 200 KiB that would be made
 * and cleared for each. For one thread at a time. */
struct zone_file_scratch;
struct zone_file_scratch *zone_file_scratch_new(void);          /* NULL: out of memory */
void zone_file_scratch_free(struct zone_file_scratch *scratch); /* accepts NULL */

struct zone_file_reader {
    /* Each record in the order of the file. Non-zero stops the reading, which returns it. */
    int (*record)(void *user, const struct zone_file_record *record);
    /* Each error, the first ZONE_FILE_ERRORS_MAX of them; @line 0: the file as a whole. Reading
     * goes on, to find the others. */
    void (*error)(void *user, const char *file, uint64_t line, const char *text);
    void *user;
    const uint8_t *origin;             /* wire form; relative names end in it until $ORIGIN */
    uint32_t default_ttl_s;            /* of records before any $TTL that give none */
    struct zone_file_scratch *scratch; /* NULL: nothing is kept; the outcome is the same */
};

/* Read @path and what it includes ($INCLUDE is relative to the including file; the names after
 * $ORIGIN and $INCLUDE must be absolute, as libzscanner has it). Memory does not depend on the
 * file's length. 0; ERR_INVALID when there were errors, *@error_count of them; ERR_NOMEM; or what
 * @record returned. @error_count may be NULL. */
int zone_file_read(const char *path, const struct zone_file_reader *reader, uint64_t *error_count);
/* The same for text in memory, called @file in messages. $INCLUDE is relative to the working
 * directory, or an error when @can_include is false. */
int zone_file_read_text(const char *text, size_t len, const char *file, bool can_include,
                        const struct zone_file_reader *reader, uint64_t *error_count);

/* A zone read as a whole: record sets in canonical order, checked by the rules. */
struct zone_collection;

struct zone_collection_report { /* both as in zone_file_reader; warnings are bounded alike */
    void (*error)(void *user, const char *file, uint64_t line, const char *text);
    void (*warning)(void *user, const char *file, uint64_t line, const char *text);
    void *user;
    struct zone_file_scratch *scratch; /* as in zone_file_reader */
};
/* Read @path as the zone @apex. Lines of one (name, type) become one set with the lowest TTL
 * (RFC 2181 5.2) and without repetitions, with warnings. 0: the caller owns *@out. ERR_INVALID:
 * errors were reported, *@error_count of them. ERR_NOMEM. */
int zone_collection_read(const char *path, const uint8_t *apex, uint32_t default_ttl_s,
                         const struct zone_collection_report *report, struct zone_collection **out,
                         uint64_t *error_count);
void zone_collection_free(struct zone_collection *collection); /* accepts NULL */
/* In canonical order, the apex's SOA first. Borrowed until free. */
const struct zone_record_set *zone_collection_sets(const struct zone_collection *collection,
                                                   size_t *count);

/* Write sets (sorted by zone_record_set_compare) to @out as a zone file: $ORIGIN, then absolute
 * names and one line a record. A call may continue an earlier one: zone_file_write_begin once, then
 * zone_file_write_set for each set. ERR_IO, ERR_NOMEM, ERR_INVALID (data that is not of its type).
 */
int zone_file_write_begin(FILE *out, const uint8_t *apex);
int zone_file_write_set(FILE *out, const struct zone_record_set *set);
