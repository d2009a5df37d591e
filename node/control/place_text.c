#include "control/place_text.h"

#include <stdio.h>
#include <string.h>

#include "geo/location.h"

/* "country FR (France)"; nothing for GEO_KEY_NONE. */
static size_t add_place(char *out, size_t len, uint32_t key)
{
    char text[GEO_KEY_TEXT_SIZE];
    const char *name = NULL;

    if (key == GEO_KEY_NONE)
        return len;
    geo_key_format(key, text);
    if (strncmp(text, "continent ", 10) == 0)
        name = geo_continent_name(text + 10);
    else if (strncmp(text, "country ", 8) == 0)
        name = geo_country_name(text + 8);
    else if (strncmp(text, "US-", 3) == 0)
        name = geo_subdivision_name("US", text + 3);
    int added = snprintf(out + len, PLACE_TEXT_SIZE - len, "%s%s%s%s%s", len > 0 ? ", " : "", text,
                         name ? " (" : "", name ? name : "", name ? ")" : "");
    len += (size_t)added;
    return len < PLACE_TEXT_SIZE ? len : PLACE_TEXT_SIZE - 1;
}

void place_text_format(const struct geo_location *location, char out[PLACE_TEXT_SIZE])
{
    out[0] = '\0';
    size_t len = add_place(out, 0, location->subdivision_key);
    len = add_place(out, len, location->country_key);
    len = add_place(out, len, location->continent_key);
    if (location->latitude_cdeg != GEO_COORDINATE_NONE)
        snprintf(out + len, PLACE_TEXT_SIZE - len, "%sat %.2f, %.2f%s", len > 0 ? ", " : "",
                 location->latitude_cdeg / 100.0, location->longitude_cdeg / 100.0,
                 location->is_centroid ? " (the country's middle)" : "");
}
