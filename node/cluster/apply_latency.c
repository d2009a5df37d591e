#include "cluster/apply_latency.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "geo/region.h"
#include "proto/command.pb-c.h"
#include "store/state_cidr.h"

#define TOLERANCE_MS 10
#define MEASURED_IPV4_BITS 24
#define MEASURED_IPV6_BITS 48
#define CONFIRM_EVERY_S 86400u /* a figure that stays is written this often */
#define WINDOW_PAST_S 86400u   /* a window may have ended so long before its command was made */

static bool is_within(uint16_t ms, uint16_t reference_ms)
{
    const int difference_ms = abs((int)ms - (int)reference_ms);

    return difference_ms <= TOLERANCE_MS || difference_ms * 10 <= reference_ms;
}

bool apply__latency_take(struct state_latency *entry, uint16_t ms, uint64_t window_wall_s,
                         bool *is_changed)
{
    const bool has_candidate = entry->candidate_windows > 0;

    *is_changed = false;
    if (window_wall_s <= entry->window_wall_s)
        return false;
    const uint64_t since_s = window_wall_s - entry->window_wall_s;
    if (is_within(ms, entry->ms)) {
        *is_changed = has_candidate || since_s >= CONFIRM_EVERY_S;
        if (*is_changed)
            entry->window_wall_s = window_wall_s;
        entry->candidate_windows = 0;
        entry->candidate_ms = 0;
        return false;
    }
    *is_changed = true;
    const bool goes_on = has_candidate && since_s <= APPLY__LATENCY_ROW_GAP_S &&
                         (ms > entry->ms) == (entry->candidate_ms > entry->ms) &&
                         is_within(ms, entry->candidate_ms);
    entry->candidate_windows = goes_on ? (uint8_t)(entry->candidate_windows + 1) : 1;
    entry->candidate_ms = ms;
    entry->window_wall_s = window_wall_s;
    if (entry->candidate_windows < APPLY__LATENCY_WINDOWS)
        return false;
    entry->ms = ms;
    entry->candidate_ms = 0;
    entry->candidate_windows = 0;
    return true;
}

/* Octets of a prefix as commands have them. Bits behind its length are 0. */
static bool take_prefix(const ProtobufCBinaryData *from, struct prefix *out)
{
    uint8_t cut[16] = {0};

    *out = (struct prefix){.is_ipv6 = from->len == 17};
    if (from->len != 5 && from->len != 17)
        return false;
    const size_t address_len = from->len - 1;
    out->len = from->data[0];
    if (out->len > address_len * 8)
        return false;
    memcpy(out->octets, from->data + 1, address_len);
    memcpy(cut, out->octets, out->len / 8);
    if (out->len % 8 != 0)
        cut[out->len / 8] = (uint8_t)(out->octets[out->len / 8] & (0xff00 >> out->len % 8));
    return memcmp(cut, out->octets, sizeof(cut)) == 0;
}

/* A region that is there. */
static int take_region(struct apply *apply, const char *name, char out[STATE_LATENCY_REGION_SIZE])
{
    struct state_region region;
    const size_t len = strlen(name);
    int rc = ERR_NOT_FOUND;

    if (len > 0 && len < STATE_LATENCY_REGION_SIZE)
        rc = geo_region_builtin(name) != GEO_REGION_NONE
                 ? 0
                 : state_get_region(apply__kv(apply), name, &region);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse(apply, ERR_NOT_FOUND,
                             "there is no region '%.64s': use one of 'quartet region list', or "
                             "make it by 'quartet region set'",
                             name);
    if (rc == 0)
        memcpy(out, name, len + 1);
    return rc;
}

static int tell_changed(struct apply *apply, struct state_latency_about *about)
{
    const struct apply_effect effect = {.kind = APPLY_LATENCY_CHANGED};

    about->version++;
    return apply__tell(apply, &effect);
}

/* ---- imports ---- */

static int import_one(struct apply *apply, const Cmd__LatencyEntry *from, const char *last_region,
                      struct state_latency *entry)
{
    entry->source = STATE_LATENCY_IMPORTED;
    if (!take_prefix(&from->prefix, &entry->prefix))
        return apply__refuse(apply, ERR_INVALID, "a prefix of the import is malformed");
    if (from->ms > STATE_LATENCY_MS_MAX)
        return apply__refuse(apply, ERR_INVALID, "%" PRIu32 " ms is over %u", from->ms,
                             STATE_LATENCY_MS_MAX);
    entry->ms = (uint16_t)from->ms;
    if (last_region && strcmp(last_region, from->region) == 0)
        return 0; /* which @entry has still */
    return take_region(apply, from->region, entry->region);
}

static int import_latency(struct apply *apply, const struct Cmd__ImportLatency *command)
{
    struct state_latency_about about;
    struct state_latency entry = {0}, old;
    int rc = state_get_latency_about(apply__kv(apply), &about);

    if (rc == 0 && command->n_entries > APPLY__LATENCY_ENTRIES_MAX)
        rc = apply__refuse(apply, ERR_LIMIT, "over %u entries in one command",
                           APPLY__LATENCY_ENTRIES_MAX);
    if (rc == 0 && command->is_first) {
        state_delete_imported(apply->overlay);
        about.imported_count = 0;
    }
    for (size_t i = 0; rc == 0 && i < command->n_entries; i++) {
        rc = import_one(apply, command->entries[i], i > 0 ? command->entries[i - 1]->region : NULL,
                        &entry);
        if (rc != 0)
            break;
        rc = state_get_latency(apply__kv(apply), &entry, &old);
        if (rc == ERR_NOT_FOUND) {
            rc = 0;
            about.imported_count++;
        }
        state_put_latency(apply->overlay, &entry);
    }
    if (rc == 0 && about.imported_count > APPLY__LATENCY_IMPORTED_MAX)
        rc = apply__refuse(apply, ERR_LIMIT,
                           "more than %u imported figures: import shorter prefixes",
                           APPLY__LATENCY_IMPORTED_MAX);
    if (rc == 0)
        rc = tell_changed(apply, &about);
    if (rc == 0)
        state_put_latency_about(apply->overlay, &about);
    return rc;
}

