/* links: gateway
 * Request lines as they come: "METHOD SP target". What is found has all its labels. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/api.h"

#define MEMORY_MAX (4u << 20)

static void check_match(const struct api_match *match, const char *method)
{
    unsigned labels = 0;

    if (!match->operation || strcmp(match->operation->method, method) != 0 ||
        match->query_count > API_QUERY_MAX)
        abort();
    for (const char *at = match->operation->path; *at; at++)
        labels += *at == '{';
    if (labels != match->label_count || labels > GATEWAY_LABELS_MAX)
        abort();
    for (unsigned i = 0; i < labels; i++) {
        if (strchr(match->labels[i], '/'))
            abort();
    }
    for (unsigned i = 0; i < match->query_count; i++) {
        if (!api_parameter(match, match->query[i].name))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena *arena = arena_new(MEMORY_MAX);
    char *line = malloc(len + 1);
    struct api_match match;

    if (!line || !arena)
        abort();
    memcpy(line, data, len);
    line[len] = '\0';
    char *target = strchr(line, ' ');
    if (target) {
        *target++ = '\0';
        if (api_route(line, target, arena, &match) == 0)
            check_match(&match, line);
        arena_reset(arena);
        (void)api_parse_query(target, arena, &match);
    }
    free(line);
    arena_free(arena);
    return 0;
}
