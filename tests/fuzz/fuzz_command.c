/* links: cluster test_apply */
/* Any octets as a log entry over a small state: decoded or refused, applied or refused, never a
 * crash; and what was applied leaves a state whose every value can be read. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct check {
    enum kv_family family;
};

static int on_pair(void *user, struct kv_slice key, struct kv_slice value)
{
    const struct check *check = user;
    int rc = state_value_check(check->family, key, value);

    ASSERT(rc == 0);
    return rc;
}

static struct kv start_state(void)
{
    static struct kv base;
    static struct test_apply test;
    struct kv copy;

    if (!base.ops) {
        ASSERT(kv_memory_new(&base) == 0);
        test_apply_init(&test, base);
        ASSERT(test_apply_one(&test, test_create_zone(&test, 1, "e."))->code == 0);
        ASSERT(test_apply_one(&test, test_import_begin(&test, 1, 2))->code == 0);
    }
    ASSERT(kv_memory_clone(&base, &copy) == 0);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct test_apply test;
    struct raft_buf *buf = raft_buf_new(data, len);
    struct raft_entry entry = {.term = 1, .kind = RAFT_ENTRY_NORMAL, .data = buf};

    test_apply_init(&test, start_state());
    entry.index = test.index + 1;
    if (len > 0 && data[0] == 0xff)
        entry.kind = RAFT_ENTRY_CONF;
    int rc = apply_entry(test.apply, &entry);
    ASSERT(rc == 0 || rc == ERR_CORRUPT || rc == ERR_VERSION || rc == ERR_LIMIT);
    for (unsigned family = 0; family < KV_FAMILIES; family++) {
        struct check check = {(enum kv_family)family};
        ASSERT(kv_scan(&test.kv, &(struct kv_range){.family = check.family}, on_pair, &check) == 0);
    }
    raft_buf_unref(buf);
    test_apply_fini(&test);
    return 0;
}
