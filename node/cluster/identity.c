#include "cluster/identity.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "base/random.h"
#include "cluster/certificate.h"

#define FILE_LEN_MAX (64u << 10)
#define NODE_FORMAT "quartet 1\ncluster %s\nnode %s\n"
#define NODE_TEXT_MAX 128
#define SUPERSEDED "superseded\n"

static void path_of(char out[PATH_MAX], const char *data_dir, const char *folder, const char *name)
{
    snprintf(out, PATH_MAX, "%s/%s%s%s", data_dir, folder, *name ? "/" : "", name);
}

void identity_fini(struct identity *identity)
{
    free(identity->ca_pem);
    free(identity->cert_pem);
    certificate_free_key(identity->key_pem);
    free(identity->peers);
    free(identity->init_text);
    explicit_bzero(identity, sizeof(*identity));
}

static int read_text(const char *data_dir, const char *folder, const char *name, char **out)
{
    char path[PATH_MAX];
    uint8_t *data;
    size_t len;

    path_of(path, data_dir, folder, name);
    int rc = file_read(path, FILE_LEN_MAX, &data, &len);
    if (rc != 0)
        return rc;
    if (strlen((char *)data) != len) {
        free(data);
        return ERR_CORRUPT;
    }
    *out = (char *)data;
    return 0;
}

static int write_text(const char *data_dir, const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];

    path_of(path, data_dir, folder, name);
    return file_write(path, text, strlen(text), 0600);
}

static void format_node(const struct identity *identity, char out[NODE_TEXT_MAX])
{
    char cluster[2 * SECRETS_CLUSTER_ID_LEN + 1], node[HEX_ID_LEN];

    hex_format(identity->cluster_id, sizeof(identity->cluster_id), cluster);
    hex_format_id(identity->id, node);
    snprintf(out, NODE_TEXT_MAX, NODE_FORMAT, cluster, node);
}

/* Exactly the text that format_node() writes. */
static int parse_node(const char *text, struct identity *out)
{
    char cluster[2 * SECRETS_CLUSTER_ID_LEN + 1], node[HEX_ID_LEN], again[NODE_TEXT_MAX];

    if (sscanf(text, "quartet 1\ncluster %32[0-9a-f]\nnode %16[0-9a-f]\n", cluster, node) != 2)
        return ERR_CORRUPT;
    if (hex_parse(cluster, out->cluster_id, sizeof(out->cluster_id)) != 0 ||
        hex_parse_id(node, &out->id) != 0 || out->id == 0)
        return ERR_CORRUPT;
    format_node(out, again);
    return strcmp(text, again) == 0 ? 0 : ERR_CORRUPT;
}

static int load_key(const char *data_dir, uint8_t out[SECRETS_KEY_LEN])
{
    char *text = NULL;

    int rc = read_text(data_dir, "identity", "cluster.key", &text);
    if (rc != 0)
        return rc;
    size_t len = strlen(text);
    if (len != 2 * SECRETS_KEY_LEN + 1 || text[len - 1] != '\n') {
        rc = ERR_CORRUPT;
    } else {
        text[len - 1] = '\0';
        rc = hex_parse(text, out, SECRETS_KEY_LEN) == 0 ? 0 : ERR_CORRUPT;
    }
    explicit_bzero(text, len);
    free(text);
    return rc;
}

/* One line a member: id, peer address. */
static int load_peers(const char *data_dir, struct identity *out)
{
    char *text = NULL, *rest = NULL;

    int rc = read_text(data_dir, "identity", "members", &text);
    if (rc != 0)
        return rc == ERR_NOT_FOUND ? 0 : rc;
    out->peers = calloc(IDENTITY_PEERS_MAX, sizeof(*out->peers));
    if (!out->peers)
        rc = ERR_NOMEM;
    for (char *line = strtok_r(text, "\n", &rest); rc == 0 && line;
         line = strtok_r(NULL, "\n", &rest)) {
        char id[HEX_ID_LEN];
        struct identity_peer *peer = &out->peers[out->peer_count];
        if (out->peer_count == IDENTITY_PEERS_MAX ||
            sscanf(line, "%16[0-9a-f] %255s", id, peer->peer) != 2 ||
            hex_parse_id(id, &peer->id) != 0)
            rc = ERR_CORRUPT;
        else
            out->peer_count++;
    }
    free(text);
    return rc;
}

