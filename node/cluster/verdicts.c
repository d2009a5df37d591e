#include "cluster/verdicts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "cluster/ask.h"
#include "cluster/command.h"
#include "cluster/health_status.h"
#include "cluster/opinions.h"
#include "cluster/proposer.h"
#include "health/index.h"
#include "health/verdict.h"
#include "proto/cluster.pb-c.h"
#include "store/state_health.h"
#include "store/store.h"

#define BATCH_MAX 500u         /* verdicts in one command */
#define SWEEP_MS 1000u         /* between looks at all checks */
#define DETAILS_MS 10000u      /* counts and reasons of one check change so often at most … */
#define SWEEP_DETAILS_MAX 100u /* … and of so many checks in one sweep */
#define PROPOSAL_MS 2000u      /* an old verdict must not be proposed for long */

_Static_assert(BATCH_MAX <= COMMAND_VERDICTS_MAX, "a batch fits a command");

struct note {                /* what state says of one check, and what is on its way */
    char id[HEALTH_ID_SIZE]; /* first: health/index.h */
    uint64_t version, judged_version, round;
    uint32_t slot;
    enum state_verdict verdict;
    uint32_t healthy, checkers;
    char *reason; /* or NULL */
    uint64_t proposed_mono_ms;
    bool is_in_flight, is_due; /* due: judge it before the loop sleeps */
};
struct verdicts {
    struct verdict_table *table; /* NULL while this node does not lead */
    struct health_index notes;
    struct note **by_slot; /* NULL: none of that slot */
    size_t slot_count;
    uint64_t swept_mono_ms, round;
    unsigned due_count;
    bool is_stale; /* read all checks again */
};

struct verdicts *verdicts_new(void)
{
    return calloc(1, sizeof(struct verdicts));
}

static void free_note(struct note *note)
{
    free(note->reason);
    free(note);
}

static void clear(struct verdicts *verdicts)
{
    for (size_t i = 0; i < verdicts->notes.count; i++)
        free_note(verdicts->notes.items[i]);
    health_index_fini(&verdicts->notes);
    free(verdicts->by_slot);
    verdict_free(verdicts->table);
    *verdicts = (struct verdicts){0};
}

void verdicts_free(struct verdicts *verdicts)
{
    if (!verdicts)
        return;
    clear(verdicts);
    free(verdicts);
}

/* ---- state → notes and table ---- */

static void make_due(struct verdicts *verdicts, struct note *note)
{
    if (note->is_due)
        return;
    note->is_due = true;
    verdicts->due_count++;
}

static int read_status(struct cluster *cluster, struct note *note)
{
    struct state_check_status status;
    int rc = state_get_check_status(store_kv(cluster->store), note->id, &status);

    if (rc != 0)
        return rc;
    if (strcmp(note->reason ? note->reason : "", status.reason) != 0) {
        char *reason = strdup(status.reason);
        if (!reason)
            return ERR_NOMEM;
        free(note->reason);
        note->reason = reason;
    }
    note->judged_version = status.judged_version;
    note->verdict = status.verdict;
    note->healthy = status.healthy_checkers;
    note->checkers = status.checkers;
    return 0;
}

static uint64_t expected_of(const struct cluster *cluster, const struct state_check_config *config)
{
    uint64_t expected = 0;

    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (opinions_is_for(cluster, config, cluster->members.list[i].about.region))
            expected |= 1ull << i;
    }
    return expected;
}

static void forget(struct verdicts *verdicts, const char *id)
{
    struct note *note = health_index_take(&verdicts->notes, id);

    verdict_remove_check(verdicts->table, id);
    if (!note)
        return;
    verdicts->due_count -= note->is_due;
    if (note->slot < verdicts->slot_count)
        verdicts->by_slot[note->slot] = NULL;
    free_note(note);
}

/* Slots are counted up from 1, and never used again. */
static int set_slot(struct verdicts *verdicts, struct note *note, uint32_t slot)
{
    if (slot >= verdicts->slot_count) {
        size_t count = 2 * (size_t)slot + 64;
        struct note **list = realloc(verdicts->by_slot, count * sizeof(*list));
        if (!list)
            return ERR_NOMEM;
        memset(list + verdicts->slot_count, 0, (count - verdicts->slot_count) * sizeof(*list));
        verdicts->by_slot = list;
        verdicts->slot_count = count;
    }
    note->slot = slot;
    verdicts->by_slot[slot] = note;
    return 0;
}

