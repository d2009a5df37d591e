#include "gateway/sigv4.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <nettle/hmac.h>
#include <nettle/memops.h>
#include <nettle/sha2.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "gateway/auth.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define TERMINATOR "aws4_request"
#define HEX_LEN (2 * SHA256_DIGEST_SIZE)
#define REGION_OCTETS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."
#define SHOWN_MAX 128 /* octets of the request's own text in a message */
#define MISMATCH                                                                                   \
    "The request signature we calculated does not match the signature you provided. Check your "   \
    "AWS Secret Access Key and signing method. Consult the service documentation for details."

/* What a request says of its signature. In the arena, or the request's own. */
struct parts {
    const char *credential, *signed_headers, *signature, *time;
    uint64_t expires_s; /* of a presigned one */
    bool is_presigned;
};

int auth_refuse(struct auth_refusal *refusal, const char *error, uint16_t status,
                const char *format, ...)
{
    va_list args;

    refusal->error = error;
    refusal->status = status;
    va_start(args, format);
    vsnprintf(refusal->message, sizeof(refusal->message), format, args);
    va_end(args);
    return ERR_DENIED;
}

static int incomplete(struct auth_refusal *refusal, const char *message)
{
    return auth_refuse(refusal, "IncompleteSignature", 400, "%s", message);
}

/* ---- the claim in a header ---- */

static int take_part(const char *text, size_t len, struct arena *arena, struct parts *parts)
{
    static const char *const names[] = {"Credential=", "SignedHeaders=", "Signature="};
    const char **places[] = {&parts->credential, &parts->signed_headers, &parts->signature};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        size_t name_len = strlen(names[i]);
        if (len < name_len || memcmp(text, names[i], name_len) != 0)
            continue;
        *places[i] = arena_copy(arena, text + name_len, len - name_len);
        return *places[i] ? 0 : ERR_NOMEM;
    }
    return 0; /* others say nothing to us */
}

static int check_parts(const struct parts *parts, struct auth_refusal *refusal)
{
    char message[SIGV4_REFUSAL_SIZE] = "";
    size_t len = 0;
    const struct {
        const char *part, *problem;
    } rows[] = {
        {parts->credential, "Authorization header requires 'Credential' parameter. "},
        {parts->signature, "Authorization header requires 'Signature' parameter. "},
        {parts->signed_headers, "Authorization header requires 'SignedHeaders' parameter. "},
        {parts->time, "Authorization header requires existence of either a 'X-Amz-Date' or a "
                      "'Date' header. "},
    };

    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (!rows[i].part)
            len += (size_t)snprintf(message + len, sizeof(message) - len, "%s", rows[i].problem);
    }
    if (len == 0)
        return 0;
    message[len - 1] = '\0';
    return incomplete(refusal, message);
}

static int read_header(const struct auth_request *request, const char *authorization,
                       struct arena *arena, struct parts *parts, struct auth_refusal *refusal)
{
    size_t scheme_len = strlen(ALGORITHM);
    int rc = 0;

    if (strncmp(authorization, ALGORITHM, scheme_len) != 0 || authorization[scheme_len] != ' ')
        return auth_refuse(refusal, "IncompleteSignature", 400,
                           "The Authorization header must begin with '" ALGORITHM
                           " Credential='. Authorization=%.*s",
                           (int)strcspn(authorization, " "), authorization);
    for (const char *at = authorization + scheme_len; rc == 0 && *at;) {
        at += strspn(at, " \t,");
        size_t len = strcspn(at, ","), used = len;
        while (used > 0 && (at[used - 1] == ' ' || at[used - 1] == '\t'))
            used--;
        rc = take_part(at, used, arena, parts);
        at += len;
    }
    parts->time = sigv4_header(request, "X-Amz-Date");
    if (!parts->time)
        parts->time = sigv4_header(request, "Date");
    return rc != 0 ? rc : check_parts(parts, refusal);
}

/* ---- the claim in the query ---- */

/* "%2F" to "/", in place. */
static void decode(char *text)
{
    char *out = text;

    for (const char *at = text; *at; at++) {
        uint8_t octet;
        char digits[3] = {at[1], at[1] ? at[2] : '\0', '\0'};
        if (*at == '%' && hex_parse(digits, &octet, 1) == 0 && octet != 0) {
            *out++ = (char)octet;
            at += 2;
        } else
            *out++ = *at;
    }
    *out = '\0';
}

/* The decoded value of the parameter @name of @target; NULL in *@out: it is not there. */
static int take_query(const char *target, const char *name, struct arena *arena, const char **out)
{
    size_t name_len = strlen(name);
    const char *at = strchr(target, '?');

    *out = NULL;
    while (at && *++at) {
        size_t len = strcspn(at, "&");
        if (len > name_len && at[name_len] == '=' && memcmp(at, name, name_len) == 0) {
            char *value = arena_copy(arena, at + name_len + 1, len - name_len - 1);
            if (!value)
                return ERR_NOMEM;
            decode(value);
            *out = value;
            return 0;
        }
        at = at[len] ? at + len : NULL;
    }
    return 0;
}

