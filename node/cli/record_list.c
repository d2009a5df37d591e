#include "cli/record_list.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/record_view.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"
#include "zone/routing.h"

#define PAGE_SETS 2000

/* 0: go on; 1: enough; negative exit status ~: told. */
static int give_page(struct cli *cli, const Ctl__RecordListReply *page, record_list_cb cb,
                     void *user)
{
    static struct record_view view;

    for (size_t i = 0; i < page->n_record_sets; i++) {
        struct zone_record_set set;
        int rc = record_view_fill(page->record_sets[i], &view, &set);
        if (rc == 0)
            rc = cb(user, &set);
        if (rc < 0)
            return ~cli_fail(cli, CLI_REFUSED, "%s sent a malformed record set", cli->node);
        if (rc > 0)
            return 1;
    }
    return 0;
}

/* Where a page begins. */
struct start {
    uint8_t name[DNS_NAME_MAX];
    char identifier[ZONE_SET_IDENTIFIER_MAX + 1];
};

/* Where the next page begins. false: that was the last. */
static bool next_page(const Ctl__RecordListReply *page, struct start *start, Ctl__RecordList *list)
{
    size_t len = page->next_name.len, identifier_len = strlen(page->next_identifier);

    if (len == 0 || dns_name_check(page->next_name.data, len) != (int)len ||
        identifier_len >= sizeof(start->identifier))
        return false;
    memcpy(start->name, page->next_name.data, len);
    memcpy(start->identifier, page->next_identifier, identifier_len + 1);
    list->start_name = (ProtobufCBinaryData){len, start->name};
    list->start_type = page->next_type;
    list->start_identifier = start->identifier;
    return true;
}

int record_list_each(struct cli *cli, const char *zone, const uint8_t *start_name,
                     record_list_cb cb, void *user)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordList list = CTL__RECORD_LIST__INIT;
    struct start start;
    uint64_t content = 0;
    bool with_hidden = false;
    int outcome = 0;

    if (!cli_value_flag(cli, CLI_VALUE_ALL, &with_hidden))
        return CLI_USAGE;
    list.with_hidden = with_hidden;
    list.zone = (char *)zone;
    list.limit = PAGE_SETS;
    if (start_name)
        list.start_name = (ProtobufCBinaryData){dns_name_len(start_name), (uint8_t *)start_name};
    request.kind_case = CTL__REQUEST__KIND_RECORD_LIST;
    request.record_list = &list;
    for (bool has_more = true; has_more && outcome == 0;) {
        struct Ctl__Reply *reply;
        int status = cli_ask(cli, &request, &reply);
        if (status != CLI_OK)
            return status;
        const Ctl__RecordListReply *page = reply->record_list;
        if (!page)
            outcome = ~cli_fail(cli, CLI_REFUSED, "%s sent no record sets", cli->node);
        else if (content != 0 && content != page->content)
            outcome = ~cli_fail(cli, CLI_REFUSED,
                                "an import has replaced the zone meanwhile; start again");
        else
            outcome = give_page(cli, page, cb, user);
        has_more = page && next_page(page, &start, &list);
        content = page ? page->content : 0;
        cli_free_reply(reply);
    }
    return outcome < 0 ? ~outcome : CLI_OK;
}