static int add_note(struct verdicts *verdicts, const char *id, struct note **out)
{
    struct note *note = calloc(1, sizeof(*note));

    if (!note)
        return ERR_NOMEM;
    memcpy(note->id, id, strnlen(id, HEALTH_ID_SIZE - 1));
    if (health_index_add(&verdicts->notes, note) != 0) {
        free(note);
        return ERR_NOMEM;
    }
    *out = note;
    return 0;
}

static int take_check(struct cluster *cluster, const struct state_check *check)
{
    struct verdicts *verdicts = cluster->verdicts;
    struct note *note = health_index_find(&verdicts->notes, check->id);
    struct verdict_check rule = {.version = check->version,
                                 .expected = expected_of(cluster, &check->config),
                                 .interval_s = check->config.request_interval_s,
                                 .failure_threshold = check->config.failure_threshold};

    if (check->config.type == STATE_CHECK_CALCULATED || check->config.is_disabled) {
        forget(verdicts, check->id);
        return 0;
    }
    int rc = note ? 0 : add_note(verdicts, check->id, &note);
    if (rc == 0)
        rc = verdict_set_check(verdicts->table, check->id, &rule, clock_mono_ms());
    if (rc == 0)
        rc = read_status(cluster, note);
    if (rc == 0)
        rc = set_slot(verdicts, note, check->slot);
    if (rc != 0)
        return rc;
    note->version = check->version;
    note->round = verdicts->round;
    make_due(verdicts, note);
    return 0;
}

static int on_check(void *user, const struct state_check *check)
{
    return take_check(user, check);
}

static void take_all(struct cluster *cluster)
{
    struct verdicts *verdicts = cluster->verdicts;
    uint64_t ids[CLUSTER_MEMBERS_MAX];

    verdicts->is_stale = true; /* until all is well */
    verdicts->round++;
    for (unsigned i = 0; i < cluster->members.count; i++)
        ids[i] = cluster->members.list[i].id;
    if (verdict_set_members(verdicts->table, ids, cluster->members.count) != 0 ||
        state_list_checks(store_kv(cluster->store), "", on_check, cluster) != 0)
        return;
    for (size_t i = verdicts->notes.count; i-- > 0;) {
        struct note *note = verdicts->notes.items[i];
        if (note->round != verdicts->round)
            forget(verdicts, note->id);
    }
    verdicts->is_stale = false;
}

void verdicts_role_changed(struct cluster *cluster)
{
    struct verdicts *verdicts = cluster->verdicts;

    if (!verdicts)
        return;
    clear(verdicts);
    if (!cluster__leads(cluster))
        return;
    if (verdict_new(&verdicts->table) != 0) {
        log_error("cluster", "verdicts_not_led why=\"out of memory\"");
        return; /* verdicts stay as they are */
    }
    verdict_lead(verdicts->table, clock_mono_ms());
    take_all(cluster);
}

static bool is_leading(const struct cluster *cluster)
{
    return cluster->verdicts && cluster->verdicts->table && cluster__leads(cluster);
}

void verdicts_check_changed(struct cluster *cluster, const char *id)
{
    struct state_check check;

    if (!is_leading(cluster))
        return;
    int rc = id ? state_get_check(store_kv(cluster->store), id, &check) : ERR_INVALID;
    if (rc == 0)
        rc = take_check(cluster, &check);
    else if (rc == ERR_NOT_FOUND)
        forget(cluster->verdicts, id);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        cluster->verdicts->is_stale = true;
}

void verdicts_members_changed(struct cluster *cluster)
{
    if (is_leading(cluster))
        cluster->verdicts->is_stale = true;
}

void verdicts_octet(struct cluster *cluster, uint32_t slot)
{
    struct verdicts *verdicts = cluster->verdicts;

    if (!is_leading(cluster) || slot >= verdicts->slot_count || !verdicts->by_slot[slot])
        return;
    if (read_status(cluster, verdicts->by_slot[slot]) != 0)
        verdicts->is_stale = true;
    make_due(verdicts, verdicts->by_slot[slot]);
}

/* ---- opinions → verdicts ---- */

