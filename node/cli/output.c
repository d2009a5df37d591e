#include "cli/output.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/hex.h"

static char *cell_at(const struct table *table, unsigned row, unsigned column)
{
    return table->cells[row * table->column_count + column];
}

static void grow(struct table *table)
{
    size_t cells = (size_t)(table->row_count + 1) * table->column_count;

    table->cells = realloc(table->cells, cells * OUTPUT_CELL_LEN);
    ASSERT(table->cells);
    memset(cell_at(table, table->row_count, 0), 0, (size_t)table->column_count * OUTPUT_CELL_LEN);
    table->row_count++;
}

void table_init(struct table *table, const char *headings)
{
    *table = (struct table){.column_count = 1};
    for (const char *at = headings; *at; at++)
        table->column_count += *at == '|';
    ASSERT(table->column_count <= OUTPUT_COLUMNS_MAX);
    grow(table);
    for (unsigned column = 0; column < table->column_count; column++) {
        size_t len = strcspn(headings, "|");
        table_cell(table, column, "%.*s", (int)len, headings);
        headings += len + (headings[len] == '|');
    }
}

void table_next_row(struct table *table)
{
    grow(table);
}

void table_cell(struct table *table, unsigned column, const char *format, ...)
{
    va_list args;

    ASSERT(column < table->column_count);
    va_start(args, format);
    vsnprintf(cell_at(table, table->row_count - 1, column), OUTPUT_CELL_LEN, format, args);
    va_end(args);
}

void table_print(struct table *table)
{
    int widths[OUTPUT_COLUMNS_MAX] = {0};

    for (unsigned row = 0; row < table->row_count; row++) {
        for (unsigned column = 0; column < table->column_count; column++) {
            int len = (int)strlen(cell_at(table, row, column));
            widths[column] = len > widths[column] ? len : widths[column];
        }
    }
    for (unsigned row = 0; row < table->row_count; row++) {
        for (unsigned column = 0; column + 1 < table->column_count; column++)
            printf("%-*s  ", widths[column], cell_at(table, row, column));
        printf("%s\n", cell_at(table, row, table->column_count - 1));
    }
    free(table->cells);
    *table = (struct table){0};
}

void output_json(struct json_t *value_take)
{
    char *text = json_dumps(value_take, JSON_INDENT(2));

    ASSERT(text);
    puts(text);
    free(text);
    json_decref(value_take);
}

struct json_t *output_json_id(uint64_t id)
{
    char text[HEX_ID_LEN];

    if (id == 0)
        return json_null();
    hex_format_id(id, text);
    return json_string(text);
}

struct json_t *output_json_time(uint64_t wall_ms)
{
    char text[CLOCK_TEXT_LEN];

    clock_format(wall_ms, text);
    return json_string(text);
}

const char *output_duration(uint64_t ms)
{
    static char text[64];
    uint64_t s = ms / 1000;

    if (ms < 1000)
        snprintf(text, sizeof(text), "%" PRIu64 " ms", ms);
    else if (s < 60)
        snprintf(text, sizeof(text), "%" PRIu64 " s", s);
    else if (s < 3600)
        snprintf(text, sizeof(text), "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, sizeof(text), "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
    else
        snprintf(text, sizeof(text), "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
    return text;
}
