/* node/geo/location.c: keys are a kind in the highest four bits and the code below:
 *
 *   continent     1, its place in CONTINENTS from 1
 *   country       2, 26 * first + second letter + 1 in bits 16 to 25
 *   subdivision   3, the country's bits, and three digits to the base 37 below: 0 is "no more",
 *                 1 to 10 are digits, 11 to 36 letters
 */
#include "geo/location.h"

#include "base/assert.h"
#include "geo/places.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define KIND_CONTINENT 1u
#define KIND_COUNTRY 2u
#define KIND_SUBDIVISION 3u
#define KIND_SHIFT 28u
#define COUNTRY_SHIFT 16u
#define COUNTRY_MASK 0x3ffu
#define SUBDIVISION_MASK 0xffffu
#define SUBDIVISION_BASE 37u
#define SUBDIVISION_LEN_MAX 3u

#define EARTH_RADIUS_KM 6371.0088 /* mean (IUGG) */
#define RADIANS_PER_CDEG (3.14159265358979323846 / 18000.0)

/* Light in fibre covers 100 km there and back in 1 ms; cables run about half as long again as the
 * great circle; the ends of the path take 2 ms. */
#define KM_PER_MS (100.0 / 1.5)
#define ENDS_MS 2.0

static const struct {
    char code[3];
    const char *name;
} CONTINENTS[] = {
    {"AF", "Africa"},  {"AN", "Antarctica"},    {"AS", "Asia"},          {"EU", "Europe"},
    {"OC", "Oceania"}, {"NA", "North America"}, {"SA", "South America"},
};
#define CONTINENT_COUNT (sizeof CONTINENTS / sizeof CONTINENTS[0])

static unsigned find_continent(const char *code)
{
    for (unsigned i = 0; i < CONTINENT_COUNT; i++)
        if (strcasecmp(code, CONTINENTS[i].code) == 0)
            return i + 1;
    return 0;
}

uint32_t geo_continent_key(const char *code)
{
    const unsigned number = find_continent(code);
    return number == 0 ? GEO_KEY_NONE : KIND_CONTINENT << KIND_SHIFT | number;
}

