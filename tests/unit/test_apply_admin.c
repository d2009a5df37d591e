/* links: cluster test_apply */
/* Cluster identity, tokens, secrets, settings, members; membership entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"

static struct test_apply test;
static uint8_t octets[64];

static int start(void **state)
{
    struct kv kv;

    (void)state;
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_apply_fini(&test);
    return 0;
}

static ProtobufCBinaryData first(size_t len)
{
    return (ProtobufCBinaryData){len, octets};
}

static void *kind(Cmd__Command *command, Cmd__Command__KindCase which,
                  const ProtobufCMessageDescriptor *descriptor)
{
    void *message = test_apply_alloc(&test, descriptor->sizeof_message);

    protobuf_c_message_init(descriptor, message);
    command->kind_case = which;
    command->open_session = message; /* the members of the union are all pointers */
    return message;
}
#define KIND(command, UPPER, lower)                                                                \
    kind(command, CMD__COMMAND__KIND_##UPPER, &cmd__##lower##__descriptor)

static void assert_code(Cmd__Command *command, int code)
{
    const struct apply_result *result = test_apply_one(&test, command);

    assert_int_equal(result->code, code);
    assert_int_equal(result->outcome, code == 0 ? APPLY_DONE : APPLY_REFUSED);
    assert_true(code == 0 || test.effect_count == 0);
}

static Cmd__Command *init_cluster(const char *name)
{
    Cmd__Command *command = test_command(&test);
    Cmd__InitCluster *init = KIND(command, INIT_CLUSTER, init_cluster);

    init->cluster_id = first(16);
    init->name = test_apply_format(&test, "%s", name);
    init->domain = test_apply_format(&test, "ns.example.");
    return command;
}

static void test_init_cluster_once(void **state)
{
    struct state_cluster cluster;
    Cmd__Command *command = init_cluster("one");

    (void)state;
    assert_int_equal(state_get_cluster(&test.kv, &cluster), ERR_NOT_FOUND);
    command->init_cluster->cluster_id = first(15);
    assert_code(command, ERR_INVALID);
    assert_code(init_cluster("one"), 0);
    assert_code(init_cluster("one"), 0);
    assert_code(init_cluster("two"), ERR_EXISTS);
    assert_int_equal(state_get_cluster(&test.kv, &cluster), 0);
    assert_string_equal(cluster.name, "one");
    assert_string_equal(cluster.domain, "ns.example.");
}

static Cmd__Command *create_token(uint32_t uses, uint64_t expires_wall_ms)
{
    Cmd__Command *command = test_command(&test);
    Cmd__TokenCreate *token = KIND(command, TOKEN_CREATE, token_create);

    token->token_id = first(8);
    token->secret_sha256 = first(32);
    token->uses = uses;
    token->expires_wall_ms = expires_wall_ms;
    return command;
}

static Cmd__Command *consume_token(uint64_t time_wall_ms)
{
    Cmd__Command *command = test_command(&test);
    Cmd__TokenConsume *token = KIND(command, TOKEN_CONSUME, token_consume);

    command->time_wall_ms = time_wall_ms;
    token->token_id = first(8);
    token->secret_sha256 = first(32);
    return command;
}

static void test_token_uses_and_expiry(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_code(create_token(0, 5000000), ERR_INVALID);
    assert_code(create_token(1, 1000000), ERR_INVALID);
    assert_code(create_token(2, 5000000), 0);
    assert_code(create_token(2, 5000000), ERR_EXISTS);
    assert_code(consume_token(5000000), ERR_DENIED);
    command = consume_token(4999999);
    command->token_consume->secret_sha256.data = octets + 1;
    octets[32] = 9;
    assert_code(command, ERR_DENIED);
    octets[32] = 0;
    assert_code(consume_token(4999999), 0);
    assert_code(consume_token(4999999), 0);
    assert_code(consume_token(4999999), ERR_NOT_FOUND);
}

static void test_token_revoke(void **state)
{
    Cmd__Command *command;

    (void)state;
    assert_code(create_token(2, 5000000), 0);
    for (unsigned i = 0; i < 2; i++) {
        command = test_command(&test);
        Cmd__TokenRevoke *revoke = KIND(command, TOKEN_REVOKE, token_revoke);
        revoke->token_id = first(8);
        assert_code(command, i == 0 ? 0 : ERR_NOT_FOUND);
    }
    assert_code(consume_token(1), ERR_NOT_FOUND);
    command = test_command(&test);
    ((Cmd__TokenRevoke *)KIND(command, TOKEN_REVOKE, token_revoke))->token_id = first(7);
    assert_code(command, ERR_INVALID);
}

static Cmd__Command *put_secret(const char *name, size_t len, bool only_new)
{
    Cmd__Command *command = test_command(&test);
    Cmd__PutSecret *secret = KIND(command, PUT_SECRET, put_secret);

    secret->name = test_apply_format(&test, "%s", name);
    secret->ciphertext = first(len);
    secret->only_new = only_new;
    return command;
}

static void test_secret_put_get_delete(void **state)
{
    struct kv_buffer value = {0};

    (void)state;
    assert_code(put_secret("", 4, false), ERR_INVALID);
    assert_code(put_secret("ca", 0, false), ERR_LIMIT);
    assert_code(put_secret("ca", 4, true), 0);
    assert_int_equal(test.effects[0], APPLY_SECRETS_CHANGED);
    assert_code(put_secret("ca", 5, true), ERR_EXISTS);
    assert_code(put_secret("ca", 6, false), 0);
    assert_int_equal(state_get_secret(&test.kv, "ca", &value), 0);
    assert_int_equal(value.len, 6);
    for (unsigned i = 0; i < 2; i++) {
        Cmd__Command *command = test_command(&test);
        Cmd__DeleteSecret *secret = KIND(command, DELETE_SECRET, delete_secret);
        secret->name = test_apply_format(&test, "ca");
        assert_code(command, i == 0 ? 0 : ERR_NOT_FOUND);
    }
    assert_int_equal(state_get_secret(&test.kv, "ca", &value), ERR_NOT_FOUND);
    kv_buffer_fini(&value);
}

static Cmd__Command *put_setting(const char *name, const char *value)
{
    Cmd__Command *command = test_command(&test);
    Cmd__PutSetting *setting = KIND(command, PUT_SETTING, put_setting);

    setting->name = test_apply_format(&test, "%s", name);
    setting->value = test_apply_format(&test, "%s", value);
    return command;
}

static void test_setting_put_and_remove(void **state)
{
    char value[STATE_SETTING_SIZE];

    (void)state;
    assert_code(put_setting("autopilot", "off"), 0);
    assert_int_equal(state_get_setting(&test.kv, "autopilot", value), 0);
    assert_string_equal(value, "off");
    assert_code(put_setting("autopilot", ""), 0);
    assert_int_equal(state_get_setting(&test.kv, "autopilot", value), ERR_NOT_FOUND);
    assert_code(put_setting("", "x"), ERR_INVALID);
    assert_code(put_setting(STATE_SETTING_CHANGES_KEPT, "1x"), ERR_INVALID);
    assert_code(put_setting(STATE_SETTING_CHANGES_KEPT, "10000001"), ERR_INVALID);
    assert_code(put_setting(STATE_SETTING_CHANGES_KEPT, "99999999999999999999999"), ERR_INVALID);
    assert_code(put_setting(STATE_SETTING_CHANGES_KEPT, "0"), 0);
    Cmd__Command *command = put_setting("x", "");
    command->put_setting->value = test_apply_alloc(&test, STATE_SETTING_SIZE);
    memset(command->put_setting->value, 'x', STATE_SETTING_SIZE);
    assert_code(command, ERR_LIMIT);
}

static Cmd__MemberContext *member(uint64_t id, const char *name)
{
    Cmd__MemberContext *out = test_apply_alloc(&test, sizeof(*out));

    cmd__member_context__init(out);
    out->id = id;
    out->name = test_apply_format(&test, "%s", name);
    out->certificate_sha256 = first(32);
    out->dns_addresses = test_apply_alloc(&test, 2 * sizeof(*out->dns_addresses));
    out->n_dns_addresses = 2;
    out->dns_addresses[0] = first(4);
    out->dns_addresses[1] = first(16);
    return out;
}

/* Apply a membership entry: members 5 and 6, without 6 when it is removed or lost. */
static int apply_conf(enum raft_conf_change_kind change_kind, uint64_t id,
                      const Cmd__MemberContext *context)
{
    struct raft_conf conf = {
        .members = {{5, RAFT_VOTER}, {6, RAFT_LEARNER}},
        .count = change_kind == RAFT_CONF_REMOVE || change_kind == RAFT_CONF_RECOVER ? 1 : 2};
    struct raft_conf_change change = {.kind = change_kind, .id = id};
    uint8_t packed[1024];

    if (context)
        change.context = raft_buf_new(packed, cmd__member_context__pack(context, packed));
    struct raft_entry entry = {test.index + 1, 1, RAFT_ENTRY_CONF,
                               raft_conf_entry_encode(&conf, &change)};
    assert_non_null(entry.data);
    test.effect_count = 0;
    int rc = apply_entry(test.apply, &entry);
    test.index += rc == 0;
    raft_buf_unref(entry.data);
    raft_buf_unref(change.context);
    return rc;
}

static void test_membership_entry_writes_conf_and_member(void **state)
{
    struct state_member read;
    struct state_conf conf;

    (void)state;
    assert_int_equal(state_get_conf(&test.kv, &conf), 0);
    assert_int_equal(conf.count, 0);
    assert_int_equal(apply_conf(RAFT_CONF_ADD_LEARNER, 6, member(6, "ns6")), 0);
    assert_int_equal(test.effects[0], APPLY_MEMBERS_CHANGED);
    assert_int_equal(test.last_effect.member_id, 6);
    assert_int_equal(state_get_conf(&test.kv, &conf), 0);
    assert_int_equal(conf.count, 2);
    assert_int_equal(conf.members[1].role, RAFT_LEARNER);
    assert_int_equal(state_get_member(&test.kv, 6, &read), 0);
    assert_string_equal(read.name, "ns6");
    assert_int_equal(read.dns_address_count, 2);
    assert_int_equal(read.dns_addresses[1].len, 16);
    assert_int_equal(apply_conf(RAFT_CONF_REMOVE, 6, NULL), 0);
    assert_int_equal(state_get_member(&test.kv, 6, &read), ERR_NOT_FOUND);
}

static void test_recovery_entry_forgets_who_is_lost(void **state)
{
    struct state_member read;
    struct state_conf conf;

    (void)state;
    assert_int_equal(apply_conf(RAFT_CONF_ADD_LEARNER, 6, member(5, "ns5")), 0);
    assert_int_equal(apply_conf(RAFT_CONF_ADD_LEARNER, 6, member(6, "ns6")), 0);
    assert_int_equal(apply_conf(RAFT_CONF_RECOVER, 5, NULL), 0);
    assert_int_equal(test.effects[0], APPLY_MEMBERS_CHANGED);
    assert_int_equal(state_get_conf(&test.kv, &conf), 0);
    assert_int_equal(conf.count, 1);
    assert_int_equal(state_get_member(&test.kv, 5, &read), 0);
    assert_int_equal(state_get_member(&test.kv, 6, &read), ERR_NOT_FOUND);
}

static void test_membership_entry_bad_context_keeps_conf(void **state)
{
    Cmd__MemberContext *context = member(6, "ns6");
    struct state_member read;
    struct state_conf conf;

    (void)state;
    context->dns_addresses[0].len = 5;
    assert_int_equal(apply_conf(RAFT_CONF_ADD_LEARNER, 6, context), 0);
    assert_int_equal(state_get_conf(&test.kv, &conf), 0);
    assert_int_equal(conf.count, 2);
    assert_int_equal(state_get_member(&test.kv, 6, &read), ERR_NOT_FOUND);
}

static void test_update_member(void **state)
{
    struct state_member read;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        Cmd__Command *command = test_command(&test);
        Cmd__UpdateMember *update = KIND(command, UPDATE_MEMBER, update_member);
        update->member = i == 0 ? NULL : member(6, "moved");
        assert_code(command, i == 2 ? 0 : ERR_NOT_FOUND);
        if (i == 1)
            assert_int_equal(apply_conf(RAFT_CONF_ADD_LEARNER, 6, member(6, "ns6")), 0);
    }
    assert_int_equal(state_get_member(&test.kv, 6, &read), 0);
    assert_string_equal(read.name, "moved");
}