static int load_files(const char *data_dir, struct identity *out, const char **name)
{
    char *text = NULL;

    *name = "node";
    int rc = read_text(data_dir, "identity", "node", &text);
    if (rc == 0)
        rc = parse_node(text, out);
    free(text);
    if (rc == 0) {
        *name = "ca.pem";
        rc = read_text(data_dir, "identity", "ca.pem", &out->ca_pem);
    }
    if (rc == 0) {
        *name = "cert.pem";
        rc = read_text(data_dir, "identity", "cert.pem", &out->cert_pem);
    }
    if (rc == 0) {
        *name = "key.pem";
        rc = read_text(data_dir, "identity", "key.pem", &out->key_pem);
    }
    if (rc == 0) {
        *name = "cluster.key";
        rc = load_key(data_dir, out->cluster_key);
    }
    if (rc == 0) {
        *name = "members";
        rc = load_peers(data_dir, out);
    }
    if (rc == 0) {
        *name = "init";
        rc = read_text(data_dir, "identity", "init", &out->init_text);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
    }
    return rc;
}

int identity_load(const char *data_dir, struct identity *out, char error[CLUSTER_ERROR_MAX])
{
    char path[PATH_MAX];
    struct identity found = {0};
    const char *name = "";

    path_of(path, data_dir, "identity", "");
    if (access(path, F_OK) != 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    int rc = load_files(data_dir, &found, &name);
    if (rc != 0) {
        identity_fini(&found);
        snprintf(error, CLUSTER_ERROR_MAX,
                 "identity/%s in the data folder: %s; restore it, or clear the data folder and "
                 "join again",
                 name, err_text(rc));
        return rc == ERR_NOT_FOUND || rc == ERR_LIMIT ? ERR_CORRUPT : rc;
    }
    path_of(path, data_dir, "identity", "removed");
    found.is_removed = access(path, F_OK) == 0;
    char *why = NULL;
    if (found.is_removed && read_text(data_dir, "identity", "removed", &why) == 0)
        found.is_superseded = strcmp(why, SUPERSEDED) == 0;
    free(why);
    *out = found;
    return 0;
}

static int write_key(const char *data_dir, const uint8_t key[SECRETS_KEY_LEN])
{
    char text[2 * SECRETS_KEY_LEN + 2];

    hex_format(key, SECRETS_KEY_LEN, text);
    text[2 * SECRETS_KEY_LEN] = '\n';
    text[2 * SECRETS_KEY_LEN + 1] = '\0';
    int rc = write_text(data_dir, "identity.new", "cluster.key", text);
    explicit_bzero(text, sizeof(text));
    return rc;
}

static int write_peers(const char *data_dir, const struct identity *identity)
{
    size_t size = 1 + (size_t)identity->peer_count * (HEX_ID_LEN + CLUSTER_TEXT_MAX + 1);
    char *text = calloc(1, size);

    if (!text)
        return ERR_NOMEM;
    size_t at = 0;
    for (unsigned i = 0; i < identity->peer_count; i++) {
        char id[HEX_ID_LEN];
        hex_format_id(identity->peers[i].id, id);
        at += (size_t)snprintf(text + at, size - at, "%s %s\n", id, identity->peers[i].peer);
    }
    int rc = write_text(data_dir, "identity.new", "members", text);
    free(text);
    return rc;
}

static int write_files(const char *data_dir, const struct identity *identity)
{
    char text[NODE_TEXT_MAX];

    format_node(identity, text);
    int rc = write_text(data_dir, "identity.new", "node", text);
    if (rc == 0)
        rc = write_text(data_dir, "identity.new", "ca.pem", identity->ca_pem);
    if (rc == 0)
        rc = write_text(data_dir, "identity.new", "cert.pem", identity->cert_pem);
    if (rc == 0)
        rc = write_text(data_dir, "identity.new", "key.pem", identity->key_pem);
    if (rc == 0)
        rc = write_key(data_dir, identity->cluster_key);
    if (rc == 0 && identity->peer_count > 0)
        rc = write_peers(data_dir, identity);
    if (rc == 0 && identity->init_text)
        rc = write_text(data_dir, "identity.new", "init", identity->init_text);
    return rc;
}

int identity_store(const char *data_dir, const struct identity *identity)
{
    char fresh[PATH_MAX], final[PATH_MAX], draft[PATH_MAX];

    path_of(fresh, data_dir, "identity.new", "");
    path_of(final, data_dir, "identity", "");
    path_of(draft, data_dir, "joining", "");
    if (access(final, F_OK) == 0)
        return ERR_EXISTS;
    int rc = file_remove_tree(fresh);
    if (rc == 0 && mkdir(fresh, 0700) != 0)
        rc = ERR_IO;
    if (rc == 0)
        rc = write_files(data_dir, identity);
    if (rc == 0)
        rc = file_sync_folder(fresh);
    if (rc == 0 && rename(fresh, final) != 0)
        rc = ERR_IO;
    if (rc == 0)
        rc = file_sync_folder(data_dir);
    if (rc == 0) /* what remains of a draft harms nobody */
        (void)file_remove_tree(draft);
    return rc;
}

int identity_store_ca(const char *data_dir, const char *ca_pem)
{
    return write_text(data_dir, "identity", "ca.pem", ca_pem);
}

int identity_store_certificate(const char *data_dir, const char *cert_pem)
{
    return write_text(data_dir, "identity", "cert.pem", cert_pem);
}

int identity_store_removed(const char *data_dir, bool is_superseded)
{
    return write_text(data_dir, "identity", "removed", is_superseded ? SUPERSEDED : "");
}

int identity_init_done(const char *data_dir)
{
    char path[PATH_MAX], folder[PATH_MAX];

    path_of(path, data_dir, "identity", "init");
    path_of(folder, data_dir, "identity", "");
    if (unlink(path) != 0 && errno != ENOENT)
        return ERR_IO;
    return file_sync_folder(folder);
}

static int load_draft(const char *data_dir, uint64_t *id, char **key_pem)
{
    char *text = NULL, *key = NULL;

    int rc = read_text(data_dir, "joining", "node", &text);
    if (rc == 0)
        rc = read_text(data_dir, "joining", "key.pem", &key);
    if (rc == 0)
        rc = hex_parse_id(text, id) == 0 && *id != 0 ? 0 : ERR_CORRUPT;
    free(text);
    if (rc != 0) {
        certificate_free_key(key);
        return rc;
    }
    *key_pem = key;
    return 0;
}

int identity_draft(const char *data_dir, uint64_t *id, char **key_pem)
{
    char folder[PATH_MAX], text[HEX_ID_LEN], *key = NULL;

    if (load_draft(data_dir, id, key_pem) == 0)
        return 0;
    path_of(folder, data_dir, "joining", "");
    int rc = file_remove_tree(folder); /* a draft that cannot be read was never used */
    if (rc == 0 && mkdir(folder, 0700) != 0)
        rc = ERR_IO;
    if (rc == 0)
        rc = certificate_make_key(&key);
    uint64_t fresh = random_id();
    hex_format_id(fresh, text);
    if (rc == 0)
        rc = write_text(data_dir, "joining", "key.pem", key);
    if (rc == 0)
        rc = write_text(data_dir, "joining", "node", text);
    if (rc == 0)
        rc = file_sync_folder(data_dir);
    if (rc != 0) {
        certificate_free_key(key);
        return rc;
    }
    *id = fresh;
    *key_pem = key;
    return 0;
}

int identity_store_admin(const char *data_dir, const char *ca_pem, const struct secrets *secrets,
                         const char *addresses)
{
    char path[PATH_MAX], secret[2 * SECRETS_KEY_LEN + 1];

    size_t size = strlen(ca_pem) + 8 * strlen(addresses) + sizeof(secret) + 64;
    char *text = malloc(size);
    if (!text)
        return ERR_NOMEM;
    hex_format(secrets->admin_secret, SECRETS_KEY_LEN, secret);
    size_t at = (size_t)snprintf(text, size, "quartet-admin 1\nsecret %s\n", secret);
    for (const char *line = addresses; *line;) {
        size_t len = strcspn(line, "\n");
        at += (size_t)snprintf(text + at, size - at, "node %.*s\n", (int)len, line);
        line += len + (line[len] == '\n');
    }
    at += (size_t)snprintf(text + at, size - at, "%s", ca_pem);
    path_of(path, data_dir, "admin.conf", "");
    int rc = file_write(path, text, at, 0600);
    explicit_bzero(text, size);
    explicit_bzero(secret, sizeof(secret));
    free(text);
    return rc;
}
