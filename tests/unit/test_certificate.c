/* links: cluster */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "cluster/certificate.h"
#include "cluster/identity.h"

#define NOW_MS 1800000000000ull
#define DAY_MS 86400000ull

struct fixture {
    char *ca_key, *ca, *key, *request;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct certificate_ca about = {{1, 2, 3}, 1};

    assert_int_equal(certificate_make_key(&f->ca_key), 0);
    assert_int_equal(certificate_make_ca(f->ca_key, &about, NOW_MS, &f->ca), 0);
    assert_int_equal(certificate_make_key(&f->key), 0);
    assert_int_equal(certificate_make_request(f->key, 7, &f->request), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    certificate_free_key(f->ca_key);
    certificate_free_key(f->key);
    free(f->ca);
    free(f->request);
    free(f);
    return 0;
}

static void test_sign_request_checks_out(void **state)
{
    struct fixture *f = *state;
    char *cert = NULL;
    const char *why = NULL;
    uint64_t expiry = 0;

    assert_int_equal(certificate_sign(f->ca, f->ca_key, f->request, 7, NOW_MS, &cert), 0);
    assert_int_equal(certificate_check(f->ca, cert, f->key, 7, NOW_MS, &why), 0);
    assert_int_equal(certificate_expiry(cert, &expiry), 0);
    assert_true(expiry == NOW_MS + CERTIFICATE_NODE_DAYS * DAY_MS);
    free(cert);
}

static void test_check_two_cas_either_will_do(void **state)
{
    struct fixture *f = *state;
    struct certificate_ca about = {{1, 2, 3}, 2};
    char *key = NULL, *ca = NULL, *cert = NULL, *picked = NULL, both[2 * CERTIFICATE_PEM_MAX];
    uint8_t hash[CERTIFICATE_HASH_LEN], other[CERTIFICATE_HASH_LEN] = {0};
    const char *why = NULL;

    assert_int_equal(certificate_make_key(&key), 0);
    assert_int_equal(certificate_make_ca(key, &about, NOW_MS, &ca), 0);
    assert_int_equal(certificate_sign(ca, key, f->request, 7, NOW_MS, &cert), 0);
    assert_true(certificate_is_by(ca, cert));
    assert_false(certificate_is_by(f->ca, cert));
    assert_int_equal(certificate_check(f->ca, cert, f->key, 7, NOW_MS, &why), ERR_DENIED);
    snprintf(both, sizeof(both), "%s%s", f->ca, ca);
    assert_int_equal(certificate_check(both, cert, f->key, 7, NOW_MS, &why), 0);
    assert_int_equal(certificate_hash(ca, hash), 0);
    assert_int_equal(certificate_pick(both, hash, &picked), 0);
    assert_string_equal(picked, ca);
    assert_int_equal(certificate_pick(both, other, &picked), ERR_NOT_FOUND);
    assert_int_equal(certificate_pick("-----BEGIN CERTIFICATE-----", other, &picked),
                     ERR_NOT_FOUND);
    free(picked);
    free(cert);
    free(ca);
    certificate_free_key(key);
}

static void test_sign_never_outlives_the_ca(void **state)
{
    struct fixture *f = *state;
    struct certificate_facts ca, node;
    uint64_t late_ms = NOW_MS + (CERTIFICATE_CA_DAYS - 10) * DAY_MS;
    char *cert = NULL;

    assert_int_equal(certificate_sign(f->ca, f->ca_key, f->request, 7, late_ms, &cert), 0);
    assert_int_equal(certificate_facts(f->ca, &ca), 0);
    assert_int_equal(certificate_facts(cert, &node), 0);
    assert_true(node.until_wall_ms == ca.until_wall_ms);
    assert_true(node.from_wall_ms == late_ms - CERTIFICATE_SKEW_MS);
    assert_memory_not_equal(node.serial, ca.serial, sizeof(ca.serial));
    assert_int_equal(certificate_facts("", &node), ERR_INVALID);
    free(cert);
}

static void test_sign_other_id_refused(void **state)
{
    struct fixture *f = *state;
    char *cert = NULL;

    assert_int_equal(certificate_sign(f->ca, f->ca_key, f->request, 8, NOW_MS, &cert), ERR_INVALID);
    assert_null(cert);
}

static void test_sign_hostile_request_refused(void **state)
{
    struct fixture *f = *state;
    char *cert = NULL;
    size_t len = strlen(f->request);

    assert_int_equal(certificate_sign(f->ca, f->ca_key, "", 7, NOW_MS, &cert), ERR_INVALID);
    assert_int_equal(certificate_sign(f->ca, f->ca_key, f->ca, 7, NOW_MS, &cert), ERR_INVALID);
    for (size_t at = 30; at + 50 < len; at += 3) {
        char kept = f->request[at];
        f->request[at] = kept == 'A' ? 'B' : 'A';
        if (certificate_sign(f->ca, f->ca_key, f->request, 7, NOW_MS, &cert) == 0)
            fail_msg("a changed octet at %zu was signed", at);
        f->request[at] = kept;
    }
}

static void test_check_wrong_parts_denied(void **state)
{
    struct fixture *f = *state;
    struct fixture *other = NULL;
    char *cert = NULL;
    const char *why = NULL;

    setup((void **)&other);
    assert_int_equal(certificate_sign(f->ca, f->ca_key, f->request, 7, NOW_MS, &cert), 0);
    assert_int_equal(certificate_check(other->ca, cert, f->key, 7, NOW_MS, &why), ERR_DENIED);
    assert_int_equal(certificate_check(f->ca, cert, other->key, 7, NOW_MS, &why), ERR_DENIED);
    assert_int_equal(certificate_check(f->ca, cert, f->key, 8, NOW_MS, &why), ERR_DENIED);
    assert_int_equal(certificate_check(f->ca, cert, f->key, 7, NOW_MS + 366 * DAY_MS, &why),
                     ERR_DENIED);
    assert_int_equal(certificate_check(f->ca, cert, f->key, 7, NOW_MS - DAY_MS, &why), ERR_DENIED);
    free(cert);
    teardown((void **)&other);
}

static void test_hashes_same_key_same(void **state)
{
    struct fixture *f = *state;
    char *again = NULL;
    uint8_t a[32], b[32];

    assert_int_equal(certificate_make_request(f->key, 9, &again), 0);
    assert_int_equal(certificate_request_key(f->request, a), 0);
    assert_int_equal(certificate_request_key(again, b), 0);
    assert_memory_equal(a, b, 32);
    assert_int_equal(certificate_hash(f->ca, a), 0);
    assert_int_equal(certificate_hash(f->request, a), ERR_INVALID);
    free(again);
}

static void test_identity_stored_loads_same(void **state)
{
    struct fixture *f = *state;
    char folder[] = "/tmp/quartet-identity-XXXXXX", error[CLUSTER_ERROR_MAX];
    struct identity_peer peer = {5, "127.0.0.1:5301"};
    struct identity in = {.cluster_id = {1},
                          .id = 7,
                          .ca_pem = f->ca,
                          .cert_pem = f->request,
                          .key_pem = f->key,
                          .cluster_key = {3},
                          .peers = &peer,
                          .peer_count = 1};
    struct identity out = {0};

    assert_non_null(mkdtemp(folder));
    assert_int_equal(identity_load(folder, &out, error), ERR_NOT_FOUND);
    assert_int_equal(identity_store(folder, &in), 0);
    assert_int_equal(identity_store(folder, &in), ERR_EXISTS);
    assert_int_equal(identity_load(folder, &out, error), 0);
    assert_true(out.id == 7);
    assert_memory_equal(out.cluster_id, in.cluster_id, 16);
    assert_memory_equal(out.cluster_key, in.cluster_key, 32);
    assert_string_equal(out.key_pem, f->key);
    assert_int_equal(out.peer_count, 1);
    assert_string_equal(out.peers[0].peer, peer.peer);
    identity_fini(&out);

    char path[128];
    snprintf(path, sizeof(path), "%s/identity/cluster.key", folder);
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(identity_load(folder, &out, error), ERR_CORRUPT);
    assert_non_null(strstr(error, "cluster.key"));
    file_remove_tree(folder);
}

static void test_identity_draft_repeats(void **state)
{
    char folder[] = "/tmp/quartet-identity-XXXXXX";
    char *first = NULL, *second = NULL;
    uint64_t a = 0, b = 0;

    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(identity_draft(folder, &a, &first), 0);
    assert_int_equal(identity_draft(folder, &b, &second), 0);
    assert_true(a == b && a != 0);
    assert_string_equal(first, second);
    certificate_free_key(first);
    certificate_free_key(second);
    file_remove_tree(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sign_request_checks_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check_two_cas_either_will_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_never_outlives_the_ca, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_other_id_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sign_hostile_request_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_check_wrong_parts_denied, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hashes_same_key_same, setup, teardown),
        cmocka_unit_test_setup_teardown(test_identity_stored_loads_same, setup, teardown),
        cmocka_unit_test(test_identity_draft_repeats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
