/* node/cluster/apply_signing.c: key-signing keys of zones (route53.md 8). Answers are not signed in
 * this version, so no key is ever in use by a zone that is signing. */
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_routing.h"
#include "proto/command.pb-c.h"
#include "store/state_signing.h"

#define NAME_MIN 3u

/* The zone whose keys these are, or a refusal. */
static int read_signed_zone(struct apply *apply, const char *zone_id, struct state_zone *zone)
{
    int rc = apply__read_zone(apply, zone_id, zone);

    if (rc == 0 && zone->is_private)
        return apply__refuse_as(apply, ERR_INVALID, "InvalidArgument",
                                "Operation is unsupported for private hosted zones");
    return rc;
}

static int read_key(struct apply *apply, const char *zone_id, const char *name,
                    struct state_signing_key *key)
{
    int rc = state_get_signing_key(apply__kv(apply), zone_id, name, key);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, rc, "NoSuchKeySigningKey",
                                "The key-signing key %.128s does not exist in the zone", name);
    return rc;
}

/* Keys change without record sets: the journal has what GetChange and the zone's log need. */
static int journal(struct apply *apply, const struct state_zone *zone, const char *change_id,
                   const char *doing, const char *name)
{
    struct state_change change;

    apply__start_change(apply, zone, STATE_CHANGE_SIGNING_KEY, change_id, &change);
    size_t doing_len = strlen(doing);
    memcpy(change.comment, doing, doing_len);
    memcpy(change.comment + doing_len, name, strlen(name) + 1); /* both are short: checked */
    return apply__journal(apply, &change, NULL);
}

static int check_name(struct apply *apply, const char *name)
{
    size_t len = strlen(name);
    bool is_good = len >= NAME_MIN && len < STATE_SIGNING_NAME_SIZE;

    for (size_t i = 0; is_good && i < len; i++)
        is_good = (name[i] >= '0' && name[i] <= '9') || (name[i] >= 'a' && name[i] <= 'z') ||
                  (name[i] >= 'A' && name[i] <= 'Z') || name[i] == '_';
    if (is_good)
        return 0;
    return apply__refuse_as(apply, ERR_INVALID, "InvalidKeySigningKeyName",
                            "The name of a key-signing key is 3 to 128 of 0-9, A-Z, a-z and '_'");
}

/* Any ARN of a key is taken for a label: the key itself is made and kept here. */
static int check_kms_arn(struct apply *apply, const char *arn)
{
    if (strncmp(arn, "arn:aws", 7) == 0 && strstr(arn, ":kms:") && strlen(arn) < STATE_ARN_SIZE)
        return apply__check_shown(apply, "the key's ARN", arn, STATE_ARN_SIZE);
    return apply__refuse_as(apply, ERR_INVALID, "InvalidKMSArn",
                            "The KeyManagementServiceArn that you specified isn't valid to use "
                            "with DNSSEC signing.");
}

struct others {
    const Cmd__CreateKey *command;
    unsigned count;
    bool has_name, has_arn;
};

static int on_other(void *user, const struct state_signing_key *key)
{
    struct others *others = user;

    others->count++;
    others->has_name |= strcmp(key->name, others->command->name) == 0;
    others->has_arn |= strcmp(key->kms_arn, others->command->kms_arn) == 0;
    return 0;
}

static int check_others(struct apply *apply, const Cmd__CreateKey *command, const char *zone_id)
{
    struct others others = {.command = command};
    int rc = state_list_signing_keys(apply__kv(apply), zone_id, on_other, &others);

    if (rc == 0 && others.has_name)
        rc = apply__refuse_as(apply, ERR_EXISTS, "KeySigningKeyAlreadyExists",
                              "You've already created a key-signing key (KSK) with this name "
                              "in the hosted zone");
    if (rc == 0 && others.has_arn)
        rc = apply__refuse_as(apply, ERR_EXISTS, "KeySigningKeyAlreadyExists",
                              "You've already created a key-signing key (KSK) with the same "
                              "customer managed key ARN in the hosted zone");
    if (rc == 0 && others.count >= STATE_SIGNING_KEYS_MAX)
        rc = apply__refuse_as(apply, ERR_LIMIT, "TooManyKeySigningKeys",
                              "You've reached the limit for the number of key-signing keys (KSKs): "
                              "a zone has at most %u",
                              STATE_SIGNING_KEYS_MAX);
    return rc;
}

