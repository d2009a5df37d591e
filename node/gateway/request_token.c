/* node/gateway/request_token.c: what tells a request that is sent again from another one. */
#include <nettle/sha2.h>
#include <string.h>
#include <strings.h>

#include "gateway/internal.h"
#include "gateway/request.h"

#define INVOCATION_LEN_MAX 256u

static const char *find_header(const struct gateway_call *call, const char *name)
{
    for (size_t i = 0; i < call->header_count; i++) {
        if (strcasecmp(call->headers[i].name, name) == 0)
            return call->headers[i].value;
    }
    return NULL;
}

/* A text with its end, so that no two lists of texts are alike. */
static void add_text(struct sha256_ctx *hash, const char *text)
{
    sha256_update(hash, strlen(text) + 1, (const uint8_t *)text);
}

size_t gateway_request_token(const struct gateway_call *call, uint8_t out[GATEWAY_TOKEN_LEN])
{
    const char *invocation = find_header(call, "amz-sdk-invocation-id");
    struct sha256_ctx hash;

    if (!invocation || !invocation[0] || strlen(invocation) > INVOCATION_LEN_MAX)
        return 0;
    sha256_init(&hash);
    add_text(&hash, invocation);
    add_text(&hash, auth_access_key_id(call->principal));
    add_text(&hash, call->method);
    add_text(&hash, call->target);
    sha256_update(&hash, call->body_len, call->body);
    sha256_digest(&hash, GATEWAY_TOKEN_LEN, out);
    return GATEWAY_TOKEN_LEN;
}
