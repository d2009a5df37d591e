/* node/store/kv.h: ordered key-value storage as a port. kv_rocks.c is production, tests/lib/
 * kv_memory.c forgets unflushed writes on demand. Keys order as octets. One writer thread; reads
 * and checkpoints may come from other threads meanwhile. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Part of the stored format: never renumber. */
enum kv_family {
    KV_META,
    KV_ZONES,       /* by zone id */
    KV_ZONE_NAMES,  /* by reversed name, zone id */
    KV_RECORD_SETS, /* by content, reversed name, type, set identifier */
    KV_CHANGES,     /* journal, by log index and place in the entry */
    KV_CHANGE_IDS,  /* change id to journal key */
    KV_SESSIONS,
    KV_MEMBERS,
    KV_TOKENS,
    KV_SECRETS,
    KV_SETTINGS,
    KV_IMPORTS,
    KV_ROUTED,           /* keys of KV_RECORD_SETS whose sets have routing; no values */
    KV_HEALTH_CHECKS,    /* by id */
    KV_VERDICTS,         /* by id of the check */
    KV_OVERRIDES,        /* by id of the check, or key of the record set */
    KV_CIDR_COLLECTIONS, /* by id */
    KV_CIDR_BLOCKS,      /* by id of the collection, block */
    KV_REGIONS,          /* the operator's, by name */
    KV_LATENCY,          /* by prefix, region */
    KV_USES,             /* how many sets use a check, location, region: state_use.h */
    KV_OBJECTS,          /* by kind (an octet, state_object.h) and the kind's own key */
    KV_FAMILIES,         /* how many */
};
/* Lower-case name of a family, static. */
const char *kv_family_name(enum kv_family family);

struct kv_slice {
    const void *data; /* borrowed */
    size_t len;
};
static inline struct kv_slice kv_slice(const void *data, size_t len)
{
    return (struct kv_slice){data, len};
}

/* Growing storage for read values; start from zeroes, release with kv_buffer_fini(). */
struct kv_buffer {
    uint8_t *data;
    size_t len;
    size_t capacity;
};
/* Replace the contents. 0; ERR_NOMEM (contents untouched). */
int kv_buffer_set(struct kv_buffer *buffer, const void *data, size_t len);
void kv_buffer_fini(struct kv_buffer *buffer);

enum kv_op {
    KV_PUT,
    KV_DELETE,
    KV_DELETE_RANGE, /* from key up to but without value (a key too) */
};
struct kv_write {
    enum kv_family family;
    enum kv_op op;
    struct kv_slice key;
    struct kv_slice value;
};

struct kv_range {
    enum kv_family family;
    struct kv_slice prefix; /* only keys that start with it; empty: all */
    struct kv_slice from;   /* first key wanted (a whole key); empty: the first of the prefix */
    /* For one pass over much: as kv_verify() reads, so damage is told and not passed over; pairs
     * that a range deletion took away may be told too. */
    bool is_verifying;
};
/* One pair, borrowed until return. 0: go on; positive: stop; negative: stop with this error. */
typedef int (*kv_scan_cb)(void *user, struct kv_slice key, struct kv_slice value);

struct kv_ops {
    int (*get)(void *self, enum kv_family family, struct kv_slice key, struct kv_buffer *out);
    int (*scan)(void *self, const struct kv_range *range, kv_scan_cb cb, void *user);
    int (*write)(void *self, const struct kv_write *writes, size_t count);
    int (*flush)(void *self);
    int (*checkpoint)(void *self, const char *target);
    int (*verify)(void *self, enum kv_family except, const atomic_bool *is_stopped);
    void (*close)(void *self);
};
struct kv {
    const struct kv_ops *ops;
    void *self;
};

/* All of these: ERR_IO, ERR_CORRUPT (the store must not be used further), ERR_NOMEM. */

/* Read one value into @out. ERR_NOT_FOUND (@out untouched). */
int kv_get(const struct kv *kv, enum kv_family family, struct kv_slice key, struct kv_buffer *out);
/* Call @cb for pairs in order, from one moment's view. 0 also when @cb stopped it; @cb's error. */
int kv_scan(const struct kv *kv, const struct kv_range *range, kv_scan_cb cb, void *user);
/* All of @writes in order, or none. Visible at once; lasts once kv_flush() came back. */
int kv_write(const struct kv *kv, const struct kv_write *writes, size_t count);
/* Make all finished writes last. May block for a disk; any thread. */
int kv_flush(const struct kv *kv);
/* Write a copy of this moment to the folder @target, which must not exist. Blocks; any thread. */
int kv_checkpoint(const struct kv *kv, const char *target);
/* Read everything again with its checksums. Blocks; any thread. */
int kv_verify(const struct kv *kv);
/* The same, but ERR_CLOSED soon after another thread has set @is_stopped. */
int kv_verify_until(const struct kv *kv, const atomic_bool *is_stopped);
/* kv_verify() but for one family, which the caller reads himself. */
int kv_verify_except(const struct kv *kv, enum kv_family family);
/* Release it and zero @kv; accepts a zeroed one. */
void kv_close(struct kv *kv);
