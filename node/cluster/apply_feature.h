/* node/cluster/apply_feature.h: as apply_internal.h. */
#pragma once

#include "cluster/apply_internal.h"

#define APPLY_SETTING_FEATURE_LEVEL "cluster.feature_level"

struct Cmd__RaiseFeatureLevel;

/* The feature level of the cluster whose state it is. ERR_* of reads. */
int apply_feature_level(const struct kv *kv, unsigned *out);
/* Raise it, unless a member does not know that level. */
int apply__raise_feature_level(struct apply *apply, const struct Cmd__RaiseFeatureLevel *command);
