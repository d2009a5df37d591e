/* node/net/tcp_table.c: two lists by age, so that all but the search for the largest takes the same
 * time however many are connected. */
#include "net/tcp_table.h"

#include "base/assert.h"
#include "net/tcp_quota.h"

int tcp_table_init(struct tcp_table *table, const struct tcp_limits *limits, uint64_t seed)
{
    struct tcp_quota *quota;
    int code = tcp_quota_new(limits->connections_max, limits->per_prefix, seed, &quota);
    if (code != 0)
        return code;
    *table = (struct tcp_table){.limits = *limits, .quota = quota};
    return 0;
}

void tcp_table_fini(struct tcp_table *table)
{
    tcp_quota_free(table->quota);
    table->quota = NULL;
}

static void unlink_member(struct tcp_member *member)
{
    struct tcp_member_list *list = member->list;
    *(member->older != NULL ? &member->older->newer : &list->oldest) = member->newer;
    *(member->newer != NULL ? &member->newer->older : &list->newest) = member->older;
    member->older = member->newer = NULL;
    member->list = NULL;
}

static void link_newest(struct tcp_member_list *list, struct tcp_member *member, uint64_t now_ms)
{
    ASSERT(list->newest == NULL || list->newest->since_ms <= now_ms);
    member->since_ms = now_ms;
    member->list = list;
    member->older = list->newest;
    *(list->newest != NULL ? &list->newest->newer : &list->oldest) = member;
    list->newest = member;
}

bool tcp_table_has_share(const struct tcp_table *table, const struct sockaddr *client)
{
    return tcp_quota_has_room(table->quota, client);
}

bool tcp_table_is_full(const struct tcp_table *table)
{
    return table->open_count >= table->limits.connections_max;
}

void tcp_table_join(struct tcp_table *table, struct tcp_member *member,
                    const struct sockaddr *client, uint64_t now_ms)
{
    ASSERT(member->list == NULL && !tcp_table_is_full(table));
    member->quota_ticket = tcp_quota_take(table->quota, client);
    member->held_len = 0;
    link_newest(&table->idle, member, now_ms);
    table->open_count++;
}

void tcp_table_leave(struct tcp_table *table, struct tcp_member *member)
{
    if (member->list == NULL)
        return;
    unlink_member(member);
    tcp_quota_give(table->quota, member->quota_ticket);
    table->held_len -= member->held_len;
    table->open_count--;
}

void tcp_table_renew(struct tcp_table *table, struct tcp_member *member, bool is_busy,
                     uint64_t now_ms)
{
    ASSERT(member->list != NULL);
    unlink_member(member);
    link_newest(is_busy ? &table->busy : &table->idle, member, now_ms);
}

void tcp_table_hold(struct tcp_table *table, struct tcp_member *member, size_t held_len)
{
    ASSERT(member->list != NULL);
    table->held_len = table->held_len - member->held_len + held_len;
    member->held_len = held_len;
}

static struct tcp_member *larger(struct tcp_member *one, struct tcp_member *other)
{
    return one == NULL || other->held_len > one->held_len ? other : one;
}

struct tcp_member *tcp_table_find_excess(const struct tcp_table *table)
{
    struct tcp_member *found = NULL;
    if (table->held_len <= table->limits.memory_max)
        return NULL;
    for (struct tcp_member *member = table->busy.oldest; member != NULL; member = member->newer)
        found = larger(found, member);
    for (struct tcp_member *member = table->idle.oldest; member != NULL; member = member->newer)
        found = larger(found, member);
    ASSERT(found != NULL && found->held_len > 0);
    return found;
}

uint32_t tcp_table_wait_ms(uint32_t calm_ms, uint32_t full_ms, unsigned open_count,
                           unsigned connections_max)
{
    ASSERT(connections_max > 0);
    unsigned half = connections_max / 2;
    if (open_count <= half || full_ms >= calm_ms)
        return calm_ms;
    if (open_count >= connections_max)
        return full_ms;
    uint64_t fall_ms = calm_ms - full_ms;
    return calm_ms - (uint32_t)(fall_ms * (open_count - half) / (connections_max - half));
}

uint32_t tcp_table_idle_limit_ms(const struct tcp_table *table)
{
    return tcp_table_wait_ms(table->limits.idle_ms, TCP_IDLE_FULL_MS, table->open_count,
                             table->limits.connections_max);
}

uint32_t tcp_table_stall_limit_ms(const struct tcp_table *table)
{
    return tcp_table_wait_ms(table->limits.idle_ms, TCP_STALL_FULL_MS, table->open_count,
                             table->limits.connections_max);
}
