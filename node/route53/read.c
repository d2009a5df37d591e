/* node/route53/read.c: a file: a change batch, or a list of record sets. */
#include <jansson.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/err.h"
#include "base/file.h"
#include "route53/internal.h"

#define ARENA_LEN_MAX (1u << 30)
#define COMMENT_LEN_MAX 256u
#define LOCATION_LEN_MAX 16u
#define IPV4_BITS_MAX 24u /* of a block, as Route 53 has it */
#define IPV6_BITS_MAX 48u

struct route53_file {
    struct arena *arena;
    struct route53_change *changes;
    size_t change_count;
    struct route53_collection *collections;
    size_t collection_count;
    const uint8_t *hosted_zone;
    const char *comment;
    bool is_list;
};

static int no_memory(struct route53__reader *reader)
{
    return route53__fail(reader, ERR_NOMEM, NULL, "there is too much to read");
}

/* The list @key of @object. */
static int get_list(struct route53__reader *reader, const json_t *object, const char *key,
                    const json_t **out)
{
    const json_t *list = json_object_get(object, key);

    if (!json_is_array(list))
        return route53__fail(reader, ERR_INVALID, key, "expected a list");
    *out = list;
    return 0;
}

static int read_change(struct route53__reader *reader, const json_t *object,
                       struct route53_change *out)
{
    static const char *const keys[] = {"Action", "ResourceRecordSet", NULL};
    static const char *const actions[] = {"CREATE", "DELETE", "UPSERT"};
    const char *action = "";
    size_t i = 0;
    int rc = route53__check_keys(reader, object, keys);

    if (rc == 0)
        rc = route53__get_text(reader, object, "Action", 16, &action);
    if (rc != 0)
        return rc;
    while (i < 3 && strcmp(action, actions[i]) != 0)
        i++;
    if (i == 3)
        return route53__fail(reader, ERR_INVALID, "Action",
                             "expected CREATE, DELETE or UPSERT, found '%s'", action);
    out->action = (enum route53_action)i;
    if (!route53__has(object, "ResourceRecordSet"))
        return route53__fail(reader, ERR_INVALID, NULL, "expected a member ResourceRecordSet");
    size_t mark = route53__enter(reader, "ResourceRecordSet");
    rc = route53__read_set(reader, json_object_get(object, "ResourceRecordSet"), &out->set);
    route53__leave(reader, mark);
    return rc;
}

static int read_changes(struct route53__reader *reader, const json_t *object,
                        struct route53_file *out)
{
    const char *key = out->is_list ? "ResourceRecordSets" : "Changes";
    const json_t *list = NULL;
    int rc = get_list(reader, object, key, &list);

    if (rc != 0)
        return rc;
    out->change_count = json_array_size(list);
    out->changes = arena_alloc(reader->arena, out->change_count * sizeof(*out->changes) + 1);
    if (!out->changes)
        return no_memory(reader);
    for (size_t i = 0; i < out->change_count && rc == 0; i++) {
        size_t mark = route53__enter(reader, key), inner = route53__enter_index(reader, i);
        const json_t *element = json_array_get(list, i);
        out->changes[i].action = ROUTE53_UPSERT;
        rc = out->is_list ? route53__read_set(reader, element, &out->changes[i].set)
                          : read_change(reader, element, &out->changes[i]);
        route53__leave(reader, inner);
        route53__leave(reader, mark);
    }
    return rc;
}

/* ---- CIDR collections ---- */

static int copy_text(struct route53__reader *reader, const char *text, const char **out)
{
    *out = arena_copy(reader->arena, text, strlen(text));
    return *out ? 0 : no_memory(reader);
}

static int read_block(struct route53__reader *reader, const json_t *value, const char *location,
                      struct route53_block *out)
{
    const char *reason = "it is no text", *text = json_string_value(value);

    out->location = location;
    if (!text || prefix_parse(text, &out->prefix, &reason) != 0)
        return route53__fail(reader, ERR_INVALID, NULL,
                             "expected a block such as \"192.0.2.0/24\": %s", reason);
    const unsigned len_max = out->prefix.is_ipv6 ? IPV6_BITS_MAX : IPV4_BITS_MAX;
    if (out->prefix.len == 0 || out->prefix.len > len_max)
        return route53__fail(reader, ERR_INVALID, NULL,
                             "a block of /%u: IPv4 blocks are /1 to /%u, IPv6 blocks /1 to /%u",
                             out->prefix.len, IPV4_BITS_MAX, IPV6_BITS_MAX);
    return 0;
}

static size_t count_blocks(const json_t *locations)
{
    size_t count = 0;

    for (void *at = json_object_iter((json_t *)locations); at;
         at = json_object_iter_next((json_t *)locations, at))
        count += json_array_size(json_object_iter_value(at));
    return count;
}