static bool take_expires(const char *text, uint64_t *out)
{
    size_t len = strspn(text, "0123456789");

    if (len == 0 || len > 6 || text[len] != '\0')
        return false;
    *out = strtoull(text, NULL, 10);
    return *out > 0 && *out <= SIGV4_EXPIRES_MAX_S;
}

static int read_query(const struct auth_request *request, struct arena *arena, struct parts *parts,
                      struct auth_refusal *refusal)
{
    const char *algorithm, *expires;
    const struct {
        const char *name;
        const char **place;
    } rows[] = {
        {"X-Amz-Algorithm", &algorithm}, {"X-Amz-Credential", &parts->credential},
        {"X-Amz-Date", &parts->time},    {"X-Amz-SignedHeaders", &parts->signed_headers},
        {"X-Amz-Expires", &expires},     {"X-Amz-Signature", &parts->signature},
    };

    parts->is_presigned = true;
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = take_query(request->target, rows[i].name, arena, rows[i].place);
        if (rc != 0)
            return rc;
        if (!*rows[i].place)
            return auth_refuse(refusal, "IncompleteSignature", 400,
                               "AWS query-string parameters must include '%s'. Re-examine the "
                               "query-string parameters.",
                               rows[i].name);
    }
    if (strcmp(algorithm, ALGORITHM) != 0)
        return incomplete(refusal, "X-Amz-Algorithm only supports \"" ALGORITHM "\"");
    if (!take_expires(expires, &parts->expires_s))
        return incomplete(refusal, "X-Amz-Expires must be a number of seconds from 1 to 604800");
    return 0;
}

bool sigv4_is_claimed(const struct auth_request *request)
{
    const char *query = strchr(request->target, '?');

    return sigv4_header(request, "Authorization") ||
           (query && (strstr(query, "X-Amz-Signature=") || strstr(query, "X-Amz-Credential=")));
}

/* ---- checks ---- */

bool sigv4_is_key_id(const char *text)
{
    size_t len = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789");

    return len >= SIGV4_KEY_ID_MIN && len < SIGV4_KEY_ID_SIZE && text[len] == '\0';
}

/* KEY/DATE/REGION/SERVICE/aws4_request */
static int split_credential(const char *credential, struct sigv4 *out, char *terminator,
                            struct auth_refusal *refusal)
{
    const struct {
        char *place;
        size_t size;
    } fields[] = {{out->access_key_id, sizeof(out->access_key_id)},
                  {out->date, sizeof(out->date)},
                  {out->region, sizeof(out->region)},
                  {out->service, sizeof(out->service)},
                  {terminator, SIGV4_SCOPE_SIZE}};
    const char *at = credential;
    unsigned count = 0;

    for (; count < 5; count++) {
        size_t len = strcspn(at, "/");
        if (len == 0 || len >= fields[count].size || (count < 4) != (at[len] == '/'))
            break;
        memcpy(fields[count].place, at, len);
        fields[count].place[len] = '\0';
        at += len + (count < 4);
    }
    return count == 5 ? 0
                      : auth_refuse(refusal, "IncompleteSignature", 400,
                                    "Credential must have exactly 5 slash-delimited elements, e.g. "
                                    "keyid/date/region/service/term, got '%.*s'",
                                    SHOWN_MAX, credential);
}

static int check_scope(const struct sigv4 *claim, const char *target, const char *terminator,
                       struct auth_refusal *refusal)
{
    bool is_sts = strcmp(claim->service, SIGV4_STS) == 0 && strcspn(target, "?") == 1; /* "/" */

    if (!sigv4_is_key_id(claim->access_key_id))
        return auth_refuse(refusal, "InvalidClientTokenId", 403,
                           "The security token included in the request is invalid.");
    if (claim->region[strspn(claim->region, REGION_OCTETS)] != '\0')
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Credential should be scoped to a valid region. ");
    if (strcmp(claim->service, SIGV4_SERVICE) != 0 && !is_sts)
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Credential should be scoped to correct service: '" SIGV4_SERVICE "'. ");
    if (strcmp(terminator, TERMINATOR) != 0)
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Credential should be scoped with a valid terminator: '" TERMINATOR
                           "', not '%s'. ",
                           terminator);
    if (strncmp(claim->date, claim->time, strlen(claim->date)) != 0 || strlen(claim->date) != 8)
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
                           "of date from HTTP: '%s' != '%.8s', from '%s'.",
                           claim->date, claim->time, claim->time);
    return 0;
}

