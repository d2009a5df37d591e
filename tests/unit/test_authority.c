/* links: cluster test_apply */
/* The rotation of the cluster's CA: rules, and every step through apply with its refusals; new
 * certificates that are asked for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "cluster/authority_rule.h"
#include "lib/kv_memory.h"
#include "lib/test_members.h"

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

/* What a member tells: its certificate's CA and what it trusts; @serial is its first octet. */
static int tell(uint64_t id, uint8_t serial, uint32_t generation, uint32_t trusted)
{
    Cmd__UpdateMember update = CMD__UPDATE_MEMBER__INIT;
    Cmd__MemberContext context;
    Cmd__Certificate certificate = CMD__CERTIFICATE__INIT;
    uint8_t octet16[16] = {serial};

    test_member_context(&context, id);
    certificate.serial = (ProtobufCBinaryData){16, octet16};
    certificate.from_wall_ms = 1;
    certificate.until_wall_ms = 2;
    certificate.generation = generation;
    certificate.trusted_generation = trusted;
    context.certificate = &certificate;
    update.member = &context;
    return test_run(&test, CMD__COMMAND__KIND_UPDATE_MEMBER, &update)->code;
}

static int rotate(Cmd__AuthorityStep step, uint32_t generation)
{
    Cmd__RotateAuthority command = CMD__ROTATE_AUTHORITY__INIT;
    char old[] = "old", fresh[16];

    snprintf(fresh, sizeof(fresh), "ca %u", generation);
    command.step = step;
    command.generation = generation;
    command.cert_pem = fresh;
    command.old_cert_pem = old;
    command.sealed_key = first(10);
    return test_run(&test, CMD__COMMAND__KIND_ROTATE_AUTHORITY, &command)->code;
}
#define BEGIN CMD__AUTHORITY_STEP__AUTHORITY_BEGIN
#define USE CMD__AUTHORITY_STEP__AUTHORITY_USE
#define RETIRE CMD__AUTHORITY_STEP__AUTHORITY_RETIRE
#define CANCEL CMD__AUTHORITY_STEP__AUTHORITY_CANCEL

static bool has_secret(const char *name)
{
    struct kv_buffer value = {0};

    int rc = state_get_secret(&test.kv, name, &value);
    kv_buffer_fini(&value);
    return rc == 0;
}

static void put_token(void)
{
    Cmd__TokenCreate create = CMD__TOKEN_CREATE__INIT;

    create.token_id = first(8);
    create.secret_sha256 = first(32);
    create.expires_wall_ms = UINT64_MAX;
    create.uses = 1;
    assert_int_equal(test_run(&test, CMD__COMMAND__KIND_TOKEN_CREATE, &create)->code, 0);
}

static void test_rotation_waits_for_every_member_at_each_step(void **state)
{
    struct state_authority authority;
    struct state_token token;

    (void)state;
    assert_int_equal(rotate(BEGIN, 2), ERR_CONFLICT); /* no cluster yet */
    test_two_members(&test);
    put_token();
    assert_int_equal(rotate(USE, 2), ERR_CONFLICT);
    assert_int_equal(rotate(BEGIN, 3), ERR_CONFLICT);
    assert_int_equal(rotate(BEGIN, 2), 0);
    assert_int_equal(rotate(BEGIN, 3), ERR_CONFLICT); /* one is under way */
    assert_int_equal(rotate(USE, 2), ERR_CONFLICT);   /* nobody has told anything */
    assert_int_equal(tell(1, 1, 1, 2), 0);
    assert_int_equal(rotate(USE, 2), ERR_CONFLICT); /* 2 has not */
    assert_int_equal(rotate(RETIRE, 2), ERR_CONFLICT);
    assert_int_equal(tell(2, 2, 1, 2), 0);
    assert_int_equal(rotate(USE, 3), ERR_CONFLICT);
    assert_int_equal(state_get_token(&test.kv, octets, &token), 0);
    assert_int_equal(rotate(USE, 2), 0);
    assert_int_equal(state_get_token(&test.kv, octets, &token), ERR_NOT_FOUND);
    assert_int_equal(state_get_authority(&test.kv, &authority), 0);
    assert_int_equal(authority.signing, 2);
    assert_string_equal(authority.cas[0].cert_pem, "old");
    assert_int_equal(rotate(CANCEL, 2), ERR_CONFLICT);
    assert_int_equal(tell(1, 3, 2, 2), 0);
    assert_int_equal(rotate(RETIRE, 2), ERR_CONFLICT);
    assert_int_equal(tell(2, 4, 2, 2), 0);
    assert_int_equal(rotate(RETIRE, 2), 0);
    assert_int_equal(state_get_authority(&test.kv, &authority), 0);
    assert_int_equal(authority.ca_count, 1);
    assert_string_equal(authority.cas[0].cert_pem, "ca 2");
    assert_false(has_secret("ca.key"));
    assert_true(has_secret("ca.key.2"));
}

