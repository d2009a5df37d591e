#include "store/kv.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"

const char *kv_family_name(enum kv_family family)
{
    static const char *const names[KV_FAMILIES] = {
        [KV_META] = "meta",
        [KV_ZONES] = "zones",
        [KV_ZONE_NAMES] = "zone_names",
        [KV_RECORD_SETS] = "record_sets",
        [KV_CHANGES] = "changes",
        [KV_CHANGE_IDS] = "change_ids",
        [KV_SESSIONS] = "sessions",
        [KV_MEMBERS] = "members",
        [KV_TOKENS] = "tokens",
        [KV_SECRETS] = "secrets",
        [KV_SETTINGS] = "settings",
        [KV_IMPORTS] = "imports",
        [KV_ROUTED] = "routed",
        [KV_HEALTH_CHECKS] = "health_checks",
        [KV_VERDICTS] = "verdicts",
        [KV_OVERRIDES] = "overrides",
        [KV_CIDR_COLLECTIONS] = "cidr_collections",
        [KV_CIDR_BLOCKS] = "cidr_blocks",
        [KV_REGIONS] = "regions",
        [KV_LATENCY] = "latency",
        [KV_USES] = "uses",
        [KV_OBJECTS] = "objects",
    };

    ASSERT(family < KV_FAMILIES);
    return names[family];
}

int kv_buffer_set(struct kv_buffer *buffer, const void *data, size_t len)
{
    if (len > buffer->capacity) {
        size_t capacity = len < 256 ? 256 : len * 2;
        uint8_t *grown = realloc(buffer->data, capacity);
        if (!grown)
            return ERR_NOMEM;
        buffer->data = grown;
        buffer->capacity = capacity;
    }
    if (len > 0)
        memcpy(buffer->data, data, len);
    buffer->len = len;
    return 0;
}

void kv_buffer_fini(struct kv_buffer *buffer)
{
    free(buffer->data);
    memset(buffer, 0, sizeof(*buffer));
}

int kv_get(const struct kv *kv, enum kv_family family, struct kv_slice key, struct kv_buffer *out)
{
    ASSERT(family < KV_FAMILIES);
    return kv->ops->get(kv->self, family, key, out);
}

int kv_scan(const struct kv *kv, const struct kv_range *range, kv_scan_cb cb, void *user)
{
    ASSERT(range->family < KV_FAMILIES);
    return kv->ops->scan(kv->self, range, cb, user);
}

int kv_write(const struct kv *kv, const struct kv_write *writes, size_t count)
{
    ASSERT(count > 0);
    return kv->ops->write(kv->self, writes, count);
}

int kv_flush(const struct kv *kv)
{
    return kv->ops->flush(kv->self);
}

int kv_checkpoint(const struct kv *kv, const char *target)
{
    return kv->ops->checkpoint(kv->self, target);
}

int kv_verify(const struct kv *kv)
{
    return kv->ops->verify(kv->self, KV_FAMILIES, NULL);
}

int kv_verify_until(const struct kv *kv, const atomic_bool *is_stopped)
{
    return kv->ops->verify(kv->self, KV_FAMILIES, is_stopped);
}

int kv_verify_except(const struct kv *kv, enum kv_family family)
{
    return kv->ops->verify(kv->self, family, NULL);
}

void kv_close(struct kv *kv)
{
    if (kv->ops)
        kv->ops->close(kv->self);
    memset(kv, 0, sizeof(*kv));
}
