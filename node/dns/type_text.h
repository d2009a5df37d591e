/* node/dns/type_text.h: names of record types and response codes, as people write them. Pure; any
 * thread. */
#pragma once

#include <stdint.h>

#define DNS_TYPE_TEXT_SIZE 16u
/* "AAAA", or "TYPE65280" (RFC 3597 5) for types that libknot has no name for. */
void dns_type_format(uint16_t type, char out[DNS_TYPE_TEXT_SIZE]);

#define DNS_RCODE_TEXT_SIZE 12u
/* "NXDOMAIN", or "RCODE24". */
void dns_rcode_format(uint16_t rcode, char out[DNS_RCODE_TEXT_SIZE]);
