/* links: gateway base
 *
 * tests/e2e/e2e_sigv4.c: what the gateway makes of signed requests, for comparing it with a signer.
 *
 *   e2e_sigv4 SECRET < REQUESTS
 *
 * A request is lines: wall clock in ms, method, target, count of headers, each header as
 * "NAME:VALUE", body in hexadecimal. For each one line is printed: "match HASH", "differ HASH" (of
 * the canonical request) or "refused ERROR MESSAGE". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/hex.h"
#include "gateway/auth.h"
#include "gateway/sigv4.h"

#define LINE_MAX_LEN 65536
#define HEADERS_MAX 64

static char *take_line(struct arena *arena)
{
    static char line[LINE_MAX_LEN];

    if (!fgets(line, sizeof(line), stdin))
        return NULL;
    line[strcspn(line, "\n")] = '\0';
    return arena_copy(arena, line, strlen(line));
}

static bool take_headers(struct arena *arena, struct auth_request *request,
                         struct auth_header *headers)
{
    char *count = take_line(arena);

    request->headers = headers;
    request->header_count = count ? strtoul(count, NULL, 10) : HEADERS_MAX + 1;
    if (request->header_count > HEADERS_MAX)
        return false;
    for (size_t i = 0; i < request->header_count; i++) {
        char *line = take_line(arena), *colon = line ? strchr(line, ':') : NULL;
        if (!colon)
            return false;
        *colon = '\0';
        headers[i] = (struct auth_header){line, colon + 1};
    }
    return true;
}

static bool take_request(struct arena *arena, struct auth_request *request,
                         struct auth_header *headers)
{
    char *now = take_line(arena);

    *request = (struct auth_request){.now_wall_ms = now ? strtoull(now, NULL, 10) : 0};
    request->method = now ? take_line(arena) : NULL;
    request->target = request->method ? take_line(arena) : NULL;
    if (!request->target || !take_headers(arena, request, headers))
        return false;
    char *hex = take_line(arena);
    if (!hex)
        return false;
    request->body_len = strlen(hex) / 2;
    uint8_t *body = arena_alloc(arena, request->body_len + 1);
    request->body = body;
    return body && hex_parse(hex, body, request->body_len) == 0;
}

static void judge(const char *secret, const struct auth_request *request, struct arena *arena)
{
    struct auth_refusal refusal;
    struct sigv4 claim;
    uint8_t key[SIGV4_KEY_LEN];

    if (sigv4_read(request, arena, &claim, &refusal) != 0) {
        printf("refused %s %s\n", refusal.error, refusal.message);
        return;
    }
    sigv4_signing_key(secret, &claim, key);
    printf("%s %s\n", sigv4_is_signed(&claim, key) ? "match" : "differ",
           strrchr(claim.to_sign, '\n') + 1);
}

int main(int argc, char **argv)
{
    struct arena *arena = arena_new(16u << 20);
    struct auth_header headers[HEADERS_MAX];
    struct auth_request request;

    if (argc != 2 || !arena)
        return 2;
    while (take_request(arena, &request, headers)) {
        judge(argv[1], &request, arena);
        arena_reset(arena);
    }
    arena_free(arena);
    return feof(stdin) ? 0 : 1;
}
