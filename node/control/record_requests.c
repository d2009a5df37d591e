#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "cluster/command.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "proto/control.pb-c.h"
#include "store/state.h"

#define SETS_LISTED_MAX 5000u
#define SETS_LISTED_DEFAULT 300u
#define SETS_LISTED_LEN_MAX (2u << 20) /* octets of record data in one reply */

/* A page being collected: sets and their octets in growing storage, pointers made at the end. */
struct page {
    struct {
        size_t name, identifier, rdata; /* offsets into octets */
        size_t rdata_len;
        uint32_t ttl_s;
        uint16_t type, rdata_count;
    } * sets;
    size_t count, limit;
    struct kv_buffer octets;
    size_t len;
    uint8_t next_name[DNS_NAME_MAX];
    uint16_t next_type;
    bool has_more;
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

static int add_set(void *user, const struct state_record_set *set)
{
    struct page *page = user;
    size_t name_len = dns_name_len(set->name);

    if (page->count == page->limit || page->len >= SETS_LISTED_LEN_MAX) {
        memcpy(page->next_name, set->name, name_len);
        page->next_type = set->type;
        page->has_more = true;
        return 1;
    }
    if (page_reserve(page, name_len + set->set_identifier_len + 1 + set->rdata_len) != 0)
        return ERR_NOMEM;
    size_t i = page->count++;
    page->sets[i].ttl_s = set->ttl_s;
    page->sets[i].type = set->type;
    page->sets[i].rdata_count = set->rdata_count;
    page->sets[i].rdata_len = set->rdata_len;
    page->sets[i].name = page_append(page, set->name, name_len);
    page->sets[i].identifier = page_append(page, set->set_identifier, set->set_identifier_len);
    page_append(page, "", 1);
    page->sets[i].rdata = page_append(page, set->rdata, set->rdata_len);
    return 0;
}

/* Point @out and its @rdatas into the page. */
static void fill_set(const struct page *page, size_t i, Cmd__RecordSet *out,
                     ProtobufCBinaryData *rdatas)
{
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
    out->rdata = rdatas;
    while (out->n_rdata < view.rdata_count && state_set_next(&view, &offset, &rdata, &len))
        rdatas[out->n_rdata++] = (ProtobufCBinaryData){len, (uint8_t *)rdata};
}

static int reply_page(struct call *call, struct page *page, struct state_zone *zone)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__RecordListReply list = CTL__RECORD_LIST_REPLY__INIT;
    size_t rdata_count = 0;

    for (size_t i = 0; i < page->count; i++)
        rdata_count += page->sets[i].rdata_count;
    Cmd__RecordSet *sets = malloc((page->count + 1) * sizeof(*sets));
    Cmd__RecordSet **pointers = malloc((page->count + 1) * sizeof(Cmd__RecordSet *));
    ProtobufCBinaryData *rdatas = malloc((rdata_count + 1) * sizeof(*rdatas));
    int rc = sets && pointers && rdatas ? 0 : ERR_NOMEM;
    if (rc == 0) {
        ProtobufCBinaryData *next = rdatas;
        for (size_t i = 0; i < page->count; i++) {
            fill_set(page, i, &sets[i], next);
            next += sets[i].n_rdata;
            pointers[i] = &sets[i];
        }
        list.n_record_sets = page->count;
        list.record_sets = pointers;
        list.zone_id = zone->id;
        list.content = zone->content;
        if (page->has_more) {
            list.next_name = (ProtobufCBinaryData){dns_name_len(page->next_name), page->next_name};
            list.next_type = page->next_type;
        }
        reply.kind_case = CTL__REPLY__KIND_RECORD_LIST;
        reply.record_list = &list;
        call_reply(call, &reply);
    }
    free(sets);
    free(pointers);
    free(rdatas);
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
    if (page.limit > SETS_LISTED_MAX)
        page.limit = SETS_LISTED_MAX;
    page.sets = malloc(page.limit * sizeof(*page.sets));
    int rc = page.sets ? state_list_record_sets(call_state(call), zone.content,
                                                start.name ? &start : NULL, add_set, &page)
                       : ERR_NOMEM;
    if (rc == 0)
        rc = reply_page(call, &page, &zone);
    if (rc != 0)
        call_fail_code(call, rc, "list the record sets");
    free(page.sets);
    kv_buffer_fini(&page.octets);
}

void request_record_list(struct call *call)
{
    call_read(call, list_records);
}

static void on_changed(struct call *call, const struct apply_result *result)
{
    (void)result;
    call_done(call, "changed");
}

/* The set identifies its zone by id or name; no read barrier: apply judges against the log. */
void request_record_change(struct call *call)
{
    const Ctl__RecordChange *request = call->request->record_change;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__ChangeRecordSets change = CMD__CHANGE_RECORD_SETS__INIT;
    char change_id[STATE_ID_SIZE] = "C";
    struct state_zone zone;

    if (!call_state(call)) {
        call_fail_code(call, ERR_UNAVAILABLE, "change records");
        return;
    }
    if (request->n_changes == 0 || request->n_changes > COMMAND_CHANGES_MAX) {
        call_fail(call, ERR_LIMIT, "a change batch has 1 to %u changes, not %zu",
                  COMMAND_CHANGES_MAX, request->n_changes);
        return;
    }
    if (!call_find_zone(call, request->zone, &zone))
        return;
    random_text_at(clock_wall_ms(), change_id + 1, 20);
    change.zone_id = zone.id;
    change.change_id = change_id;
    change.comment = request->comment;
    change.n_changes = request->n_changes;
    change.changes = request->changes;
    command.kind_case = CMD__COMMAND__KIND_CHANGE_RECORD_SETS;
    command.change_record_sets = &change;
    call_propose(call, &command, on_changed);
}
