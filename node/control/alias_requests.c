/* node/control/alias_requests.c: outside names that aliases lead to, as this node knows them. Needs
 * no quorum. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cluster/alias.h"
#include "control/call.h"
#include "control/requests.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"

/* Of the rows of a reply, as they are in memory, which is more than on the wire; the admin port
 * takes 4 MiB. What does not fit is counted. */
#define ROWS_LEN_MAX (3u << 20)
#define ROWS_MAX 20000u

struct rows {
    struct arena *arena;
    Ctl__AliasTarget **list;
    size_t count, left_out;
};

/* The addresses as text. false: no room. */
static bool add_addresses(struct rows *rows, const struct cluster_alias *alias,
                          Ctl__AliasTarget *row)
{
    const int family = alias->type == DNS_TYPE_A ? AF_INET : AF_INET6;
    char text[INET6_ADDRSTRLEN];

    row->addresses = arena_alloc(rows->arena, (alias->address_count + 1) * sizeof(char *));
    if (!row->addresses)
        return false;
    for (unsigned i = 0; i < alias->address_count; i++) {
        inet_ntop(family, alias->addresses[i], text, sizeof(text));
        row->addresses[i] = arena_copy(rows->arena, text, strlen(text));
        if (!row->addresses[i])
            return false;
    }
    row->n_addresses = alias->address_count;
    return true;
}

static bool add(struct rows *rows, const struct cluster_alias *alias)
{
    Ctl__AliasTarget *row = arena_alloc(rows->arena, sizeof(*row));

    if (!row || rows->count == ROWS_MAX)
        return false;
    ctl__alias_target__init(row);
    row->name.len = dns_name_len(alias->name);
    row->name.data = arena_copy(rows->arena, alias->name, row->name.len);
    row->problem = arena_copy(rows->arena, alias->problem, strlen(alias->problem));
    row->state = (char *)alias->state;
    row->type = alias->type;
    row->ttl_s = alias->ttl_s;
    row->resolved_wall_ms = alias->resolved_wall_ms;
    row->next_wall_ms = alias->next_wall_ms;
    row->used_by_count = alias->used_by_count;
    if (!row->name.data || !row->problem || !add_addresses(rows, alias, row))
        return false;
    rows->list[rows->count++] = row;
    return true;
}

static int on_alias(void *user, const struct cluster_alias *alias)
{
    struct rows *rows = user;

    if (rows->left_out > 0 || !add(rows, alias))
        rows->left_out++;
    return 0;
}

void request_alias_status(struct call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;
    Ctl__AliasStatusReply body = CTL__ALIAS_STATUS_REPLY__INIT;
    struct rows rows = {.arena = arena_new(ROWS_LEN_MAX + ROWS_MAX * sizeof(void *))};
    char message[64];

    rows.list = rows.arena ? arena_alloc(rows.arena, ROWS_MAX * sizeof(Ctl__AliasTarget *)) : NULL;
    int rc = rows.list ? cluster_alias_list(call->cluster, on_alias, &rows) : ERR_NOMEM;
    if (rc != 0) {
        arena_free(rows.arena);
        call_fail_code(call, rc, "list the outside names");
        return;
    }
    body.n_targets = rows.count;
    body.targets = rows.list;
    if (rows.left_out > 0) {
        snprintf(message, sizeof(message), "%zu more are not shown", rows.left_out);
        reply.message = message;
    }
    reply.kind_case = CTL__REPLY__KIND_ALIAS_STATUS;
    reply.alias_status = &body;
    call_reply(call, &reply);
    arena_free(rows.arena);
}
