/* tests/fuzz/fuzz_raft_conf.c: the data of a membership entry, as another node sends it; then that
 * change made anew from what was decoded. */
/* links: raft_core */
#include <string.h>

#include "raft/core/assert.h"
#include "raft/core/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What decodes is a configuration that the rules allow, and encodes to the same octets. */
static void check_decoded(const struct raft_buf *data, const struct raft_conf *conf,
                          const struct raft_conf_change *change, const uint8_t *context,
                          size_t context_len)
{
    struct raft_conf_change again = *change;

    RAFT_ASSERT(raft_conf_is_valid(conf));
    RAFT_ASSERT(context_len <= data->len && context + context_len == data->data + data->len);
    again.context = raft_buf_new(context, context_len);
    struct raft_buf *encoded = raft_conf_entry_encode(conf, &again);
    RAFT_ASSERT(again.context != NULL && encoded != NULL && encoded->len == data->len &&
                memcmp(encoded->data, data->data, data->len) == 0);
    raft_buf_unref(encoded);
    raft_buf_unref(again.context);
}

/* Every single change of it keeps the rules, or is refused and changes nothing. */
static void check_changes(const struct raft_conf *conf, raft_id id)
{
    for (int kind = RAFT_CONF_ADD_LEARNER; kind <= RAFT_CONF_UPDATE; kind++) {
        struct raft_conf_change change = {.kind = (enum raft_conf_change_kind)kind, .id = id};
        struct raft_conf out = {.count = 77};
        if (raft_conf_apply(conf, &change, &out) == 0)
            RAFT_ASSERT(raft_conf_is_valid(&out));
        else
            RAFT_ASSERT(out.count == 77);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct raft_conf conf = {.count = 77};
    struct raft_conf_change change;
    const uint8_t *context;
    size_t context_len;

    struct raft_buf *buf = raft_buf_new(data, size);
    if (buf == NULL)
        return 0;
    if (raft_conf_entry_decode(buf, &conf, &change, &context, &context_len) == 0) {
        check_decoded(buf, &conf, &change, context, context_len);
        check_changes(&conf, change.id);
        check_changes(&conf, conf.members[size % conf.count].id);
    } else {
        RAFT_ASSERT(conf.count == 77);
    }
    raft_buf_unref(buf);
    return 0;
}