static void test_rotation_given_up_leaves_the_old_ca(void **state)
{
    struct state_authority authority;

    (void)state;
    test_two_members(&test);
    assert_int_equal(rotate(CANCEL, 2), ERR_CONFLICT);
    assert_int_equal(rotate(BEGIN, 2), 0);
    assert_int_equal(rotate(CANCEL, 2), 0);
    assert_false(has_secret("ca.key.2"));
    assert_int_equal(state_get_authority(&test.kv, &authority), 0);
    assert_int_equal(authority.phase, STATE_AUTHORITY_STEADY);
    assert_int_equal(authority.signing, 1);
    assert_int_equal(rotate(BEGIN, 2), ERR_CONFLICT); /* a generation is never used twice */
    assert_int_equal(rotate(BEGIN, 3), 0);
}

static void test_renewal_asked_for_is_due_until_the_member_has_another(void **state)
{
    Cmd__RenewCertificates renew = CMD__RENEW_CERTIFICATES__INIT;
    struct state_member member;
    uint64_t ids[] = {2};

    (void)state;
    test_two_members(&test);
    renew.n_members = 1;
    renew.members = ids;
    assert_int_equal(test_run(&test, CMD__COMMAND__KIND_RENEW_CERTIFICATES, &renew)->code,
                     ERR_NOT_FOUND);
    assert_int_equal(tell(2, 7, 1, 1), 0);
    assert_int_equal(test_run(&test, CMD__COMMAND__KIND_RENEW_CERTIFICATES, &renew)->code, 0);
    assert_int_equal(tell(2, 7, 1, 1), 0); /* a restart: the same certificate */
    assert_int_equal(state_get_member(&test.kv, 2, &member), 0);
    assert_true(member.certificate.is_renewal_due);
    assert_int_equal(tell(2, 8, 1, 1), 0);
    assert_int_equal(state_get_member(&test.kv, 2, &member), 0);
    assert_false(member.certificate.is_renewal_due);
    renew.n_members = 0;
    assert_int_equal(test_run(&test, CMD__COMMAND__KIND_RENEW_CERTIFICATES, &renew)->code,
                     ERR_LIMIT);
}

static void test_rules_of_phases_and_bundles(void **state)
{
    struct state_authority authority = {.signing = 1, .last = 2, .ca_count = 2};
    struct state_certificate old = {.generation = 1, .trusted_generation = 1};
    struct state_certificate trusts = {.generation = 1, .trusted_generation = 2};
    struct state_certificate has = {.generation = 2, .trusted_generation = 2};
    char bundle[STATE_CAS_MAX * STATE_CA_PEM_SIZE], name[AUTHORITY_KEY_NAME_SIZE];

    (void)state;
    authority.cas[0] = (struct state_ca){1, "A\n"};
    authority.cas[1] = (struct state_ca){2, "B\n"};
    authority.phase = STATE_AUTHORITY_TRUST;
    assert_false(authority_is_done(&authority, &old));
    assert_true(authority_is_done(&authority, &trusts));
    authority_bundle(&authority, bundle);
    assert_string_equal(bundle, "A\nB\n");
    authority.phase = STATE_AUTHORITY_USE;
    assert_false(authority_is_done(&authority, &trusts));
    assert_true(authority_is_done(&authority, &has));
    authority_bundle(&authority, bundle);
    assert_string_equal(bundle, "B\nA\n");
    authority.phase = STATE_AUTHORITY_STEADY;
    authority.ca_count = 1;
    assert_true(authority_is_done(&authority, &old));
    authority_key_name(1, name);
    assert_string_equal(name, "ca.key");
    authority_key_name(UINT32_MAX, name);
    assert_string_equal(name, "ca.key.4294967295");
}

static void test_renewal_due_after_two_thirds(void **state)
{
    (void)state;
    assert_true(authority_renewal_due(1000, 4000) == 3000);
    assert_true(authority_renewal_due(0, 365) == 244);
    assert_true(authority_renewal_due(4000, 4000) == 0);
    assert_true(authority_renewal_due(5000, 4000) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rotation_waits_for_every_member_at_each_step, start,
                                        stop),
        cmocka_unit_test_setup_teardown(test_rotation_given_up_leaves_the_old_ca, start, stop),
        cmocka_unit_test_setup_teardown(test_renewal_asked_for_is_due_until_the_member_has_another,
                                        start, stop),
        cmocka_unit_test(test_rules_of_phases_and_bundles),
        cmocka_unit_test(test_renewal_due_after_two_thirds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