void verdicts_take(struct cluster *cluster, uint64_t from, const Clu__Opinions *opinions)
{
    struct verdicts *verdicts = cluster->verdicts;
    uint64_t now_mono_ms = clock_mono_ms();

    if (!is_leading(cluster))
        return;
    verdict_heard(verdicts->table, from, now_mono_ms);
    for (size_t i = 0; i < opinions->n_opinions; i++) {
        const Clu__Opinion *item = opinions->opinions[i];
        struct note *note = health_index_find(&verdicts->notes, item->health_check_id);
        bool is_news = false;
        if (!note || item->health > HEALTH_UNHEALTHY ||
            strnlen(item->status, HEALTH_TEXT_SIZE) == HEALTH_TEXT_SIZE ||
            strnlen(item->last_failure, HEALTH_TEXT_SIZE) == HEALTH_TEXT_SIZE)
            continue;
        struct verdict_opinion opinion = {from,
                                          item->version,
                                          (enum health_state)item->health,
                                          item->status,
                                          item->last_failure,
                                          item->checked_wall_ms,
                                          item->last_failure_wall_ms};
        if (verdict_put(verdicts->table, note->id, &opinion, now_mono_ms, &is_news) == 0 && is_news)
            make_due(verdicts, note);
    }
    if (verdicts->due_count > 0)
        cluster__wake(cluster);
}

static enum state_verdict verdict_of(enum health_state state)
{
    return state == HEALTH_HEALTHY ? STATE_VERDICT_HEALTHY : STATE_VERDICT_UNHEALTHY;
}

enum urgency { NOTHING_NEW, NEW_DETAILS, NEW_VERDICT };

static enum urgency compare(const struct note *note, const struct verdict_outcome *outcome)
{
    if (outcome->verdict == HEALTH_NONE)
        return NOTHING_NEW;
    if (verdict_of(outcome->verdict) != note->verdict || note->judged_version != note->version)
        return NEW_VERDICT;
    bool has_reason =
        outcome->reason[0] && strcmp(outcome->reason, note->reason ? note->reason : "");
    return has_reason || outcome->healthy != note->healthy || outcome->checkers != note->checkers
               ? NEW_DETAILS
               : NOTHING_NEW;
}

struct batch {
    struct cluster *cluster;
    size_t count;
    struct note *notes[BATCH_MAX]; /* valid until it is proposed */
    char ids[BATCH_MAX][HEALTH_ID_SIZE];
    Cmd__VerdictOf items[BATCH_MAX];
    Cmd__VerdictOf *pointers[BATCH_MAX];
};

static void on_result(void *user, int rc, const struct apply_result *result)
{
    struct batch *batch = user;
    struct cluster *cluster = batch->cluster;

    (void)result;
    for (size_t i = 0; rc != ERR_CLOSED && is_leading(cluster) && i < batch->count; i++) {
        struct note *note = health_index_find(&cluster->verdicts->notes, batch->ids[i]);
        if (!note)
            continue;
        note->is_in_flight = false;
        if (read_status(cluster, note) != 0)
            cluster->verdicts->is_stale = true;
        make_due(cluster->verdicts, note); /* the opinions may have gone on meanwhile */
    }
    free(batch);
}

static void add(struct batch *batch, struct note *note, const struct verdict_outcome *outcome)
{
    Cmd__VerdictOf *item = &batch->items[batch->count];

    cmd__verdict_of__init(item);
    memcpy(batch->ids[batch->count], note->id, HEALTH_ID_SIZE);
    item->health_check_id = batch->ids[batch->count];
    item->version = note->version;
    item->verdict = (Cmd__Verdict)verdict_of(outcome->verdict);
    item->healthy_checkers = outcome->healthy;
    item->checkers = outcome->checkers;
    item->reason = (char *)(uintptr_t)(outcome->reason[0] ? outcome->reason
                                       : note->reason     ? note->reason
                                                          : "");
    batch->pointers[batch->count] = item;
    batch->notes[batch->count++] = note;
}

/* Ends @batch. */
static void propose(struct cluster *cluster, struct batch *batch, uint64_t now_mono_ms)
{
    Cmd__PutVerdicts put = CMD__PUT_VERDICTS__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;

    put.n_verdicts = batch->count;
    put.verdicts = batch->pointers;
    command.kind_case = CMD__COMMAND__KIND_PUT_VERDICTS;
    command.put_verdicts = &put;
    command.actor = (char *)(uintptr_t) "health checks";
    int rc = batch->count == 0 ? ERR_NOT_FOUND
                               : proposer_submit(cluster->proposer, &command, now_mono_ms,
                                                 PROPOSAL_MS, on_result, batch);
    for (size_t i = 0; i < batch->count; i++) {
        batch->notes[i]->is_in_flight = rc == 0;
        batch->notes[i]->proposed_mono_ms = now_mono_ms;
        if (rc != 0) /* busy: the next sweep finds it */
            batch->notes[i]->proposed_mono_ms = 0;
    }
    if (rc != 0)
        free(batch);
}

