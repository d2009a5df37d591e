#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/requests.h"
#include "control/routing_message.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"
#include "zone/hidden.h"
#include "zone/routing.h"

#define SETS_LISTED_MAX 5000u
#define SETS_LISTED_DEFAULT 300u
#define SETS_LISTED_LEN_MAX (2u << 20) /* octets of record data in one reply */
#define HIDDEN_WALKED_MAX 16u          /* that are passed over one by one */

/* A page being collected: sets and their octets in growing storage, pointers made at the end. */
struct page {
    struct {
        size_t name, identifier, rdata, routing, instance; /* offsets into octets */
        size_t texts;                  /* NUL-terminated, one for each record, if has_texts */
        size_t rdata_len, routing_len; /* no routing: 0 */
        bool has_texts, has_instance;
        uint32_t ttl_s;
        uint16_t type, rdata_count;
        bool is_hidden;
    } * sets;
    size_t count, routed_count, text_count, limit;
    struct kv_buffer octets;
    size_t len;
    uint8_t next_name[DNS_NAME_MAX];
    uint16_t next_type;
    char next_identifier[STATE_SET_IDENTIFIER_MAX + 1];
    bool has_more, with_hidden;
    const uint8_t *apex;
    unsigned hidden_count;         /* passed over in this walk */
    uint8_t skip_to[DNS_NAME_MAX]; /* is_skipping: where the next walk begins */
    bool is_skipping;
};

/* A set's routing as a message, and what that points into. */
struct routing_message {
    struct zone_routing routing;
    Cmd__Routing message;
    Cmd__Alias alias;
};

static int page_reserve(struct page *page, size_t more)
{
    if (page->len + more <= page->octets.capacity)
        return 0;
    size_t capacity = (page->len + more) * 2;
    uint8_t *grown = realloc(page->octets.data, capacity);
    if (!grown)
        return ERR_NOMEM;
    page->octets.data = grown;
    page->octets.capacity = capacity;
    return 0;
}

static size_t page_append(struct page *page, const void *data, size_t len)
{
    size_t at = page->len;

    if (len > 0)
        memcpy(page->octets.data + at, data, len);
    page->len += len;
    return at;
}

/* The texts of a set, as state has them, each with a NUL. */
static size_t append_texts(struct page *page, const struct state_record_set *set)
{
    struct state_record_set texts = {.rdata = set->texts, .rdata_len = set->texts_len};
    size_t at = page->len, offset = 0;
    const uint8_t *text;
    uint16_t len;

    while (state_set_next(&texts, &offset, &text, &len)) {
        page_append(page, text, len);
        page_append(page, "", 1);
    }
    return at;
}

/* An instance may have hundreds of hidden sets: behind the first ones the walk ends, and another
 * begins at the last name that the instance can have. */
static int pass_over(struct page *page, const struct state_record_set *set)
{
    uint8_t last[DNS_NAME_MAX];

    if (++page->hidden_count <= HIDDEN_WALKED_MAX ||
        zone_hidden_name(page->apex, set->instance_id, ZONE_HIDDEN_MAX - 1, last) != 0 ||
        dns_name_is_equal(set->name, last))
        return 0;
    memcpy(page->skip_to, last, dns_name_len(last));
    page->is_skipping = true;
    return 1;
}

