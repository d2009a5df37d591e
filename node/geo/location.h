/* node/geo/location.h: where a client is, and how places are written as numbers. Keys are as Route
 * 53 names them (ContinentCode; CountryCode; CountryCode and SubdivisionCode). Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define GEO_KEY_NONE 0u /* nowhere; as a set's key: the default, "*" */
#define GEO_COORDINATE_NONE INT16_MIN
#define GEO_COUNTRY_TEXT_SIZE 3u
#define GEO_SUBDIVISION_TEXT_SIZE 4u

struct geo_location {
    uint32_t continent_key; /* GEO_KEY_NONE: not known */
    uint32_t country_key;
    uint32_t subdivision_key;
    int16_t latitude_cdeg, longitude_cdeg; /* hundredths of a degree; GEO_COORDINATE_NONE: none */
    bool is_centroid;                      /* coordinates are the country's, not the database's */
};

/* "EU" → key; GEO_KEY_NONE when there is no such continent: AF AN AS EU NA OC SA. */
uint32_t geo_continent_key(const char *code);
/* Two letters of either case; any pair is a key, as databases have codes (XK) that ISO lacks. */
uint32_t geo_country_key(const char *code);
/* 1 to 3 letters or digits within a country. GEO_KEY_NONE: not of that form. */
uint32_t geo_subdivision_key(const char *country, const char *code);
/* Route 53 knows it: for the edges (GetGeoLocation, warnings). Names are static, NULL: unknown. */
const char *geo_continent_name(const char *code);
const char *geo_country_name(const char *code);
const char *geo_subdivision_name(const char *country, const char *code);
/* The continent that Route 53 puts the country in: "EU", or NULL. */
const char *geo_country_continent(const char *code);
/* The country's centroid; false: not known. */
bool geo_country_centroid(const char *code, int16_t *latitude_cdeg, int16_t *longitude_cdeg);
/* Text of any key: "continent EU", "country FR", "US-WA", "default". */
#define GEO_KEY_TEXT_SIZE 24u
void geo_key_format(uint32_t key, char out[GEO_KEY_TEXT_SIZE]);

/* Great-circle distance in kilometres (haversine, mean radius 6371.0088 km). */
double geo_distance_km(int16_t latitude_a_cdeg, int16_t longitude_a_cdeg, int16_t latitude_b_cdeg,
                       int16_t longitude_b_cdeg);
/* The round-trip time that a distance makes likely, for regions that nothing was measured for:
 * 2 ms + 1.5 ms for each 100 km, rounded. */
unsigned geo_distance_ms(double distance_km);