static void log_verdict(const struct note *note, const struct verdict_outcome *outcome)
{
    if (verdict_of(outcome->verdict) == note->verdict)
        return;
    log_info("cluster", "verdict check=%s verdict=%s healthy=%" PRIu32 " of=%" PRIu32 " why=\"%s\"",
             note->id, outcome->verdict == HEALTH_HEALTHY ? "healthy" : "unhealthy",
             outcome->healthy, outcome->checkers, outcome->reason);
}

/* Judge all checks, or those that are due, and propose what is new. */
static void judge(struct cluster *cluster, uint64_t now_mono_ms, bool is_sweep)
{
    struct verdicts *verdicts = cluster->verdicts;
    struct batch *batch = NULL;
    unsigned details = 0;

    for (size_t i = 0; i < verdicts->notes.count; i++) {
        struct note *note = verdicts->notes.items[i];
        struct verdict_outcome outcome;
        if (!is_sweep && !note->is_due)
            continue;
        verdicts->due_count -= note->is_due;
        note->is_due = false;
        if (note->is_in_flight ||
            verdict_judge(verdicts->table, note->id, now_mono_ms, &outcome) != 0)
            continue;
        enum urgency urgency = compare(note, &outcome);
        if (urgency == NOTHING_NEW ||
            (urgency == NEW_DETAILS &&
             (now_mono_ms - note->proposed_mono_ms < DETAILS_MS || details++ >= SWEEP_DETAILS_MAX)))
            continue;
        if (!batch && !(batch = calloc(1, sizeof(*batch))))
            return; /* the next sweep finds it */
        batch->cluster = cluster;
        log_verdict(note, &outcome);
        add(batch, note, &outcome);
        if (batch->count < BATCH_MAX)
            continue;
        propose(cluster, batch, now_mono_ms);
        batch = NULL;
    }
    if (batch)
        propose(cluster, batch, now_mono_ms);
}

void verdicts_flush(struct cluster *cluster, uint64_t now_mono_ms)
{
    if (is_leading(cluster) && cluster->verdicts->due_count > 0)
        judge(cluster, now_mono_ms, false);
}

void verdicts_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct verdicts *verdicts = cluster->verdicts;

    if (!is_leading(cluster) || now_mono_ms - verdicts->swept_mono_ms < SWEEP_MS)
        return;
    verdicts->swept_mono_ms = now_mono_ms;
    if (verdicts->is_stale)
        take_all(cluster);
    judge(cluster, now_mono_ms, true);
}

/* ---- for showing ---- */

void verdicts_answer(struct cluster *cluster, struct ask_call *call, const char *id)
{
    struct verdict_opinion list[CLUSTER_MEMBERS_MAX];
    Clu__Opinion items[CLUSTER_MEMBERS_MAX], *pointers[CLUSTER_MEMBERS_MAX];
    Clu__Answer answer = CLU__ANSWER__INIT;

    if (!is_leading(cluster)) {
        ask_reply_text(cluster, call, ERR_UNAVAILABLE, "this node does not judge checks");
        return;
    }
    unsigned count =
        verdict_list(cluster->verdicts->table, id, clock_mono_ms(), list, CLUSTER_MEMBERS_MAX);
    ASSERT(count <= CLUSTER_MEMBERS_MAX);
    for (unsigned i = 0; i < count; i++) {
        clu__opinion__init(&items[i]);
        items[i].health_check_id = (char *)(uintptr_t)id;
        items[i].version = list[i].version;
        items[i].health = list[i].state;
        items[i].status = (char *)(uintptr_t)list[i].status;
        items[i].last_failure = (char *)(uintptr_t)list[i].last_failure;
        items[i].checked_wall_ms = list[i].checked_wall_ms;
        items[i].last_failure_wall_ms = list[i].last_failure_wall_ms;
        items[i].member = list[i].member;
        pointers[i] = &items[i];
    }
    answer.n_opinions = count;
    answer.opinions = pointers;
    ask_reply(cluster, call, &answer);
}