/* ---- windows ---- */

static bool is_measured_prefix(const struct prefix *prefix)
{
    return prefix->len == (prefix->is_ipv6 ? MEASURED_IPV6_BITS : MEASURED_IPV4_BITS);
}

struct window {
    struct apply *apply;
    struct state_latency_about about;
    uint64_t wall_s;
    bool has_changed; /* of the figures that count */
};

static int measure(struct window *window, struct state_latency *which, uint16_t ms)
{
    struct apply *apply = window->apply;
    struct state_latency entry;
    bool is_changed = true;
    int rc = state_get_latency(apply__kv(apply), which, &entry);

    if (rc == ERR_NOT_FOUND) {
        if (window->about.measured_count >= APPLY__LATENCY_MEASURED_MAX)
            return 0;
        window->about.measured_count++;
        window->has_changed = true;
        entry = *which;
        entry.ms = ms;
        entry.window_wall_s = window->wall_s;
    } else if (rc != 0)
        return rc;
    else if (apply__latency_take(&entry, ms, window->wall_s, &is_changed))
        window->has_changed = true;
    if (is_changed)
        state_put_latency(apply->overlay, &entry);
    return 0;
}

static int measure_all(struct window *window, const struct Cmd__PutLatencyWindow *command)
{
    struct apply *apply = window->apply;
    struct state_latency which = {.source = STATE_LATENCY_MEASURED};
    int rc = command->n_measures > 0 ? take_region(apply, command->region, which.region) : 0;

    for (size_t i = 0; rc == 0 && i < command->n_measures; i++) {
        const Cmd__LatencyMeasure *from = command->measures[i];
        if (!take_prefix(&from->prefix, &which.prefix) || !is_measured_prefix(&which.prefix) ||
            from->ms > STATE_LATENCY_MS_MAX)
            return apply__refuse(apply, ERR_INVALID, "a measure is malformed");
        rc = measure(window, &which, (uint16_t)from->ms);
    }
    return rc;
}

/* ---- old ones ---- */

struct sweep {
    struct window *window;
    struct state_latency *old;
    size_t old_count, seen_count;
};

static int on_measured(void *user, const struct state_latency *entry)
{
    struct sweep *sweep = user;
    struct state_latency_about *about = &sweep->window->about;

    if (sweep->seen_count++ == APPLY__LATENCY_SWEEP) {
        about->sweep_key_len = state_latency_key(entry, about->sweep_key);
        return 1;
    }
    if (entry->window_wall_s + APPLY__LATENCY_AGE_S < sweep->window->wall_s)
        sweep->old[sweep->old_count++] = *entry;
    return 0;
}

static int sweep_old(struct window *window)
{
    struct apply *apply = window->apply;
    struct sweep sweep = {.window = window};
    uint8_t from[STATE_LATENCY_KEY_MAX];
    const size_t from_len = window->about.sweep_key_len;

    memcpy(from, window->about.sweep_key, from_len);
    window->about.sweep_key_len = 0; /* unless it ends before the last one */
    sweep.old = malloc(APPLY__LATENCY_SWEEP * sizeof(*sweep.old));
    if (!sweep.old)
        return ERR_NOMEM;
    int rc = state_list_measured(apply__kv(apply), from, from_len, on_measured, &sweep);
    for (size_t i = 0; rc == 0 && i < sweep.old_count; i++)
        state_delete_latency(apply->overlay, &sweep.old[i]);
    window->about.measured_count -= sweep.old_count;
    window->has_changed = window->has_changed || sweep.old_count > 0;
    free(sweep.old);
    return rc;
}

static int put_latency_window(struct apply *apply, const struct Cmd__PutLatencyWindow *command)
{
    struct window window = {.apply = apply, .wall_s = command->window_wall_s};
    const uint64_t now_wall_s = apply->command->time_wall_ms / 1000;
    int rc = state_get_latency_about(apply__kv(apply), &window.about);

    if (rc != 0)
        return rc;
    if (command->n_measures > APPLY__LATENCY_ENTRIES_MAX)
        return apply__refuse(apply, ERR_LIMIT, "over %u measures in one command",
                             APPLY__LATENCY_ENTRIES_MAX);
    if (window.wall_s > now_wall_s || now_wall_s - window.wall_s > WINDOW_PAST_S)
        return apply__refuse(apply, ERR_INVALID, "the window did not end within the last day");
    rc = measure_all(&window, command);
    if (rc == 0)
        rc = sweep_old(&window);
    if (rc == 0 && window.has_changed)
        rc = tell_changed(apply, &window.about);
    if (rc == 0)
        state_put_latency_about(apply->overlay, &window.about);
    return rc;
}

int apply__latency(struct apply *apply, const struct Cmd__Command *command)
{
    if (command->kind_case == CMD__COMMAND__KIND_IMPORT_LATENCY)
        return import_latency(apply, command->import_latency);
    if (command->kind_case == CMD__COMMAND__KIND_PUT_LATENCY_WINDOW)
        return put_latency_window(apply, command->put_latency_window);
    return ERR_VERSION;
}
