/* node/cluster/publish_internal.h: shared by publish.c (changes), publish_fill.c (a zone that is
 * activated) and publish_rebuild.c (all). */
#pragma once

#include "cluster/content_map.h"
#include "cluster/publish.h"
#include "store/state.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/routing.h"

struct load_batch;
struct loader;
struct publish_fill;
struct querylog_table;
struct zone_counts;

enum rebuild_stage { REBUILD_OFF, REBUILD_SETS, REBUILD_DROPS };
struct rebuild {
    enum rebuild_stage stage;
    struct content_map fresh;
    struct loader *loader;
    const struct load_batch *batch; /* NULL: the next one is wanted */
    size_t batch_at;                /* the set in it that comes next */
    bool is_read;                   /* all batches were put */
    uint32_t content_at;            /* the contents before it are complete */
    struct zone_content *filling;   /* of content_at; NULL: not taken up yet */
    uint64_t drop_at;               /* slot of the old map */
    unsigned sets_left;             /* of this step */
};

struct publish {
    struct zone_publisher *image;
    struct querylog_table *log; /* NULL: nobody logs queries */
    struct zone_counts *counts;
    struct content_map map;
    uint64_t index;           /* that readers see */
    uint64_t committed_index; /* what was noted up to it is in the image, but for: */
    struct {
        struct publish_fill *first, *last;
    } fills;          /* zones that are activated but not shown yet, the longest waiting first */
    bool is_show_due; /* one is served, but in no generation yet */
    bool is_frozen;
    struct zone_rdata *rdatas; /* scratch for one set */
    size_t rdata_capacity;
    struct zone_routing routing;                                        /* the same */
    uint8_t hidden_name[STATE_NAME_MAX], hidden_target[STATE_NAME_MAX]; /* the same */
    struct rebuild rebuild;
};

/* Where a set belongs: the state that its routing is looked up in, and its zone's id. */
struct publish__place {
    const struct kv *kv;
    const char *zone_id;
    const struct content_entry *entry; /* may be served or filling */
};
/* A content for the zone @apex; @private_id NULL: a public one. ERR_NOMEM. */
int publish__content_new(struct publish *publish, const uint8_t *apex, const char *private_id,
                         struct zone_content **out);
/* Put one set. ERR_NOMEM, ERR_* of reads; a set that the image refuses is logged and left out. */
int publish__put(struct publish *publish, const struct publish__place *place,
                 const struct state_record_set *set);
/* publish_log.c: the slots that it is logged and counted by now, for a content that is about to be
 * served. */
void publish__mark_content(struct publish *publish, const char *zone_id,
                           struct zone_content *content);
/* As the state says now whether the zone is logged. ERR_NOMEM, ERR_* of reads. */
int publish__logging_changed(struct publish *publish, const struct kv *kv,
                             const struct apply_effect *effect);
/* All logged zones anew, before all contents are read. */
int publish__load_logging(struct publish *publish, const struct kv *kv);
/* Drop what is filling in @map, and the map. */
void publish__drop_filling(struct publish *publish, struct content_map *map);
/* publish_fill.c: an activated zone is to be shown, whose content the image has not. ERR_NOMEM. */
int publish__fill_begin(struct publish *publish, const struct apply_effect *effect);
/* Give up what @entry is being filled with, and the entry. */
void publish__fill_drop(struct publish *publish, const struct content_entry *entry);
/* The zone shown instead of the one that @entry is of; @entry->fill is there. */
uint64_t publish__fill_shown(const struct content_entry *entry);
/* Give up all. The zones pass for served ones, so that a rebuild finds what is in their place. */
void publish__fill_cancel(struct publish *publish);
/* The index up to which the image holds every change, if @index is that of the last commit. */
uint64_t publish__fill_limit(const struct publish *publish, uint64_t index);
/* Make the changes that were noted visible as one generation. ERR_NOMEM. */
int publish__show(struct publish *publish);
/* publish_views.c: an effect about views and who sees which private zone; and all of them, in the
 * place of those that there are. ERR_NOMEM, ERR_* of reads. */
int publish__view_effect(struct publish *publish, const struct kv *kv,
                         const struct apply_effect *effect);
int publish__load_views(struct publish *publish, const struct kv *kv);