static int add_set(void *user, const struct state_record_set *set)
{
    struct page *page = user;
    size_t name_len = dns_name_len(set->name);

    if (set->is_hidden && !page->with_hidden)
        return pass_over(page, set);
    if (page->count == page->limit || page->len >= SETS_LISTED_LEN_MAX) {
        memcpy(page->next_name, set->name, name_len);
        page->next_type = set->type;
        if (set->set_identifier_len > 0)
            memcpy(page->next_identifier, set->set_identifier, set->set_identifier_len);
        page->has_more = true;
        return 1;
    }
    if (page_reserve(page, name_len + set->set_identifier_len + 1 + set->rdata_len +
                               set->routing_len + set->texts_len + STATE_SET_INSTANCE_LEN + 1) != 0)
        return ERR_NOMEM;
    size_t i = page->count++;
    page->sets[i].has_texts = set->texts != NULL;
    page->sets[i].has_instance = set->instance_id != NULL;
    page->text_count += set->texts ? set->rdata_count : 0;
    page->routed_count += set->routing != NULL;
    page->sets[i].routing_len = set->routing_len;
    page->sets[i].is_hidden = set->is_hidden;
    page->sets[i].ttl_s = set->ttl_s;
    page->sets[i].type = set->type;
    page->sets[i].rdata_count = set->rdata_count;
    page->sets[i].rdata_len = set->rdata_len;
    page->sets[i].name = page_append(page, set->name, name_len);
    page->sets[i].identifier = page_append(page, set->set_identifier, set->set_identifier_len);
    page_append(page, "", 1);
    page->sets[i].rdata = page_append(page, set->rdata, set->rdata_len);
    page->sets[i].routing = page_append(page, set->routing, set->routing_len);
    page->sets[i].texts = append_texts(page, set);
    if (set->instance_id) {
        page->sets[i].instance = page_append(page, set->instance_id, STATE_SET_INSTANCE_LEN);
        page_append(page, "", 1);
    }
    return 0;
}

static ProtobufCBinaryData name_octets(const uint8_t *name)
{
    return (ProtobufCBinaryData){name ? dns_name_len(name) : 0, (uint8_t *)name};
}

static int fill_routing(struct kv_slice octets, struct routing_message *out)
{
    int rc = state_routing_decode(octets, &out->routing);

    if (rc == 0)
        routing_message_point(&out->routing, &out->message, &out->alias);
    return rc;
}

/* Point @out, its @rdatas and its @texts into the page. */
static void fill_set(const struct page *page, size_t i, Cmd__RecordSet *out,
                     ProtobufCBinaryData *rdatas, char **texts)
{
    char *text = (char *)page->octets.data + page->sets[i].texts;
    struct state_record_set view = {.rdata = page->octets.data + page->sets[i].rdata,
                                    .rdata_len = page->sets[i].rdata_len,
                                    .rdata_count = page->sets[i].rdata_count};
    uint8_t *name = page->octets.data + page->sets[i].name;
    const uint8_t *rdata;
    uint16_t len;
    size_t offset = 0;

    *out = (Cmd__RecordSet)CMD__RECORD_SET__INIT;
    out->name = (ProtobufCBinaryData){dns_name_len(name), name};
    out->type = page->sets[i].type;
    out->ttl_s = page->sets[i].ttl_s;
    out->set_identifier = (char *)page->octets.data + page->sets[i].identifier;
    out->is_hidden = page->sets[i].is_hidden;
    out->rdata = rdatas;
    while (out->n_rdata < view.rdata_count && state_set_next(&view, &offset, &rdata, &len))
        rdatas[out->n_rdata++] = (ProtobufCBinaryData){len, (uint8_t *)rdata};
    if (page->sets[i].has_instance)
        out->traffic_instance_id = (char *)page->octets.data + page->sets[i].instance;
    if (!page->sets[i].has_texts)
        return;
    out->value_texts = texts;
    for (; out->n_value_texts < out->n_rdata; text += strlen(text) + 1)
        texts[out->n_value_texts++] = text;
}

/* What a reply with a page is made of. */
struct page_message {
    Cmd__RecordSet *sets, **pointers;
    ProtobufCBinaryData *rdatas;
    char **texts;
    struct routing_message *routings;
};

