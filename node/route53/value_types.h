/* node/route53/value_types.h: Route 53's record types, and the fields of their values. */
#pragma once

#include <stdint.h>

/* Of @fields: n a name; 1, 2, 4 a decimal number of so many octets; s a string in quotation marks;
 * t a tag (of CAA); v a string without a length; h hexadecimal digits, to the end. Or all of the
 * value: a an address; S strings; p a service (SVCB). */
struct value__type {
    uint16_t number;
    const char *name;
    const char *fields;
};

/* NULL: not one of Route 53's. */
const struct value__type *value__type_find(uint16_t number);
