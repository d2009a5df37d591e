/* The part of publish.h about public zones that take the name from another one, being activated or
 * because that one was deleted. The image has nothing of such a zone, and it may be large: it is
 * read from the state in steps, unseen, and shown in one generation once it is complete. Until then
 * the zone before it is shown. What comes meanwhile:
 *
 * | effect                                  | the filling                                        |
 * |-----------------------------------------|----------------------------------------------------|
 * | its sets are put, removed, overridden   | changes too; see below                             |
 * | another zone of the name is activated   | begins anew with that one, in the same turn        |
 * | … and is the one shown                  | is given up: that one has had all changes          |
 * | an import into the zone is committed    | is given up: the import is complete, and shown     |
 * | the zone is deleted and none follows    | is given up, and so is what is shown               |
 * | a snapshot's state is read, or a freeze | is given up                                        |
 *
 * Each step reads the state as it is by then, and an effect comes once the state has the change. So
 * a set that is changed before it is read is put twice, the second time as it is stored, and one
 * that is changed after it was read is changed here. Either way the zone ends up as it is stored.
 *
 * The index of the image stays below that of the entry which made the first of these zones the
 * served one: nobody is told that a change is served before it is. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply.h"
#include "cluster/publish_internal.h"
#include "dns/name.h"

/* What is read in a step is counted in record sets; this is as much work: */
#define COST_OF_ZONE 8u
#define COST_LEN 1024u /* octets of a set: another one */

#define STEP_OVER 1 /* a scan's callback: go on in the next step */

struct publish_fill {
    struct publish_fill *next, *previous;
    uint64_t content;     /* that is being filled */
    uint64_t shown;       /* content of the zone that is shown instead; may be gone from the map */
    uint64_t since_index; /* the first entry that the image does not show */
    char zone_id[STATE_ID_SIZE];
    struct { /* the set that is read next */
        uint8_t name[STATE_NAME_MAX];
        uint16_t type; /* 0: the first one of the content */
        char set_identifier[STATE_SET_IDENTIFIER_MAX + 1];
    } at;
};

static void append(struct publish *publish, struct publish_fill *fill)
{
    fill->previous = publish->fills.last;
    if (fill->previous)
        fill->previous->next = fill;
    else
        publish->fills.first = fill;
    publish->fills.last = fill;
}

static void end(struct publish *publish, struct publish_fill *fill)
{
    if (fill->previous)
        fill->previous->next = fill->next;
    else
        publish->fills.first = fill->next;
    if (fill->next)
        fill->next->previous = fill->previous;
    else
        publish->fills.last = fill->previous;
    free(fill);
}

/* Give up what was read so far, not the filling itself. */
static void drop_content(struct publish *publish, const struct publish_fill *fill)
{
    const struct content_entry *entry = content_map_find(&publish->map, fill->content);

    ASSERT(entry && entry->fill == fill);
    zone_content_drop(publish->image, entry->filling);
    content_map_remove(&publish->map, fill->content);
}

void publish__fill_drop(struct publish *publish, const struct content_entry *entry)
{
    struct publish_fill *fill = entry->fill;

    drop_content(publish, fill);
    end(publish, fill);
}

uint64_t publish__fill_shown(const struct content_entry *entry)
{
    return entry->fill->shown;
}

void publish__fill_cancel(struct publish *publish)
{
    publish->is_show_due = false; /* it can wait for the next commit */
    while (publish->fills.first) {
        struct publish_fill *fill = publish->fills.first;
        struct content_entry *entry = content_map_find(&publish->map, fill->content);
        ASSERT(entry && entry->fill == fill);
        zone_content_drop(publish->image, entry->filling);
        entry->filling = NULL;
        entry->fill = NULL;
        end(publish, fill);
    }
}

uint64_t publish__fill_limit(const struct publish *publish, uint64_t index)
{
    const struct publish_fill *first = publish->fills.first; /* no other one is since an earlier */

    return first && first->since_index <= index ? first->since_index - 1 : index;
}

bool publish_is_filling(const struct publish *publish)
{
    return publish->fills.first || publish->is_show_due;
}

/* Begin to fill the effect's content, in place of the one of @fill, or (NULL) beside the others. */
static int begin(struct publish *publish, const struct apply_effect *effect,
                 struct publish_fill *fill)
{
    struct publish_fill *fresh = fill ? NULL : calloc(1, sizeof(*fresh));
    struct zone_content *content = NULL;

