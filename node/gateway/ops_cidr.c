/* node/gateway/ops_cidr.c: CIDR collections. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/prefix.h"
#include "gateway/members.h"
#include "gateway/operations.h"
#include "gateway/page_token.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "proto/control.pb-c.h"

#define LISTED_MAX 100u
#define CHANGES_MAX 1000u
#define BLOCKS_MAX 1000u /* of one change */
#define BLOCK_LEN_MAX 17u
#define LIST_TEXT_SIZE 128u
#define WORD_PATTERN "[0-9A-Za-z_\\-]+"

static void fail_reply(struct gateway_call *call)
{
    gateway_fail(call, "InternalFailure", "The node's answer is not what was asked for");
}

/* ---- create, delete ---- */

static void write_collection(struct xml_writer *xml, const Ctl__CidrReply *collection)
{
    xml_format(xml, "Arn", "arn:aws:route53:::cidrcollection/%s", collection->id);
    xml_text(xml, "Id", collection->id);
    xml_text(xml, "Name", collection->name);
    xml_number(xml, "Version", collection->version);
}

static void on_created(struct gateway_call *call, const Ctl__Reply *reply)
{
    struct xml_writer *xml = gateway_xml(call);

    if (!reply->cidr) {
        fail_reply(call);
        return;
    }
    gateway_location(call, "/cidrcollection/%s", reply->cidr->id);
    xml_open(xml, "Collection");
    write_collection(xml, reply->cidr);
    xml_close(xml);
    gateway_answer(call);
}

static void create_collection(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrCreate create = CTL__CIDR_CREATE__INIT;

    create.name = (char *)member_word(call, "name", xml_child_text(body, "Name"), 64, WORD_PATTERN);
    create.caller_reference = (char *)member_text(call, "callerReference",
                                                  xml_child_text(body, "CallerReference"), 1, 64);
    if (!gateway_is_valid(call))
        return;
    request.kind_case = CTL__REQUEST__KIND_CIDR_CREATE;
    request.cidr_create = &create;
    gateway_ask(call, &request, on_created);
}

static void on_deleted(struct gateway_call *call, const Ctl__Reply *reply)
{
    (void)reply;
    gateway_answer(call);
}

static void delete_collection(struct gateway_call *call)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrDelete deletion = CTL__CIDR_DELETE__INIT;

    deletion.collection = (char *)gateway_label(call, 0);
    deletion.is_exact = true;
    request.kind_case = CTL__REQUEST__KIND_CIDR_DELETE;
    request.cidr_delete = &deletion;
    gateway_ask(call, &request, on_deleted);
}

/* ---- change ---- */

/* "192.0.2.0/24" to a block of a command; @out stays empty where the text is none. */
static void read_block(struct gateway_call *call, const char *text, ProtobufCBinaryData *out)
{
    struct prefix prefix;
    const char *reason;
    const char *block = member_text(call, "changes.member.cidrList", text, 1, 50);

    if (block[0] == '\0')
        return;
    if (!strchr(block, '/') || prefix_parse(block, &prefix, &reason) != 0) {
        gateway_breach(call, "changes.member.cidrList", text, "Member must be a CIDR block: %s",
                       strchr(block, '/') ? reason : "it has no length");
        return;
    }
    size_t address_len = prefix.is_ipv6 ? 16 : 4;
    out->data = arena_alloc(gateway_arena(call), 1 + address_len);
    if (!out->data)
        return;
    out->len = 1 + address_len;
    out->data[0] = prefix.len;
    memcpy(out->data + 1, prefix.octets, address_len);
}

static Cmd__CidrChange *read_change(struct gateway_call *call, const struct xml_element *element)
{
    const struct xml_element *list = xml_child(element, "CidrList");
    unsigned count = member_list(call, "changes.member.cidrList", list, 1, BLOCKS_MAX);
    const char *action = member_enum(call, "changes.member.action",
                                     xml_child_text(element, "Action"), "PUT, DELETE_IF_EXISTS");
    Cmd__CidrChange *change = arena_alloc(gateway_arena(call), sizeof(*change));
    ProtobufCBinaryData *blocks = arena_alloc(gateway_arena(call), (count + 1) * sizeof(*blocks));

    if (!change || !blocks)
        return NULL;
    cmd__cidr_change__init(change);
    change->location =
        (char *)member_word(call, "changes.member.locationName",
                            xml_child_text(element, "LocationName"), 16, WORD_PATTERN);
    change->is_delete = strcmp(action, "DELETE_IF_EXISTS") == 0;
    change->blocks = blocks;
    for (const struct xml_element *at = list ? list->child : NULL; at && count <= BLOCKS_MAX;
         at = at->next) {
        blocks[change->n_blocks] = (ProtobufCBinaryData){0, NULL};
        read_block(call, at->text, &blocks[change->n_blocks++]);
    }
    return change;
}

