#include "cli/record_list.h"

#include <string.h>

#include "cli/cli.h"
#include "cli/record_view.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"

#define PAGE_SETS 2000

/* 0: go on; 1: enough; negative exit status ~: told. */
static int give_page(struct cli *cli, const Ctl__RecordListReply *page, record_list_cb cb,
                     void *user)
{
    static struct zone_rdata rdatas[RECORD_VIEW_RDATAS_MAX];

    for (size_t i = 0; i < page->n_record_sets; i++) {
        struct zone_record_set set;
        int rc = record_view_fill(page->record_sets[i], rdatas, &set);
        if (rc == 0)
            rc = cb(user, &set);
        if (rc < 0)
            return ~cli_fail(cli, CLI_REFUSED, "%s sent a malformed record set", cli->node);
        if (rc > 0)
            return 1;
    }
    return 0;
}

/* Where the next page begins. false: that was the last. */
static bool next_page(const Ctl__RecordListReply *page, uint8_t *name, Ctl__RecordList *list)
{
    size_t len = page->next_name.len;

    if (len == 0 || dns_name_check(page->next_name.data, len) != (int)len)
        return false;
    memcpy(name, page->next_name.data, len);
    list->start_name = (ProtobufCBinaryData){len, name};
    list->start_type = page->next_type;
    return true;
}

int record_list_each(struct cli *cli, const char *zone, const uint8_t *start_name,
                     record_list_cb cb, void *user)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordList list = CTL__RECORD_LIST__INIT;
    uint8_t name[DNS_NAME_MAX];
    uint64_t content = 0;
    int outcome = 0;

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
        has_more = page && next_page(page, name, &list);
        content = page ? page->content : 0;
        cli_free_reply(reply);
    }
    return outcome < 0 ? ~outcome : CLI_OK;
}
