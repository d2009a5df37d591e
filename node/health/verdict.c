#include "health/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "health/index.h"

struct row { /* one member's opinion of one check */
    uint64_t heard_mono_ms;
    uint64_t version;
    enum health_state state;
    bool is_there;
    char *status, *last_failure; /* NULL: empty */
    uint64_t checked_wall_ms, last_failure_wall_ms;
};
struct entry {
    char id[HEALTH_ID_SIZE]; /* first: health/index.h */
    struct verdict_check check;
    uint64_t since_mono_ms; /* of this version */
    struct row *rows;       /* for each member */
};
struct member {
    uint64_t id;
    uint64_t heard_mono_ms, since_mono_ms; /* since: first heard after silence */
    bool is_heard;
    size_t row_count;
};
struct verdict_table {
    struct member members[VERDICT_MEMBERS_MAX];
    unsigned member_count;
    uint64_t leading_since_mono_ms;
    struct health_index entries;
};

int verdict_new(struct verdict_table **out)
{
    struct verdict_table *table = calloc(1, sizeof(*table));

    if (!table)
        return ERR_NOMEM;
    *out = table;
    return 0;
}

static void clear_row(struct row *row)
{
    free(row->status);
    free(row->last_failure);
    *row = (struct row){0};
}

static void free_rows(struct entry *entry, unsigned count)
{
    for (unsigned i = 0; entry->rows && i < count; i++)
        clear_row(&entry->rows[i]);
    free(entry->rows);
    entry->rows = NULL;
}

void verdict_free(struct verdict_table *table)
{
    if (!table)
        return;
    for (size_t i = 0; i < table->entries.count; i++) {
        free_rows(table->entries.items[i], table->member_count);
        free(table->entries.items[i]);
    }
    health_index_fini(&table->entries);
    free(table);
}

void verdict_lead(struct verdict_table *table, uint64_t now_mono_ms)
{
    table->leading_since_mono_ms = now_mono_ms;
    for (size_t i = 0; i < table->entries.count; i++) {
        struct entry *entry = table->entries.items[i];
        for (unsigned k = 0; k < table->member_count; k++)
            clear_row(&entry->rows[k]);
    }
    for (unsigned k = 0; k < table->member_count; k++)
        table->members[k] = (struct member){.id = table->members[k].id};
}

static unsigned find_member(const struct member *members, unsigned count, uint64_t id)
{
    unsigned at = 0;

    while (at < count && members[at].id != id)
        at++;
    return at;
}

static struct row *new_rows(unsigned count)
{
    return calloc(count ? count : 1, sizeof(struct row));
}

/* Rows of members that stay move to their new places in @rows. */
static void move_rows(struct verdict_table *table, struct entry *entry, struct row *rows,
                      const struct member *members, unsigned count)
{
    for (unsigned i = 0; i < table->member_count; i++) {
        unsigned at = find_member(members, count, table->members[i].id);
        if (at == count) {
            clear_row(&entry->rows[i]);
            continue;
        }
        rows[at] = entry->rows[i];
        entry->rows[i] = (struct row){0};
    }
    free(entry->rows);
    entry->rows = rows;
}

int verdict_set_members(struct verdict_table *table, const uint64_t *ids, unsigned count)
{
    struct member members[VERDICT_MEMBERS_MAX] = {{0}};
    size_t entry_count = table->entries.count, made = 0;

    if (count > VERDICT_MEMBERS_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < count; i++) {
        unsigned at = find_member(table->members, table->member_count, ids[i]);
        members[i] = at < table->member_count ? table->members[at] : (struct member){.id = ids[i]};
    }
    struct row **rows = calloc(entry_count ? entry_count : 1, sizeof(struct row *));
    while (rows && made < entry_count && (rows[made] = new_rows(count)))
        made++;
    if (!rows || made < entry_count) {
        while (made > 0)
            free(rows[--made]);
        free(rows);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < entry_count; i++)
        move_rows(table, table->entries.items[i], rows[i], members, count);
    free(rows);
    memcpy(table->members, members, sizeof(members));
    table->member_count = count;
    return 0;
}