static void on_changed(struct gateway_call *call, const Ctl__Reply *reply)
{
    xml_format(gateway_xml(call), "Id", "/change/%s", reply->change_id);
    gateway_answer(call);
}

static void change_collection(struct gateway_call *call)
{
    const struct xml_element *body = gateway_body(call), *list = xml_child(body, "Changes");
    unsigned count = member_list(call, "changes", list, 1, CHANGES_MAX);
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrChange change = CTL__CIDR_CHANGE__INIT;

    change.version = (uint64_t)member_number(
        call, "collectionVersion", xml_child_text(body, "CollectionVersion"), 1, INT64_MAX, 0);
    change.changes = arena_alloc(gateway_arena(call), (count + 1) * sizeof(*change.changes));
    for (const struct xml_element *at = list ? list->child : NULL;
         at && change.changes && count <= CHANGES_MAX; at = at->next) {
        Cmd__CidrChange *one = read_change(call, at);
        if (!one)
            change.changes = NULL;
        else
            change.changes[change.n_changes++] = one;
    }
    if (!gateway_is_valid(call))
        return;
    if (!change.changes) {
        gateway_fail(call, "ServiceUnavailable", "out of memory");
        return;
    }
    change.collection = (char *)gateway_label(call, 0);
    change.is_exact = true;
    request.kind_case = CTL__REQUEST__KIND_CIDR_CHANGE;
    request.cidr_change = &change;
    gateway_ask(call, &request, on_changed);
}

/* ---- lists ---- */

/* What a page's token is good for: the operation and all that chooses what it lists. */
struct list {
    char text[LIST_TEXT_SIZE];
    uint32_t limit;
    uint8_t start[PAGE_TOKEN_OCTETS_MAX + 1]; /* NUL behind it */
    size_t start_len;
};

/* NULL: the call has been failed. */
static struct list *begin_list(struct gateway_call *call, const char *location)
{
    struct list *list = arena_alloc(gateway_arena(call), sizeof(*list));
    const struct gateway_operation *operation = gateway_operation(call);
    const char *token = gateway_query(call, "nexttoken");
    bool is_of_one = strchr(operation->path, '{');

    if (!list) {
        gateway_fail(call, "ServiceUnavailable", "out of memory");
        return NULL;
    }
    memset(list, 0, sizeof(*list));
    snprintf(list->text, sizeof(list->text), "%s %s %s", operation->name,
             is_of_one ? gateway_label(call, 0) : "", location);
    if (!gateway_page_size(call, "maxresults", LISTED_MAX, LISTED_MAX, &list->limit))
        return NULL;
    if (token && !page_token_parse(list->text, token, list->start, &list->start_len)) {
        gateway_fail(call, "InvalidInput",
                     "The value of NextToken is not one that this list has given");
        return NULL;
    }
    gateway_set_state(call, list);
    return list;
}

static void end_list(struct gateway_call *call, const void *next, size_t len)
{
    const struct list *list = gateway_state(call);
    char token[PAGE_TOKEN_SIZE];

    xml_close(gateway_xml(call));
    if (len > PAGE_TOKEN_OCTETS_MAX) {
        fail_reply(call);
        return;
    }
    if (len > 0) {
        page_token_format(list->text, next, len, token);
        xml_text(gateway_xml(call), "NextToken", token);
    }
    gateway_answer(call);
}

static void on_collections(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__CidrListReply *page = reply->cidr_list;
    struct xml_writer *xml = gateway_xml(call);

    if (!page) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "CidrCollections");
    for (size_t i = 0; i < page->n_collections; i++) {
        xml_open(xml, "member");
        write_collection(xml, page->collections[i]);
        xml_close(xml);
    }
    end_list(call, page->next_id, strlen(page->next_id));
}