static int read_location(struct route53__reader *reader, const char *name, const json_t *list,
                         struct route53_block *blocks)
{
    const char *copy;
    int rc = strlen(name) > LOCATION_LEN_MAX || name[0] == '\0' || strcmp(name, "*") == 0
                 ? route53__fail(reader, ERR_INVALID, NULL,
                                 "expected a location's name of 1 to %u octets, not \"*\"",
                                 LOCATION_LEN_MAX)
                 : copy_text(reader, name, &copy);

    if (rc == 0 && !json_is_array(list))
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a list of blocks");
    for (size_t i = 0; rc == 0 && i < json_array_size(list); i++) {
        size_t mark = route53__enter_index(reader, i);
        rc = read_block(reader, json_array_get(list, i), copy, &blocks[i]);
        route53__leave(reader, mark);
    }
    return rc;
}

static int read_locations(struct route53__reader *reader, const json_t *locations,
                          struct route53_collection *out)
{
    struct route53_block *blocks = NULL;
    int rc = json_is_object(locations)
                 ? 0
                 : route53__fail(reader, ERR_INVALID, NULL,
                                 "expected an object {\"LOCATION\": [\"192.0.2.0/24\", …]}");

    if (rc == 0) {
        blocks = arena_alloc(reader->arena, count_blocks(locations) * sizeof(*blocks) + 1);
        rc = blocks ? 0 : no_memory(reader);
    }
    out->blocks = blocks;
    for (void *at = rc == 0 ? json_object_iter((json_t *)locations) : NULL; at && rc == 0;
         at = json_object_iter_next((json_t *)locations, at)) {
        const json_t *list = json_object_iter_value(at);
        size_t mark = route53__enter(reader, json_object_iter_key(at));
        rc = read_location(reader, json_object_iter_key(at), list, blocks + out->block_count);
        out->block_count += json_array_size(list);
        route53__leave(reader, mark);
    }
    return rc;
}

static int read_collection(struct route53__reader *reader, const json_t *object,
                           struct route53_collection *out)
{
    static const char *const keys[] = {"Id", "Name", "Locations", NULL};
    const char *id = NULL, *name = "";
    int rc = route53__check_keys(reader, object, keys);

    memset(out, 0, sizeof(*out));
    if (rc == 0)
        rc = route53__get_text(reader, object, "Id", ZONE_UUID_SIZE - 1, &id);
    if (rc == 0)
        rc = route53__get_text(reader, object, "Name", 64, &name);
    if (rc == 0 && !id)
        rc = route53__fail(reader, ERR_INVALID, NULL, "expected a member Id");
    if (rc == 0)
        rc = copy_text(reader, id, &out->id);
    if (rc == 0)
        rc = copy_text(reader, name, &out->name);
    if (rc != 0)
        return rc;
    size_t mark = route53__enter(reader, "Locations");
    rc = read_locations(reader, json_object_get(object, "Locations"), out);
    route53__leave(reader, mark);
    return rc;
}

static int read_collections(struct route53__reader *reader, const json_t *object,
                            struct route53_file *out)
{
    const json_t *list = NULL;
    int rc = 0;

    if (!route53__has(object, "CidrCollections"))
        return 0;
    rc = get_list(reader, object, "CidrCollections", &list);
    if (rc != 0)
        return rc;
    out->collection_count = json_array_size(list);
    out->collections =
        arena_alloc(reader->arena, out->collection_count * sizeof(*out->collections) + 1);
    if (!out->collections)
        return no_memory(reader);
    for (size_t i = 0; i < out->collection_count && rc == 0; i++) {
        size_t mark = route53__enter(reader, "CidrCollections");
        size_t inner = route53__enter_index(reader, i);
        rc = read_collection(reader, json_array_get(list, i), &out->collections[i]);
        route53__leave(reader, inner);
        route53__leave(reader, mark);
    }
    return rc;
}

/* ---- the file ---- */

/* A list that was cut off would leave out sets that nobody would miss. */
static int check_whole(struct route53__reader *reader, const json_t *object)
{
    bool is_truncated = route53__has(object, "NextToken");
    int rc = route53__get_bool(reader, object, "IsTruncated", &is_truncated);

    if (rc == 0 && (is_truncated || route53__has(object, "NextToken")))
        rc = route53__fail(reader, ERR_INVALID, NULL,
                           "the list was cut off: list all record sets, without --max-items");
    return rc;
}

