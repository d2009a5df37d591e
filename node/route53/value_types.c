#include "route53/value_types.h"

#include <string.h>

#include "route53/value_internal.h"

static const struct value__type types[] = {
    {DNS_TYPE_A, "A", "a"},
    {DNS_TYPE_AAAA, "AAAA", "a"},
    {DNS_TYPE_CNAME, "CNAME", "n"},
    {DNS_TYPE_TXT, "TXT", "S"},
    {DNS_TYPE_NS, "NS", "n"},
    {DNS_TYPE_MX, "MX", "2n"},
    {DNS_TYPE_SRV, "SRV", "222n"},
    {DNS_TYPE_PTR, "PTR", "n"},
    {DNS_TYPE_SOA, "SOA", "nn44444"},
    {DNS_TYPE_CAA, "CAA", "1tv"},
    {DNS_TYPE_NAPTR, "NAPTR", "22sssn"},
    {DNS_TYPE_SPF, "SPF", "S"},
    {DNS_TYPE_DS, "DS", "211h"},
    {DNS_TYPE_TLSA, "TLSA", "111h"},
    {DNS_TYPE_SSHFP, "SSHFP", "11h"},
    {DNS_TYPE_SVCB, "SVCB", "p"},
    {DNS_TYPE_HTTPS, "HTTPS", "p"},
};
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

const char route53_type_names[] = "[SOA, A, TXT, NS, CNAME, MX, NAPTR, PTR, SRV, SPF, AAAA, CAA, "
                                  "DS, TLSA, SSHFP, SVCB, HTTPS]";

const struct value__type *value__type_find(uint16_t number)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (types[i].number == number)
            return &types[i];
    }
    return NULL;
}

bool route53_type_parse(const char *text, uint16_t *out)
{
    for (size_t i = 0; i < TYPE_COUNT; i++) {
        if (strcmp(types[i].name, text) == 0) {
            *out = types[i].number;
            return true;
        }
    }
    return false;
}
