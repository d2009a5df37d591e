#include "base/metrics.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/histogram.h"
#include "base/text.h"

#define CAPACITY_MIN 16384u
#define NUMBER_SIZE 40u

static bool reserve(struct metrics *metrics, size_t len)
{
    if (metrics->has_failed)
        return false;
    if (metrics->len + len <= metrics->capacity)
        return true;
    size_t capacity = metrics->capacity ? metrics->capacity : CAPACITY_MIN;
    while (capacity < metrics->len + len)
        capacity *= 2;
    char *grown = capacity <= METRICS_LEN_MAX ? realloc(metrics->text, capacity) : NULL;
    if (!grown) {
        metrics->has_failed = true;
        return false;
    }
    metrics->text = grown;
    metrics->capacity = capacity;
    return true;
}

void metrics_append(struct metrics *metrics, const void *text, size_t len)
{
    if (len == 0 || !reserve(metrics, len))
        return;
    memcpy(metrics->text + metrics->len, text, len);
    metrics->len += len;
}

static void put(struct metrics *metrics, const char *text)
{
    metrics_append(metrics, text, strlen(text));
}

/* ---- families ---- */

static const char *kind_text(enum metrics_kind kind)
{
    switch (kind) {
    case METRICS_COUNTER: return "counter";
    case METRICS_GAUGE: return "gauge";
    case METRICS_HISTOGRAM: return "histogram";
    }
    return "untyped";
}

static bool is_name(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "abcdefghijklmnopqrstuvwxyz_0123456789")] == '\0' &&
           strlen(name) <= METRICS_NAME_MAX;
}

void metrics_family(struct metrics *metrics, enum metrics_kind kind, const char *name,
                    const char *help)
{
    ASSERT(is_name(name) && strchr(help, '\n') == NULL && strchr(help, '\\') == NULL);
    metrics->family = name;
    metrics->kind = kind;
    put(metrics, "# HELP ");
    put(metrics, name);
    put(metrics, " ");
    put(metrics, help);
    put(metrics, "\n# TYPE ");
    put(metrics, name);
    put(metrics, " ");
    put(metrics, kind_text(kind));
    put(metrics, "\n");
}

/* ---- samples ---- */

/* The format allows any UTF-8 between the quotes, with three octets escaped. */
static void put_value(struct metrics *metrics, const char *value)
{
    size_t len;

    for (const char *at = value; *at; at += len) {
        len = (uint8_t)*at < 0x80 ? 1 : text_utf8_len((const uint8_t *)at);
        if (*at == '\n')
            put(metrics, "\\n");
        else if (*at == '"' || *at == '\\')
            metrics_append(metrics, (const char[]){'\\', *at}, 2);
        else
            metrics_append(metrics, len > 0 ? at : "?", len > 0 ? len : 1);
        len += len == 0;
    }
}

/* @bound: of a histogram's bucket; NULL: there is none. */
static void put_series(struct metrics *metrics, const char *suffix,
                       const struct metrics_label *labels, unsigned label_count, const char *bound)
{
    ASSERT(metrics->family != NULL && label_count <= METRICS_LABELS_MAX);
    put(metrics, metrics->family);
    put(metrics, suffix);
    for (unsigned i = 0; i < label_count; i++) {
        ASSERT(is_name(labels[i].name));
        put(metrics, i == 0 ? "{" : ",");
        put(metrics, labels[i].name);
        put(metrics, "=\"");
        put_value(metrics, labels[i].value);
        put(metrics, "\"");
    }
    if (bound) {
        put(metrics, label_count == 0 ? "{le=\"" : ",le=\"");
        put(metrics, bound);
        put(metrics, "\"");
    }
    if (bound || label_count > 0)
        put(metrics, "}");
}

__attribute__((format(printf, 2, 3))) static void put_number(struct metrics *metrics,
                                                             const char *format, ...)
{
    char text[NUMBER_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    put(metrics, " ");
    put(metrics, text);
    put(metrics, "\n");
}

void metrics_add(struct metrics *metrics, const struct metrics_label *labels, unsigned label_count,
                 double value)
{
    ASSERT(metrics->kind != METRICS_HISTOGRAM);
    put_series(metrics, "", labels, label_count, NULL);
    put_number(metrics, "%.15g", value);
}

void metrics_add_count(struct metrics *metrics, const struct metrics_label *labels,
                       unsigned label_count, uint64_t value)
{
    ASSERT(metrics->kind != METRICS_HISTOGRAM);
    put_series(metrics, "", labels, label_count, NULL);
    put_number(metrics, "%" PRIu64, value);
}

void metrics_add_histogram(struct metrics *metrics, const struct metrics_label *labels,
                           unsigned label_count, const struct histogram_reading *reading)
{
    char bound[NUMBER_SIZE] = "+Inf";
    uint64_t seen = 0;

    ASSERT(metrics->kind == METRICS_HISTOGRAM);
    for (unsigned i = 0; i < HISTOGRAM_CELL_COUNT; i++) {
        if (i < HISTOGRAM_BOUND_COUNT)
            snprintf(bound, sizeof(bound), "%g", (double)histogram_bound_ns(i) / 1e9);
        else
            snprintf(bound, sizeof(bound), "+Inf");
        seen += reading->cells[i];
        put_series(metrics, "_bucket", labels, label_count, bound);
        put_number(metrics, "%" PRIu64, seen);
    }
    put_series(metrics, "_sum", labels, label_count, NULL);
    put_number(metrics, "%.15g", (double)reading->sum_ns / 1e9);
    put_series(metrics, "_count", labels, label_count, NULL);
    put_number(metrics, "%" PRIu64, seen);
}

void metrics_one(struct metrics *metrics, enum metrics_kind kind, const char *name,
                 const char *help, uint64_t value)
{
    metrics_family(metrics, kind, name, help);
    metrics_add_count(metrics, NULL, 0, value);
}

char *metrics_take(struct metrics *metrics, size_t *len)
{
    char *text = metrics->text;

    if (metrics->has_failed) {
        free(text);
        text = NULL;
    }
    *len = text ? metrics->len : 0;
    *metrics = (struct metrics){0};
    return text;
}
