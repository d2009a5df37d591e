#include "cluster/apex.h"

#include <string.h>

#include "base/err.h"
#include "dns/name.h"

static const uint32_t soa_numbers[] = {
    1,       /* serial: changes travel by the log, not by transfers */
    7200,    /* refresh */
    900,     /* retry */
    1209600, /* expire */
    86400,   /* minimum */
};

int apex_name(const char *name, const char *domain, uint8_t out[255])
{
    uint8_t origin[DNS_NAME_MAX];

    if (dns_name_parse(domain, NULL, origin) < 0 || strchr(name, '.'))
        return ERR_INVALID;
    int len = dns_name_parse(name, origin, out);
    if (len > 0)
        dns_name_lower(out, out);
    return len;
}

static int add_soa(struct apex *made, const char *domain)
{
    uint8_t mailbox[DNS_NAME_MAX];
    int mailbox_len = apex_name("hostmaster", domain, mailbox);

    if (mailbox_len < 0 || made->ns_count == 0)
        return ERR_INVALID;
    memcpy(made->soa, made->ns[0], made->ns_len[0]);
    memcpy(made->soa + made->ns_len[0], mailbox, (size_t)mailbox_len);
    uint8_t *at = made->soa + made->ns_len[0] + mailbox_len;
    for (unsigned i = 0; i < sizeof(soa_numbers) / sizeof(soa_numbers[0]); i++) {
        for (int shift = 24; shift >= 0; shift -= 8)
            *at++ = (uint8_t)(soa_numbers[i] >> shift);
    }
    made->soa_len = (unsigned)(at - made->soa);
    return 0;
}

int apex_make(const char *const *names, unsigned count, const char *domain, struct apex *out)
{
    struct apex made = {0};

    for (unsigned i = 0; i < count && i < APEX_NAMES_MAX; i++) {
        int len = apex_name(names[i], domain, made.ns[i]);
        if (len < 0)
            return ERR_INVALID;
        made.ns_len[i] = (uint8_t)len;
        made.ns_count++;
    }
    int rc = add_soa(&made, domain);
    if (rc == 0)
        *out = made;
    return rc;
}

int apex_make_of(const uint8_t (*servers)[255], unsigned count, const char *domain,
                 struct apex *out)
{
    struct apex made = {0};

    for (unsigned i = 0; i < count && i < APEX_SERVERS_MAX; i++) {
        made.ns_len[i] = (uint8_t)dns_name_len(servers[i]);
        memcpy(made.ns[i], servers[i], made.ns_len[i]);
        made.ns_count++;
    }
    int rc = add_soa(&made, domain);
    if (rc == 0)
        *out = made;
    return rc;
}