static void list_collections(struct gateway_call *call)
{
    struct list *list = begin_list(call, "");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrList ask = CTL__CIDR_LIST__INIT;

    if (!list)
        return;
    ask.start_id = (char *)list->start;
    ask.limit = list->limit;
    ask.without_locations = true;
    request.kind_case = CTL__REQUEST__KIND_CIDR_LIST;
    request.cidr_list = &ask;
    gateway_ask(call, &request, on_collections);
}

static void on_locations(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__CidrLocationsReply *page = reply->cidr_locations;
    struct xml_writer *xml = gateway_xml(call);

    if (!page) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "CidrLocations");
    for (size_t i = 0; i < page->n_locations; i++) {
        xml_open(xml, "member");
        xml_text(xml, "LocationName", page->locations[i]->name);
        xml_close(xml);
    }
    end_list(call, page->next_location, strlen(page->next_location));
}

static void list_locations(struct gateway_call *call)
{
    struct list *list = begin_list(call, "");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrLocations ask = CTL__CIDR_LOCATIONS__INIT;

    if (!list)
        return;
    ask.collection = (char *)gateway_label(call, 0);
    ask.is_exact = true;
    ask.start_location = (char *)list->start;
    ask.limit = list->limit;
    request.kind_case = CTL__REQUEST__KIND_CIDR_LOCATIONS;
    request.cidr_locations = &ask;
    gateway_ask(call, &request, on_locations);
}

static void write_block(struct xml_writer *xml, const Ctl__CidrBlock *block)
{
    struct prefix prefix = {.is_ipv6 = block->block.len == BLOCK_LEN_MAX};
    char text[PREFIX_TEXT_SIZE];

    if (block->block.len != 5 && block->block.len != BLOCK_LEN_MAX)
        return;
    prefix.len = block->block.data[0];
    memcpy(prefix.octets, block->block.data + 1, block->block.len - 1);
    prefix_format(&prefix, text);
    xml_open(xml, "member");
    xml_text(xml, "CidrBlock", text);
    xml_text(xml, "LocationName", block->location);
    xml_close(xml);
}

static void on_blocks(struct gateway_call *call, const Ctl__Reply *reply)
{
    const Ctl__CidrBlocksReply *page = reply->cidr_blocks;
    struct xml_writer *xml = gateway_xml(call);

    if (!page) {
        fail_reply(call);
        return;
    }
    xml_open(xml, "CidrBlocks");
    for (size_t i = 0; i < page->n_blocks; i++)
        write_block(xml, page->blocks[i]);
    end_list(call, page->next_block.data, page->next_block.len);
}

static void list_blocks(struct gateway_call *call)
{
    const char *location = gateway_query(call, "location");
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__CidrBlocks ask = CTL__CIDR_BLOCKS__INIT;

    if (location)
        (void)member_word(call, "locationName", location, 16, WORD_PATTERN);
    if (!gateway_is_valid(call))
        return;
    struct list *list = begin_list(call, location ? location : "");
    if (!list)
        return;
    ask.collection = (char *)gateway_label(call, 0);
    ask.is_exact = true;
    ask.location = location ? (char *)location : "";
    ask.start_block = (ProtobufCBinaryData){list->start_len, list->start};
    ask.limit = list->limit;
    request.kind_case = CTL__REQUEST__KIND_CIDR_BLOCKS;
    request.cidr_blocks = &ask;
    gateway_ask(call, &request, on_blocks);
}

const struct gateway_operation gateway_cidr_operations[] = {
    {"CreateCidrCollection", "POST", "/cidrcollection", "CreateCidrCollectionRequest", 201,
     create_collection},
    {"ChangeCidrCollection", "POST", "/cidrcollection/{CidrCollectionId}",
     "ChangeCidrCollectionRequest", 200, change_collection},
    {"DeleteCidrCollection", "DELETE", "/cidrcollection/{CidrCollectionId}", NULL, 200,
     delete_collection},
    {"ListCidrCollections", "GET", "/cidrcollection", NULL, 200, list_collections},
    {"ListCidrLocations", "GET", "/cidrcollection/{CidrCollectionId}", NULL, 200, list_locations},
    {"ListCidrBlocks", "GET", "/cidrcollection/{CidrCollectionId}/cidrblocks", NULL, 200,
     list_blocks},
    {0},
};
