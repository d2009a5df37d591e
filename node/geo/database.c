#include "geo/database.h"

#include "base/assert.h"
#include "geo/database_internal.h"

#include <stdlib.h>

struct geo_database *geo_database_ref(struct geo_database *database)
{
    const uint32_t before = __atomic_fetch_add(&database->references, 1, __ATOMIC_RELAXED);
    ASSERT(before > 0 && before < UINT32_MAX);
    return database;
}

void geo_database_unref(struct geo_database *database)
{
    if (database == NULL || __atomic_sub_fetch(&database->references, 1, __ATOMIC_ACQ_REL) > 0)
        return;
    geo__table_free(database->table);
    free(database->locations);
    free(database);
}

const struct geo_database_about *geo_database_about(const struct geo_database *database)
{
    return &database->about;
}

const struct geo_location *geo_database_find(const struct geo_database *database,
                                             const struct geo_address *address,
                                             unsigned *scope_bits)
{
    const uint32_t index = geo__table_find(database->table, address, scope_bits);
    return index == GEO_TABLE_NONE ? NULL : &database->locations[index];
}

struct geo_fetch geo_database_prefetch(const struct geo_database *database,
                                       const struct geo_address *address)
{
    return geo__table_prefetch(database->table, address);
}
