/* tests/sim/machine.c: the production apply (node/cluster) over storage that forgets (tests/lib).
 * One entry is one write, so the writes since the last flush are what a crash can take. */
#include "sim/machine.h"

#include "cluster/apply.h"
#include "cluster/health_view.h"
#include "lib/kv_memory.h"
#include "policy/health.h"
#include "sim/alloc.h"
#include "store/state_put.h"

struct image {
    uint32_t refs;
    struct kv kv;
};

struct machine {
    struct kv kv;
    struct apply *apply;
    struct policy_health *health;
    struct health_view *view;
    struct raft_snapshot installed;
    struct machine_result *results; /* of the entry that is being applied; borrowed */
    uint32_t result_count;
};

static enum machine_outcome outcome_of(enum apply_outcome outcome)
{
    switch (outcome) {
    case APPLY_DONE:
    case APPLY_REFUSED: return MACHINE_APPLIED;
    case APPLY_REPEATED:
    case APPLY_SETTLED: return MACHINE_REPEATED;
    case APPLY_NO_SESSION: return MACHINE_NO_SESSION;
    default: SIM_ASSERT(outcome != APPLY_TOO_FAR); return MACHINE_NO_SESSION;
    }
}

static void on_result(void *user, const struct apply_result *result)
{
    struct machine *machine = user;
    SIM_ASSERT(machine->result_count < MACHINE_RESULTS_MAX);
    machine->results[machine->result_count++] =
        (struct machine_result){.client_id = result->client_id,
                                .sequence = result->sequence,
                                .outcome = outcome_of(result->outcome)};
}

static void on_effect(void *user, const struct apply_effect *effect)
{
    struct machine *machine = user;
    health_view_effect(machine->view, effect);
}

struct machine *machine_new(void)
{
    struct machine *machine = sim_new(sizeof *machine);
    const struct apply_sink sink = {.user = machine, .effect = on_effect, .result = on_result};
    SIM_ASSERT(kv_memory_new(&machine->kv) == 0);
    SIM_ASSERT(apply_new(&machine->kv, &sink, &machine->apply) == 0);
    SIM_ASSERT(policy_health_new(&machine->health) == 0);
    SIM_ASSERT(health_view_new(machine->health, &machine->view) == 0);
    return machine;
}

void machine_free(struct machine *machine)
{
    apply_free(machine->apply);
    health_view_free(machine->view);
    policy_health_free(machine->health);
    kv_close(&machine->kv);
    sim_free(machine);
}

uint32_t machine_apply(struct machine *machine, const struct raft_entry *entry,
                       struct machine_result results[MACHINE_RESULTS_MAX])
{
    machine->results = results;
    machine->result_count = 0;
    SIM_ASSERT(apply_entry(machine->apply, entry) == 0);
    machine->results = NULL;
    return machine->result_count;
}

uint64_t machine_applied(const struct machine *machine)
{
    struct state_applied point;
    apply_point(machine->apply, &point);
    return point.index;
}

/* Over what DNS would be told of each check: the same on a node that saw every verdict and on one
 * that was restored from a crash or a snapshot. */
static uint64_t hash_health(const struct machine *machine)
{
    struct state_counters counters;
    uint64_t hash = 0;
    SIM_ASSERT(state_get_counters(&machine->kv, &counters) == 0);
    for (uint32_t slot = 1; slot <= counters.slot; slot++) {
        uint8_t octet = policy_health_get(machine->health, slot);
        uint64_t since = policy_health_since(machine->health, slot);
        if (octet == (POLICY_HEALTH_NONE | POLICY_HEALTHY_BIT))
            since = 0; /* the slot is given up: nobody asks since when */
        hash = (hash ^ octet ^ since << 8) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 29;
    }
    return hash;
}

struct machine_hash machine_hash(const struct machine *machine)
{
    struct state_applied point;
    apply_point(machine->apply, &point);
    return (struct machine_hash){point.hash.high ^ hash_health(machine), point.hash.low};
}

void machine_flush(struct machine *machine)
{
    SIM_ASSERT(kv_flush(&machine->kv) == 0);
}

void machine_crash(struct machine *machine, struct rng *rng)
{
    size_t lost = (size_t)rng_between(rng, 0, kv_memory_unflushed(&machine->kv));
    kv_memory_crash(&machine->kv, lost);
    SIM_ASSERT(apply_reload(machine->apply, &machine->kv) == 0);
    SIM_ASSERT(health_view_load(machine->view, &machine->kv) == 0);
}

struct image *machine_image(struct machine *machine, struct raft_snapshot *snapshot)
{
    struct image *image = sim_new(sizeof *image);
    image->refs = 1;
    SIM_ASSERT(kv_memory_clone(&machine->kv, &image->kv) == 0);
    snapshot->index = machine_applied(machine);
    return image;
}

struct image *image_ref(struct image *image)
{
    image->refs++;
    return image;
}

void image_unref(struct image *image)
{
    if (image == NULL || --image->refs > 0)
        return;
    kv_close(&image->kv);
    sim_free(image);
}

void machine_install(struct machine *machine, const struct image *image,
                     const struct raft_snapshot *snapshot)
{
    struct kv old = machine->kv;
    SIM_ASSERT(kv_memory_clone(&image->kv, &machine->kv) == 0);
    SIM_ASSERT(apply_reload(machine->apply, &machine->kv) == 0);
    SIM_ASSERT(health_view_load(machine->view, &machine->kv) == 0);
    kv_close(&old);
    machine->installed = *snapshot;
}

const struct raft_snapshot *machine_installed(const struct machine *machine)
{
    return &machine->installed;
}