static int add_entry(struct verdict_table *table, const char *id, struct entry **out)
{
    struct entry *entry = calloc(1, sizeof(*entry));

    if (entry) {
        memcpy(entry->id, id, strnlen(id, HEALTH_ID_SIZE - 1));
        entry->rows = new_rows(table->member_count);
    }
    if (!entry || !entry->rows || health_index_add(&table->entries, entry) != 0) {
        free(entry ? entry->rows : NULL);
        free(entry);
        return ERR_NOMEM;
    }
    *out = entry;
    return 0;
}

int verdict_set_check(struct verdict_table *table, const char *id,
                      const struct verdict_check *check, uint64_t now_mono_ms)
{
    struct entry *entry = health_index_find(&table->entries, id);
    int rc = entry ? 0 : add_entry(table, id, &entry);

    if (rc != 0)
        return rc;
    if (entry->check.version != check->version)
        entry->since_mono_ms = now_mono_ms;
    entry->check = *check;
    return 0;
}

void verdict_remove_check(struct verdict_table *table, const char *id)
{
    struct entry *entry = health_index_take(&table->entries, id);

    if (!entry)
        return;
    for (unsigned i = 0; i < table->member_count; i++)
        table->members[i].row_count -= entry->rows[i].is_there;
    free_rows(entry, table->member_count);
    free(entry);
}

size_t verdict_check_count(const struct verdict_table *table)
{
    return table->entries.count;
}

const char *verdict_check_at(const struct verdict_table *table, size_t index)
{
    return index < table->entries.count ? table->entries.items[index] : NULL;
}

static bool is_member_alive(const struct member *member, uint64_t now_mono_ms)
{
    return member->is_heard &&
           now_mono_ms - member->heard_mono_ms <= VERDICT_HEARTBEATS * VERDICT_HEARTBEAT_MS;
}

static void hear(struct member *member, uint64_t now_mono_ms)
{
    if (!is_member_alive(member, now_mono_ms))
        member->since_mono_ms = now_mono_ms;
    member->is_heard = true;
    member->heard_mono_ms = now_mono_ms;
}

void verdict_heard(struct verdict_table *table, uint64_t member, uint64_t now_mono_ms)
{
    unsigned at = find_member(table->members, table->member_count, member);

    if (at < table->member_count)
        hear(&table->members[at], now_mono_ms);
}

/* Most texts are the same as before. */
static int keep_text(char **kept, const char *text)
{
    if (strcmp(*kept ? *kept : "", text) == 0)
        return 0;
    char *copy = strdup(text);
    if (!copy)
        return ERR_NOMEM;
    free(*kept);
    *kept = copy;
    return 0;
}

int verdict_put(struct verdict_table *table, const char *id, const struct verdict_opinion *opinion,
                uint64_t now_mono_ms, bool *is_news)
{
    struct entry *entry = health_index_find(&table->entries, id);
    unsigned at = find_member(table->members, table->member_count, opinion->member);

    if (!entry || at == table->member_count)
        return ERR_NOT_FOUND;
    struct row *row = &entry->rows[at];
    int rc = keep_text(&row->status, opinion->status);
    if (rc == 0)
        rc = keep_text(&row->last_failure, opinion->last_failure);
    if (rc != 0)
        return rc;
    *is_news = !row->is_there || row->state != opinion->state || row->version != opinion->version;
    table->members[at].row_count += !row->is_there;
    row->is_there = true;
    row->heard_mono_ms = now_mono_ms;
    row->version = opinion->version;
    row->state = opinion->state;
    row->checked_wall_ms = opinion->checked_wall_ms;
    row->last_failure_wall_ms = opinion->last_failure_wall_ms;
    hear(&table->members[at], now_mono_ms);
    return 0;
}

