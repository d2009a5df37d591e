#include "gateway/api.h"

#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/hex.h"
#include "gateway/operations.h"

static const struct gateway_operation *const groups[] = {
    gateway_records_operations, gateway_zones_operations,    gateway_delegation_operations,
    gateway_answers_operations, gateway_health_operations,   gateway_cidr_operations,
    gateway_tags_operations,    gateway_policies_operations, gateway_instances_operations,
    gateway_vpc_operations,     gateway_logging_operations,  gateway_dnssec_operations,
};

/* What Route 53 puts before an id where it shows it, and clients may send back with it. */
static const char *const prefixes[] = {"hostedzone", "change", "delegationset", "healthcheck"};

/* A part of a path or query, as on the wire. */
struct piece {
    const char *at;
    size_t len;
};

static bool is_text(const struct piece *piece, const char *text, size_t len)
{
    return piece->len == len && memcmp(piece->at, text, len) == 0;
}

static bool is_prefix(const struct piece *piece)
{
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
        if (is_text(piece, prefixes[i], strlen(prefixes[i])))
            return true;
    }
    return false;
}

/* Percent-decoded in @arena. A zero octet would end the text early, so it is no value. */
static int decode(struct arena *arena, struct piece piece, const char **out)
{
    char *text = arena_alloc(arena, piece.len + 1);
    char *to = text;

    if (!text)
        return ERR_NOMEM;
    for (size_t i = 0; i < piece.len; i++) {
        uint8_t octet = (uint8_t)piece.at[i];
        if (octet == '%') {
            char digits[3] = "";
            for (size_t d = 0; d < 2 && i + 1 < piece.len; d++)
                digits[d] = piece.at[++i];
            if (hex_parse(digits, &octet, 1) != 0 || octet == 0)
                return ERR_INVALID;
        }
        *to++ = (char)octet;
    }
    *to = '\0';
    *out = text;
    return 0;
}

static bool is_dots(const struct piece *piece)
{
    return is_text(piece, ".", 1) || is_text(piece, "..", 2);
}

/* The path's parts without empty ones. Their count, or ERR_NOT_FOUND: more than any operation has,
 * or dot segments, which a signature does not cover. */
static int split_path(const char *path, size_t len, struct piece out[API_SEGMENTS_MAX])
{
    int count = 0;

    for (size_t i = 0; i < len;) {
        size_t end = i;
        while (end < len && path[end] != '/')
            end++;
        if (end > i) {
            struct piece piece = {path + i, end - i};
            if (count == (int)API_SEGMENTS_MAX || is_dots(&piece))
                return ERR_NOT_FOUND;
            out[count++] = piece;
        }
        i = end + 1;
    }
    return count;
}

/* Does the path match @pattern ("/hostedzone/{Id}/rrset")? Labels are left encoded in @labels. */
static bool is_match(const char *pattern, const struct piece *parts, unsigned count,
                     struct piece labels[GATEWAY_LABELS_MAX], unsigned *label_count)
{
    struct piece wanted[API_SEGMENTS_MAX];
    int wanted_count = split_path(pattern, strlen(pattern), wanted);
    unsigned at = 0;

    *label_count = 0;
    for (int i = 0; i < wanted_count; i++, at++) {
        unsigned left = (unsigned)(wanted_count - i);
        if (wanted[i].at[0] == '{' && count - at > left && is_prefix(&parts[at]))
            at++;
        if (count - at < left)
            return false;
        if (wanted[i].at[0] == '{')
            labels[(*label_count)++] = parts[at];
        else if (!is_text(&parts[at], wanted[i].at, wanted[i].len))
            return false;
    }
    return at == count;
}

static int decode_labels(struct arena *arena, const struct piece *labels, struct api_match *out)
{
    for (unsigned i = 0; i < out->label_count; i++) {
        int rc = decode(arena, labels[i], &out->labels[i]);
        if (rc != 0)
            return rc;
        const char *slash = strrchr(out->labels[i], '/');
        if (slash)
            out->labels[i] = slash + 1;
    }
    return 0;
}

