/* node/cluster/publish.h: from applied state into the image that DNS reads. Effects of applied
 * entries become changes of the image, published once per batch of entries. A whole state (at the
 * start, or from a snapshot) is read zone by zone in bounded steps, unseen, and published as one
 * generation; readers have the old one meanwhile. So is a zone that takes the place of another one
 * of its name with all that it holds: the other one is shown until that is read. Loop thread.
 *
 * If memory runs out the image is frozen: readers keep what they have, and status shows an image
 * index that falls behind. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct apply_effect;
struct kv;
struct publish;
struct querylog_table;
struct zone_counts;
struct zone_publisher;

int publish_new(struct publish **out);      /* ERR_NOMEM */
void publish_free(struct publish *publish); /* accepts NULL; readers have left */
struct zone_publisher *publish_image(struct publish *publish);
/* Who is told which zones are logged; before anything is published. NULL: nobody. */
void publish_set_log(struct publish *publish, struct querylog_table *table);

/* Note one effect; state is that of @kv after it. */
void publish_effect(struct publish *publish, const struct kv *kv,
                    const struct apply_effect *effect);
/* Make what was noted visible as the image of @index, or of the last one before the first zone that
 * is not shown yet. */
void publish_commit(struct publish *publish, uint64_t index);
/* Is there a zone that is not shown yet? */
bool publish_is_filling(const struct publish *publish);
/* Go on with these for about @sets_max record sets, once in each turn of the loop; those that are
 * complete then are shown as one generation. 1: more to do; 0: done. ERR_NOMEM: nothing is lost, to
 * be called again later. Other ERR_* of reads: the image is frozen. */
int publish_fill_step(struct publish *publish, const struct kv *kv, unsigned sets_max);
/* Make visible what was changed beside the log (zone_change_geo), at the index that readers see;
 * while a whole state is being read, its end does that. */
void publish_refresh(struct publish *publish);
/* By which slots zones are counted (zone_counts.h). Borrowed. */
struct zone_counts *publish_counts(struct publish *publish);
/* Readers keep what they have until a whole state is read; @why is logged. */
void publish_freeze(struct publish *publish, const char *why);
/* The index that readers see: every change up to it is in the image. */
uint64_t publish_index(const struct publish *publish);
bool publish_is_frozen(const struct publish *publish);

/* Begin to read all of @kv, on a thread of its own; it must not change or be closed until the end
 * or publish_rebuild_cancel(). ERR_NOMEM, ERR_* of reads. */
int publish_rebuild_begin(struct publish *publish, const struct kv *kv);
/* Go on for about @sets_max record sets. 1: more to do; 0: published as @kv's index; ERR_*: given
 * up, readers keep the old image. ERR_CORRUPT also for damage that no read would meet. */
int publish_rebuild_step(struct publish *publish, const struct kv *kv, unsigned sets_max);
/* Begin, and go on to the end: 0 or ERR_*. Blocks. */
int publish_rebuild_all(struct publish *publish, const struct kv *kv);
/* Give up what was begun, if anything; readers keep the old image. Accepts NULL. */
void publish_rebuild_cancel(struct publish *publish);
/* Free some memory that no reader sees any more. false: nothing was left. */
bool publish_reclaim(struct publish *publish);
