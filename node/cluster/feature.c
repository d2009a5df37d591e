#include "cluster/feature.h"

#include <stddef.h>

unsigned feature_known(void)
{
    return FEATURE_FIRST + feature_level_count - 1;
}

unsigned feature_of_kind(int kind)
{
    for (unsigned i = 1; i < feature_level_count; i++) {
        const int *brought = feature_levels[i].kinds;
        for (; brought && *brought != 0; brought++) {
            if (*brought == kind)
                return FEATURE_FIRST + i;
        }
    }
    return FEATURE_FIRST;
}

const char *feature_version_of(unsigned level)
{
    if (level < FEATURE_FIRST || level > feature_known())
        return "a later version";
    return feature_levels[level - FEATURE_FIRST].version;
}

unsigned feature_told(unsigned level)
{
    return level < FEATURE_FIRST ? FEATURE_FIRST : level;
}
