/* OPT data from outside: options, and the cookie in them. What is taken must keep the table in
 * edns.h; where libknot reads the same option it must see the same. links: dns base */
#include "dns/cookie.h"
#include "dns/edns.h"
#include "dns/wire.h"

#include "base/assert.h"

#include <libknot/libknot.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static bool is_within(const uint8_t *at, size_t at_len, const uint8_t *data, size_t len)
{
    return at >= data && at_len <= len && (size_t)(at - data) <= len - at_len;
}

/* The first option of @code in well-framed data; NULL for none. */
static const uint8_t *first_of(const uint8_t *data, size_t len, uint16_t code)
{
    for (size_t at = 0; at < len; at += 4u + dns_wire_get16(data + at + 2))
        if (dns_wire_get16(data + at) == code)
            return data + at;
    return NULL;
}

static void check_ecs(const struct dns_ecs *ecs, const uint8_t *data, size_t len)
{
    knot_edns_client_subnet_t theirs = {0};
    const uint8_t *option = first_of(data, len, DNS_OPTION_ECS);
    ASSERT(option != NULL && ecs->address == option + 8);
    ASSERT(is_within(ecs->address, ecs->address_len, data, len));
    ASSERT(ecs->address_len == (ecs->source_bits + 7) / 8 && ecs->address_len <= 16);
    ASSERT(ecs->family != DNS_ECS_NONE || ecs->source_bits == 0);
    ASSERT(ecs->family != DNS_ECS_IPV4 || ecs->source_bits <= 32);
    if (ecs->family == DNS_ECS_NONE)
        return;
    ASSERT(knot_edns_client_subnet_parse(&theirs, option + 4, dns_wire_get16(option + 2)) ==
           KNOT_EOK);
    ASSERT(theirs.family == ecs->family && theirs.source_len == ecs->source_bits);
    ASSERT(theirs.scope_len == 0);
    ASSERT(memcmp(theirs.address, ecs->address, ecs->address_len) == 0);
}

/* No octets from outside are a right cookie, but what we make of them is. */
static void check_cookie(const struct dns_options *options, const uint8_t *data, size_t len)
{
    static const struct dns_cookie_client client = {.address = {192, 0, 2, 1}, .address_len = 4};
    static const struct dns_cookie_secrets secrets = {.current = "0123456789abcde"};
    const uint32_t now_s = 1700000000;
    uint8_t cookie[DNS_COOKIE_CLIENT_LEN + DNS_COOKIE_SERVER_LEN];
    ASSERT(options->cookie == first_of(data, len, DNS_OPTION_COOKIE) + 4);
    ASSERT(
        is_within(options->cookie, DNS_COOKIE_CLIENT_LEN + options->server_cookie_len, data, len));
    if (options->server_cookie_len != 0)
        ASSERT(dns_cookie_check(&secrets, options->cookie, options->server_cookie_len, &client,
                                now_s) == DNS_COOKIE_WRONG);
    memcpy(cookie, options->cookie, DNS_COOKIE_CLIENT_LEN);
    dns_cookie_make(secrets.current, cookie, &client, now_s, cookie + DNS_COOKIE_CLIENT_LEN);
    ASSERT(dns_cookie_check(&secrets, cookie, DNS_COOKIE_SERVER_LEN, &client, now_s) ==
           DNS_COOKIE_RIGHT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dns_options options;
    if (len > UINT16_MAX)
        return 0;
    if (!dns_options_parse(data, (uint16_t)len, &options)) {
        ASSERT(options.has == 0);
        return 0;
    }
    ASSERT(((options.has & DNS_HAS_NSID) != 0) == (first_of(data, len, DNS_OPTION_NSID) != NULL));
    ASSERT(((options.has & DNS_HAS_ECS) != 0) == (first_of(data, len, DNS_OPTION_ECS) != NULL));
    ASSERT(((options.has & DNS_HAS_COOKIE) != 0) ==
           (first_of(data, len, DNS_OPTION_COOKIE) != NULL));
    if ((options.has & DNS_HAS_ECS) != 0)
        check_ecs(&options.ecs, data, len);
    if ((options.has & DNS_HAS_COOKIE) != 0)
        check_cookie(&options, data, len);
    return 0;
}