static int read_file(struct route53__reader *reader, const json_t *object, struct route53_file *out)
{
    static const char *const keys[] = {
        "Changes",   "ResourceRecordSets", "Comment",         "IsTruncated",
        "MaxItems",  "NextRecordName",     "NextRecordType",  "NextRecordIdentifier",
        "NextToken", "HostedZone",         "CidrCollections", NULL};
    const char *comment = "";
    int rc = route53__check_keys(reader, object, keys);

    if (rc != 0)
        return rc;
    out->is_list = route53__has(object, "ResourceRecordSets");
    if (out->is_list == route53__has(object, "Changes"))
        return route53__fail(reader, ERR_INVALID, NULL,
                             "expected one of Changes (a change batch) and ResourceRecordSets");
    if (route53__has(object, "Comment") &&
        json_string_length(json_object_get(object, "Comment")) > 0)
        rc = route53__get_text(reader, object, "Comment", COMMENT_LEN_MAX, &comment);
    if (rc == 0)
        rc = copy_text(reader, comment, &out->comment);
    if (rc == 0)
        rc = check_whole(reader, object);
    if (rc == 0)
        rc = route53__get_name(reader, object, "HostedZone", &out->hosted_zone);
    if (rc == 0)
        rc = read_collections(reader, object, out);
    return rc != 0 ? rc : read_changes(reader, object, out);
}

/* What `aws route53 change-resource-record-sets --cli-input-json` takes wraps the batch. */
static int read_root(struct route53__reader *reader, const json_t *object, struct route53_file *out)
{
    static const char *const keys[] = {"HostedZoneId", "ChangeBatch", NULL};

    if (!json_is_object(object) || !route53__has(object, "ChangeBatch"))
        return read_file(reader, object, out);
    int rc = route53__check_keys(reader, object, keys);
    if (rc != 0)
        return rc;
    size_t mark = route53__enter(reader, "ChangeBatch");
    rc = read_file(reader, json_object_get(object, "ChangeBatch"), out);
    route53__leave(reader, mark);
    return rc;
}

int route53_read(const char *text, size_t len, struct route53_file **out,
                 char error[ROUTE53_ERROR_SIZE])
{
    struct route53__reader reader = {.path = "$", .path_len = 1, .error = error};
    struct route53_file *file = calloc(1, sizeof(*file));
    json_error_t problem;

    if (file)
        file->arena = reader.arena = arena_new(ARENA_LEN_MAX);
    if (!file || !file->arena) {
        route53_free(file);
        return no_memory(&reader);
    }
    int rc =
        len > ROUTE53_LEN_MAX ? route53__fail(&reader, ERR_LIMIT, NULL, "the file is too long") : 0;
    json_t *root = rc == 0 ? json_loadb(text, len, JSON_REJECT_DUPLICATES, &problem) : NULL;
    if (rc == 0 && !root)
        rc = route53__fail(&reader, ERR_INVALID, NULL, "not JSON: line %d: %s", problem.line,
                           problem.text);
    if (rc == 0)
        rc = read_root(&reader, root, file);
    json_decref(root);
    if (rc != 0)
        route53_free(file);
    else
        *out = file;
    return rc;
}

int route53_load(const char *path, struct route53_file **out, char error[ROUTE53_ERROR_SIZE])
{
    uint8_t *text = NULL;
    size_t len;
    int rc = file_read(path, ROUTE53_LEN_MAX, &text, &len);

    if (rc != 0) {
        snprintf(error, ROUTE53_ERROR_SIZE, "%s", rc == ERR_IO ? strerror(errno) : err_text(rc));
        return rc;
    }
    rc = route53_read((const char *)text, len, out, error);
    free(text);
    return rc;
}

void route53_free(struct route53_file *file)
{
    if (!file)
        return;
    arena_free(file->arena);
    free(file);
}

const struct route53_change *route53_changes(const struct route53_file *file, size_t *count)
{
    *count = file->change_count;
    return file->changes;
}

bool route53_is_list(const struct route53_file *file)
{
    return file->is_list;
}

const char *route53_comment(const struct route53_file *file)
{
    return file->comment;
}

const uint8_t *route53_hosted_zone(const struct route53_file *file)
{
    return file->hosted_zone;
}

const struct route53_collection *route53_collections(const struct route53_file *file, size_t *count)
{
    *count = file->collection_count;
    return file->collections;
}

static int each_name(char text[ZONE_UUID_SIZE], bool is_collection, route53_name_cb cb, void *user)
{
    size_t len = strlen(text);

    return len == 0 || len == ZONE_UUID_SIZE - 1 ? 0 : cb(user, is_collection, text);
}

int route53_each_name(struct route53_file *file, route53_name_cb cb, void *user)
{
    int rc = 0;

    for (size_t i = 0; i < file->change_count && rc == 0; i++) {
        /* it lies in the file's own memory, and is constant for others only */
        struct zone_routing *routing =
            (struct zone_routing *)(uintptr_t)file->changes[i].set.routing;
        if (!routing)
            continue;
        rc = each_name(routing->health_check_id, false, cb, user);
        if (rc == 0)
            rc = each_name(routing->cidr_collection_id, true, cb, user);
    }
    return rc;
}
