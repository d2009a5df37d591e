/* node/geo/places.h: static tables of places, sorted by code. Internal to the room. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct geo__country {
    char code[3], continent[3];
    int16_t latitude_cdeg, longitude_cdeg;
    const char *name;
};
struct geo__state { /* of the United States, with the District of Columbia */
    char code[3];
    const char *name;
};

extern const struct geo__country geo__countries[];
extern const size_t geo__country_count;
extern const struct geo__state geo__states[];
extern const size_t geo__state_count;

/* Two letters of either case; NULL: not in the table. */
const struct geo__country *geo__country_find(const char *code);
/* Code ("WA") of a state by its name ("Washington"), case ignored; NULL: no such state. */
const char *geo__state_code(const char *name);
