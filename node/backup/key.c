#include "backup/key.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nettle/chacha-poly1305.h>
#include <nettle/hkdf.h>
#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/pbkdf2.h>

#include "base/assert.h"
#include "base/err.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/random.h"

#define HEAD "quartet-backup-key 1\n"
#define FILE_LEN_MAX 4096u
#define INFO "quartet backup key 1"
#define TAG_LEN (BACKUP_SEALED_LEN - BACKUP_CLUSTER_KEY_LEN)

_Static_assert(TAG_LEN == CHACHA_POLY1305_DIGEST_SIZE, "the tag's length");

static int make_file(const char *path, char *problem)
{
    uint8_t key[BACKUP_FILE_KEY_LEN];
    char text[sizeof(HEAD) + 2 * BACKUP_FILE_KEY_LEN + 1];

    random_bytes(key, sizeof(key));
    memcpy(text, HEAD, sizeof(HEAD) - 1);
    hex_format(key, sizeof(key), text + sizeof(HEAD) - 1);
    text[sizeof(text) - 2] = '\n';
    int rc = file_write(path, text, sizeof(text) - 1, 0600);
    int reason = errno;
    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
    return rc == 0 ? 0
                   : backup_problem(problem, rc, "the key file %.200s cannot be made: %s", path,
                                    strerror(reason));
}

static int check_mode(const char *path, char *problem)
{
    struct stat info;

    if (stat(path, &info) == 0 && (info.st_mode & (S_IRWXG | S_IRWXO)) != 0)
        return backup_problem(problem, ERR_DENIED,
                              "the key file %.200s may be read or changed by others; set its mode: "
                              "chmod 600",
                              path);
    return 0;
}

static int parse(const char *path, const char *text, struct backup_secret *out, char *problem)
{
    char digits[2 * BACKUP_FILE_KEY_LEN + 1];
    size_t len = strlen(text), head_len = sizeof(HEAD) - 1;
    bool is_sound = strncmp(text, HEAD, head_len) == 0 &&
                    (len == head_len + 2 * BACKUP_FILE_KEY_LEN ||
                     (len == head_len + 2 * BACKUP_FILE_KEY_LEN + 1 && text[len - 1] == '\n'));

    if (is_sound) {
        memcpy(digits, text + head_len, sizeof(digits) - 1);
        digits[sizeof(digits) - 1] = '\0';
        is_sound = hex_parse(digits, out->octets, BACKUP_FILE_KEY_LEN) == 0;
        explicit_bzero(digits, sizeof(digits));
    }
    if (!is_sound)
        return backup_problem(problem, ERR_INVALID,
                              "%.200s is no key file: one has a line 'quartet-backup-key 1' and a "
                              "line of 64 hexadecimal digits",
                              path);
    out->kind = BACKUP_KEY_FILE;
    out->len = BACKUP_FILE_KEY_LEN;
    return 0;
}

int backup_key_file(const char *path, struct backup_secret *out, bool *is_made,
                    char problem[BACKUP_PROBLEM_LEN])
{
    uint8_t *text = NULL;
    size_t len = 0;
    int rc = file_read(path, FILE_LEN_MAX, &text, &len);
    bool is_new = rc == ERR_NOT_FOUND && is_made;

    if (is_new) {
        rc = make_file(path, problem);
        if (rc != 0)
            return rc;
        rc = file_read(path, FILE_LEN_MAX, &text, &len);
    }
    if (rc != 0)
        return backup_problem(problem, rc, "the key file %.200s cannot be read: %s", path,
                              rc == ERR_IO ? strerror(errno) : err_text(rc));
    rc = check_mode(path, problem);
    if (rc == 0)
        rc = parse(path, (const char *)text, out, problem);
    explicit_bzero(text, len);
    free(text);
    if (rc == 0 && is_made)
        *is_made = is_new;
    return rc;
}

