/* node/cli/output.h: tables and JSON on standard output. */
#pragma once

#include <stdint.h>

struct json_t;

#define OUTPUT_COLUMNS_MAX 12
#define OUTPUT_CELL_LEN 288

/* A table whose columns are as wide as their longest cell. */
struct table {
    unsigned column_count;
    unsigned row_count;
    char (*cells)[OUTPUT_CELL_LEN]; /* row by row, the heading first */
};
/* Start with the headings, separated by '|': "ZONE|RECORDS". Aborts without memory. */
void table_init(struct table *table, const char *headings);
/* The next cell of the current row. */
void table_cell(struct table *table, unsigned column, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_next_row(struct table *table);
/* Print and release. */
void table_print(struct table *table);

/* Print one JSON value, which is taken, and a newline. */
void output_json(struct json_t *value_take);
/* A 64-bit id as JSON text of 16 hex digits. */
struct json_t *output_json_id(uint64_t id);
/* Milliseconds since 1970 as ISO 8601 text. */
struct json_t *output_json_time(uint64_t wall_ms);
/* "2 h 5 min", "30 s", "150 ms", in static storage until the next call. */
const char *output_duration(uint64_t ms);
