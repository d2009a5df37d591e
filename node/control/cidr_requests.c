/* node/control/cidr_requests.c: CIDR collections. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/requests.h"
#include "proto/control.pb-c.h"
#include "store/state_cidr.h"

#define BLOCKS_LISTED_MAX 1000u
#define LOCATIONS_SHOWN_MAX 1000u
#define COLLECTIONS_LISTED_MAX 100u
#define LOCATIONS_LISTED_MAX 1000u

/* One collection with the storage that its reply points into. */
struct view {
    struct state_cidr_collection collection;
    Ctl__CidrReply reply;
    char names[LOCATIONS_SHOWN_MAX][STATE_CIDR_LOCATION_SIZE];
    char *locations[LOCATIONS_SHOWN_MAX];
};

static int on_location(void *user, const char *location, uint64_t block_count)
{
    struct view *view = user;
    size_t i = view->reply.n_locations;

    (void)block_count;
    if (i == LOCATIONS_SHOWN_MAX)
        return 1;
    memcpy(view->names[i], location, strlen(location) + 1);
    view->locations[i] = view->names[i];
    view->reply.n_locations++;
    return 0;
}

static int fill(const struct kv *kv, struct view *view, bool with_locations)
{
    ctl__cidr_reply__init(&view->reply);
    view->reply.id = view->collection.id;
    view->reply.name = view->collection.name;
    view->reply.version = view->collection.version;
    view->reply.block_count = view->collection.block_count;
    view->reply.locations = view->locations;
    return with_locations
               ? state_list_cidr_locations(kv, view->collection.id, "", on_location, view)
               : 0;
}

static int find(const struct kv *kv, const char *text, struct state_cidr_collection *out)
{
    int rc = state_get_cidr_by_name(kv, text, out);

    return rc == ERR_NOT_FOUND ? state_get_cidr(kv, text, out) : rc;
}

/* By its id or name; @is_exact: by its id alone. true; false: the call has failed. */
static bool find_collection(struct call *call, const char *text, bool is_exact,
                            struct state_cidr_collection *out)
{
    int rc =
        is_exact ? state_get_cidr(call_state(call), text, out) : find(call_state(call), text, out);

    if (rc == ERR_NOT_FOUND && is_exact)
        call_fail_as(call, rc, "NoSuchCidrCollectionException",
                     "The CIDR collection with id %.100s does not exist.", text);
    else if (rc == ERR_NOT_FOUND)
        call_fail_as(call, rc, "NoSuchCidrCollectionException",
                     "there is no CIDR collection '%.100s'; 'quartet cidr list' shows all", text);
    else if (rc != 0)
        call_fail_code(call, rc, "read the CIDR collection");
    return rc == 0;
}

static void reply_one(struct call *call, const char *id)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    struct view *view = calloc(1, sizeof(*view));
    int rc = view ? state_get_cidr(call_state(call), id, &view->collection) : ERR_NOMEM;

    if (rc == 0)
        rc = fill(call_state(call), view, true);
    if (rc != 0)
        call_fail_code(call, rc, "read the CIDR collection");
    else {
        reply.kind_case = CTL__REPLY__KIND_CIDR;
        reply.cidr = &view->reply;
        reply.change_id = call->change_id;
        call_reply(call, &reply);
    }
    free(view);
}

static void on_written(struct call *call, const struct apply_result *result)
{
    reply_one(call, result->object_id);
}

void request_cidr_create(struct call *call)
{
    const Ctl__CidrCreate *request = call->request->cidr_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__CreateCidrCollection create = CMD__CREATE_CIDR_COLLECTION__INIT;
    char id[RANDOM_UUID_SIZE], reference[RANDOM_UUID_SIZE];

    random_uuid(id);
    random_uuid(reference);
    create.collection_id = id;
    create.name = request->name;
    create.caller_reference = request->caller_reference[0] ? request->caller_reference : reference;
    command.kind_case = CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION;
    command.create_cidr_collection = &create;
    call_propose(call, &command, on_written);
}

/* What was done before by the same command has no ids in its result. */
static void on_changed(struct call *call, const struct apply_result *result)
{
    (void)result;
    reply_one(call, call->object_id);
}

/* true; false: the call has failed. */
static bool check_counts(struct call *call, const Ctl__CidrChange *request)
{
    size_t block_count = 0;

    for (size_t i = 0; i < request->n_changes; i++)
        block_count += request->changes[i]->n_blocks;
    if (request->n_changes <= COMMAND_CIDR_CHANGES_MAX && block_count <= COMMAND_CIDR_BLOCKS_MAX)
        return true;
    call_fail_as(call, ERR_LIMIT, "LimitsExceeded",
                 "at most %u CIDR blocks are changed at once, not %zu: send parts",
                 COMMAND_CIDR_BLOCKS_MAX, block_count);
    return false;
}

