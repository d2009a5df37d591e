/* tests/sim/machine.c: placeholder */
#include "sim/machine.h"
#include "sim/alloc.h"
#include <string.h>
#define CLIENTS 16
struct state {
    uint64_t applied;
    struct machine_hash hash;
    uint64_t ids[CLIENTS], last[CLIENTS];
};
struct image {
    uint32_t refs;
    struct state state;
};
struct machine {
    struct state *undo;
    size_t undo_count, undo_room;
    struct state now;
    struct raft_snapshot installed;
};
struct machine *machine_new(void)
{
    return sim_new(sizeof(struct machine));
}
void machine_free(struct machine *m)
{
    sim_free(m->undo);
    sim_free(m);
}
static uint64_t mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15u + (h << 6) + (h >> 2);
    return h * 0xff51afd7ed558ccdu;
}
uint32_t machine_apply(struct machine *m, const struct raft_entry *e,
                       struct machine_result r[MACHINE_RESULTS_MAX])
{
    sim_grow((void **)&m->undo, &m->undo_room, m->undo_count + 1, sizeof *m->undo);
    m->undo[m->undo_count++] = m->now;
    m->now.applied = e->index;
    m->now.hash.high = mix(m->now.hash.high, e->index);
    m->now.hash.low = mix(m->now.hash.low, e->term);
    if (e->kind != RAFT_ENTRY_NORMAL)
        return 0;
    uint64_t w[3];
    memcpy(w, e->data->data, sizeof w);
    r[0] = (struct machine_result){w[0], w[1], MACHINE_APPLIED};
    for (int i = 0; i < CLIENTS; i++)
        if (m->now.ids[i] == w[0] || m->now.ids[i] == 0) {
            m->now.ids[i] = w[0];
            if (w[1] != 0) {
                if (m->now.last[i] >= w[1])
                    r[0].outcome = MACHINE_REPEATED;
                else {
                    m->now.last[i] = w[1];
                    m->now.hash.high = mix(m->now.hash.high, w[2]);
                }
            }
            break;
        }
    return 1;
}
uint64_t machine_applied(const struct machine *m)
{
    return m->now.applied;
}
struct machine_hash machine_hash(const struct machine *m)
{
    return m->now.hash;
}
void machine_flush(struct machine *m)
{
    m->undo_count = 0;
}
uint64_t machine_flushed(const struct machine *m)
{
    return m->undo_count ? m->undo[0].applied : m->now.applied;
}
void machine_crash(struct machine *m, struct rng *rng)
{
    size_t k = (size_t)rng_between(rng, 0, m->undo_count);
    if (k < m->undo_count)
        m->now = m->undo[k];
    m->undo_count = 0;
}
struct image *machine_image(struct machine *m, struct raft_snapshot *s)
{
    struct image *i = sim_new(sizeof *i);
    i->refs = 1;
    i->state = m->now;
    s->index = m->now.applied;
    return i;
}
struct image *image_ref(struct image *i)
{
    i->refs++;
    return i;
}
void image_unref(struct image *i)
{
    if (i && --i->refs == 0)
        sim_free(i);
}
void machine_install(struct machine *m, const struct image *i, const struct raft_snapshot *s)
{
    m->now = i->state;
    m->undo_count = 0;
    m->installed = *s;
}
const struct raft_snapshot *machine_installed(const struct machine *m)
{
    return &m->installed;
}
static struct raft_buf *cmd(uint64_t a, uint64_t b, uint64_t c)
{
    uint64_t w[3] = {a, b, c};
    return raft_buf_new(w, sizeof w);
}
struct raft_buf *machine_open_command(uint64_t c)
{
    return cmd(c, 0, 0);
}
struct raft_buf *machine_write_command(uint64_t c, uint64_t s, uint64_t v)
{
    return cmd(c, s, v);
}
struct raft_buf *machine_member_context(uint64_t id)
{
    (void)id;
    return NULL;
}
