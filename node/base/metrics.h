/* node/base/metrics.h: figures in Prometheus' text format, version 0.0.4. Families follow each
 * other: metrics_family() begins one, and all of its samples come before the next. Whatever cannot
 * be written for want of memory is told by metrics_take(). One thread at a time. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct histogram_reading;

#define METRICS_NAME_MAX 100u      /* octets of a family's name */
#define METRICS_LABELS_MAX 4u      /* of one sample */
#define METRICS_LEN_MAX (8u << 20) /* octets of all */

enum metrics_kind { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics { /* zeroed is empty */
    char *text;
    size_t len, capacity;
    bool has_failed;
    const char *family; /* borrowed: its name */
    enum metrics_kind kind;
};

struct metrics_label {
    const char *name;  /* [a-z_]+ */
    const char *value; /* any text; what is no UTF-8 is shown as "?" */
};

/* Begin a family. @name: [a-z0-9_]+, its unit last, "_total" behind counters; borrowed until the
 * next family begins. @help: one line. */
void metrics_family(struct metrics *metrics, enum metrics_kind kind, const char *name,
                    const char *help);
/* A sample of a counter or gauge. @labels may be NULL when @label_count is 0. */
void metrics_add(struct metrics *metrics, const struct metrics_label *labels, unsigned label_count,
                 double value);
/* Likewise for whole numbers, which a double would round above 2^53. */
void metrics_add_count(struct metrics *metrics, const struct metrics_label *labels,
                       unsigned label_count, uint64_t value);
/* All samples of one histogram, in seconds. */
void metrics_add_histogram(struct metrics *metrics, const struct metrics_label *labels,
                           unsigned label_count, const struct histogram_reading *reading);

/* A family that is one sample without labels. */
void metrics_one(struct metrics *metrics, enum metrics_kind kind, const char *name,
                 const char *help, uint64_t value);
/* Octets that are families already, as metrics_take() gave them. */
void metrics_append(struct metrics *metrics, const void *text, size_t len);

/* The text, for the caller to free(), with its length; NULL: no memory, or over METRICS_LEN_MAX.
 * @metrics is empty after that. */
char *metrics_take(struct metrics *metrics, size_t *len);