static void change(struct call *call)
{
    const Ctl__CidrChange *request = call->request->cidr_change;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ChangeCidrCollection body = CMD__CHANGE_CIDR_COLLECTION__INIT;
    struct state_cidr_collection collection;

    if (!check_counts(call, request) ||
        !find_collection(call, request->collection, request->is_exact, &collection))
        return;
    call_draw_change_id(call->change_id);
    snprintf(call->object_id, sizeof(call->object_id), "%s", collection.id);
    body.change_id = call->change_id;
    body.collection_id = collection.id;
    body.version = request->version;
    body.n_changes = request->n_changes;
    body.changes = request->changes;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION;
    command.change_cidr_collection = &body;
    call_propose(call, &command, on_changed);
}

void request_cidr_change(struct call *call)
{
    call_read(call, change);
}

static void on_deleted(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "the CIDR collection is deleted");
}

static void delete_collection(struct call *call)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteCidrCollection deletion = CMD__DELETE_CIDR_COLLECTION__INIT;
    struct state_cidr_collection collection;

    const Ctl__CidrDelete *request = call->request->cidr_delete;
    if (!find_collection(call, request->collection, request->is_exact, &collection))
        return;
    deletion.collection_id = collection.id;
    command.kind_case = CMD__COMMAND__KIND_DELETE_CIDR_COLLECTION;
    command.delete_cidr_collection = &deletion;
    call_propose(call, &command, on_deleted);
}

void request_cidr_delete(struct call *call)
{
    call_read(call, delete_collection);
}

/* ---- lists ---- */

static size_t page_size(uint32_t wanted, size_t most)
{
    return wanted > 0 && wanted < most ? wanted : most;
}

struct collections {
    const struct kv *kv;
    struct view *views[COLLECTIONS_LISTED_MAX];
    Ctl__CidrReply *pointers[COLLECTIONS_LISTED_MAX];
    size_t count, limit;
    bool with_locations;
    char next_id[STATE_UUID_SIZE];
};

static int on_collection(void *user, const struct state_cidr_collection *collection)
{
    struct collections *list = user;

    if (list->count == list->limit) {
        memcpy(list->next_id, collection->id, STATE_UUID_SIZE);
        return 1;
    }
    struct view *view = calloc(1, sizeof(*view));
    if (!view)
        return ERR_NOMEM;
    view->collection = *collection;
    list->views[list->count] = view;
    list->pointers[list->count++] = &view->reply;
    return fill(list->kv, view, list->with_locations);
}

static void list_collections(struct call *call)
{
    const Ctl__CidrList *request = call->request->cidr_list;
    struct collections list = {.kv = call_state(call),
                               .limit = page_size(request->limit, COLLECTIONS_LISTED_MAX),
                               .with_locations = !request->without_locations};
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CidrListReply body = CTL__CIDR_LIST_REPLY__INIT;
    int rc = state_list_cidrs(list.kv, request->start_id, on_collection, &list);

    if (rc != 0)
        call_fail_code(call, rc, "list the CIDR collections");
    else {
        body.n_collections = list.count;
        body.collections = list.pointers;
        body.next_id = list.next_id;
        reply.kind_case = CTL__REPLY__KIND_CIDR_LIST;
        reply.cidr_list = &body;
        call_reply(call, &reply);
    }
    for (size_t i = 0; i < list.count; i++)
        free(list.views[i]);
}

void request_cidr_list(struct call *call)
{
    call_read(call, list_collections);
}

struct locations {
    char names[LOCATIONS_LISTED_MAX][STATE_CIDR_LOCATION_SIZE];
    Ctl__CidrLocation list[LOCATIONS_LISTED_MAX], *pointers[LOCATIONS_LISTED_MAX];
    size_t count, limit;
    char next[STATE_CIDR_LOCATION_SIZE];
};

static int on_listed_location(void *user, const char *location, uint64_t block_count)
{
    struct locations *locations = user;
    size_t i = locations->count;

    if (i == locations->limit) {
        memcpy(locations->next, location, strlen(location) + 1);
        return 1;
    }
    memcpy(locations->names[i], location, strlen(location) + 1);
    ctl__cidr_location__init(&locations->list[i]);
    locations->list[i].name = locations->names[i];
    locations->list[i].block_count = block_count;
    locations->pointers[locations->count++] = &locations->list[i];
    return 0;
}

static void reply_locations(struct call *call, struct locations *locations)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CidrLocationsReply body = CTL__CIDR_LOCATIONS_REPLY__INIT;

    body.n_locations = locations->count;
    body.locations = locations->pointers;
    body.next_location = locations->next;
    reply.kind_case = CTL__REPLY__KIND_CIDR_LOCATIONS;
    reply.cidr_locations = &body;
    call_reply(call, &reply);
}