static int check_create(struct apply *apply, const Cmd__CreateKey *command,
                        const struct state_zone *zone)
{
    int rc = check_name(apply, command->name);

    if (rc == 0)
        rc = check_kms_arn(apply, command->kms_arn);
    if (rc == 0)
        rc = apply__check_shown(apply, "the caller reference", command->caller_reference,
                                STATE_SIGNING_REFERENCE_SIZE);
    if (rc == 0 && (command->dnskey.len == 0 || command->dnskey.len > STATE_DNSKEY_MAX ||
                    command->sealed_private_key.len == 0 ||
                    command->sealed_private_key.len > STATE_SEALED_KEY_MAX))
        rc = apply__refuse(apply, ERR_INVALID, "the key is empty or too long");
    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    return rc == 0 ? check_others(apply, command, zone->id) : rc;
}

static int create(struct apply *apply, const Cmd__CreateKey *command)
{
    struct state_signing_key *key = arena_alloc(apply->scratch, sizeof(*key));
    struct state_zone zone;

    if (!key)
        return ERR_NOMEM;
    int rc = read_signed_zone(apply, command->zone_id, &zone);
    if (rc == 0)
        rc = check_create(apply, command, &zone);
    if (rc != 0)
        return rc;
    memset(key, 0, sizeof(*key));
    memcpy(key->zone_id, zone.id, sizeof(key->zone_id));
    memcpy(key->name, command->name, strlen(command->name) + 1);
    memcpy(key->kms_arn, command->kms_arn, strlen(command->kms_arn) + 1);
    memcpy(key->caller_reference, command->caller_reference, strlen(command->caller_reference) + 1);
    key->is_active = command->is_active;
    key->dnskey_len = command->dnskey.len;
    memcpy(key->dnskey, command->dnskey.data, key->dnskey_len);
    key->sealed_len = command->sealed_private_key.len;
    memcpy(key->sealed, command->sealed_private_key.data, key->sealed_len);
    key->created_wall_ms = key->modified_wall_ms = apply->command->time_wall_ms;
    state_put_signing_key(apply->overlay, key);
    return journal(apply, &zone, command->change_id, "key-signing key created: ", key->name);
}

static int update(struct apply *apply, const Cmd__UpdateKey *command)
{
    struct state_signing_key key;
    struct state_zone zone;
    int rc = read_signed_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = read_key(apply, zone.id, command->name, &key);
    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc != 0)
        return rc;
    if (key.is_active != command->is_active) {
        key.is_active = command->is_active;
        key.modified_wall_ms = apply->command->time_wall_ms;
        state_put_signing_key(apply->overlay, &key);
    }
    return journal(
        apply, &zone, command->change_id,
        key.is_active ? "key-signing key activated: " : "key-signing key deactivated: ", key.name);
}

static int delete_key(struct apply *apply, const Cmd__DeleteKey *command)
{
    struct state_signing_key key;
    struct state_zone zone;
    int rc = read_signed_zone(apply, command->zone_id, &zone);

    if (rc == 0)
        rc = read_key(apply, zone.id, command->name, &key);
    if (rc == 0 && key.is_active)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "InvalidKeySigningKeyStatus",
                              "The key-signing key %s is ACTIVE: deactivate it first", key.name);
    if (rc == 0)
        rc = apply__check_new_change(apply, command->change_id);
    if (rc != 0)
        return rc;
    state_delete_signing_key(apply->overlay, zone.id, key.name);
    return journal(apply, &zone, command->change_id, "key-signing key deleted: ", key.name);
}

struct names {
    char list[STATE_SIGNING_KEYS_MAX][STATE_SIGNING_NAME_SIZE];
    unsigned count;
};

static int on_name(void *user, const struct state_signing_key *key)
{
    struct names *names = user;

    ASSERT(names->count < STATE_SIGNING_KEYS_MAX);
    memcpy(names->list[names->count++], key->name, sizeof(key->name));
    return 0;
}

int apply__drop_signing_keys(struct apply *apply, const struct state_zone *zone)
{
    struct names names = {.count = 0};
    int rc = state_list_signing_keys(apply__kv(apply), zone->id, on_name, &names);

    for (unsigned i = 0; rc == 0 && i < names.count; i++)
        state_delete_signing_key(apply->overlay, zone->id, names.list[i]);
    return rc;
}

int apply__signing(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_CREATE_KEY: return create(apply, command->create_key);
    case CMD__COMMAND__KIND_UPDATE_KEY: return update(apply, command->update_key);
    case CMD__COMMAND__KIND_DELETE_KEY: return delete_key(apply, command->delete_key);
    default: return ERR_VERSION;
    }
}
