#include "cluster/proposer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "proto/command.pb-c.h"

#define BULK_TIMEOUT_MS 120000

struct pending {
    cluster_result_cb cb;
    void *user;
    uint64_t deadline_mono_ms;
    uint64_t began_mono_ns;
    uint64_t send_at_mono_ms; /* 0: as soon as possible */
    uint32_t resend_ms;
    bool is_bulk;
    size_t len;
    uint8_t data[]; /* encoded command */
};

enum session { SESSION_NONE, SESSION_OPENING, SESSION_OPEN };

struct proposer {
    struct proposer_port port;
    enum session session;
    uint64_t client_id;
    uint64_t open_at_mono_ms; /* when OpenSession is due (again) */
    uint64_t first, next;     /* sequences in the window: [first, next) */
    uint64_t cursor;          /* none below is due at once */
    uint64_t skipped;         /* results of those below may have been in entries not seen here */
    unsigned count, bulk_count;
    struct proposer_figures figures;
    size_t len;
    struct pending *slots[CLUSTER_PENDING_MAX]; /* by sequence; NULL: settled */
};

static struct pending **slot_of(struct proposer *proposer, uint64_t sequence)
{
    return &proposer->slots[sequence % CLUSTER_PENDING_MAX];
}

struct proposer *proposer_new(const struct proposer_port *port)
{
    struct proposer *proposer = calloc(1, sizeof(*proposer));

    if (!proposer)
        return NULL;
    proposer->port = *port;
    proposer->client_id = random_id();
    proposer->first = proposer->next = proposer->cursor = 1;
    return proposer;
}

/* Take the command out of the window; the caller has its callback's arguments. */
static void settle(struct proposer *proposer, uint64_t sequence)
{
    struct pending **slot = slot_of(proposer, sequence);

    proposer->count--;
    proposer->bulk_count -= (*slot)->is_bulk;
    proposer->len -= (*slot)->len;
    free(*slot);
    *slot = NULL;
    while (proposer->first < proposer->next && !*slot_of(proposer, proposer->first))
        proposer->first++;
    if (proposer->cursor < proposer->first)
        proposer->cursor = proposer->first;
}

static void finish(struct proposer *proposer, uint64_t sequence, int rc,
                   const struct apply_result *result)
{
    struct pending *pending = *slot_of(proposer, sequence);
    cluster_result_cb cb = pending->cb;
    void *user = pending->user;

    if (rc == 0)
        histogram_add(&proposer->figures.times, clock_mono_ns() - pending->began_mono_ns);
    else
        proposer->figures.unknown++;
    settle(proposer, sequence);
    if (cb)
        cb(user, rc, result);
}

void proposer_free(struct proposer *proposer, int rc)
{
    if (!proposer)
        return;
    /* A callback may not submit here: the window is closed by making it look full. */
    uint64_t next = proposer->next;
    proposer->len = CLUSTER_PENDING_LEN_MAX + 1;
    for (uint64_t sequence = proposer->first; sequence < next; sequence++) {
        struct pending *pending = *slot_of(proposer, sequence);
        if (!pending)
            continue;
        *slot_of(proposer, sequence) = NULL;
        if (pending->cb)
            pending->cb(pending->user, rc, NULL);
        free(pending);
    }
    free(proposer);
}

