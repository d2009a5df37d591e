/* tests/fuzz/fuzz_log_record.c: records of the log store, read from a disk that may lie. */
/* links: raft_io raft_core */
#include <stdlib.h>
#include <string.h>

#include "raft/core/assert.h"
#include "raft/io/log_store_record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes must encode to the same octets. */
static void check_entry(uint64_t index, const uint8_t *data, size_t size)
{
    struct raft_entry entry;
    uint8_t header[LOG_RECORD_HEADER_LEN];
    const char *why = NULL;
    if (log_record_entry_decode(index, data, size, &entry, &why) != 0) {
        RAFT_ASSERT(why != NULL);
        return;
    }
    log_record_entry_header(&entry, header);
    RAFT_ASSERT(memcmp(header, data, sizeof(header)) == 0);
    raft_buf_unref(entry.data);
}

/* Give the octets a right checksum, so that what lies behind it is reached as well. */
static void check_sealed_entry(const uint8_t *data, size_t size)
{
    struct raft_buf *buf = raft_buf_new(data, size);
    struct raft_entry entry = {.index = 7, .term = 3, .kind = RAFT_ENTRY_NORMAL, .data = buf};
    uint8_t *record = malloc(LOG_RECORD_HEADER_LEN + size);
    if (buf != NULL && record != NULL) {
        if (size > 0)
            entry.kind = (enum raft_entry_kind)data[0];
        log_record_entry_header(&entry, record);
        memcpy(record + LOG_RECORD_HEADER_LEN, buf->data, size);
        check_entry(7, record, LOG_RECORD_HEADER_LEN + size);
    }
    free(record);
    raft_buf_unref(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct raft_hard_state state;
    struct raft_snapshot base;
    uint64_t term;
    check_entry(1, data, size);
    check_sealed_entry(data, size);
    (void)log_record_entry_term(data, size, &term);
    (void)log_record_hard_state_decode(data, size, &state);
    if (log_record_base_decode(data, size, &base) == 0)
        RAFT_ASSERT(base.conf.count <= RAFT_MEMBERS_MAX);
    return 0;
}
