/* node/gateway/sigv4_canonical.c: a request in the form that its client signed. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/auth.h"
#include "gateway/sigv4.h"

int sigv4_text_init(struct sigv4_text *text, struct arena *arena, size_t capacity)
{
    *text = (struct sigv4_text){.text = arena_alloc(arena, capacity), .capacity = capacity};
    if (!text->text)
        return ERR_NOMEM;
    text->text[0] = '\0';
    return 0;
}

void sigv4_text_add(struct sigv4_text *text, const char *octets, size_t len)
{
    if (text->is_full || len >= text->capacity - text->len) {
        text->is_full = true;
        return;
    }
    memcpy(text->text + text->len, octets, len);
    text->len += len;
    text->text[text->len] = '\0';
}

void sigv4_text_add_text(struct sigv4_text *text, const char *more)
{
    sigv4_text_add(text, more, strlen(more));
}

/* ---- the path ---- */

static bool is_unreserved(char octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z') ||
           (octet >= '0' && octet <= '9') || octet == '-' || octet == '_' || octet == '.' ||
           octet == '~';
}

static void add_encoded(struct sigv4_text *text, const char *octets, size_t len)
{
    static const char digits[] = "0123456789ABCDEF";

    for (size_t i = 0; i < len; i++) {
        uint8_t octet = (uint8_t)octets[i];
        char escape[3] = {'%', digits[octet >> 4], digits[octet & 15]};
        if (is_unreserved(octets[i]))
            sigv4_text_add(text, &octets[i], 1);
        else
            sigv4_text_add(text, escape, sizeof(escape));
    }
}

/* Take the last segment off what was added from @begin on. */
static void drop_segment(struct sigv4_text *text, size_t begin)
{
    while (text->len > begin && text->text[--text->len] != '/')
        ;
    text->text[text->len] = '\0';
}

/* RFC 3986 5.2.4, and empty segments go too. Each segment that stays brings the slash before it. */
void sigv4_add_path(struct sigv4_text *text, const char *target)
{
    size_t begin = text->len, path_len = strcspn(target, "?"), at = 0;

    while (at < path_len) {
        const char *segment = target + at;
        size_t len = strcspn(segment, "/?");
        bool is_dots = len == 2 && memcmp(segment, "..", 2) == 0;
        if (is_dots)
            drop_segment(text, begin);
        else if (len > 0 && !(len == 1 && segment[0] == '.')) {
            sigv4_text_add(text, "/", 1);
            add_encoded(text, segment, len);
        }
        at += len + 1;
    }
    bool is_folder = path_len > 0 && target[path_len - 1] == '/';
    if (text->len == begin || is_folder)
        sigv4_text_add(text, "/", 1);
}

/* ---- the query ---- */

struct pair {
    const char *name, *value;
    size_t name_len, value_len;
};

static int compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
    int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

    return order != 0 ? order : (a_len > b_len) - (a_len < b_len);
}

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *one = a, *two = b;
    int order = compare(one->name, one->name_len, two->name, two->name_len);

    return order != 0 ? order : compare(one->value, one->value_len, two->value, two->value_len);
}

static struct pair take_pair(const char *text, size_t len)
{
    struct pair pair = {.name = text, .name_len = len, .value = ""};
    const char *equals = memchr(text, '=', len);

    if (equals) {
        pair.name_len = (size_t)(equals - text);
        pair.value = equals + 1;
        pair.value_len = len - pair.name_len - 1;
    }
    return pair;
}

int sigv4_add_query(struct sigv4_text *text, const char *target, struct arena *arena)
{
    const char *query = strchr(target, '?');
    size_t count = 0, capacity = 1;

    if (!query || query[1] == '\0')
        return 0;
    for (const char *at = query + 1; *at; at++)
        capacity += *at == '&';
    if (capacity > SIGV4_PAIRS_MAX)
        return ERR_LIMIT;
    struct pair *pairs = arena_alloc(arena, capacity * sizeof(*pairs));
    if (!pairs)
        return ERR_NOMEM;
    for (const char *at = query + 1; count < capacity; count++) {
        size_t len = strcspn(at, "&");
        pairs[count] = take_pair(at, len);
        at += len + 1;
    }
    qsort(pairs, count, sizeof(*pairs), compare_pairs);
    const char *separator = "";
    for (size_t i = 0; i < count; i++) {
        if (compare(pairs[i].name, pairs[i].name_len, "X-Amz-Signature", 15) == 0)
            continue;
        sigv4_text_add_text(text, separator);
        sigv4_text_add(text, pairs[i].name, pairs[i].name_len);
        sigv4_text_add(text, "=", 1);
        sigv4_text_add(text, pairs[i].value, pairs[i].value_len);
        separator = "&";
    }
    return 0;
}

/* ---- headers ---- */

const char *sigv4_header(const struct auth_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++) {
        if (strcasecmp(request->headers[i].name, name) == 0)
            return request->headers[i].value;
    }
    return NULL;
}

/* Without blanks around it, and one space for each run of blanks inside. */
static void add_folded(struct sigv4_text *text, const char *value)
{
    const char *separator = "";

    while (*(value += strspn(value, " \t\r\n\v\f"))) {
        size_t len = strcspn(value, " \t\r\n\v\f");
        sigv4_text_add_text(text, separator);
        sigv4_text_add(text, value, len);
        separator = " ";
        value += len;
    }
}

static void add_header(struct sigv4_text *text, const struct auth_request *request,
                       const char *name, size_t len)
{
    const char *separator = "";

    sigv4_text_add(text, name, len);
    sigv4_text_add(text, ":", 1);
    for (size_t i = 0; i < request->header_count; i++) {
        const struct auth_header *header = &request->headers[i];
        if (strlen(header->name) != len || strncasecmp(header->name, name, len) != 0)
            continue;
        sigv4_text_add_text(text, separator);
        add_folded(text, header->value);
        separator = ",";
    }
    sigv4_text_add(text, "\n", 1);
}

void sigv4_add_headers(struct sigv4_text *text, const struct auth_request *request,
                       const char *signed_headers)
{
    for (const char *at = signed_headers; *at;) {
        size_t len = strcspn(at, ";");
        add_header(text, request, at, len);
        at += len + (at[len] == ';');
    }
}