    int rc = fill || fresh ? zone_content_new(publish->image, effect->name, &content) : ERR_NOMEM;
    if (rc == 0)
        rc = content_map_put(&publish->map, effect->content, effect->name, NULL, content);
    if (rc != 0) {
        zone_content_drop(publish->image, content);
        free(fresh);
        return rc;
    }
    if (fill) {
        drop_content(publish, fill);
    } else {
        fill = fresh;
        fill->shown = effect->old_content;
        fill->since_index = effect->index;
        append(publish, fill);
    }
    content_map_find(&publish->map, effect->content)->fill = fill;
    fill->content = effect->content;
    fill->at.type = 0;
    memcpy(fill->zone_id, effect->zone_id, strlen(effect->zone_id) + 1);
    return 0;
}

int publish__fill_begin(struct publish *publish, const struct apply_effect *effect)
{
    const struct content_entry *old = content_map_find(&publish->map, effect->old_content);
    struct publish_fill *fill = old ? old->fill : NULL;

    if (!content_map_find(&publish->map, effect->content))
        return begin(publish, effect, fill);
    ASSERT(fill && fill->shown == effect->content); /* nothing else is known of a zone not served */
    publish__fill_drop(publish, old);
    return 0;
}

struct step {
    struct publish *publish;
    struct publish_fill *fill;
    struct publish__place place;
    unsigned left; /* of the work */
    bool is_over;
};

static void spend(struct step *step, size_t cost)
{
    step->left = step->left > cost ? step->left - (unsigned)cost : 0;
}

static int on_set(void *user, const struct state_record_set *set)
{
    struct step *step = user;

    if (step->left > 0) {
        spend(step, 1 + (set->rdata_len + set->texts_len) / COST_LEN);
        return publish__put(step->publish, &step->place, set);
    }
    memcpy(step->fill->at.name, set->name, dns_name_len(set->name));
    step->fill->at.type = set->type;
    ASSERT(set->set_identifier_len <= STATE_SET_IDENTIFIER_MAX);
    if (set->set_identifier_len > 0)
        memcpy(step->fill->at.set_identifier, set->set_identifier, set->set_identifier_len);
    step->fill->at.set_identifier[set->set_identifier_len] = '\0';
    step->is_over = true;
    return STEP_OVER;
}

/* The content is complete: show it with the next generation. */
static int serve(struct publish *publish, struct publish_fill *fill, struct content_entry *entry)
{
    publish__mark_content(publish, fill->zone_id, entry->filling);
    int rc = zone_change_serve(publish->image, entry->filling);
    if (rc == ERR_NOMEM && publish_reclaim(publish))
        rc = zone_change_serve(publish->image, entry->filling);
    if (rc != 0)
        return rc;
    entry->filling = NULL;
    entry->fill = NULL;
    content_map_remove(&publish->map, fill->shown);
    end(publish, fill);
    publish->is_show_due = true;
    return 0;
}

/* Go on with the zone that waits for the longest. After an error the same is done again. */
static int fill_first(struct step *step)
{
    struct publish *publish = step->publish;
    struct publish_fill *fill = publish->fills.first;
    const struct state_set_start start = {
        .name = fill->at.name, .type = fill->at.type, .set_identifier = fill->at.set_identifier};
    struct content_entry *entry = content_map_find(&publish->map, fill->content);

    ASSERT(entry && entry->fill == fill);
    step->fill = fill;
    step->is_over = false;
    step->place.zone_id = fill->zone_id;
    step->place.entry = entry;
    spend(step, COST_OF_ZONE);
    int rc = state_list_record_sets(step->place.kv, fill->content,
                                    fill->at.type != 0 ? &start : NULL, on_set, step);
    return rc != 0 || step->is_over ? rc : serve(publish, fill, entry);
}

int publish_fill_step(struct publish *publish, const struct kv *kv, unsigned sets_max)
{
    struct step step = {.publish = publish, .place = {.kv = kv}, .left = sets_max};
    int rc = 0;

    ASSERT(sets_max > COST_OF_ZONE);
    while (rc == 0 && !publish->is_frozen && step.left > 0 && publish->fills.first)
        rc = fill_first(&step);
    if (rc != 0 && rc != ERR_NOMEM)
        publish_freeze(publish, err_text(rc));
    if (publish->is_frozen) {
        publish__fill_cancel(publish);
        return rc;
    }
    int show_rc = publish->is_show_due ? publish__show(publish) : 0;
    if (rc == 0)
        rc = show_rc;
    return rc != 0 ? rc : publish_is_filling(publish);
}
