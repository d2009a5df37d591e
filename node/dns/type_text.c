#include "dns/type_text.h"

#include "base/assert.h"

#include <libknot/codes.h>
#include <libknot/descriptor.h>

#include <stdio.h>

void dns_type_format(uint16_t type, char out[DNS_TYPE_TEXT_SIZE])
{
    if (knot_rrtype_to_string(type, out, DNS_TYPE_TEXT_SIZE) < 0)
        snprintf(out, DNS_TYPE_TEXT_SIZE, "TYPE%u", (unsigned)type);
}

void dns_rcode_format(uint16_t rcode, char out[DNS_RCODE_TEXT_SIZE])
{
    const knot_lookup_t *known = knot_lookup_by_id(knot_rcode_names, rcode);
    int len = known != NULL ? snprintf(out, DNS_RCODE_TEXT_SIZE, "%s", known->name)
                            : snprintf(out, DNS_RCODE_TEXT_SIZE, "RCODE%u", (unsigned)rcode);
    ASSERT(len > 0 && (unsigned)len < DNS_RCODE_TEXT_SIZE);
}