static bool page_message_init(const struct page *page, struct page_message *out)
{
    size_t rdata_count = 0;

    for (size_t i = 0; i < page->count; i++)
        rdata_count += page->sets[i].rdata_count;
    out->sets = malloc((page->count + 1) * sizeof(*out->sets));
    out->pointers = malloc((page->count + 1) * sizeof(Cmd__RecordSet *));
    out->rdatas = malloc((rdata_count + 1) * sizeof(*out->rdatas));
    out->texts = malloc((page->text_count + 1) * sizeof(*out->texts));
    out->routings = malloc((page->routed_count + 1) * sizeof(*out->routings));
    return out->sets && out->pointers && out->rdatas && out->texts && out->routings;
}

static void page_message_fini(struct page_message *message)
{
    free(message->sets);
    free(message->pointers);
    free(message->rdatas);
    free(message->texts);
    free(message->routings);
}

static int fill_page(const struct page *page, struct page_message *out)
{
    ProtobufCBinaryData *rdatas = out->rdatas;
    struct routing_message *routing = out->routings;
    char **texts = out->texts;

    for (size_t i = 0; i < page->count; i++) {
        fill_set(page, i, &out->sets[i], rdatas, texts);
        rdatas += out->sets[i].n_rdata;
        texts += out->sets[i].n_value_texts;
        out->pointers[i] = &out->sets[i];
        if (page->sets[i].routing_len == 0)
            continue;
        int rc = fill_routing(
            kv_slice(page->octets.data + page->sets[i].routing, page->sets[i].routing_len),
            routing);
        if (rc != 0)
            return rc;
        out->sets[i].routing = &routing->message;
        routing++;
    }
    return 0;
}

static int reply_page(struct call *call, struct page *page, struct state_zone *zone)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__RecordListReply list = CTL__RECORD_LIST_REPLY__INIT;
    struct page_message message;
    int rc = page_message_init(page, &message) ? fill_page(page, &message) : ERR_NOMEM;

    if (rc == 0) {
        list.n_record_sets = page->count;
        list.record_sets = message.pointers;
        list.zone_id = zone->id;
        list.content = zone->content;
        if (page->has_more) {
            list.next_name = name_octets(page->next_name);
            list.next_type = page->next_type;
            list.next_identifier = page->next_identifier;
        }
        reply.kind_case = CTL__REPLY__KIND_RECORD_LIST;
        reply.record_list = &list;
        call_reply(call, &reply);
    }
    page_message_fini(&message);
    return rc;
}

/* From @start (name NULL: the first set) on. */
static int collect(struct call *call, const struct state_zone *zone, struct state_set_start *start,
                   struct page *page)
{
    int rc;

    page->apex = zone->name;
    do {
        page->is_skipping = false;
        page->hidden_count = 0;
        rc = state_list_record_sets(call_state(call), zone->content, start->name ? start : NULL,
                                    add_set, page);
        *start = (struct state_set_start){.name = page->skip_to};
    } while (rc == 0 && page->is_skipping);
    return rc;
}

static void list_records(struct call *call)
{
    const Ctl__RecordList *request = call->request->record_list;
    struct page page = {.limit = request->limit ? request->limit : SETS_LISTED_DEFAULT};
    struct state_set_start start = {.type = (uint16_t)request->start_type};
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    if (request->start_name.len > 0) {
        if (dns_name_check(request->start_name.data, request->start_name.len) !=
            (int)request->start_name.len) {
            call_fail(call, ERR_INVALID, "the start name is malformed");
            return;
        }
        start.name = request->start_name.data;
    }
    if (strlen(request->start_identifier) > STATE_SET_IDENTIFIER_MAX) {
        call_fail(call, ERR_INVALID, "the start identifier is too long");
        return;
    }
    if (start.type != 0 && request->start_identifier[0])
        start.set_identifier = request->start_identifier;
    if (page.limit > SETS_LISTED_MAX)
        page.limit = SETS_LISTED_MAX;
    page.with_hidden = request->with_hidden;
    page.sets = malloc(page.limit * sizeof(*page.sets));
    int rc = page.sets ? collect(call, &zone, &start, &page) : ERR_NOMEM;
    if (rc == 0)
        rc = reply_page(call, &page, &zone);
    if (rc != 0)
        call_fail_code(call, rc, "list the record sets");
    free(page.sets);
    kv_buffer_fini(&page.octets);
}

