#include "lib/test_members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "raft/core/raft.h"

static uint8_t zeros[32];

const struct apply_result *test_run(struct test_apply *test, Cmd__Command__KindCase kind,
                                    void *body)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = kind;
    command->open_session = body; /* the members of the union are all pointers */
    return test_apply_one(test, command);
}

void test_member_context(Cmd__MemberContext *context, uint64_t id)
{
    cmd__member_context__init(context);
    context->id = id;
    context->name = id == 1 ? "ns1" : "ns2";
    context->certificate_sha256 = (ProtobufCBinaryData){sizeof(zeros), zeros};
}

static void add_member(struct test_apply *test, uint64_t id)
{
    struct raft_conf conf = {.members = {{1, RAFT_VOTER}, {2, RAFT_LEARNER}}, .count = 2};
    Cmd__MemberContext context;
    struct raft_conf_change change = {id == 1 ? RAFT_CONF_UPDATE : RAFT_CONF_ADD_LEARNER, id, NULL};

    test_member_context(&context, id);
    struct raft_buf *packed = raft_buf_new(NULL, cmd__member_context__get_packed_size(&context));
    cmd__member_context__pack(&context, packed->data);
    change.context = packed;
    struct raft_entry entry = {++test->index, 1, RAFT_ENTRY_CONF,
                               raft_conf_entry_encode(&conf, &change)};
    assert_int_equal(apply_entry(test->apply, &entry), 0);
    raft_buf_unref(entry.data);
    raft_buf_unref(packed);
}

void test_two_members(struct test_apply *test)
{
    Cmd__InitCluster init = CMD__INIT_CLUSTER__INIT;

    init.cluster_id = (ProtobufCBinaryData){16, zeros};
    assert_int_equal(test_run(test, CMD__COMMAND__KIND_INIT_CLUSTER, &init)->code, 0);
    add_member(test, 1);
    add_member(test, 2);
}
