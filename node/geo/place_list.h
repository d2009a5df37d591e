/* node/geo/place_list.h: all places of geolocation routing, in the order in which Route 53 lists
 * them: the default ("*"), countries by code with their subdivisions behind them, continents. Pure;
 * any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* Static texts; NULL: not a part of it. */
struct geo_place {
    const char *continent, *continent_name;
    const char *country, *country_name;
    const char *subdivision, *subdivision_name; /* with its country */
};

size_t geo_place_count(void);
/* @index is below geo_place_count(). */
void geo_place_at(size_t index, struct geo_place *out);
/* The index of the first place at or behind these codes, which need not exist (capitals; NULL: not
 * given): a continent alone, or a country and maybe a subdivision, or nothing: the first of all. */
size_t geo_place_from(const char *continent, const char *country, const char *subdivision);
/* The place of exactly these codes. false: Route 53 has none. */
bool geo_place_find(const char *continent, const char *country, const char *subdivision,
                    struct geo_place *out);
