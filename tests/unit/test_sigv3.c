/* links: gateway
 * The signatures were made with Python's hmac, as libcloud makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/hex.h"
#include "gateway/auth.h"
#include "gateway/sigv3.h"

#define ID "AKIDEXAMPLEEXAMPLE"
#define DATE "Thu, 01 Jan 2026 00:00:00 GMT"
#define NOW_MS UINT64_C(1767225600000)
#define SHA1_TEXT "KBkPW/bsUULPzlCDDPp4ehC+cvI="
#define SHA256_TEXT "BL7CHyx3DV0jl6bjXBvm0kn+Gj3jx4KkHKmwu71y15k="

static int read_claim(const char *authorization, const char *date, struct sigv3 *out,
                      struct auth_refusal *refusal)
{
    const struct auth_header headers[] = {{"Host", "h"},
                                          {"x-amzn-authorization", authorization},
                                          {date ? "Date" : "X-Other", date ? date : ""}};
    const struct auth_request request = {.method = "GET",
                                         .target = "/",
                                         .headers = headers,
                                         .header_count = 3,
                                         .now_wall_ms = NOW_MS};
    assert_true(sigv3_is_claimed(&request));
    return sigv3_read(&request, out, refusal);
}

static void test_sigv3_read_what_libcloud_sends(void **state)
{
    (void)state;
    static const struct {
        const char *text, *hex;
        bool is_sha1;
    } rows[] = {
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Signature=" SHA1_TEXT ",Algorithm=HmacSHA1",
         "28190f5bf6ec5142cfce50830cfa787a10be72f2", true},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ", Algorithm=HmacSHA256, Signature=" SHA256_TEXT,
         "04bec21f2c770d5d2397a6e35c1be6d249fe1a3de3c782a41ca9b0bbbd72d799", false},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct auth_refusal refusal = {0};
        struct sigv3 claim;
        uint8_t signature[32];
        size_t len = strlen(rows[i].hex) / 2;
        if (read_claim(rows[i].text, DATE, &claim, &refusal) != 0)
            fail_msg("%s", refusal.message);
        assert_string_equal(claim.access_key_id, ID);
        assert_string_equal(claim.text, DATE);
        assert_int_equal(claim.is_sha1, rows[i].is_sha1);
        assert_int_equal(hex_parse(rows[i].hex, signature, len), 0);
        assert_true(sigv3_is_signed(&claim, signature, len));
        assert_false(sigv3_is_signed(&claim, signature, len - 1));
        signature[len - 1] ^= 1;
        assert_false(sigv3_is_signed(&claim, signature, len));
    }
}

static void test_sigv3_read_refuses_what_is_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *date, *error, *words;
    } rows[] = {
        {"AWS3 AWSAccessKeyId=" ID, DATE, "IncompleteSignature", "must begin with AWS3-HTTPS"},
        {"AWS3-HTTPS ", DATE, "IncompleteSignature", "requires AWSAccessKeyId, Algorithm"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA1", DATE, "IncompleteSignature",
         "requires"},
        {"AWS3-HTTPS AWSAccessKeyId=short,Algorithm=HmacSHA1,Signature=" SHA1_TEXT, DATE,
         "InvalidClientTokenId", "is invalid"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacMD5,Signature=" SHA1_TEXT, DATE,
         "IncompleteSignature", "HmacSHA1 and HmacSHA256"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA256,Signature=" SHA1_TEXT, DATE,
         "IncompleteSignature", "Signature that is none"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA1,Signature=!!!!", DATE,
         "IncompleteSignature", "Signature that is none"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA1,Signature=" SHA1_TEXT, NULL,
         "IncompleteSignature", "needs a Date header"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA1,Signature=" SHA1_TEXT, "yesterday",
         "IncompleteSignature", "needs a Date header"},
        {"AWS3-HTTPS AWSAccessKeyId=" ID ",Algorithm=HmacSHA1,Signature=" SHA1_TEXT,
         "Wed, 31 Dec 2025 23:54:59 GMT", "SignatureDoesNotMatch", "Signature expired: 20251231T"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct auth_refusal refusal = {0};
        struct sigv3 claim;
        assert_int_equal(read_claim(rows[i].text, rows[i].date, &claim, &refusal), ERR_DENIED);
        assert_string_equal(refusal.error, rows[i].error);
        if (!strstr(refusal.message, rows[i].words))
            fail_msg("'%s' is not in '%s'", rows[i].words, refusal.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sigv3_read_what_libcloud_sends),
        cmocka_unit_test(test_sigv3_read_refuses_what_is_malformed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
