#include "cluster/geo_state.h"

#include "cluster/apply.h"
#include "cluster/geo_compile.h"
#include "cluster/geo_parts.h"
#include "geo/view.h"

static int load_regions(struct geo_parts *parts, const struct kv *kv)
{
    struct geo_regions *regions;
    int rc = geo_compile_regions(kv, &regions);

    return rc != 0 ? rc : geo_parts_set_regions(parts, regions);
}

static int load_cidr(struct geo_parts *parts, const struct kv *kv)
{
    struct geo_cidr *cidr;
    int rc = geo_compile_cidr(kv, &cidr);

    return rc != 0 ? rc : geo_parts_set_cidr(parts, cidr);
}

static int change_collection(struct geo_parts *parts, const struct kv *kv,
                             const struct apply_effect *effect)
{
    struct geo_cidr *cidr;

    if (geo_parts_has_cidr_at(parts, effect->slot, effect->index))
        return 0;
    int rc = geo_compile_collection(kv, effect->setting, effect->slot, geo_parts_view(parts)->cidr,
                                    &cidr);
    return rc != 0 ? rc : geo_parts_set_cidr_at(parts, cidr, effect->slot, effect->index);
}

int geo_state_load(struct geo_parts *parts, const struct kv *kv)
{
    int rc = load_regions(parts, kv);

    return rc != 0 ? rc : load_cidr(parts, kv);
}

int geo_state_effect(struct geo_parts *parts, const struct kv *kv,
                     const struct apply_effect *effect)
{
    switch (effect->kind) {
    case APPLY_CIDR_CHANGED: return change_collection(parts, kv, effect);
    case APPLY_REGIONS_CHANGED: return load_regions(parts, kv);
    default: return 0;
    }
}
