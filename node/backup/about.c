#include "backup/about.h"

#include <stdlib.h>
#include <string.h>

#include "backup/key.h"
#include "base/err.h"
#include "proto/backup.pb-c.h"

static char *text(const char *from) /* generated structs leave it alone */
{
    return (char *)(uintptr_t)from;
}

static ProtobufCBinaryData octets_of(const void *data, size_t len)
{
    return (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)data};
}

static int pack(const ProtobufCMessage *message, uint8_t **out, size_t *len)
{
    size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *octets = malloc(size + 1);

    if (!octets)
        return ERR_NOMEM;
    *len = protobuf_c_message_pack(message, octets);
    *out = octets;
    return 0;
}

static void fill_key(const struct backup_seal *seal, Bak__Key *out)
{
    bak__key__init(out);
    out->kind = (Bak__Key__Kind)seal->kind;
    if (seal->kind == BACKUP_KEY_NONE)
        return;
    out->salt = octets_of(seal->salt, sizeof(seal->salt));
    out->iterations = seal->iterations;
    out->sealed = octets_of(seal->sealed, sizeof(seal->sealed));
}

int about_encode(const struct backup_about *about, uint8_t **out, size_t *len)
{
    Bak__Header header = BAK__HEADER__INIT;
    Bak__Counts counts = BAK__COUNTS__INIT;
    Bak__Key key;

    header.cluster_id = octets_of(about->cluster.id, sizeof(about->cluster.id));
    header.domain = text(about->cluster.domain);
    header.index = about->applied.index;
    header.term = about->applied.term;
    header.hash_high = about->applied.hash.high;
    header.hash_low = about->applied.hash.low;
    header.taken_wall_ms = about->taken_wall_ms;
    header.node_id = about->node_id;
    header.node_name = text(about->node_name);
    header.program_version = text(about->program_version);
    counts.zones = about->counts.zones;
    counts.record_sets = about->counts.record_sets;
    counts.health_checks = about->counts.health_checks;
    counts.access_keys = about->counts.access_keys;
    counts.signing_keys = about->counts.signing_keys;
    header.counts = &counts;
    fill_key(&about->seal, &key);
    header.key = &key;
    return pack(&header.base, out, len);
}

int about_encode_end(const struct backup_end *end, uint8_t **out, size_t *len)
{
    Bak__End message = BAK__END__INIT;

    message.n_pairs = KV_FAMILIES;
    message.pairs = (uint64_t *)(uintptr_t)end->pairs;
    message.content_sha256 = octets_of(end->content_sha256, sizeof(end->content_sha256));
    return pack(&message.base, out, len);
}

static bool take_text(const char *from, char *out, size_t size)
{
    size_t len = strlen(from);

    if (len >= size)
        return false;
    memcpy(out, from, len + 1);
    return true;
}

static bool take_octets(const ProtobufCBinaryData *from, uint8_t *out, size_t len)
{
    if (from->len != len)
        return false;
    memcpy(out, from->data, len);
    return true;
}

static bool take_key(const Bak__Key *key, struct backup_seal *out)
{
    if (!key || key->kind == BAK__KEY__KIND__KIND_NONE)
        return true;
    out->kind = (enum backup_key_kind)key->kind;
    out->iterations = key->iterations;
    return (key->kind == BAK__KEY__KIND__KIND_FILE ||
            (key->kind == BAK__KEY__KIND__KIND_PASSPHRASE && key->iterations > 0 &&
             key->iterations <= BACKUP_ITERATIONS_MAX)) &&
           take_octets(&key->salt, out->salt, sizeof(out->salt)) &&
           take_octets(&key->sealed, out->sealed, sizeof(out->sealed));
}

static void take_counts(const Bak__Counts *counts, struct backup_counts *out)
{
    if (!counts)
        return;
    *out = (struct backup_counts){.zones = counts->zones,
                                  .record_sets = counts->record_sets,
                                  .health_checks = counts->health_checks,
                                  .access_keys = counts->access_keys,
                                  .signing_keys = counts->signing_keys};
}

int about_decode(const uint8_t *octets, size_t len, struct backup_about *out)
{
    struct backup_about about = {0};
    Bak__Header *header = bak__header__unpack(NULL, len, octets);

    if (!header)
        return ERR_CORRUPT;
    about.applied = (struct state_applied){.index = header->index,
                                           .term = header->term,
                                           .hash = {header->hash_high, header->hash_low}};
    about.taken_wall_ms = header->taken_wall_ms;
    about.node_id = header->node_id;
    take_counts(header->counts, &about.counts);
    bool is_sound =
        header->index > 0 &&
        take_octets(&header->cluster_id, about.cluster.id, sizeof(about.cluster.id)) &&
        take_text(header->domain, about.cluster.domain, sizeof(about.cluster.domain)) &&
        take_text(header->node_name, about.node_name, sizeof(about.node_name)) &&
        take_text(header->program_version, about.program_version, sizeof(about.program_version)) &&
        take_key(header->key, &about.seal);
    bak__header__free_unpacked(header, NULL);
    if (!is_sound)
        return ERR_CORRUPT;
    *out = about;
    return 0;
}

int about_decode_end(const uint8_t *octets, size_t len, struct backup_end *out)
{
    struct backup_end end = {0};
    Bak__End *message = bak__end__unpack(NULL, len, octets);
    int rc = message ? 0 : ERR_CORRUPT;

    /* One that was made before a family came has fewer. */
    for (size_t i = 0; rc == 0 && i < message->n_pairs; i++) {
        if (i < KV_FAMILIES)
            end.pairs[i] = message->pairs[i];
        else if (message->pairs[i] != 0)
            rc = ERR_VERSION;
    }
    if (rc == 0 &&
        !take_octets(&message->content_sha256, end.content_sha256, sizeof(end.content_sha256)))
        rc = ERR_CORRUPT;
    if (message)
        bak__end__free_unpacked(message, NULL);
    if (rc == 0)
        *out = end;
    return rc;
}