static int submit(struct proposer *proposer, const struct Cmd__Command *command,
                  uint64_t deadline_mono_ms, bool is_bulk, cluster_result_cb cb, void *user)
{
    Cmd__Command own = *command;
    uint8_t *octets;
    size_t len;

    if (proposer->next - proposer->first >= CLUSTER_PENDING_MAX ||
        proposer->len > CLUSTER_PENDING_LEN_MAX)
        return ERR_BUSY;
    own.client_id = proposer->client_id;
    own.sequence = proposer->next;
    own.done_below = proposer->first;
    if (own.time_wall_ms == 0)
        own.time_wall_ms = clock_wall_ms();
    int rc = command_encode(&own, &octets, &len);
    if (rc != 0)
        return rc;
    struct pending *pending = malloc(sizeof(*pending) + len);
    if (pending) {
        *pending = (struct pending){.cb = cb,
                                    .user = user,
                                    .deadline_mono_ms = deadline_mono_ms,
                                    .began_mono_ns = clock_mono_ns(),
                                    .resend_ms = PROPOSER_RESEND_MS,
                                    .is_bulk = is_bulk,
                                    .len = len};
        memcpy(pending->data, octets, len);
    }
    explicit_bzero(octets, len);
    free(octets);
    if (!pending)
        return ERR_NOMEM;
    ASSERT(!*slot_of(proposer, proposer->next));
    *slot_of(proposer, proposer->next++) = pending;
    proposer->count++;
    proposer->bulk_count += is_bulk;
    proposer->len += len;
    proposer->port.wake(proposer->port.user);
    return 0;
}

int proposer_submit(struct proposer *proposer, const struct Cmd__Command *command,
                    uint64_t now_mono_ms, uint32_t timeout_ms, cluster_result_cb cb, void *user)
{
    if (timeout_ms == 0)
        timeout_ms = CLUSTER_TIMEOUT_MS;
    return submit(proposer, command, now_mono_ms + timeout_ms, false, cb, user);
}

int proposer_submit_bulk(struct proposer *proposer, const struct Cmd__Command *command,
                         uint64_t now_mono_ms, cluster_result_cb cb, void *user)
{
    if (proposer->bulk_count >= CLUSTER_BULK_MAX)
        return ERR_BUSY;
    return submit(proposer, command, now_mono_ms + BULK_TIMEOUT_MS, true, cb, user);
}

/* Everything that is pending belongs to a new session from now on. Only after the old one is known
 * to be gone from state, so that no copy under the old client id can be applied any more. Those
 * that may have been applied unseen are not repeated: nothing tells any more whether they were. */
static void renew_session(struct proposer *proposer)
{
    log_warn("cluster", "session_renewed client=%016" PRIx64, proposer->client_id);
    proposer->session = SESSION_NONE;
    proposer->open_at_mono_ms = 0;
    proposer->client_id = random_id();
    for (uint64_t sequence = proposer->first; sequence < proposer->next; sequence++) {
        struct pending *pending = *slot_of(proposer, sequence);
        if (!pending)
            continue;
        if (sequence < proposer->skipped) {
            finish(proposer, sequence, ERR_TIMEOUT, NULL);
            continue;
        }
        /* client_id is field 1, a fixed64: a tag of one octet, then eight octets, little-endian. */
        ASSERT(pending->len >= 9 && pending->data[0] == (1 << 3 | 1));
        for (unsigned i = 0; i < 8; i++)
            pending->data[1 + i] = (uint8_t)(proposer->client_id >> (8 * i));
        pending->send_at_mono_ms = 0;
    }
    proposer->cursor = proposer->first;
    proposer->port.wake(proposer->port.user);
}

void proposer_result(struct proposer *proposer, const struct apply_result *result)
{
    if (result->client_id != proposer->client_id)
        return;
    if (result->outcome == APPLY_NO_SESSION) {
        if (proposer->session == SESSION_OPEN)
            renew_session(proposer);
        return;
    }
    if (result->sequence == 0) { /* OpenSession has none */
        proposer->session = SESSION_OPEN;
        proposer->cursor = proposer->first;
        proposer->port.wake(proposer->port.user);
        return;
    }
    if (result->sequence < proposer->first || result->sequence >= proposer->next)
        return;
    if (result->outcome == APPLY_TOO_FAR || !*slot_of(proposer, result->sequence))
        return; /* sent again when its time comes; or settled by now */
    finish(proposer, result->sequence, 0, result);
}

void proposer_leader_changed(struct proposer *proposer)
{
    for (uint64_t sequence = proposer->first; sequence < proposer->next; sequence++) {
        struct pending *pending = *slot_of(proposer, sequence);
        if (pending)
            pending->send_at_mono_ms = 0;
    }
    proposer->cursor = proposer->first;
    proposer->open_at_mono_ms = 0;
    proposer->port.wake(proposer->port.user);
}

