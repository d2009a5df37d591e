/* node/gateway/ops_answers.c: what would be answered, and the locations there are. */
#include "gateway/operations.h"

#include <stddef.h>

const struct gateway_operation gateway_answers_operations[] = {
    {"TestDNSAnswer", "GET", "/testdnsanswer", NULL, 200, NULL},
    {"GetGeoLocation", "GET", "/geolocation", NULL, 200, NULL},
    {"ListGeoLocations", "GET", "/geolocations", NULL, 200, NULL},
    {0},
};
