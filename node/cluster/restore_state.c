#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "cluster/credential.h"
#include "cluster/restore.h"
#include "cluster/signing_key.h"
#include "store/state_credential.h"
#include "store/state_put.h"
#include "store/state_signing.h"

struct change {
    struct restore_state *about;
    struct overlay *overlay;
    enum kv_family family;
    char *problem;
};

static int on_old_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct change *change = user;

    (void)value;
    overlay_delete(change->overlay, change->family, key);
    return 0;
}

/* Who was in the old cluster, who might have come in, and what they had asked for. */
static int empty_families(const struct kv *kv, struct change *change)
{
    static const enum kv_family families[] = {KV_SESSIONS, KV_MEMBERS, KV_TOKENS, KV_SECRETS};
    int rc = 0;

    for (unsigned i = 0; i < sizeof(families) / sizeof(families[0]) && rc == 0; i++) {
        change->family = families[i];
        rc = kv_scan(kv, &(struct kv_range){.family = families[i]}, on_old_pair, change);
    }
    return rc;
}

/* Sealed by the old cluster's key in @sealed; by the new one's afterwards, of the same length. */
static int seal_anew(const struct change *change, const char *label, uint8_t *sealed, size_t len)
{
    uint8_t nonce[12];

    if (len < SECRETS_SEAL_EXTRA)
        return ERR_CORRUPT;
    uint8_t *plain = malloc(len);
    if (!plain)
        return ERR_NOMEM;
    int rc = secrets_open(change->about->old_secrets, label, sealed, len, plain);
    if (rc == 0) {
        random_bytes(nonce, sizeof(nonce));
        secrets_seal(change->about->new_secrets, label, nonce, plain, len - SECRETS_SEAL_EXTRA,
                     sealed);
    }
    explicit_bzero(plain, len);
    free(plain);
    return rc;
}

static int on_credential(void *user, const struct state_credential *credential)
{
    struct change *change = user;
    struct restore_state *about = change->about;
    struct state_credential made = *credential;

    about->access_key_count++;
    if (about->is_without_secrets) {
        state_delete_credential(change->overlay, credential->id);
        return 0;
    }
    if (!about->old_secrets)
        return 0;
    int rc = seal_anew(change, CREDENTIAL_LABEL, made.sealed, made.sealed_len);
    if (rc == 0)
        state_put_credential(change->overlay, &made);
    return rc == 0 ? 0
                   : backup_problem(change->problem, rc,
                                    "the secret of access key %.40s cannot be opened", made.id);
}

static int on_signing_key(void *user, const struct state_signing_key *key)
{
    struct change *change = user;
    struct restore_state *about = change->about;
    struct state_signing_key made = *key;

    about->signing_key_count++;
    if (about->is_without_secrets) {
        state_delete_signing_key(change->overlay, key->zone_id, key->name);
        return 0;
    }
    if (!about->old_secrets)
        return 0;
    int rc = seal_anew(change, SIGNING_KEY_LABEL, made.sealed, made.sealed_len);
    if (rc == 0)
        state_put_signing_key(change->overlay, &made);
    return rc == 0 ? 0
                   : backup_problem(change->problem, rc,
                                    "the signing key %.130s of zone %s cannot be opened", made.name,
                                    made.zone_id);
}

static int take_secrets(const struct kv *kv, struct change *change)
{
    struct restore_state *about = change->about;
    int rc = state_list_credentials(kv, on_credential, change);

    if (rc == 0)
        rc = state_list_signing_keys(kv, NULL, on_signing_key, change);
    if (rc != 0 || about->old_secrets || about->is_without_secrets ||
        about->access_key_count + about->signing_key_count == 0)
        return rc;
    return backup_problem(change->problem, ERR_DENIED,
                          "it holds %u access keys and %u signing keys, and without the key of the "
                          "backup nothing can open them",
                          about->access_key_count, about->signing_key_count);
}

/* The old cluster's last entry is followed by this: the new log begins behind it. */
static int commit(const struct kv *kv, struct change *change)
{
    struct restore_state *about = change->about;
    struct state_conf conf = {.count = 1};
    struct state_applied applied;
    int rc = state_get_applied(kv, &applied);

    if (rc != 0)
        return rc;
    conf.members[0].id = about->self.id;
    conf.members[0].role = RAFT_VOTER;
    state_put_cluster(change->overlay, &about->cluster);
    state_put_conf(change->overlay, &conf);
    state_put_member(change->overlay, &about->self);
    applied.index++;
    rc = state_commit(change->overlay, kv, &applied);
    if (rc == 0)
        rc = kv_flush(kv);
    if (rc == 0)
        about->applied = applied;
    return rc;
}

int restore_state(const struct kv *kv, struct restore_state *about,
                  char problem[BACKUP_PROBLEM_LEN])
{
    struct change change = {.about = about, .overlay = overlay_new(kv), .problem = problem};
    int rc = change.overlay ? empty_families(kv, &change) : ERR_NOMEM;

    problem[0] = '\0';
    if (rc == 0)
        rc = take_secrets(kv, &change);
    if (rc == 0)
        rc = commit(kv, &change);
    if (rc != 0 && problem[0] == '\0')
        backup_problem(problem, rc, "what was loaded cannot be changed: %s", err_text(rc));
    overlay_free(change.overlay);
    return rc;
}