static void list_locations(struct call *call)
{
    const Ctl__CidrLocations *request = call->request->cidr_locations;
    struct state_cidr_collection collection;

    if (!find_collection(call, request->collection, request->is_exact, &collection))
        return;
    struct locations *locations = calloc(1, sizeof(*locations));
    int rc = ERR_NOMEM;
    if (locations) {
        locations->limit = page_size(request->limit, LOCATIONS_LISTED_MAX);
        rc = state_list_cidr_locations(call_state(call), collection.id, request->start_location,
                                       on_listed_location, locations);
    }
    if (rc != 0)
        call_fail_code(call, rc, "list the locations");
    else
        reply_locations(call, locations);
    free(locations);
}

void request_cidr_locations(struct call *call)
{
    call_read(call, list_locations);
}

struct blocks {
    struct state_cidr_block stored[BLOCKS_LISTED_MAX + 1];
    Ctl__CidrBlock list[BLOCKS_LISTED_MAX], *pointers[BLOCKS_LISTED_MAX];
    size_t count, limit;
    const char *location;
    bool has_more;
};

static int on_block(void *user, const struct state_cidr_block *block)
{
    struct blocks *blocks = user;

    if (blocks->location[0] && strcmp(blocks->location, block->location) != 0)
        return 0;
    blocks->stored[blocks->count] = *block;
    blocks->has_more = blocks->count == blocks->limit;
    if (blocks->has_more)
        return 1;
    struct state_cidr_block *stored = &blocks->stored[blocks->count];
    Ctl__CidrBlock *out = &blocks->list[blocks->count];
    ctl__cidr_block__init(out);
    out->block = (ProtobufCBinaryData){stored->len, stored->octets};
    out->location = stored->location;
    blocks->pointers[blocks->count++] = out;
    return 0;
}

static int read_blocks(const struct kv *kv, const char *id, const ProtobufCBinaryData *start,
                       struct blocks *blocks)
{
    struct state_cidr_block from = {.len = start->len};

    if (start->len > 0)
        memcpy(from.octets, start->data, start->len);
    return state_list_cidr_blocks(kv, id, start->len > 0 ? &from : NULL, on_block, blocks);
}

static void reply_blocks(struct call *call, struct blocks *blocks)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__CidrBlocksReply body = CTL__CIDR_BLOCKS_REPLY__INIT;
    struct state_cidr_block *next = &blocks->stored[blocks->count];

    body.n_blocks = blocks->count;
    body.blocks = blocks->pointers;
    if (blocks->has_more)
        body.next_block = (ProtobufCBinaryData){next->len, next->octets};
    reply.kind_case = CTL__REPLY__KIND_CIDR_BLOCKS;
    reply.cidr_blocks = &body;
    call_reply(call, &reply);
}

/* true: there is such a location, or none is asked for; false: the call has failed. */
static bool check_location(struct call *call, const Ctl__CidrBlocks *request,
                           const struct state_cidr_collection *collection)
{
    uint64_t block_count = 0;

    if (request->location[0] == 0)
        return true;
    int rc = strlen(request->location) < STATE_CIDR_LOCATION_SIZE
                 ? state_get_cidr_location(call_state(call), collection->id, request->location,
                                           &block_count)
                 : 0;
    if (rc != 0)
        call_fail_code(call, rc, "read the location");
    else if (block_count == 0)
        call_fail_as(call, ERR_NOT_FOUND, "NoSuchCidrLocationException",
                     "CIDR collection %s has no location '%.100s'", collection->name,
                     request->location);
    return rc == 0 && block_count > 0;
}

static void list_blocks(struct call *call)
{
    const Ctl__CidrBlocks *request = call->request->cidr_blocks;
    const ProtobufCBinaryData *start = &request->start_block;
    struct state_cidr_collection collection;

    if (start->len != 0 && start->len != 5 && start->len != STATE_CIDR_BLOCK_MAX) {
        call_fail(call, ERR_INVALID, "the start block is malformed");
        return;
    }
    if (!find_collection(call, request->collection, request->is_exact, &collection) ||
        !check_location(call, request, &collection))
        return;
    struct blocks *blocks = calloc(1, sizeof(*blocks));
    int rc = ERR_NOMEM;
    if (blocks) {
        blocks->location = request->location;
        blocks->limit = page_size(request->limit, BLOCKS_LISTED_MAX);
        rc = read_blocks(call_state(call), collection.id, start, blocks);
    }
    if (rc != 0)
        call_fail_code(call, rc, "list the CIDR blocks");
    else
        reply_blocks(call, blocks);
    free(blocks);
}

void request_cidr_blocks(struct call *call)
{
    call_read(call, list_blocks);
}
