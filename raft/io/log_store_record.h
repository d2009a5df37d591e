/* raft/io/log_store_record.h: the octets of the log store's keys and values. All integers are big
 * endian. A checksum is XXH3-64 over everything else of the record and, for an entry, its index:
 * a record that lies under a wrong key fails as well. Pure; any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "raft/core/raft.h"

/* An entry's key is its index. The meta keys begin with index 0, so they sort before all entries.
 */
#define LOG_RECORD_KEY_LEN 8
#define LOG_RECORD_META_LEN 9
extern const char log_record_version_key[LOG_RECORD_META_LEN + 1];
extern const char log_record_hard_state_key[LOG_RECORD_META_LEN + 1];
extern const char log_record_base_key[LOG_RECORD_META_LEN + 1];

void log_record_key(uint64_t index, uint8_t key[LOG_RECORD_KEY_LEN]);
uint64_t log_record_index(const uint8_t key[LOG_RECORD_KEY_LEN]);

/* version(1) kind(1) zero(2) length(4) term(8) checksum(8), then the data. */
#define LOG_RECORD_HEADER_LEN 24
void log_record_entry_header(const struct raft_entry *entry, uint8_t out[LOG_RECORD_HEADER_LEN]);
/* On 0 the caller owns out->data. RAFT_ECORRUPT (@why: a static English text), RAFT_EVERSION,
 * RAFT_ENOMEM; @out untouched. */
int log_record_entry_decode(uint64_t index, const uint8_t *value, size_t len,
                            struct raft_entry *out, const char **why);
/* Only the term, checksum not verified (it was, at open). RAFT_ECORRUPT. */
int log_record_entry_term(const uint8_t *value, size_t len, uint64_t *out);

/* zero(8) term(8) voted_for(8) checksum(8); the format version is a key of its own. */
#define LOG_RECORD_HARD_STATE_LEN 32
void log_record_hard_state(const struct raft_hard_state *state,
                           uint8_t out[LOG_RECORD_HARD_STATE_LEN]);
int log_record_hard_state_decode(const uint8_t *value, size_t len, struct raft_hard_state *out);

/* index(8) term(8) zero(4) count(4) members(count × id(8) role(1)) checksum(8). */
#define LOG_RECORD_BASE_LEN_MAX (24 + RAFT_MEMBERS_MAX * 9 + 8)
size_t log_record_base(const struct raft_snapshot *base, uint8_t out[LOG_RECORD_BASE_LEN_MAX]);
/* The locator comes out empty. RAFT_ECORRUPT. */
int log_record_base_decode(const uint8_t *value, size_t len, struct raft_snapshot *out);
