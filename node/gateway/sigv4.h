/* node/gateway/sigv4.h: AWS Signature Version 4, the side that checks. A request's claim is read
 * and put into the canonical form that was signed; the key then says whether it was. Every octet is
 * hostile. Pure. Facts: docs.aws.amazon.com, "Create a signed AWS API request". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/auth_time.h"

struct arena;
struct auth_header;
struct auth_request;

#define SIGV4_KEY_LEN 32u
#define SIGV4_KEY_ID_MIN 16u
#define SIGV4_KEY_ID_SIZE 129u
#define SIGV4_SCOPE_SIZE 65u
#define SIGV4_SERVICE "route53"
#define SIGV4_STS "sts"                /* for its GetCallerIdentity, which many tools begin with */
#define SIGV4_SKEW_MS (5u * 60 * 1000) /* how far the client's clock may be off */
#define SIGV4_EXPIRES_MAX_S 604800u    /* of a presigned request */
#define SIGV4_PAIRS_MAX 1024u          /* of the query */
#define SIGV4_SIGNED_HEADERS_MAX 64u   /* names in SignedHeaders */
#define SIGV4_CANONICAL_MAX (128u << 10) /* octets of a canonical request */
#define SIGV4_REFUSAL_SIZE 1024u

struct auth_refusal {
    const char *error; /* Route 53's code, static */
    uint16_t status;
    char message[SIGV4_REFUSAL_SIZE];
};
/* Fill @refusal; returns ERR_DENIED. */
int auth_refuse(struct auth_refusal *refusal, const char *error, uint16_t status,
                const char *format, ...) __attribute__((format(printf, 4, 5)));

struct sigv4 {
    char access_key_id[SIGV4_KEY_ID_SIZE]; /* these four are the scope of the signing key */
    char date[9];
    char region[SIGV4_SCOPE_SIZE];
    char service[SIGV4_SCOPE_SIZE];
    char time[AUTH_TIME_SIZE];
    uint8_t signature[SIGV4_KEY_LEN];
    const char *canonical; /* the canonical request; in the arena */
    const char *to_sign;   /* the string to sign; in the arena */
};

/* Does @request claim this scheme, in a header or in its query? */
bool sigv4_is_claimed(const struct auth_request *request);
/* Read the claim, check all that needs no key (form, scope, clock, hash of the body) and make the
 * canonical form. 0; ERR_DENIED, and @refusal says why in AWS's words; ERR_NOMEM. */
int sigv4_read(const struct auth_request *request, struct arena *arena, struct sigv4 *out,
               struct auth_refusal *refusal);
/* Was @claim signed with the key that @signing_key was derived from? In constant time. */
bool sigv4_is_signed(const struct sigv4 *claim, const uint8_t signing_key[SIGV4_KEY_LEN]);
/* What AWS answers when it was not: with the canonical request and the string to sign, as those
 * save a client's author hours. In @arena; NULL: no memory. */
const char *sigv4_mismatch_text(const struct sigv4 *claim, struct arena *arena);
/* The key of one day, region and service, from the secret: for tests; production has it from the
 * node. */
void sigv4_signing_key(const char *secret, const struct sigv4 *scope, uint8_t out[SIGV4_KEY_LEN]);

/* [A-Z0-9], within the bounds above. */
bool sigv4_is_key_id(const char *text);
/* Is a request that was signed at @signed_ms good at @now_ms: no more than @lifetime_ms old, and
 * not from the future? 0; ERR_DENIED with @refusal filled. */
int sigv4_check_clock(uint64_t signed_ms, uint64_t lifetime_ms, uint64_t now_ms,
                      struct auth_refusal *refusal);

/* ---- the canonical request: sigv4_canonical.c ---- */

struct sigv4_text { /* text that grows within a bound */
    char *text;     /* NUL-terminated */
    size_t len, capacity;
    bool is_full;
};
/* Room for the text; ERR_NOMEM. */
int sigv4_text_init(struct sigv4_text *text, struct arena *arena, size_t capacity);
void sigv4_text_add(struct sigv4_text *text, const char *octets, size_t len);
void sigv4_text_add_text(struct sigv4_text *text, const char *more);
/* Path of @target: slashes joined, dot segments removed, encoded once more; a last slash stays. */
void sigv4_add_path(struct sigv4_text *text, const char *target);
/* Its query: the pairs as they are, in order, without X-Amz-Signature. ERR_LIMIT,
 * ERR_NOMEM. */
int sigv4_add_query(struct sigv4_text *text, const char *target, struct arena *arena);
/* Each of the names in @signed_headers ("a;b") with its values. */
void sigv4_add_headers(struct sigv4_text *text, const struct auth_request *request,
                       const char *signed_headers);

/* The first header of that name, any case; NULL: none. */
const char *sigv4_header(const struct auth_request *request, const char *name);
