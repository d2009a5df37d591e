/* node/zone/image.h: all zones as queries read them. One writer thread (the loop) prepares a change
 * and publishes it as one generation; any number of reader threads see whole generations and never
 * wait. What a change replaces is freed after the last reader of older generations is gone. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct geo_view;
struct policy_health;
struct zone_record_set;
struct zone_image;     /* one immutable generation */
struct zone_publisher; /* the writer and its current generation */
struct zone_content;   /* a zone being filled that nobody serves yet */

/* ---- readers: any registered thread ---- */

/* Once per reader thread, before its first read section and after its last. */
void zone_reader_register(void);
void zone_reader_unregister(void);

/* A read section: what it returns, and all that lookups in it return, lives until read_end. Keep
 * sections short (one batch of packets); never block in one. Cannot fail, never waits. */
const struct zone_image *zone_image_read_begin(const struct zone_publisher *publisher);
void zone_image_read_end(void);

/* The log index up to which this generation holds every change. */
uint64_t zone_image_index(const struct zone_image *image);
size_t zone_image_zone_count(const struct zone_image *image);
/* What routing knows of clients (NULL: nothing yet) and of health (of now, not of the generation).
 */
const struct geo_view *zone_image_geo(const struct zone_image *image);
const struct policy_health *zone_image_health(const struct zone_image *image);

/* ---- the writer: one thread, registered as a reader too (grace periods need it) ---- */

/* Starts with an empty generation of index 0. ERR_NOMEM. On 0 the caller owns *@out. */
int zone_publisher_new(struct zone_publisher **out);
/* Waits for the last sections of readers, which must not be this thread's; accepts NULL. Contents
 * not served or dropped go too, but not their handles. */
void zone_publisher_free(struct zone_publisher *publisher);

/* Changes gather, unseen, until zone_publish makes all of them visible at once. Each call either
 * happens or fails without effect, so after ERR_NOMEM the caller may free memory and repeat.
 * Names are wire form and lower case; sets have passed zone_rules_check_set. */

/* Add or replace the record set of (name, type, set identifier) in the served zone @apex. A set
 * with routing is one of a group (zone/group.h), whose other sets stay, in time of the group; a
 * plain one takes the place of all that is there of its type, and so does a set whose policy is
 * another than the group's, so of a batch of changes removals come first. What a set says of its
 * whole group (the extensions, the CIDR collection) the group takes from whichever was put last.
 * ERR_NOT_FOUND: no such zone. ERR_INVALID: name not within the zone, or what the rules refuse.
 * ERR_LIMIT: does not fit a message, or a group (POLICY_SETS_MAX, ZONE_GROUP_SIZE_MAX). ERR_NOMEM.
 */
int zone_change_put(struct zone_publisher *publisher, const uint8_t *apex,
                    const struct zone_record_set *set);
/* Take one set out; @identifier_len 0: the simple one. ERR_NOT_FOUND: no such zone or record set.
 * ERR_NOMEM. */
int zone_change_remove(struct zone_publisher *publisher, const uint8_t *apex, const uint8_t *name,
                       uint16_t type, const char *identifier, size_t identifier_len);
/* Serve @content (taken on 0) as the zone of its apex, in place of what that zone held. ERR_NOMEM.
 */
int zone_change_serve(struct zone_publisher *publisher, struct zone_content *content_take);
/* Stop serving a zone. ERR_NOT_FOUND, ERR_NOMEM. */
int zone_change_drop(struct zone_publisher *publisher, const uint8_t *apex);
/* From the next generation on, questions that the served zone @apex answers have @slot in what a
 * look-up finds of them: a number for who logs queries; 0: nobody does. ERR_NOT_FOUND, ERR_NOMEM.
 */
int zone_change_log(struct zone_publisher *publisher, const uint8_t *apex, uint16_t slot);
/* Route by @view_take (a reference, taken; NULL: nothing is known) from the next generation on. The
 * view before is let go after its last reader. */
void zone_change_geo(struct zone_publisher *publisher, struct geo_view *view_take);
/* Record sets of names outside our zones, which aliases lead to (zone_find_target); no question
 * reaches them. Put: add or replace a plain set; ERR_INVALID: it has routing or no records;
 * ERR_LIMIT, ERR_NOMEM. Remove: ERR_NOT_FOUND, ERR_NOMEM. */
int zone_change_external_put(struct zone_publisher *publisher, const struct zone_record_set *set);
int zone_change_external_remove(struct zone_publisher *publisher, const uint8_t *name,
                                uint16_t type);
/* Make the changes since the last publish visible as one generation that holds the log up to
 * @index (never less than before). Cheap also when nothing changed. ERR_NOMEM: not published. */
int zone_publish(struct zone_publisher *publisher, uint64_t index);

/* A content is filled by as many calls as it takes, between and across publishes, unseen by readers
 * and by the zone that is served meanwhile. ERR_NOMEM. On 0 the caller owns *@out. */
int zone_content_new(struct zone_publisher *publisher, const uint8_t *apex,
                     struct zone_content **out);
/* As zone_change_put, for a content. ERR_INVALID, ERR_LIMIT, ERR_NOMEM. */
int zone_content_put(struct zone_publisher *publisher, struct zone_content *content,
                     const struct zone_record_set *set);
/* As zone_change_remove: the set of @set's name, type and identifier. ERR_NOT_FOUND, ERR_NOMEM. */
int zone_content_remove(struct zone_publisher *publisher, struct zone_content *content,
                        const struct zone_record_set *set);
/* As zone_content_put, for all sets of one name at once, in order of type (sets of one group in any
 * order): for a content that has none of the name yet. ERR_EXISTS: it has (nothing changed). */
int zone_content_put_name(struct zone_publisher *publisher, struct zone_content *content,
                          const struct zone_record_set *sets, size_t count);
/* As zone_change_log, for a content. */
void zone_content_log(struct zone_content *content, uint16_t slot);
/* Once it is served, questions that it answers have @slot in what a look-up finds of them: by which
 * number they are counted, below ZONE_COUNT_SLOTS; 0, as at first: by none. */
void zone_content_count(struct zone_content *content, uint16_t slot);
/* Give up a content, for example of an import that was cut off; its memory goes by steps of
 * zone_image_reclaim. Accepts NULL. */
void zone_content_drop(struct zone_publisher *publisher, struct zone_content *content);

/* What routing knows of health, for the writer to write: it is seen at once, not by generations.
 * Lives as long as the publisher. */
struct policy_health *zone_publisher_health(struct zone_publisher *publisher);

/* Free what no reader can still see, at most @blocks_max blocks, without waiting; call from the
 * loop, for example after each publish and when idle. Returns the blocks freed: as many as
 * @blocks_max means that more may be ready. */
size_t zone_image_reclaim(struct zone_publisher *publisher, size_t blocks_max);

struct zone_memory {
    size_t used_octets;     /* blocks in use, among them those that wait for readers */
    size_t reserved_octets; /* taken from the system for them */
    size_t retired_blocks;  /* queued until readers are gone */
    size_t zones, names;    /* served by the next publish */
};
void zone_image_memory(const struct zone_publisher *publisher, struct zone_memory *out);