void proposer_skipped(struct proposer *proposer)
{
    proposer->skipped = proposer->next;
    proposer_leader_changed(proposer);
}

static void open_session(struct proposer *proposer, uint64_t now_mono_ms)
{
    Cmd__OpenSession open = CMD__OPEN_SESSION__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t *octets;
    size_t len;

    if (now_mono_ms < proposer->open_at_mono_ms)
        return;
    command.client_id = proposer->client_id;
    command.time_wall_ms = clock_wall_ms();
    command.kind_case = CMD__COMMAND__KIND_OPEN_SESSION;
    command.open_session = &open;
    if (command_encode(&command, &octets, &len) != 0)
        return;
    const uint8_t *list = octets;
    if (proposer->port.deliver(proposer->port.user, &list, &len, 1) == 0) {
        proposer->session = SESSION_OPENING;
        proposer->open_at_mono_ms = now_mono_ms + PROPOSER_RESEND_MS;
    }
    free(octets);
}

/* Gather due commands from @sequence on; returns where to go on. */
static uint64_t gather(struct proposer *proposer, uint64_t sequence, uint64_t now_mono_ms,
                       struct pending **out, unsigned *count)
{
    size_t len = 0;

    *count = 0;
    for (; sequence < proposer->next && *count < PROPOSER_DELIVER_COMMANDS; sequence++) {
        struct pending *pending = *slot_of(proposer, sequence);
        if (!pending || pending->send_at_mono_ms > now_mono_ms)
            continue;
        if (*count > 0 && len + pending->len > PROPOSER_DELIVER_LEN)
            break;
        len += pending->len;
        out[(*count)++] = pending;
    }
    return sequence;
}

/* false: the leader cannot be reached now. */
static bool deliver(struct proposer *proposer, struct pending **list, unsigned count,
                    uint64_t now_mono_ms)
{
    const uint8_t *commands[PROPOSER_DELIVER_COMMANDS];
    size_t lens[PROPOSER_DELIVER_COMMANDS];

    for (unsigned i = 0; i < count; i++) {
        commands[i] = list[i]->data;
        lens[i] = list[i]->len;
    }
    if (proposer->port.deliver(proposer->port.user, commands, lens, count) != 0)
        return false;
    for (unsigned i = 0; i < count; i++) {
        list[i]->send_at_mono_ms = now_mono_ms + list[i]->resend_ms;
        if (list[i]->resend_ms < PROPOSER_RESEND_MAX_MS)
            list[i]->resend_ms *= 2;
    }
    return true;
}

void proposer_flush(struct proposer *proposer, uint64_t now_mono_ms)
{
    struct pending *list[PROPOSER_DELIVER_COMMANDS];
    unsigned count;

    if (proposer->session != SESSION_OPEN) {
        open_session(proposer, now_mono_ms);
        return;
    }
    while (proposer->cursor < proposer->next) {
        uint64_t after = gather(proposer, proposer->cursor, now_mono_ms, list, &count);
        if (count > 0 && !deliver(proposer, list, count, now_mono_ms))
            return; /* tried again by a tick */
        proposer->cursor = after;
    }
}

void proposer_tick(struct proposer *proposer, uint64_t now_mono_ms)
{
    bool is_due = proposer->session != SESSION_OPEN;

    for (uint64_t sequence = proposer->first; sequence < proposer->next; sequence++) {
        struct pending *pending = *slot_of(proposer, sequence);
        if (!pending)
            continue;
        if (pending->deadline_mono_ms <= now_mono_ms) {
            finish(proposer, sequence, ERR_TIMEOUT, NULL);
        } else if (pending->send_at_mono_ms <= now_mono_ms) {
            if (sequence < proposer->cursor)
                proposer->cursor = sequence;
            is_due = true;
        }
    }
    if (is_due)
        proposer_flush(proposer, now_mono_ms);
}

unsigned proposer_count(const struct proposer *proposer)
{
    return proposer->count;
}

const struct proposer_figures *proposer_figures(const struct proposer *proposer)
{
    return &proposer->figures;
}
