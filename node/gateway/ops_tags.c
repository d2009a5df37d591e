/* node/gateway/ops_tags.c: tags. */
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/members.h"
#include "gateway/operations.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define CHANGED_MAX 10u /* added, and removed, by one request */
#define RESOURCES_MAX 10u

/* The path's first label, which is one of two. */
static Cmd__TagResource resource_of(const struct gateway_call *call)
{
    return strcmp(gateway_label(call, 0), "hostedzone") == 0
               ? CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE
               : CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK;
}

/* ---- change ---- */

static void on_changed(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

struct change {
    Ctl__TagsChange message;
    Cmd__Tag tags[CHANGED_MAX], *pointers[CHANGED_MAX];
    char *keys[CHANGED_MAX];
};

static void read_added(struct gateway_call *call, const struct xml_element *list,
                       struct change *change)
{
    if (member_list(call, "addTags", list, 1, CHANGED_MAX) > CHANGED_MAX)
        return;
    for (const struct xml_element *at = list->child; at; at = at->next) {
        size_t i = change->message.n_add++;
        cmd__tag__init(&change->tags[i]);
        change->tags[i].key =
            (char *)member_text(call, "addTags.member.key", xml_child_text(at, "Key"), 1, 128);
        change->tags[i].value =
            (char *)member_text(call, "addTags.member.value", xml_child_text(at, "Value"), 0, 256);
        change->pointers[i] = &change->tags[i];
    }
}

static void read_removed(struct gateway_call *call, const struct xml_element *list,
                         struct change *change)
{
    if (member_list(call, "removeTagKeys", list, 1, CHANGED_MAX) > CHANGED_MAX)
        return;
    for (const struct xml_element *at = list->child; at; at = at->next)
        change->keys[change->message.n_remove++] =
            (char *)member_text(call, "removeTagKeys", at->text, 1, 128);
}

static void change_tags(struct gateway_call *call)
{
    const struct xml_element *added = xml_child(gateway_body(call), "AddTags");
    const struct xml_element *removed = xml_child(gateway_body(call), "RemoveTagKeys");
    Ctl__Request request = CTL__REQUEST__INIT;
    struct change change = {.message = CTL__TAGS_CHANGE__INIT};

    if (!added && !removed) {
        gateway_fail(call, "InvalidInput",
                     "Neither AddTags nor RemoveTagKeys says what is to be changed");
        return;
    }
    if (added)
        read_added(call, added, &change);
    if (removed)
        read_removed(call, removed, &change);
    if (!gateway_is_valid(call))
        return;
    change.message.resource = resource_of(call);
    change.message.resource_id = (char *)gateway_label(call, 1);
    change.message.is_exact = true;
    change.message.add = change.pointers;
    change.message.remove = change.keys;
    request.kind_case = CTL__REQUEST__KIND_TAGS_CHANGE;
    request.tags_change = &change.message;
    gateway_ask(call, &request, on_changed);
}

/* ---- lists ---- */

static void write_set(struct gateway_call *call, const Ctl__TagSet *set)
{
    struct xml_writer *xml = gateway_xml(call);

    xml_open(xml, "ResourceTagSet");
    xml_text(xml, "ResourceType", gateway_label(call, 0));
    xml_text(xml, "ResourceId", set->resource_id);
    xml_open(xml, "Tags");
    for (size_t i = 0; i < set->n_tags; i++) {
        xml_open(xml, "Tag");
        xml_text(xml, "Key", set->tags[i]->key);
        xml_text(xml, "Value", set->tags[i]->value);
        xml_close(xml);
    }
    xml_close(xml);
    xml_close(xml);
}

static void on_one(struct gateway_call *call, const Ctl__Reply *reply)
{
    if (!reply->tags || reply->tags->n_sets != 1) {
        gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
        return;
    }
    write_set(call, reply->tags->sets[0]);
    gateway_answer(call);
}

static void ask(struct gateway_call *call, char **ids, size_t count,
                void (*next)(struct gateway_call *call, const Ctl__Reply *reply))
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TagsGet get = CTL__TAGS_GET__INIT;

    get.resource = resource_of(call);
    get.resource_ids = ids;
    get.n_resource_ids = count;
    get.is_exact = true;
    request.kind_case = CTL__REQUEST__KIND_TAGS_GET;
    request.tags_get = &get;
    gateway_ask(call, &request, next);
}

static void list_of_one(struct gateway_call *call)
{
    char *id = (char *)gateway_label(call, 1);

    ask(call, &id, 1, on_one);
}

static void on_many(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct xml_writer *xml = gateway_xml(call);

    xml_open(xml, "ResourceTagSets");
    for (size_t i = 0; reply->tags && i < reply->tags->n_sets; i++)
        write_set(call, reply->tags->sets[i]);
    xml_close(xml);
    gateway_answer(call);
}

static void list_of_many(struct gateway_call *call)
{
    const struct xml_element *list = xml_child(gateway_body(call), "ResourceIds");
    unsigned count = member_list(call, "resourceIds", list, 1, RESOURCES_MAX);
    char *ids[RESOURCES_MAX];
    size_t at = 0;

    for (const struct xml_element *item = list ? list->child : NULL; item && at < RESOURCES_MAX;
         item = item->next)
        ids[at++] = (char *)member_id(member_text(call, "resourceIds", item->text, 1, 64));
    if (gateway_is_valid(call))
        ask(call, ids, count, on_many);
}

const struct gateway_operation gateway_tags_operations[] = {
    {"ChangeTagsForResource", "POST", "/tags/{ResourceType}/{ResourceId}",
     "ChangeTagsForResourceRequest", 200, change_tags},
    {"ListTagsForResource", "GET", "/tags/{ResourceType}/{ResourceId}", NULL, 200, list_of_one},
    {"ListTagsForResources", "POST", "/tags/{ResourceType}", "ListTagsForResourcesRequest", 200,
     list_of_many},
    {0},
};