static void test_hash_check_tells_the_hash(void **state)
{
    struct state_applied point;
    struct state_hash hash;
    Cmd__Command *command = test_command(&test);

    (void)state;
    KIND(command, HASH_CHECK, hash_check);
    assert_code(command, 0);
    assert_int_equal(test.effects[0], APPLY_HASH_CHECK);
    assert_int_equal(test.last_effect.index, test.index);
    assert_true(apply_hash_at(test.apply, test.index, &hash));
    apply_point(test.apply, &point);
    assert_memory_equal(&hash, &point.hash, sizeof(hash));
    assert_true(apply_hash_at(test.apply, test.index - 1, &hash));
    assert_memory_not_equal(&hash, &point.hash, sizeof(hash));
    assert_false(apply_hash_at(test.apply, test.index + 1, &hash));
    assert_false(apply_hash_at(test.apply, 0, &hash));
}

static void test_entry_not_understood_stops(void **state)
{
    struct state_applied before, after;
    struct raft_entry entry = {test.index + 1, 1, RAFT_ENTRY_NORMAL,
                               raft_buf_new("\x08\x01\x12\x03\xfa\x07\x00", 7)};

    (void)state;
    apply_point(test.apply, &before);
    assert_int_equal(apply_entry(test.apply, &entry), ERR_VERSION); /* a later kind */
    entry.kind = (enum raft_entry_kind)9;
    assert_int_equal(apply_entry(test.apply, &entry), ERR_VERSION);
    entry.kind = RAFT_ENTRY_CONF;
    assert_int_equal(apply_entry(test.apply, &entry), ERR_CORRUPT);
    raft_buf_unref(entry.data);
    entry = (struct raft_entry){test.index + 1, 1, RAFT_ENTRY_NORMAL, raft_buf_new("\xff", 1)};
    assert_int_equal(apply_entry(test.apply, &entry), ERR_CORRUPT);
    apply_point(test.apply, &after);
    assert_memory_equal(&before, &after, sizeof(before));
    raft_buf_unref(entry.data);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_init_cluster_once),
        CASE(test_token_uses_and_expiry),
        CASE(test_token_revoke),
        CASE(test_secret_put_get_delete),
        CASE(test_setting_put_and_remove),
        CASE(test_membership_entry_writes_conf_and_member),
        CASE(test_recovery_entry_forgets_who_is_lost),
        CASE(test_membership_entry_bad_context_keeps_conf),
        CASE(test_update_member),
        CASE(test_hash_check_tells_the_hash),
        CASE(test_entry_not_understood_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
