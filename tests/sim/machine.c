/* tests/sim/machine.c: the production apply (node/cluster) over storage that forgets (tests/lib).
 * One entry is one write, so the writes since the last flush are what a crash can take. */
#include "sim/machine.h"

#include "cluster/apply.h"
#include "lib/kv_memory.h"
#include "sim/alloc.h"

struct image {
    uint32_t refs;
    struct kv kv;
};

struct machine {
    struct kv kv;
    struct apply *apply;
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
    (void)user;
    (void)effect;
}

struct machine *machine_new(void)
{
    struct machine *machine = sim_new(sizeof *machine);
    const struct apply_sink sink = {.user = machine, .effect = on_effect, .result = on_result};
    SIM_ASSERT(kv_memory_new(&machine->kv) == 0);
    SIM_ASSERT(apply_new(&machine->kv, &sink, &machine->apply) == 0);
    return machine;
}

void machine_free(struct machine *machine)
{
    apply_free(machine->apply);
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

struct machine_hash machine_hash(const struct machine *machine)
{
    struct state_applied point;
    apply_point(machine->apply, &point);
    return (struct machine_hash){point.hash.high, point.hash.low};
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
    kv_close(&old);
    machine->installed = *snapshot;
}

const struct raft_snapshot *machine_installed(const struct machine *machine)
{
    return &machine->installed;
}
