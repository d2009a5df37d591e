/* node/cluster/apply_tags.c: tags of zones and health checks (route53.md 3.7, 9.5). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "cluster/apply_routing.h"
#include "proto/command.pb-c.h"
#include "store/state_tags.h"

#define KEY_CHARACTERS_MAX 128u
#define VALUE_CHARACTERS_MAX 256u
#define RESERVED "aws:" /* no tag of a user begins so, in any case */

struct edit { /* all tags of one resource */
    struct arena *arena;
    struct state_tag tags[STATE_TAGS_MAX + COMMAND_TAGS_MAX];
    size_t count;
};

/* Of text that is good UTF-8. */
static size_t count_characters(const char *text)
{
    size_t count = 0;

    for (; *text; text++)
        count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

/* Letters and digits of any script, blanks, and a few signs. */
static int check_characters(struct apply *apply, const char *what, const char *text,
                            size_t characters_max)
{
    int rc = apply__check_shown(apply, what, text, characters_max * 4 + 1);

    if (rc == 0 && count_characters(text) > characters_max)
        rc = apply__refuse(apply, ERR_INVALID, "%s is longer than %zu characters", what,
                           characters_max);
    for (; rc == 0 && *text; text++) {
        uint8_t octet = (uint8_t)*text;
        bool is_letter = (octet >= 'a' && octet <= 'z') || (octet >= 'A' && octet <= 'Z');
        if (octet < 0x80 && !is_letter && !(octet >= '0' && octet <= '9') &&
            !strchr(" _.:/=+-@", octet))
            rc = apply__refuse(apply, ERR_INVALID,
                               "%s holds '%c': letters, digits, blanks and _ . : / = + - @ can be "
                               "in it",
                               what, octet);
    }
    return rc;
}

static int check_key(struct apply *apply, const char *key)
{
    int rc = check_characters(apply, "the key of a tag", key, KEY_CHARACTERS_MAX);

    if (rc == 0 && key[0] == 0)
        rc = apply__refuse(apply, ERR_INVALID, "the key of a tag is empty");
    if (rc == 0 && strncasecmp(key, RESERVED, strlen(RESERVED)) == 0)
        rc =
            apply__refuse(apply, ERR_INVALID, "keys that begin with \"" RESERVED "\" are reserved");
    return rc;
}

/* The resource must be there. */
static int check_resource(struct apply *apply, const Cmd__ChangeTags *command)
{
    struct state_check check;
    struct state_zone zone;

    if (command->resource == CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE)
        return apply__read_zone(apply, command->resource_id, &zone);
    if (command->resource != CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK)
        return apply__refuse(apply, ERR_INVALID, "tags are of zones and health checks");
    int rc = apply__check_uuid(apply, "the health check's id", command->resource_id);
    if (rc == 0)
        rc = state_get_check(apply__kv(apply), command->resource_id, &check);
    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, "NoSuchHealthCheck",
                                "A health check with id %s does not exist.", command->resource_id);
    return rc;
}

static int on_tag(void *user, const struct state_tag *tag)
{
    struct edit *edit = user;
    struct state_tag *out = &edit->tags[edit->count++];

    out->key = arena_copy(edit->arena, tag->key, strlen(tag->key) + 1);
    out->value = arena_copy(edit->arena, tag->value, strlen(tag->value) + 1);
    return out->key && out->value ? 0 : ERR_NOMEM;
}

static struct state_tag *find(struct edit *edit, const char *key)
{
    for (size_t i = 0; i < edit->count; i++) {
        if (strcmp(edit->tags[i].key, key) == 0)
            return &edit->tags[i];
    }
    return NULL;
}

static int remove_tags(struct apply *apply, struct edit *edit, const Cmd__ChangeTags *command)
{
    for (size_t i = 0; i < command->n_remove; i++) {
        int rc = check_key(apply, command->remove[i]);
        if (rc != 0)
            return rc;
        struct state_tag *tag = find(edit, command->remove[i]);
        if (tag)
            *tag = edit->tags[--edit->count];
    }
    return 0;
}

static int add_tags(struct apply *apply, struct edit *edit, const Cmd__ChangeTags *command)
{
    for (size_t i = 0; i < command->n_add; i++) {
        const Cmd__Tag *from = command->add[i];
        int rc = check_key(apply, from->key);
        if (rc == 0)
            rc = check_characters(apply, "the value of a tag", from->value, VALUE_CHARACTERS_MAX);
        for (size_t j = 0; rc == 0 && j < i; j++) {
            if (strcmp(command->add[j]->key, from->key) == 0)
                rc = apply__refuse(apply, ERR_INVALID, "tag %.128s is added twice", from->key);
        }
        if (rc != 0)
            return rc;
        struct state_tag *tag = find(edit, from->key);
        if (!tag)
            tag = &edit->tags[edit->count++];
        *tag = (struct state_tag){from->key, from->value};
    }
    return 0;
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct state_tag *)a)->key, ((const struct state_tag *)b)->key);
}

int apply__tags(struct apply *apply, const struct Cmd__Command *command)
{
    const Cmd__ChangeTags *change = command->change_tags;
    struct edit edit = {.arena = apply->scratch};

    if (command->kind_case != CMD__COMMAND__KIND_CHANGE_TAGS)
        return ERR_VERSION;
    int rc = check_resource(apply, change);
    if (rc == 0 && change->n_add == 0 && change->n_remove == 0)
        rc = apply__refuse(apply, ERR_INVALID, "no tag is to be added or removed");
    enum state_tag_resource resource = (enum state_tag_resource)change->resource;
    if (rc == 0)
        rc = state_list_tags(apply__kv(apply), resource, change->resource_id, on_tag, &edit);
    if (rc == 0)
        rc = remove_tags(apply, &edit, change);
    if (rc == 0)
        rc = add_tags(apply, &edit, change);
    if (rc == 0 && edit.count > STATE_TAGS_MAX)
        rc = apply__refuse_as(apply, ERR_LIMIT, "InvalidInput", "a resource has at most %u tags",
                              STATE_TAGS_MAX);
    if (rc != 0)
        return rc;
    qsort(edit.tags, edit.count, sizeof(edit.tags[0]), compare);
    state_put_tags(apply->overlay, resource, change->resource_id, edit.tags, edit.count);
    return 0;
}
