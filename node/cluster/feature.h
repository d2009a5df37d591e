/* node/cluster/feature.h: what a cluster may use while its nodes run different versions.
 *
 * A version may bring new kinds of commands, or new fields in old ones. An older node cannot apply
 * them and would have to stop, so they wait: the cluster has a feature level in its state, which
 * `quartet upgrade finalize` raises once every member's program knows the next one, and only
 * commands of levels up to that are proposed. Until then each node can go back to the version
 * before. A program that does not know the cluster's level does not start, join or go on.
 *
 * A version that brings such things adds one row to feature_table.c, and whoever proposes a new
 * field asks cluster_feature_level(). Pure; any thread. */
#pragma once

#define FEATURE_FIRST 1u

struct feature_level {
    const char *version; /* the first that knows it */
    const int *kinds;    /* of commands that it brings, ended by 0; NULL: none (of 1: all others) */
};

/* feature_table.c: by level, from FEATURE_FIRST on; and this program's version. */
extern const struct feature_level feature_levels[];
extern const unsigned feature_level_count;
extern const char *const feature_program_version;

/* The highest level that this program knows. */
unsigned feature_known(void);
/* The level that brought this kind of command (Cmd__Command__KindCase). */
unsigned feature_of_kind(int kind);
/* The first version that knows a level; "a later version" for one that is not known here. */
const char *feature_version_of(unsigned level);
/* The level that a member told; one that told none runs the first version. */
unsigned feature_told(unsigned level);
