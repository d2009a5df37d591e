/* links: gateway
 * A request as it came, with whatever claims to have signed it. The first line is "METHOD TARGET",
 * the next ones are headers until an empty one, the rest is the body. What is read stays in its
 * bounds and is the same when it is read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/auth.h"
#include "gateway/sigv3.h"
#include "gateway/sigv4.h"

#define NOW_MS UINT64_C(1767225600000)

static char *cut(char **rest, char end)
{
    char *at = *rest, *stop = strchr(at, end);

    if (stop)
        *stop = '\0';
    *rest = stop ? stop + 1 : at + strlen(at);
    return at;
}

static void take_headers(char **rest, struct auth_request *request, struct auth_header *headers)
{
    while (request->header_count < AUTH_HEADERS_MAX) {
        char *line = cut(rest, '\n');
        if (!*line)
            return;
        char *value = line;
        char *name = cut(&value, ':');
        headers[request->header_count++] = (struct auth_header){name, value};
    }
}

static void check_again(const struct auth_request *request, struct arena *arena,
                        const struct sigv4 *claim)
{
    struct auth_refusal refusal;
    struct sigv4 again;
    uint8_t key[SIGV4_KEY_LEN];

    if (strlen(claim->canonical) >= SIGV4_CANONICAL_MAX || strlen(claim->date) != 8 ||
        !sigv4_mismatch_text(claim, arena))
        abort();
    sigv4_signing_key("secret", claim, key);
    if (sigv4_is_signed(claim, key)) /* nobody signed with that secret */
        abort();
    if (sigv4_read(request, arena, &again, &refusal) != 0 ||
        strcmp(again.to_sign, claim->to_sign) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct arena *arena;
    struct auth_header headers[AUTH_HEADERS_MAX];
    struct auth_request request = {.headers = headers, .now_wall_ms = NOW_MS, .is_tls = true};
    struct auth_refusal refusal = {0};
    struct sigv4 claim;
    struct sigv3 old;

    if (!arena && !(arena = arena_new(64u << 20)))
        abort();
    arena_reset(arena);
    char *rest = arena_copy(arena, data, len);
    if (!rest)
        return 0;
    request.method = cut(&rest, ' ');
    request.target = cut(&rest, '\n');
    take_headers(&rest, &request, headers);
    request.body = (const uint8_t *)rest;
    request.body_len = strlen(rest);
    (void)sigv4_is_claimed(&request);
    (void)sigv3_read(&request, &old, &refusal);
    int rc = sigv4_read(&request, arena, &claim, &refusal);
    if (rc == ERR_DENIED && (!refusal.error || !refusal.message[0]))
        abort();
    if (rc == 0)
        check_again(&request, arena, &claim);
    return 0;
}
