/* node/geo/database_internal.h: for database.c and database_load.c. */
#pragma once

#include "geo/database.h"
#include "geo/location.h"
#include "geo/table.h"

struct geo_database {
    uint32_t references;
    struct geo_table *table; /* index of `locations` */
    struct geo_location *locations;
    struct geo_database_about about;
};
