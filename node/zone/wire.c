#include "zone/wire.h"

#include "dns/type.h"
#include "zone/record_set.h"

#include <string.h>

static uint8_t *put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

size_t zone__wire_len(const struct zone_record_set *set)
{
    size_t len = 0;

    for (unsigned i = 0; i < set->rdata_count; i++)
        len += ZONE_WIRE_RDATA_OFFSET + (size_t)set->rdatas[i].len;
    return len;
}

void zone__wire_render(const struct zone_record_set *set, size_t wire_len,
                       struct zone_wire_set *out)
{
    uint8_t *at = out->wire;

    *out = (struct zone_wire_set){set->type, set->rdata_count, (uint16_t)wire_len};
    for (unsigned i = 0; i < set->rdata_count; i++) {
        at = put_u16(at, 0xc000 | DNS_HEADER_LEN); /* the question's name (RFC 1035 4.1.4) */
        at = put_u16(at, set->type);
        at = put_u16(at, DNS_CLASS_IN);
        at = put_u16(at, set->ttl_s >> 16);
        at = put_u16(at, set->ttl_s & 0xffff);
        at = put_u16(at, set->rdatas[i].len);
        if (set->rdatas[i].len > 0)
            memcpy(at, set->rdatas[i].data, set->rdatas[i].len);
        at += set->rdatas[i].len;
    }
}
