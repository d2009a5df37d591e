/* node/geo/database.h: a MaxMind-format file compiled into a flat longest-prefix table. Both
 * layouts: nested (GeoIP2: continent.code, country.iso_code, subdivisions[0].iso_code,
 * location.latitude) and flat (country_code, state1 or subdivision, latitude, …). */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct geo_address;
struct geo_database;
struct geo_location;

struct geo_database_about {
    char path[1024];
    char type[128]; /* the file's database_type */
    char description[256];
    uint64_t built_wall_s;  /* build_epoch */
    uint64_t loaded_wall_s; /* given by the caller of load */
    uint64_t prefixes;      /* in the file */
    uint64_t locations;     /* different ones */
    uint64_t memory_octets;
    uint8_t has_country, has_subdivision, has_coordinates; /* any entry has */
};

/* Read and compile @path. Blocks (well under 2 s for 400,000 prefixes); no other thread's business.
 * On 0 the caller owns a reference of *@out. Else @error says what is wrong with the file:
 * ERR_NOT_FOUND, ERR_IO, ERR_INVALID (broken, or nothing in it that locates), ERR_LIMIT, ERR_NOMEM.
 * Hostile files are refused, never trusted. */
#define GEO_ERROR_SIZE 512u
int geo_database_load(const char *path, uint64_t now_wall_s, struct geo_database **out,
                      char error[GEO_ERROR_SIZE]);
struct geo_database *geo_database_ref(struct geo_database *database);
void geo_database_unref(struct geo_database *database); /* accepts NULL */
const struct geo_database_about *geo_database_about(const struct geo_database *database);

/* Where the address is, and in *@scope_bits the length of the shortest prefix around it within
 * which every address gets this same location (neighbours alike are merged; prefixes of different
 * answers never overlap, RFC 7871 7.2.1). It is at most what is known of the address, or /24 (IPv4)
 * or /48 (IPv6) where that is more: then the sender has to say more to be located exactly. NULL:
 * the database does not say (the scope is that of the gap). Answer path: no allocation, about one
 * cache miss. */
const struct geo_location *geo_database_find(const struct geo_database *database,
                                             const struct geo_address *address,
                                             unsigned *scope_bits);
/* Ask the processor to fetch what geo_database_find() will read. */
struct geo_fetch geo_database_prefetch(const struct geo_database *database,
                                       const struct geo_address *address);
