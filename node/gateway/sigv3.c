#include "gateway/sigv3.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <nettle/base64.h>
#include <nettle/memops.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>

#include "base/err.h"
#include "gateway/auth.h"

#define HEADER "X-Amzn-Authorization"
#define SCHEME "AWS3-HTTPS "
#define PART_SIZE 160u

bool sigv3_is_claimed(const struct auth_request *request)
{
    return sigv4_header(request, HEADER) != NULL;
}

static int incomplete(struct auth_refusal *refusal, const char *what)
{
    return auth_refuse(refusal, "IncompleteSignature", 400, HEADER " %s", what);
}

/* The value of @name among "name=value,name=value". false: it is not there, or too long. */
static bool take_part(const char *text, const char *name, char out[PART_SIZE])
{
    size_t name_len = strlen(name);

    while (*(text += strspn(text, " \t,"))) {
        size_t len = strcspn(text, ", \t");
        if (len > name_len && len - name_len <= PART_SIZE && text[name_len] == '=' &&
            strncasecmp(text, name, name_len) == 0) {
            memcpy(out, text + name_len + 1, len - name_len - 1);
            out[len - name_len - 1] = '\0';
            return true;
        }
        text += len;
    }
    return false;
}

static bool take_signature(const char *text, struct sigv3 *out)
{
    uint8_t octets[BASE64_DECODE_LENGTH(PART_SIZE)];
    struct base64_decode_ctx decoder;
    size_t len = sizeof(octets);

    base64_decode_init(&decoder);
    if (!base64_decode_update(&decoder, &len, octets, strlen(text), text) ||
        !base64_decode_final(&decoder) ||
        len != (out->is_sha1 ? SHA1_DIGEST_SIZE : SHA256_DIGEST_SIZE))
        return false;
    memcpy(out->signature, octets, len);
    out->signature_len = len;
    return true;
}

static int take_parts(const char *text, struct sigv3 *out, struct auth_refusal *refusal)
{
    char id[PART_SIZE], algorithm[PART_SIZE], signature[PART_SIZE];

    if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
        return incomplete(refusal, "must begin with AWS3-HTTPS.");
    text += strlen(SCHEME);
    if (!take_part(text, "AWSAccessKeyId", id) || !take_part(text, "Algorithm", algorithm) ||
        !take_part(text, "Signature", signature))
        return incomplete(refusal, "requires AWSAccessKeyId, Algorithm and Signature.");
    if (!sigv4_is_key_id(id))
        return auth_refuse(refusal, "InvalidClientTokenId", 403,
                           "The security token included in the request is invalid.");
    memcpy(out->access_key_id, id, strlen(id) + 1);
    out->is_sha1 = strcasecmp(algorithm, "HmacSHA1") == 0;
    if (!out->is_sha1 && strcasecmp(algorithm, "HmacSHA256") != 0)
        return incomplete(refusal, "knows the algorithms HmacSHA1 and HmacSHA256.");
    return take_signature(signature, out) ? 0
                                          : incomplete(refusal, "has a Signature that is none.");
}

int sigv3_read(const struct auth_request *request, struct sigv3 *out, struct auth_refusal *refusal)
{
    const char *text = sigv4_header(request, HEADER), *date = sigv4_header(request, "X-Amz-Date");
    struct sigv3 got = {0};
    uint64_t signed_ms;

    if (!text)
        return incomplete(refusal, "is missing.");
    int rc = take_parts(text, &got, refusal);
    if (rc != 0)
        return rc;
    if (!date)
        date = sigv4_header(request, "Date");
    if (!date || strlen(date) >= sizeof(got.text) ||
        (!auth_time_parse_http(date, &signed_ms) && !auth_time_parse(date, &signed_ms)))
        return incomplete(refusal, "needs a Date header such as 'Fri, 27 Nov 2026 01:02:03 GMT'.");
    memcpy(got.text, date, strlen(date) + 1);
    rc = sigv4_check_clock(signed_ms, SIGV4_SKEW_MS, request->now_wall_ms, refusal);
    if (rc == 0)
        *out = got;
    return rc;
}

bool sigv3_is_signed(const struct sigv3 *claim, const uint8_t *signature, size_t len)
{
    return len == claim->signature_len && memeql_sec(signature, claim->signature, len);
}
