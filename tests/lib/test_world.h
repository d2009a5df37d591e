/* tests/lib/test_world.h: where clients are, without files: what the location database says is made
 * up here, the other tables are true ones.
 *
 *   client       location                          ms to region 128, 129, 130   block of collection
 * 7 10.1.0.0/16  EU FR, at 0,10 (east)             -                            "a"; .2.0/24 "b"
 *   10.2.0.0/16  EU DE, at 0,20                    -                            -
 *   20.1.0.0/16  NA US US-WA, at 0,80              20, 25, 90                   "c"
 *   20.2.0.0/16  NA US US-WA, at 0,80              50, 20, -                    "c"
 *   30.0.0.0/8   NA US, place not known            -                            -
 *   40.0.0.0/8   AS JP, at 0,-80                   -                            -
 *   2001:db8::/32  AS JP, at 0,-80                 -                            "six"
 *   others       nowhere                           -                            -
 * The database's scopes are 16, or 8 for nowhere. Regions: 128 "zero" at 0,0; 129 "east" at 0,90;
 * 130 "west" at 0,-90. */
#pragma once

struct zone_publisher;

/* Put this world into the image and publish. A test that does so wraps geo_database_find,
 * geo_database_prefetch and geo_database_unref. */
void test_world_put(struct zone_publisher *publisher);
