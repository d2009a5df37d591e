/* node/geo/record.c: names of fields, as the makers of databases have them:
 *
 *   nested   continent.code, country.iso_code, subdivisions[0].iso_code or .names.en,
 *            location.latitude and .longitude (MaxMind, DB-IP)
 *   flat     continent or continent_code, country or country_code, a state or region by code or by
 *            name, latitude and longitude as numbers or text (ip-location-db, IPinfo and others)
 */
#include "geo/record.h"

#include "base/err.h"
#include "geo/mmdb_data.h"
#include "geo/places.h"

#include <math.h>
#include <string.h>
#include <strings.h>

#define CODE_LEN 2u /* of a continent or country */
#define CODE_SIZE (CODE_LEN + 1)
#define NAME_SIZE 64u

struct fields {
    char continent[CODE_SIZE];
    char country[CODE_SIZE];
    char subdivision[NAME_SIZE];
    bool is_code; /* subdivision: by its field's name */
    bool has_latitude, has_longitude;
    double latitude, longitude;
};

enum field {
    CONTINENT,
    COUNTRY,
    SUBDIVISION,
    SUBDIVISION_CODE,
    SUBDIVISIONS,
    LOCATION,
    LATITUDE,
    LONGITUDE
};

static const struct {
    const char *key;
    enum field field;
} KEYS[] = {
    {"continent", CONTINENT},
    {"continent_code", CONTINENT},
    {"country", COUNTRY},
    {"country_code", COUNTRY},
    {"country_iso_code", COUNTRY},
    {"subdivisions", SUBDIVISIONS},
    {"subdivision", SUBDIVISION},
    {"subdivision_code", SUBDIVISION_CODE},
    {"subdivision_1_iso_code", SUBDIVISION_CODE},
    {"subdivision_1_name", SUBDIVISION},
    {"state", SUBDIVISION},
    {"state1", SUBDIVISION},
    {"state_code", SUBDIVISION_CODE},
    {"stateprov", SUBDIVISION},
    {"stateprov_code", SUBDIVISION_CODE},
    {"region", SUBDIVISION},
    {"region_name", SUBDIVISION},
    {"region_code", SUBDIVISION_CODE},
    {"location", LOCATION},
    {"latitude", LATITUDE},
    {"lat", LATITUDE},
    {"longitude", LONGITUDE},
    {"lng", LONGITUDE},
    {"lon", LONGITUDE},
};

/* Text that does not fit, or has a NUL in it, is as good as none. */
static bool copy_text(const struct mmdb_value *value, char *out, size_t size)
{
    if (value->type != MMDB_STRING || value->size == 0 || value->size >= size ||
        memchr(value->octets, '\0', value->size) != NULL)
        return false;
    memcpy(out, value->octets, value->size);
    out[value->size] = '\0';
    return true;
}

/* Text, or text under @key of a map. Where a field may hold a name too, a code stays. */
static int take_code(struct mmdb_data *data, const struct mmdb_value *value, const char *key,
                     char out[CODE_SIZE])
{
    struct mmdb_value inner = *value;
    char text[CODE_SIZE];
    const int err = value->type == MMDB_MAP ? mmdb_get(data, value, key, &inner) : 0;
    if (err == 0 && copy_text(&inner, text, sizeof text) && strlen(text) == CODE_LEN)
        memcpy(out, text, CODE_LEN + 1);
    return err == ERR_INVALID ? err : 0;
}

/* A code counts more than a name, of two alike the first. */
static void take_subdivision(const struct mmdb_value *value, bool is_code, struct fields *fields)
{
    const bool has_one = fields->subdivision[0] != '\0';
    if (has_one && (fields->is_code || !is_code))
        return;
    if (copy_text(value, fields->subdivision, NAME_SIZE))
        fields->is_code = is_code;
}

static int take_subdivisions(struct mmdb_data *data, const struct mmdb_value *value,
                             struct fields *fields)
{
    struct mmdb_value first, text;
    if (value->type != MMDB_ARRAY || value->size == 0)
        return 0;
    if (mmdb_read(data, value->inside, &first) != 0)
        return ERR_INVALID;
    int err = mmdb_get(data, &first, "iso_code", &text);
    if (err == 0)
        take_subdivision(&text, true, fields);
    if (err != ERR_NOT_FOUND)
        return err;
    err = mmdb_get(data, &first, "names", &text);
    if (err == 0)
        err = mmdb_get(data, &text, "en", &text);
    if (err == 0)
        take_subdivision(&text, false, fields);
    return err == ERR_INVALID ? err : 0;
}

