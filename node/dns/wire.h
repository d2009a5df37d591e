/* node/dns/wire.h: numbers in network order at any alignment. */
#pragma once

#include <stdint.h>

static inline uint16_t dns_wire_get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t dns_wire_get32(const uint8_t *at)
{
    return (uint32_t)dns_wire_get16(at) << 16 | dns_wire_get16(at + 2);
}

static inline void dns_wire_put16(uint8_t *at, uint16_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static inline void dns_wire_put32(uint8_t *at, uint32_t value)
{
    dns_wire_put16(at, (uint16_t)(value >> 16));
    dns_wire_put16(at + 2, (uint16_t)value);
}
