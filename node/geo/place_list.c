#include "geo/place_list.h"

#include "base/assert.h"
#include "geo/location.h"
#include "geo/places.h"

#include <string.h>

static const char *const CONTINENTS[] = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};
#define CONTINENT_COUNT (sizeof CONTINENTS / sizeof CONTINENTS[0])
#define DIVIDED "US" /* the country whose subdivisions the tables have */

static size_t divided_index(void)
{
    size_t at = 0;

    while (strcmp(geo__countries[at].code, DIVIDED) != 0)
        at++;
    return at;
}

/* Before the continents: the default, countries and subdivisions. */
static size_t country_places(void)
{
    return 1 + geo__country_count + geo__state_count;
}

size_t geo_place_count(void)
{
    return country_places() + CONTINENT_COUNT;
}

static void fill_country(size_t index, struct geo_place *out)
{
    const size_t divided = divided_index(); /* its states are the places behind it */

    if (index > divided && index <= divided + geo__state_count) {
        const struct geo__state *state = &geo__states[index - divided - 1];
        out->subdivision = state->code;
        out->subdivision_name = state->name;
        index = divided;
    } else if (index > divided) {
        index -= geo__state_count;
    }
    out->country = geo__countries[index].code;
    out->country_name = geo__countries[index].name;
}

void geo_place_at(size_t index, struct geo_place *out)
{
    ASSERT(index < geo_place_count());
    *out = (struct geo_place){0};
    if (index == 0) {
        out->country = "*";
        out->country_name = "Default";
    } else if (index < country_places()) {
        fill_country(index - 1, out);
    } else {
        out->continent = CONTINENTS[index - country_places()];
        out->continent_name = geo_continent_name(out->continent);
    }
}

/* Is @place at or behind the codes? Text sorts as its octets; nothing before everything. */
static bool is_from(const struct geo_place *place, const char *continent, const char *country,
                    const char *subdivision)
{
    if (continent)
        return place->continent && strcmp(place->continent, continent) >= 0;
    if (place->continent)
        return true;
    const int order = strcmp(place->country, country);
    if (order != 0 || !subdivision)
        return order >= 0;
    return place->subdivision && strcmp(place->subdivision, subdivision) >= 0;
}

size_t geo_place_from(const char *continent, const char *country, const char *subdivision)
{
    struct geo_place place;
    size_t at = 0;

    if (!continent && !country)
        return 0;
    for (; at < geo_place_count(); at++) {
        geo_place_at(at, &place);
        if (is_from(&place, continent, country, subdivision))
            break;
    }
    return at;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

bool geo_place_find(const char *continent, const char *country, const char *subdivision,
                    struct geo_place *out)
{
    const size_t at = geo_place_from(continent, country, subdivision);
    struct geo_place place;

    if ((!continent && !country) || at == geo_place_count())
        return false;
    geo_place_at(at, &place);
    if (!is_same(place.continent, continent) || !is_same(place.country, country) ||
        !is_same(place.subdivision, subdivision))
        return false;
    *out = place;
    return true;
}
