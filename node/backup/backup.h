/* node/backup/backup.h: a backup is one file that holds the applied state of one log index. This
 * header has what all files of the room share; frame.h has the file's form.
 *
 * The file holds the state's keys and values, family by family, and not RocksDB's files: it can be
 * checked pair by pair by the decoders that a node uses, it does not depend on a version of
 * RocksDB, and the same state always gives the same pairs in the same order. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/state.h"

#define BACKUP_VERSION 1u /* of the form, in the file's prelude; older ones are read for ever */
#define BACKUP_PROBLEM_LEN 400u /* octets of a sentence about what is wrong, NUL included */
#define BACKUP_CLUSTER_KEY_LEN 32u
#define BACKUP_SALT_LEN 16u
#define BACKUP_SEALED_LEN (BACKUP_CLUSTER_KEY_LEN + 16u) /* with its tag */
#define BACKUP_SECRET_MAX 1024u                          /* octets of a passphrase */

/* What the cluster key in a backup is under. */
enum backup_key_kind { /* stored: never renumber */
                       BACKUP_KEY_NONE =
                           0, /* it is not in the file: nothing can open the secrets */
                       BACKUP_KEY_FILE = 1,
                       BACKUP_KEY_PASSPHRASE = 2,
};
struct backup_seal {
    enum backup_key_kind kind;
    uint8_t salt[BACKUP_SALT_LEN];
    uint32_t iterations; /* of PBKDF2 */
    uint8_t sealed[BACKUP_SEALED_LEN];
};

struct backup_counts {
    uint64_t zones, record_sets, health_checks, access_keys, signing_keys;
};
/* What a backup says about itself. */
struct backup_about {
    struct state_cluster cluster;
    struct state_applied applied; /* index, term and the state's hash there */
    uint64_t taken_wall_ms;
    uint64_t node_id;
    char node_name[STATE_SETTING_NAME_SIZE];
    char program_version[STATE_SETTING_NAME_SIZE];
    struct backup_counts counts;
    struct backup_seal seal;
};

/* How far the work on another thread is, in record sets, and a wish that it end (ERR_CLOSED). */
struct backup_progress {
    _Atomic uint64_t done, total;
    _Atomic bool is_stopped;
};

/* The octets of a backup: a file (file.h), or for tests and fuzzers memory. @read fills @out from
 * @offset on; 0, ERR_IO. */
struct backup_source {
    int (*read)(void *user, uint64_t offset, void *out, size_t len);
    void *user;
    uint64_t len;
};

/* Takes a backup's octets in order. 0; ERR_IO (errno tells). */
typedef int (*backup_sink_cb)(void *user, const void *data, size_t len);

/* Write a sentence into @problem and return @code. */
int backup_problem(char problem[BACKUP_PROBLEM_LEN], int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