const char *geo_continent_name(const char *code)
{
    const unsigned number = find_continent(code);
    return number == 0 ? NULL : CONTINENTS[number - 1].name;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static unsigned letter_index(char c)
{
    return (unsigned)(c | 0x20) - 'a';
}

uint32_t geo_country_key(const char *code)
{
    if (!is_letter(code[0]) || !is_letter(code[1]) || code[2] != '\0')
        return GEO_KEY_NONE;
    const uint32_t number = letter_index(code[0]) * 26 + letter_index(code[1]) + 1;
    return KIND_COUNTRY << KIND_SHIFT | number << COUNTRY_SHIFT;
}

/* 1 to 36; 0: neither letter nor digit. */
static unsigned subdivision_digit(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0') + 1;
    return is_letter(c) ? letter_index(c) + 11 : 0;
}

uint32_t geo_subdivision_key(const char *country, const char *code)
{
    const uint32_t country_key = geo_country_key(country);
    const size_t len = strlen(code);
    uint32_t number = 0;

    if (country_key == GEO_KEY_NONE || len == 0 || len > SUBDIVISION_LEN_MAX)
        return GEO_KEY_NONE;
    for (size_t i = 0; i < SUBDIVISION_LEN_MAX; i++) {
        const unsigned digit = i < len ? subdivision_digit(code[i]) : 0;
        if (i < len && digit == 0)
            return GEO_KEY_NONE;
        number = number * SUBDIVISION_BASE + digit;
    }
    return KIND_SUBDIVISION << KIND_SHIFT | (country_key & COUNTRY_MASK << COUNTRY_SHIFT) | number;
}

static int compare_country(const void *key, const void *row)
{
    return strcasecmp(key, ((const struct geo__country *)row)->code);
}

const struct geo__country *geo__country_find(const char *code)
{
    return bsearch(code, geo__countries, geo__country_count, sizeof geo__countries[0],
                   compare_country);
}

const char *geo_country_name(const char *code)
{
    const struct geo__country *country = geo__country_find(code);
    return country == NULL ? NULL : country->name;
}

const char *geo_country_continent(const char *code)
{
    const struct geo__country *country = geo__country_find(code);
    return country == NULL ? NULL : country->continent;
}

bool geo_country_centroid(const char *code, int16_t *latitude_cdeg, int16_t *longitude_cdeg)
{
    const struct geo__country *country = geo__country_find(code);
    if (country == NULL)
        return false;
    *latitude_cdeg = country->latitude_cdeg;
    *longitude_cdeg = country->longitude_cdeg;
    return true;
}

static int compare_state(const void *key, const void *row)
{
    return strcasecmp(key, ((const struct geo__state *)row)->code);
}

const char *geo_subdivision_name(const char *country, const char *code)
{
    if (strcasecmp(country, "US") != 0)
        return NULL;
    const struct geo__state *state =
        bsearch(code, geo__states, geo__state_count, sizeof geo__states[0], compare_state);
    return state == NULL ? NULL : state->name;
}

const char *geo__state_code(const char *name)
{
    for (size_t i = 0; i < geo__state_count; i++)
        if (strcasecmp(name, geo__states[i].name) == 0)
            return geo__states[i].code;
    return NULL;
}

static void country_text(uint32_t key, char out[GEO_COUNTRY_TEXT_SIZE])
{
    const unsigned number = (key >> COUNTRY_SHIFT & COUNTRY_MASK) - 1;
    out[0] = (char)('A' + number / 26 % 26);
    out[1] = (char)('A' + number % 26);
    out[2] = '\0';
}

static void subdivision_text(uint32_t key, char out[GEO_SUBDIVISION_TEXT_SIZE])
{
    static const char DIGITS[] = "\0000123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    unsigned number = key & SUBDIVISION_MASK;

    out[SUBDIVISION_LEN_MAX] = '\0';
    for (unsigned i = SUBDIVISION_LEN_MAX; i-- > 0; number /= SUBDIVISION_BASE)
        out[i] = DIGITS[number % SUBDIVISION_BASE];
}

void geo_key_format(uint32_t key, char out[GEO_KEY_TEXT_SIZE])
{
    char country[GEO_COUNTRY_TEXT_SIZE], subdivision[GEO_SUBDIVISION_TEXT_SIZE];
    const uint32_t kind = key >> KIND_SHIFT, number = key & SUBDIVISION_MASK;

    country_text(key, country);
    subdivision_text(key, subdivision);
    if (key == GEO_KEY_NONE)
        snprintf(out, GEO_KEY_TEXT_SIZE, "default");
    else if (kind == KIND_CONTINENT && number >= 1 && number <= CONTINENT_COUNT)
        snprintf(out, GEO_KEY_TEXT_SIZE, "continent %s", CONTINENTS[number - 1].code);
    else if (kind == KIND_COUNTRY)
        snprintf(out, GEO_KEY_TEXT_SIZE, "country %s", country);
    else if (kind == KIND_SUBDIVISION)
        snprintf(out, GEO_KEY_TEXT_SIZE, "%s-%s", country, subdivision);
    else
        snprintf(out, GEO_KEY_TEXT_SIZE, "unknown %08x", (unsigned)key);
}

double geo_distance_km(int16_t latitude_a_cdeg, int16_t longitude_a_cdeg, int16_t latitude_b_cdeg,
                       int16_t longitude_b_cdeg)
{
    const double latitude_a = latitude_a_cdeg * RADIANS_PER_CDEG;
    const double latitude_b = latitude_b_cdeg * RADIANS_PER_CDEG;
    const double sin_latitude = sin((latitude_b - latitude_a) / 2);
    const double sin_longitude = sin((longitude_b_cdeg - longitude_a_cdeg) * RADIANS_PER_CDEG / 2);
    const double h = sin_latitude * sin_latitude +
                     cos(latitude_a) * cos(latitude_b) * sin_longitude * sin_longitude;
    return 2 * EARTH_RADIUS_KM * asin(fmin(1, sqrt(h)));
}

unsigned geo_distance_ms(double distance_km)
{
    ASSERT(distance_km >= 0);
    return (unsigned)lround(ENDS_MS + distance_km / KM_PER_MS);
}