static void derive(const struct backup_secret *secret, const struct backup_seal *seal,
                   uint8_t out[CHACHA_POLY1305_KEY_SIZE])
{
    struct hmac_sha256_ctx mac;
    uint8_t extracted[SHA256_DIGEST_SIZE];

    if (secret->kind == BACKUP_KEY_PASSPHRASE) {
        pbkdf2_hmac_sha256(secret->len, secret->octets, seal->iterations, sizeof(seal->salt),
                           seal->salt, CHACHA_POLY1305_KEY_SIZE, out);
        return;
    }
    hmac_sha256_set_key(&mac, sizeof(seal->salt), seal->salt);
    hkdf_extract(&mac, (nettle_hash_update_func *)hmac_sha256_update,
                 (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, secret->len,
                 secret->octets, extracted);
    hmac_sha256_set_key(&mac, sizeof(extracted), extracted);
    hkdf_expand(&mac, (nettle_hash_update_func *)hmac_sha256_update,
                (nettle_hash_digest_func *)hmac_sha256_digest, SHA256_DIGEST_SIZE, sizeof(INFO) - 1,
                (const uint8_t *)INFO, CHACHA_POLY1305_KEY_SIZE, out);
    explicit_bzero(&mac, sizeof(mac));
    explicit_bzero(extracted, sizeof(extracted));
}

static void begin(struct chacha_poly1305_ctx *cipher, const struct backup_secret *secret,
                  const struct backup_seal *seal, const uint8_t cluster_id[STATE_CLUSTER_ID_LEN])
{
    static const uint8_t nonce[CHACHA_POLY1305_NONCE_SIZE]; /* each key is used once */
    uint8_t key[CHACHA_POLY1305_KEY_SIZE];

    derive(secret, seal, key);
    chacha_poly1305_set_key(cipher, key);
    chacha_poly1305_set_nonce(cipher, nonce);
    chacha_poly1305_update(cipher, STATE_CLUSTER_ID_LEN, cluster_id);
    explicit_bzero(key, sizeof(key));
}

void backup_key_seal(const struct backup_secret *secret,
                     const uint8_t cluster_id[STATE_CLUSTER_ID_LEN],
                     const uint8_t cluster_key[BACKUP_CLUSTER_KEY_LEN], struct backup_seal *out)
{
    struct chacha_poly1305_ctx cipher;

    ASSERT(secret->kind != BACKUP_KEY_NONE);
    *out = (struct backup_seal){.kind = secret->kind};
    out->iterations = secret->kind == BACKUP_KEY_PASSPHRASE ? BACKUP_ITERATIONS : 0;
    random_bytes(out->salt, sizeof(out->salt));
    begin(&cipher, secret, out, cluster_id);
    chacha_poly1305_encrypt(&cipher, BACKUP_CLUSTER_KEY_LEN, out->sealed, cluster_key);
    chacha_poly1305_digest(&cipher, TAG_LEN, out->sealed + BACKUP_CLUSTER_KEY_LEN);
    explicit_bzero(&cipher, sizeof(cipher));
}

int backup_key_open(const struct backup_secret *secret, const struct backup_about *about,
                    uint8_t cluster_key[BACKUP_CLUSTER_KEY_LEN])
{
    const struct backup_seal *seal = &about->seal;
    struct chacha_poly1305_ctx cipher;
    uint8_t plain[BACKUP_CLUSTER_KEY_LEN], tag[TAG_LEN];

    if (seal->kind == BACKUP_KEY_NONE)
        return ERR_NOT_FOUND;
    if (seal->kind != secret->kind)
        return ERR_DENIED;
    begin(&cipher, secret, seal, about->cluster.id);
    chacha_poly1305_decrypt(&cipher, sizeof(plain), plain, seal->sealed);
    chacha_poly1305_digest(&cipher, sizeof(tag), tag);
    explicit_bzero(&cipher, sizeof(cipher));
    bool is_right = memeql_sec(tag, seal->sealed + sizeof(plain), sizeof(tag));
    if (is_right)
        memcpy(cluster_key, plain, sizeof(plain));
    explicit_bzero(plain, sizeof(plain));
    return is_right ? 0 : ERR_DENIED;
}
