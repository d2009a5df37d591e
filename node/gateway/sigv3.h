/* node/gateway/sigv3.h: the scheme before version 4, AWS3-HTTPS, which signs the Date header alone
 * and so is for TLS only: Debian's libcloud speaks it. As sigv4.h; pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/sigv4.h"

#define SIGV3_TEXT_SIZE 65u

struct sigv3 {
    char access_key_id[SIGV4_KEY_ID_SIZE];
    char text[SIGV3_TEXT_SIZE]; /* that was signed: the date, as it is in the header */
    bool is_sha1;               /* HMAC-SHA1; else HMAC-SHA256 */
    uint8_t signature[SIGV4_KEY_LEN];
    size_t signature_len;
};

/* Does @request have X-Amzn-Authorization? */
bool sigv3_is_claimed(const struct auth_request *request);
/* Read it and check what needs no key. 0; ERR_DENIED with @refusal filled. */
int sigv3_read(const struct auth_request *request, struct sigv3 *out, struct auth_refusal *refusal);
/* Is that what the key's owner would have signed with? In constant time. */
bool sigv3_is_signed(const struct sigv3 *claim, const uint8_t *signature, size_t len);