void request_record_list(struct call *call)
{
    call_read_early(call, list_records);
}

#define TOKEN_LEN_MIN 16u
#define TOKEN_LEN_MAX 64u
#define CHANGE_ID_LEN 20u /* behind the "C" */

/* A request that was made before says when it was made then. */
static uint64_t submitted_wall_ms(struct call *call, const struct apply_result *result)
{
    struct state_change change;

    if (result->outcome == APPLY_REPEATED &&
        state_get_change(call_state(call), result->change_id, &change, NULL, NULL) == 0)
        return change.time_wall_ms;
    return call->subject_index;
}

static void on_changed(struct call *call, const struct apply_result *result)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    reply.message = (char *)(uintptr_t) "changed";
    reply.change_id = call->change_id;
    reply.change_wall_ms = submitted_wall_ms(call, result);
    call_reply(call, &reply);
}

/* An id that stands for the request: the token is (a part of) a hash, so its first octets will do.
 * Five bits for a letter. */
static void format_token(const ProtobufCBinaryData *token, char *out)
{
    static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

    for (unsigned i = 0; i < CHANGE_ID_LEN; i++) {
        unsigned bit = i * 5;
        unsigned octets = (unsigned)token->data[bit / 8] << 8 | token->data[bit / 8 + 1];
        out[i] = letters[octets >> (11 - bit % 8) & 31];
    }
    out[CHANGE_ID_LEN] = '\0';
}

/* false: the call has failed. */
static bool check_change(struct call *call)
{
    const Ctl__RecordChange *request = call->request->record_change;
    size_t token_len = request->request_token.len;

    if (!call_state(call)) {
        call_fail_code(call, ERR_UNAVAILABLE, "change records");
        return false;
    }
    if (request->n_changes == 0 || request->n_changes > COMMAND_CHANGES_MAX) {
        call_fail(call, ERR_LIMIT, "a change batch has 1 to %u changes, not %zu",
                  COMMAND_CHANGES_MAX, request->n_changes);
        return false;
    }
    if (token_len > 0 && (token_len < TOKEN_LEN_MIN || token_len > TOKEN_LEN_MAX)) {
        call_fail(call, ERR_INVALID, "a request's token has %u to %u octets", TOKEN_LEN_MIN,
                  TOKEN_LEN_MAX);
        return false;
    }
    return true;
}

static void change_records(struct call *call)
{
    const Ctl__RecordChange *request = call->request->record_change;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ChangeRecordSets change = CMD__CHANGE_RECORD_SETS__INIT;
    char change_id[STATE_ID_SIZE] = "C";
    struct state_zone zone;

    if (!call_find_zone(call, request->zone, &zone))
        return;
    command.time_wall_ms = call->subject_index = clock_wall_ms();
    change.is_request = request->request_token.len > 0;
    if (change.is_request)
        format_token(&request->request_token, change_id + 1);
    else
        random_text_at(command.time_wall_ms, change_id + 1, CHANGE_ID_LEN);
    change.zone_id = zone.id;
    change.change_id = change_id;
    change.comment = request->comment;
    change.n_changes = request->n_changes;
    change.changes = request->changes;
    change.by_route53 = request->by_route53;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_RECORD_SETS;
    command.change_record_sets = &change;
    call_propose(call, &command, on_changed);
}

/* A zone that is known by its id needs no read barrier: apply judges against the log. One that is
 * not may have been made through another node, and a name may mean another zone by now. */
void request_record_change(struct call *call)
{
    struct state_zone zone;

    if (!check_change(call))
        return;
    if (state_get_zone(call_state(call), call->request->record_change->zone, &zone) == 0)
        change_records(call);
    else
        call_read(call, change_records);
}
