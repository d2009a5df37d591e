/* node/cluster/publish_internal.h: shared by publish.c (changes) and publish_rebuild.c (all). */
#pragma once

#include "cluster/content_map.h"
#include "cluster/publish.h"
#include "store/state.h"
#include "zone/image.h"
#include "zone/record_set.h"

enum rebuild_stage { REBUILD_OFF, REBUILD_ZONES, REBUILD_IMPORTS, REBUILD_DROPS };
struct rebuild {
    enum rebuild_stage stage;
    struct content_map fresh;
    char zone_id[STATE_ID_SIZE]; /* last zone taken up; "" at the start */
    struct state_import imports[STATE_IMPORTS_MAX];
    unsigned import_count, import_at;
    uint64_t drop_at; /* slot of the old map */
    /* the content being filled; 0: none */
    uint64_t content;
    uint8_t apex[STATE_NAME_MAX];
    bool is_import;
    bool has_last; /* the last set read, to go on behind it */
    uint8_t last_name[STATE_NAME_MAX];
    uint16_t last_type;
    char last_identifier[STATE_SET_IDENTIFIER_MAX + 1];
    unsigned sets_left; /* of this step */
};

struct publish {
    struct zone_publisher *image;
    struct content_map map;
    uint64_t index;
    bool is_frozen;
    struct zone_rdata *rdatas; /* scratch for one set */
    size_t rdata_capacity;
    struct rebuild rebuild;
};

/* Put one set of @content, which may be served or filling; unknown contents are ignored. ERR_NOMEM;
 * a set that the image refuses is logged and left out. */
int publish__put(struct publish *publish, struct content_map *map, uint64_t content,
                 const struct state_record_set *set);
/* Stop publishing; readers keep what they have. */
void publish__freeze(struct publish *publish, const char *why);
