#include "policy/policy.h"

#include "policy/internal.h"

#include "base/assert.h"

static int compare_numbers(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

int policy_set_compare(enum policy_kind kind, const struct policy_set *a,
                       const struct policy_set *b)
{
    /* Heavy sets first: whoever looks for the one that was drawn passes few. */
    const int keys =
        kind == POLICY_WEIGHTED ? compare_numbers(b->key, a->key) : compare_numbers(a->key, b->key);
    return keys != 0 ? keys : compare_numbers(a->id_hash, b->id_hash);
}

bool policy_needs_location(enum policy_kind kind)
{
    return kind == POLICY_LATENCY || kind == POLICY_GEOLOCATION || kind == POLICY_GEOPROXIMITY ||
           kind == POLICY_IP_BASED;
}

unsigned policy_answers_wanted(const struct policy_group *group)
{
    ASSERT(group->answers_max <= POLICY_ANSWERS_MAX);
    if (group->answers_max != 0)
        return group->answers_max;
    return group->kind == POLICY_MULTIVALUE ? POLICY_MULTIVALUE_MAX : 1;
}

void policy_rank_begin(struct policy_ranking *ranking, const struct policy_group *group,
                       const struct policy_client *client, uint64_t draw)
{
    ASSERT(group->count > 0 && group->count <= POLICY_SETS_MAX);
    ranking->group = group;
    ranking->client = client;
    ranking->draw = draw;
    ranking->taken = 0;
    ranking->left = 0;
    ranking->step = 0;
    ranking->is_ordered = false;
}

/* One of those that stand in the row behind the ones given out, each as likely as the other. */
static unsigned shuffled_next(struct policy_ranking *ranking)
{
    uint64_t *row = ranking->order;
    const unsigned count = ranking->group->count, taken = ranking->taken;
    const uint64_t draw = taken == 0 ? ranking->draw : policy__hash(ranking->draw, taken);
    const unsigned place = taken + policy__part(draw, count - taken);
    if (!ranking->is_ordered) {
        for (unsigned i = 0; i < count; i++)
            row[i] = i;
        ranking->is_ordered = true;
    }
    const uint64_t index = row[place];
    row[place] = row[taken];
    return (unsigned)index;
}

static unsigned ranked_first(struct policy_ranking *ranking)
{
    switch (ranking->group->kind) {
    case POLICY_WEIGHTED: return policy__weighted_first(ranking);
    case POLICY_LATENCY: return policy__latency_first(ranking);
    default: return policy__proximity_first(ranking);
    }
}

static void ranked_rest(struct policy_ranking *ranking)
{
    switch (ranking->group->kind) {
    case POLICY_WEIGHTED: policy__weighted_rest(ranking, ranking->first); break;
    case POLICY_LATENCY: policy__latency_rest(ranking, ranking->first); break;
    default: policy__proximity_rest(ranking, ranking->first); break;
    }
}

/* Mostly nobody asks for more than the first, so the order of the others is made only then. */
static unsigned ranked_next(struct policy_ranking *ranking)
{
    if (ranking->taken == 0) {
        ranking->first = (uint16_t)ranked_first(ranking);
        return ranking->first;
    }
    if (!ranking->is_ordered) {
        ranked_rest(ranking);
        ranking->is_ordered = true;
    }
    return policy__key_index(policy__keys_take(ranking));
}

static unsigned next(struct policy_ranking *ranking)
{
    switch (ranking->group->kind) {
    case POLICY_WEIGHTED:
    case POLICY_LATENCY:
    case POLICY_GEOPROXIMITY: return ranked_next(ranking);
    case POLICY_GEOLOCATION:
    case POLICY_IP_BASED: return policy__located_next(ranking);
    case POLICY_MULTIVALUE: return shuffled_next(ranking);
    default: return ranking->taken; /* simple, failover: as they lie */
    }
}

unsigned policy_rank_next(struct policy_ranking *ranking)
{
    if (ranking->taken == ranking->group->count)
        return POLICY_INDEX_NONE;
    const unsigned index = next(ranking);
    if (index != POLICY_INDEX_NONE) {
        ASSERT(index < ranking->group->count);
        ranking->taken++;
    }
    return index;
}
