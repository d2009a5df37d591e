#include "dns/edns.h"

#include "dns/cookie.h"
#include "dns/wire.h"

#include <stddef.h>

enum {
    ECS_FIXED_LEN = 4, /* family, source and scope prefix lengths */
    SERVER_COOKIE_MIN = 8,
    SERVER_COOKIE_MAX = 32,
};

static bool read_cookie(const uint8_t *data, uint16_t len, struct dns_options *out)
{
    if (len < DNS_COOKIE_CLIENT_LEN)
        return false;
    const unsigned server_len = len - DNS_COOKIE_CLIENT_LEN;
    if (server_len != 0 && (server_len < SERVER_COOKIE_MIN || server_len > SERVER_COOKIE_MAX))
        return false;
    out->cookie = data;
    out->server_cookie_len = (uint8_t)server_len;
    return true;
}

static unsigned ecs_bits_max(uint16_t family)
{
    switch (family) {
    case DNS_ECS_IPV4: return 32;
    case DNS_ECS_IPV6: return 128;
    default: return 0;
    }
}

static bool read_ecs(const uint8_t *data, uint16_t len, struct dns_options *out)
{
    if (len < ECS_FIXED_LEN)
        return false;
    const uint16_t family = dns_wire_get16(data);
    const uint8_t source_bits = data[2], scope_bits = data[3];
    const uint8_t *address = data + ECS_FIXED_LEN;
    const unsigned address_len = len - ECS_FIXED_LEN;
    if (family > DNS_ECS_IPV6 || source_bits > ecs_bits_max(family) || scope_bits != 0 ||
        address_len != (source_bits + 7u) / 8)
        return false;
    const unsigned odd_bits = source_bits % 8;
    if (odd_bits != 0 && (address[address_len - 1] & (0xffu >> odd_bits)) != 0)
        return false;
    out->ecs = (struct dns_ecs){.family = family,
                                .source_bits = source_bits,
                                .address_len = (uint8_t)address_len,
                                .address = address};
    return true;
}

static unsigned bit_of(uint16_t code)
{
    switch (code) {
    case DNS_OPTION_NSID: return DNS_HAS_NSID;
    case DNS_OPTION_ECS: return DNS_HAS_ECS;
    case DNS_OPTION_COOKIE: return DNS_HAS_COOKIE;
    case DNS_OPTION_KEEPALIVE: return DNS_HAS_KEEPALIVE;
    case DNS_OPTION_PADDING: return DNS_HAS_PADDING;
    default: return 0;
    }
}

bool dns_options_parse(const uint8_t *data, uint16_t data_len, struct dns_options *out)
{
    unsigned has = 0;
    out->has = 0;
    for (size_t at = 0; at < data_len;) {
        if (data_len - at < DNS_OPTION_HEADER_LEN)
            return false;
        const uint16_t code = dns_wire_get16(data + at), len = dns_wire_get16(data + at + 2);
        const uint8_t *option = data + at + DNS_OPTION_HEADER_LEN;
        at += DNS_OPTION_HEADER_LEN;
        if (len > data_len - at)
            return false;
        at += len;

        const unsigned bit = bit_of(code);
        if ((has & bit) != 0 || (bit == DNS_HAS_KEEPALIVE && len != 0))
            continue;
        if ((bit == DNS_HAS_COOKIE && !read_cookie(option, len, out)) ||
            (bit == DNS_HAS_ECS && !read_ecs(option, len, out)))
            return false;
        has |= bit;
    }
    out->has = (uint8_t)has;
    return true;
}