static int find_operation(const char *method, const struct piece *parts, unsigned count,
                          struct arena *arena, struct api_match *out)
{
    struct piece labels[GATEWAY_LABELS_MAX];

    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct gateway_operation *operation = groups[g]; operation->name; operation++) {
            if (strcmp(operation->method, method) != 0 || operation->handler == NULL ||
                !is_match(operation->path, parts, count, labels, &out->label_count))
                continue;
            out->operation = operation;
            return decode_labels(arena, labels, out);
        }
    }
    return ERR_NOT_FOUND;
}

static int add_parameter(struct arena *arena, const char *at, size_t len, struct api_match *out)
{
    const char *equals = memchr(at, '=', len);
    size_t name_len = equals ? (size_t)(equals - at) : len;
    struct api_parameter parameter = {NULL, ""};

    if (out->query_count == API_QUERY_MAX)
        return ERR_LIMIT;
    int rc = decode(arena, (struct piece){at, name_len}, &parameter.name);
    if (rc == 0 && equals)
        rc = decode(arena, (struct piece){equals + 1, len - name_len - 1}, &parameter.value);
    if (rc == 0)
        out->query[out->query_count++] = parameter;
    return rc;
}

int api_parse_query(const char *text, struct arena *arena, struct api_match *out)
{
    int rc = 0;

    out->query_count = 0;
    while (*text && rc == 0) {
        size_t len = strcspn(text, "&");
        if (len > 0)
            rc = add_parameter(arena, text, len, out);
        text += len + (text[len] == '&');
    }
    return rc;
}

#define SPACE(version) "https://route53.amazonaws.com/doc/" version "/"
static const struct {
    const char *name, *space;
} versions[] = {
    {API_VERSION, API_SPACE},
    {"2012-12-12", SPACE("2012-12-12")},
    {"2012-02-29", SPACE("2012-02-29")},
    {"2011-05-05", SPACE("2011-05-05")},
    {"2010-10-01", SPACE("2010-10-01")},
};

/* NULL: no version of the API. */
static const char *find_space(const struct piece *piece)
{
    for (unsigned i = 0; i < sizeof(versions) / sizeof(versions[0]); i++) {
        if (is_text(piece, versions[i].name, strlen(versions[i].name)))
            return versions[i].space;
    }
    return NULL;
}

int api_route(const char *method, const char *target, struct arena *arena, struct api_match *out)
{
    struct piece parts[API_SEGMENTS_MAX];
    size_t path_len = strcspn(target, "?");

    out->operation = NULL;
    out->label_count = 0;
    int count = split_path(target, path_len, parts);
    if (target[0] != '/' || count < 2 || !(out->space = find_space(&parts[0])))
        return ERR_NOT_FOUND;
    int rc = find_operation(method, parts + 1, (unsigned)count - 1, arena, out);
    if (rc != 0)
        return rc;
    return api_parse_query(target[path_len] == '?' ? target + path_len + 1 : "", arena, out);
}

const char *api_parameter(const struct api_match *match, const char *name)
{
    for (unsigned i = 0; i < match->query_count; i++) {
        if (strcmp(match->query[i].name, name) == 0)
            return match->query[i].value;
    }
    return NULL;
}

const struct gateway_operation *api_operation(unsigned index)
{
    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct gateway_operation *operation = groups[g]; operation->name; operation++) {
            if (index-- == 0)
                return operation;
        }
    }
    return NULL;
}

unsigned api_operation_index(const struct gateway_operation *operation)
{
    unsigned index = 0;

    for (size_t g = 0; g < sizeof(groups) / sizeof(groups[0]); g++) {
        for (const struct gateway_operation *at = groups[g]; at->name; at++, index++) {
            if (at == operation)
                return index;
        }
    }
    return index;
}