static int take_location(struct mmdb_data *data, const struct mmdb_value *value,
                         struct fields *fields)
{
    struct mmdb_value number;
    int err = mmdb_get(data, value, "latitude", &number);
    if (err == 0)
        fields->has_latitude = mmdb_number(&number, &fields->latitude);
    if (err == ERR_INVALID)
        return err;
    err = mmdb_get(data, value, "longitude", &number);
    if (err == 0)
        fields->has_longitude = mmdb_number(&number, &fields->longitude);
    return err == ERR_INVALID ? err : 0;
}

static int take(struct mmdb_data *data, enum field field, const struct mmdb_value *value,
                struct fields *fields)
{
    switch (field) {
    case CONTINENT: return take_code(data, value, "code", fields->continent);
    case COUNTRY: return take_code(data, value, "iso_code", fields->country);
    case SUBDIVISION: take_subdivision(value, false, fields); break;
    case SUBDIVISION_CODE: take_subdivision(value, true, fields); break;
    case SUBDIVISIONS: return take_subdivisions(data, value, fields);
    case LOCATION: return take_location(data, value, fields);
    case LATITUDE: fields->has_latitude = mmdb_number(value, &fields->latitude); break;
    case LONGITUDE: fields->has_longitude = mmdb_number(value, &fields->longitude); break;
    }
    return 0;
}

static int read_fields(struct mmdb_data *data, uint32_t at, struct fields *fields)
{
    struct mmdb_value record, key, value;
    if (mmdb_read(data, at, &record) != 0)
        return ERR_INVALID;
    if (record.type != MMDB_MAP)
        return 0; /* says something, but not where */
    at = record.inside;
    for (uint32_t pair = 0; pair < record.size; pair++) {
        if (mmdb_next(data, &at, &key, &value) != 0)
            return ERR_INVALID;
        for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
            if (mmdb_is(&key, KEYS[i].key) && take(data, KEYS[i].field, &value, fields) != 0)
                return ERR_INVALID;
    }
    return 0;
}

/* "CA", "US-CA" and "California", but not a name that is as short as a code ("Ain"). */
static uint32_t subdivision_key(const struct fields *fields)
{
    const char *text = fields->subdivision;
    const char *state = strcasecmp(fields->country, "US") == 0 ? geo__state_code(text) : NULL;

    if (state != NULL)
        return geo_subdivision_key("US", state);
    if (strncasecmp(text, fields->country, 2) == 0 && text[2] == '-')
        text += 3;
    if (!fields->is_code && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") != strlen(text))
        return GEO_KEY_NONE;
    return geo_subdivision_key(fields->country, text);
}

static void set_coordinates(const struct fields *fields, struct geo_location *out)
{
    if (fields->has_latitude && fields->has_longitude && fabs(fields->latitude) <= 90 &&
        fabs(fields->longitude) <= 180) {
        out->latitude_cdeg = (int16_t)lround(fields->latitude * 100);
        out->longitude_cdeg = (int16_t)lround(fields->longitude * 100);
        return;
    }
    out->is_centroid =
        geo_country_centroid(fields->country, &out->latitude_cdeg, &out->longitude_cdeg);
}

int geo__record_read(struct mmdb_data *data, uint32_t at, struct geo_location *out,
                     bool *is_somewhere)
{
    struct fields fields = {.continent = ""};
    if (read_fields(data, at, &fields) != 0)
        return ERR_INVALID;

    memset(out, 0, sizeof *out);
    out->latitude_cdeg = out->longitude_cdeg = GEO_COORDINATE_NONE;
    out->country_key = geo_country_key(fields.country);
    /* Route 53's continents, also where the database's differ (Turkey): sets are written for them.
     */
    const char *continent = geo_country_continent(fields.country);
    out->continent_key = geo_continent_key(continent != NULL ? continent : fields.continent);
    if (out->country_key != GEO_KEY_NONE && fields.subdivision[0] != '\0')
        out->subdivision_key = subdivision_key(&fields);
    set_coordinates(&fields, out);
    *is_somewhere = out->continent_key != GEO_KEY_NONE || out->country_key != GEO_KEY_NONE ||
                    out->latitude_cdeg != GEO_COORDINATE_NONE;
    return 0;
}
