/* node/geo/mmdb_data.h: reads values of a MaxMind-format file (MaxMind DB File Format Specification
 * 2.0, "Output Data Section"): libmaxminddb's own reader has no bound on the work and memory that a
 * file can ask for. Internal to the room. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mmdb_data {
    const uint8_t *octets; /* hostile */
    uint32_t len;
    uint64_t budget; /* values that may still be read or skipped */
};

enum mmdb_type { /* others are octets or integers */
                 MMDB_POINTER = 1,
                 MMDB_STRING = 2,
                 MMDB_DOUBLE = 3,
                 MMDB_MAP = 7,
                 MMDB_ARRAY = 11,
                 MMDB_BOOLEAN = 14,
                 MMDB_FLOAT = 15,
};

struct mmdb_value {
    uint8_t type;          /* enum mmdb_type, never a pointer */
    uint32_t size;         /* octets; of a map its pairs, of an array its items */
    const uint8_t *octets; /* of what has octets: not ended by NUL */
    uint32_t inside;       /* map, array: where the first key or item is */
};

/* Read the value at @at, through a pointer if there is one. ERR_INVALID: broken, or the budget is
 * spent. */
int mmdb_read(struct mmdb_data *data, uint32_t at, struct mmdb_value *out);
/* Read the pair of a map at *@at, which moves to the next one. ERR_INVALID. */
int mmdb_next(struct mmdb_data *data, uint32_t *at, struct mmdb_value *key,
              struct mmdb_value *value);
/* The same for an array's item. ERR_INVALID. */
int mmdb_next_item(struct mmdb_data *data, uint32_t *at, struct mmdb_value *out);
/* The value of @key in @map. ERR_INVALID, ERR_NOT_FOUND. */
int mmdb_get(struct mmdb_data *data, const struct mmdb_value *map, const char *key,
             struct mmdb_value *out);
/* Is it this text? */
bool mmdb_is(const struct mmdb_value *value, const char *text);
/* A double, a float, or text of a number; not NaN, not infinite. */
bool mmdb_number(const struct mmdb_value *value, double *out);
/* Is all below the value at @at whole, and within the budget when pointers are followed wherever
 * they stand? ERR_INVALID. */
int mmdb_check(struct mmdb_data *data, uint32_t at);