int sigv4_check_clock(uint64_t signed_ms, uint64_t lifetime_ms, uint64_t now_ms,
                      struct auth_refusal *refusal)
{
    char signed_text[AUTH_TIME_SIZE], bound[AUTH_TIME_SIZE], now[AUTH_TIME_SIZE];
    unsigned minutes = (unsigned)(lifetime_ms / 60000);

    auth_time_format(signed_ms, signed_text);
    auth_time_format(now_ms, now);
    if (signed_ms + lifetime_ms < now_ms) {
        auth_time_format(now_ms - lifetime_ms, bound);
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Signature expired: %s is now earlier than %s (%s - %u min.)",
                           signed_text, bound, now, minutes);
    }
    if (signed_ms > now_ms + SIGV4_SKEW_MS) {
        auth_time_format(now_ms + SIGV4_SKEW_MS, bound);
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "Signature not yet current: %s is still later than %s (%s + 5 min.)",
                           signed_text, bound, now);
    }
    return 0;
}

static int check_time(const struct auth_request *request, const struct parts *parts,
                      struct sigv4 *out, struct auth_refusal *refusal)
{
    uint64_t signed_ms;

    if (!auth_time_parse(parts->time, &signed_ms) &&
        (parts->is_presigned || !auth_time_parse_http(parts->time, &signed_ms)))
        return auth_refuse(refusal, "IncompleteSignature", 400,
                           "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
                           "http://en.wikipedia.org/wiki/ISO_8601",
                           SHOWN_MAX, parts->time);
    auth_time_format(signed_ms, out->time);
    return sigv4_check_clock(signed_ms,
                             parts->is_presigned ? parts->expires_s * 1000 : SIGV4_SKEW_MS,
                             request->now_wall_ms, refusal);
}

static bool has_name(const char *signed_headers, const char *name)
{
    size_t name_len = strlen(name);

    for (const char *at = signed_headers; *at;) {
        size_t len = strcspn(at, ";");
        if (len == name_len && strncasecmp(at, name, len) == 0)
            return true;
        at += len + (at[len] == ';');
    }
    return false;
}

static int check_signed_headers(const struct parts *parts, struct auth_refusal *refusal)
{
    unsigned count = 1;

    for (const char *at = parts->signed_headers; *at; at++)
        count += *at == ';';
    if (count > SIGV4_SIGNED_HEADERS_MAX)
        return incomplete(refusal, "SignedHeaders names too many headers.");
    if (!has_name(parts->signed_headers, "host"))
        return auth_refuse(
            refusal, "SignatureDoesNotMatch", 403,
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    return 0;
}

static int check_signature(const struct parts *parts, struct sigv4 *out,
                           struct auth_refusal *refusal)
{
    if (hex_parse(parts->signature, out->signature, sizeof(out->signature)) == 0)
        return 0;
    return auth_refuse(refusal, "SignatureDoesNotMatch", 403, "%s", MISMATCH);
}

/* The hash of the body, as text: what is there, whatever the client says of it. */
static int hash_body(const struct auth_request *request, char out[HEX_LEN + 1],
                     struct auth_refusal *refusal)
{
    const char *given = sigv4_header(request, "X-Amz-Content-Sha256");
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&hash);
    if (request->body_len > 0)
        sha256_update(&hash, request->body_len, request->body);
    sha256_digest(&hash, sizeof(digest), digest);
    hex_format(digest, sizeof(digest), out);
    if (given && strncasecmp(given, out, HEX_LEN + 1) != 0)
        return auth_refuse(refusal, "SignatureDoesNotMatch", 403,
                           "The provided 'x-amz-content-sha256' header does not match what was "
                           "computed: the body's hash is %s, the header says '%.*s'. Unsigned and "
                           "streamed bodies are not accepted.",
                           out, (int)HEX_LEN, given);
    if (given)
        memcpy(out, given, HEX_LEN); /* it was signed in this case of letters */
    return 0;
}

/* ---- the canonical form ---- */

static int make_canonical(const struct auth_request *request, const struct parts *parts,
                          const char *body_hash, struct arena *arena, struct sigv4_text *text)
{
    int rc = sigv4_text_init(text, arena, SIGV4_CANONICAL_MAX);

    if (rc != 0)
        return rc;
    sigv4_text_add_text(text, request->method);
    sigv4_text_add(text, "\n", 1);
    sigv4_add_path(text, request->target);
    sigv4_text_add(text, "\n", 1);
    rc = sigv4_add_query(text, request->target, arena);
    sigv4_text_add(text, "\n", 1);
    sigv4_add_headers(text, request, parts->signed_headers);
    sigv4_text_add(text, "\n", 1);
    sigv4_text_add_text(text, parts->signed_headers);
    sigv4_text_add(text, "\n", 1);
    sigv4_text_add_text(text, body_hash);
    return rc;
}