static bool is_alive(const struct verdict_table *table, const struct entry *entry, unsigned at,
                     uint64_t now_mono_ms)
{
    const struct row *row = &entry->rows[at];
    const struct member *member = &table->members[at];

    return row->is_there && row->version == entry->check.version &&
           is_member_alive(member, now_mono_ms) &&
           now_mono_ms - row->heard_mono_ms <=
               VERDICT_HEARTBEATS * verdict_heartbeat_ms(member->row_count);
}

/* How long a node may take for its first opinion of a check. */
static uint64_t patience_ms(const struct verdict_check *check)
{
    uint64_t ms = (uint64_t)check->interval_s * check->failure_threshold * 1000 + VERDICT_RUN_MS;

    return VERDICT_SETTLE_MS + (ms < VERDICT_PATIENCE_MS_MAX ? ms : VERDICT_PATIENCE_MS_MAX);
}

/* Has the member no opinion, but should have one soon? */
static bool is_waited_for(const struct verdict_table *table, const struct entry *entry, unsigned at,
                          uint64_t now_mono_ms)
{
    const struct member *member = &table->members[at];
    uint64_t since_mono_ms =
        member->since_mono_ms > entry->since_mono_ms ? member->since_mono_ms : entry->since_mono_ms;

    if (!(entry->check.expected >> at & 1))
        return false;
    if (now_mono_ms - table->leading_since_mono_ms < VERDICT_SETTLE_MS)
        return true;
    return is_member_alive(member, now_mono_ms) &&
           now_mono_ms - since_mono_ms < patience_ms(&entry->check);
}

static const char *later_failure(const struct row *row, const struct row **latest)
{
    if (row->state == HEALTH_UNHEALTHY &&
        (!*latest || row->last_failure_wall_ms > (*latest)->last_failure_wall_ms))
        *latest = row;
    return *latest && (*latest)->last_failure ? (*latest)->last_failure : "";
}

int verdict_judge(const struct verdict_table *table, const char *id, uint64_t now_mono_ms,
                  struct verdict_outcome *out)
{
    const struct entry *entry = health_index_find(&table->entries, id);
    const struct row *latest = NULL;
    uint32_t healthy = 0, checkers = 0, waited = 0;
    const char *reason = "";

    if (!entry)
        return ERR_NOT_FOUND;
    for (unsigned i = 0; i < table->member_count; i++) {
        const struct row *row = &entry->rows[i];
        if (is_alive(table, entry, i, now_mono_ms) && row->state != HEALTH_NONE) {
            checkers++;
            healthy += row->state == HEALTH_HEALTHY;
            reason = later_failure(row, &latest);
        } else {
            waited += is_waited_for(table, entry, i, now_mono_ms);
        }
    }
    uint32_t all = VERDICT_HEALTHY_PERCENT * (checkers + waited);
    *out = (struct verdict_outcome){HEALTH_NONE, healthy, checkers, reason};
    if (100 * healthy > all)
        out->verdict = HEALTH_HEALTHY;
    else if (checkers > 0 && 100 * (healthy + waited) <= all)
        out->verdict = HEALTH_UNHEALTHY;
    return 0;
}

unsigned verdict_list(const struct verdict_table *table, const char *id, uint64_t now_mono_ms,
                      struct verdict_opinion *out, unsigned count_max)
{
    const struct entry *entry = health_index_find(&table->entries, id);
    unsigned count = 0;

    for (unsigned i = 0; entry && i < table->member_count; i++) {
        const struct row *row = &entry->rows[i];
        if (!is_alive(table, entry, i, now_mono_ms))
            continue;
        if (count < count_max)
            out[count] = (struct verdict_opinion){
                .member = table->members[i].id,
                .version = row->version,
                .state = row->state,
                .status = row->status ? row->status : "",
                .last_failure = row->last_failure ? row->last_failure : "",
                .checked_wall_ms = row->checked_wall_ms,
                .last_failure_wall_ms = row->last_failure_wall_ms,
            };
        count++;
    }
    return count;
}
