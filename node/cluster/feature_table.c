/* node/cluster/feature_table.c: the feature levels; never renumber, never take a kind out. A kind
 * is named by its number in proto/command.proto (CMD__COMMAND__KIND_…). */
#include "cluster/feature.h"

#include <stddef.h>

const struct feature_level feature_levels[] = {
    {"0.1.0", NULL},
};
const unsigned feature_level_count = sizeof(feature_levels) / sizeof(feature_levels[0]);
const char *const feature_program_version = QUARTET_VERSION;