static int make_to_sign(const struct sigv4_text *canonical, struct arena *arena, struct sigv4 *out)
{
    char hex[HEX_LEN + 1], text[512];
    struct sha256_ctx hash;
    uint8_t digest[SHA256_DIGEST_SIZE];

    sha256_init(&hash);
    sha256_update(&hash, canonical->len, (const uint8_t *)canonical->text);
    sha256_digest(&hash, sizeof(digest), digest);
    hex_format(digest, sizeof(digest), hex);
    int len = snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s/%s/%s/" TERMINATOR "\n%s", out->time,
                       out->date, out->region, out->service, hex);
    out->canonical = canonical->text;
    out->to_sign = arena_copy(arena, text, (size_t)len);
    return out->to_sign ? 0 : ERR_NOMEM;
}

static int read_parts(const struct auth_request *request, struct arena *arena, struct parts *parts,
                      struct auth_refusal *refusal)
{
    const char *authorization = sigv4_header(request, "Authorization");

    return authorization ? read_header(request, authorization, arena, parts, refusal)
                         : read_query(request, arena, parts, refusal);
}

int sigv4_read(const struct auth_request *request, struct arena *arena, struct sigv4 *out,
               struct auth_refusal *refusal)
{
    char terminator[SIGV4_SCOPE_SIZE], body_hash[HEX_LEN + 1];
    struct sigv4_text canonical = {0};
    struct parts parts = {0};
    struct sigv4 got = {0};
    int rc = read_parts(request, arena, &parts, refusal);

    if (rc == 0)
        rc = split_credential(parts.credential, &got, terminator, refusal);
    if (rc == 0)
        rc = check_time(request, &parts, &got, refusal);
    if (rc == 0)
        rc = check_scope(&got, request->target, terminator, refusal);
    if (rc == 0)
        rc = check_signed_headers(&parts, refusal);
    if (rc == 0)
        rc = check_signature(&parts, &got, refusal);
    if (rc == 0)
        rc = hash_body(request, body_hash, refusal);
    if (rc == 0)
        rc = make_canonical(request, &parts, body_hash, arena, &canonical);
    if (rc == ERR_LIMIT || (rc == 0 && canonical.is_full))
        return incomplete(refusal, "The request is too large to be signed.");
    if (rc == 0)
        rc = make_to_sign(&canonical, arena, &got);
    if (rc == 0)
        *out = got;
    return rc;
}

/* ---- the key ---- */

static void sign(const uint8_t *key, size_t key_len, const char *text, uint8_t out[SIGV4_KEY_LEN])
{
    struct hmac_sha256_ctx mac;

    hmac_sha256_set_key(&mac, key_len, key);
    hmac_sha256_update(&mac, strlen(text), (const uint8_t *)text);
    hmac_sha256_digest(&mac, SIGV4_KEY_LEN, out);
    explicit_bzero(&mac, sizeof(mac));
}

void sigv4_signing_key(const char *secret, const struct sigv4 *scope, uint8_t out[SIGV4_KEY_LEN])
{
    char first[4 + 128 + 1];
    int len = snprintf(first, sizeof(first), "AWS4%.128s", secret);

    sign((const uint8_t *)first, (size_t)len, scope->date, out);
    explicit_bzero(first, sizeof(first));
    sign(out, SIGV4_KEY_LEN, scope->region, out);
    sign(out, SIGV4_KEY_LEN, scope->service, out);
    sign(out, SIGV4_KEY_LEN, TERMINATOR, out);
}

bool sigv4_is_signed(const struct sigv4 *claim, const uint8_t signing_key[SIGV4_KEY_LEN])
{
    uint8_t signature[SIGV4_KEY_LEN];

    sign(signing_key, SIGV4_KEY_LEN, claim->to_sign, signature);
    return memeql_sec(signature, claim->signature, sizeof(signature));
}

const char *sigv4_mismatch_text(const struct sigv4 *claim, struct arena *arena)
{
    static const char canonical[] = "\n\nThe Canonical String for this request should have been\n'",
                      to_sign[] = "'\n\nThe String-to-Sign should have been\n'";
    struct sigv4_text text;
    size_t capacity = strlen(claim->canonical) + strlen(claim->to_sign) + sizeof(MISMATCH) +
                      sizeof(canonical) + sizeof(to_sign) + 3;

    if (sigv4_text_init(&text, arena, capacity) != 0)
        return NULL;
    sigv4_text_add_text(&text, MISMATCH);
    sigv4_text_add_text(&text, canonical);
    sigv4_text_add_text(&text, claim->canonical);
    sigv4_text_add_text(&text, to_sign);
    sigv4_text_add_text(&text, claim->to_sign);
    sigv4_text_add_text(&text, "'\n");
    return text.text;
}
