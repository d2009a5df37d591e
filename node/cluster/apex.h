/* node/cluster/apex.h: the SOA and NS record sets of a zone that the cluster serves. Pure. */
#pragma once

#include <stdint.h>

#define APEX_NAMES_MAX 4    /* nodes that a zone is told of */
#define APEX_SERVERS_MAX 16 /* of a zone that is given others */
#define APEX_RDATA_MAX (2 * 255 + 20)

struct apex {
    uint8_t ns[APEX_SERVERS_MAX][255]; /* wire octets, lower case */
    uint8_t ns_len[APEX_SERVERS_MAX];
    unsigned ns_count; /* at least 1 */
    uint8_t soa[APEX_RDATA_MAX];
    unsigned soa_len;
};

/* The NS names <name>.<domain> of @names (at most APEX_NAMES_MAX are taken), and an SOA of the
 * first one with hostmaster.<domain> and Route 53's timers. ERR_INVALID: a name that is none. */
int apex_make(const char *const *names, unsigned count, const char *domain, struct apex *out);
/* The same of these name servers (wire octets; at most APEX_SERVERS_MAX). */
int apex_make_of(const uint8_t (*servers)[255], unsigned count, const char *domain,
                 struct apex *out);
/* Wire octets of <name>.<domain>, lower case: its length, or ERR_INVALID. */
int apex_name(const char *name, const char *domain, uint8_t out[255]);
