/* node/query_edns.c: options of requests to options of replies. Few requests come here: query.c
 * asks first whether there is any option. */
#include "query_internal.h"

#include "base/assert.h"
#include "dns/cookie.h"

#include <netinet/in.h>
#include <string.h>

enum {
    COOKIE_LEN = DNS_COOKIE_CLIENT_LEN + DNS_COOKIE_SERVER_LEN,
    ECS_FIXED_LEN = 4,
    ECS_ADDRESS_MAX = 16,
    KEEPALIVE_LEN = 2,
    EDE_LEN = 2,
};

_Static_assert(5 * DNS_OPTION_HEADER_LEN + QUERY_TEXT_MAX + COOKIE_LEN + ECS_FIXED_LEN +
                       ECS_ADDRESS_MAX + KEEPALIVE_LEN + EDE_LEN <=
                   DNS_OPTIONS_MAX,
               "every reply has room for one of each option");

static void add_nsid(const struct query_env *env, struct dns_writer *reply)
{
    if (env->texts == NULL || env->texts->identity == NULL)
        return;
    const size_t len = strlen(env->texts->identity);
    ASSERT(len <= QUERY_TEXT_MAX);
    if (len != 0)
        memcpy(dns_answer_add_option(reply, DNS_OPTION_NSID, (uint16_t)len), env->texts->identity,
               len);
}

static bool read_client(const struct sockaddr *address, struct dns_cookie_client *out)
{
    if (address == NULL)
        return false;
    if (address->sa_family == AF_INET) {
        out->address_len = sizeof(struct in_addr);
        memcpy(out->address, &((const struct sockaddr_in *)(const void *)address)->sin_addr,
               out->address_len);
        return true;
    }
    if (address->sa_family != AF_INET6)
        return false;
    out->address_len = sizeof(struct in6_addr);
    memcpy(out->address, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr,
           out->address_len);
    return true;
}

/* RFC 7873 5.2.3 to 5.2.5: whatever the client knows of ours, the reply has a cookie that is good;
 * the client's own while it is fresh. */
static void add_cookie(const struct query_env *env, const struct sockaddr *address,
                       const struct dns_options *options, struct dns_writer *reply)
{
    struct dns_cookie_client client;
    if (env->cookies == NULL || !read_client(address, &client))
        return;
    enum dns_cookie_verdict verdict = DNS_COOKIE_WRONG;
    if (options->server_cookie_len != 0)
        verdict = dns_cookie_check(env->cookies, options->cookie, options->server_cookie_len,
                                   &client, env->now_s);
    reply->has_valid_cookie = verdict != DNS_COOKIE_WRONG;
    uint8_t *cookie = dns_answer_add_option(reply, DNS_OPTION_COOKIE, COOKIE_LEN);
    if (verdict == DNS_COOKIE_RIGHT) {
        memcpy(cookie, options->cookie, COOKIE_LEN);
        return;
    }
    memcpy(cookie, options->cookie, DNS_COOKIE_CLIENT_LEN);
    dns_cookie_make(env->cookies->current, cookie, &client, env->now_s,
                    cookie + DNS_COOKIE_CLIENT_LEN);
}

/* RFC 7871 7.2.1: family, source and address as they came; scope 0 until the answer turns out to
 * depend on them. Returns where the scope is. */
static uint8_t *add_ecs(const struct dns_ecs *ecs, struct dns_writer *reply)
{
    uint8_t *option =
        dns_answer_add_option(reply, DNS_OPTION_ECS, (uint16_t)(ECS_FIXED_LEN + ecs->address_len));
    dns_wire_put16(option, ecs->family);
    option[2] = ecs->source_bits;
    option[3] = 0;
    memcpy(option + ECS_FIXED_LEN, ecs->address, ecs->address_len);
    return option + 3;
}

uint8_t *query__add_options(const struct query_env *env, const struct sockaddr *client,
                            const struct dns_question *question, struct dns_writer *reply)
{
    uint8_t *scope = NULL;
    const struct dns_options *options = &question->options;
    if ((options->has & DNS_HAS_NSID) != 0)
        add_nsid(env, reply);
    if ((options->has & DNS_HAS_COOKIE) != 0)
        add_cookie(env, client, options, reply);
    if ((options->has & DNS_HAS_ECS) != 0)
        scope = add_ecs(&options->ecs, reply);
    if ((options->has & DNS_HAS_KEEPALIVE) != 0 && env->proto == QUERY_TCP && env->tcp_idle_ds != 0)
        dns_wire_put16(dns_answer_add_option(reply, DNS_OPTION_KEEPALIVE, KEEPALIVE_LEN),
                       env->tcp_idle_ds);
    return scope;
}

void query__add_ede(struct dns_writer *reply, enum query_ede code)
{
    if (reply->has_edns)
        dns_wire_put16(dns_answer_add_option(reply, DNS_OPTION_EDE, EDE_LEN), (uint16_t)code);
}

enum query_outcome query__answer_cookie(const struct query_env *env,
                                        const struct dns_question *question,
                                        struct dns_writer *reply)
{
    enum query_outcome outcome = QUERY_ANSWERED;
    if (env->cookies == NULL) {
        reply->rcode = DNS_RCODE_FORMERR;
        outcome = QUERY_REJECTED;
    } else if (question->options.server_cookie_len != 0 && !reply->has_valid_cookie) {
        reply->rcode = DNS_RCODE_BADCOOKIE;
        outcome = QUERY_REJECTED;
    }
    dns_answer_finish(reply);
    return outcome;
}
