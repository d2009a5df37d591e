/* Resolvers' replies: any octets; the question is taken from them, so that they mostly fit it. What
 * is accepted keeps its bounds and order. links: resolve dns base */
#include "resolve/reply.h"

#include "base/assert.h"
#include "dns/name.h"
#include "dns/type.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct resolve_addresses *found, size_t address_len)
{
    ASSERT(found->count <= RESOLVE_ADDRESSES_MAX);
    for (unsigned i = 1; i < found->count; i++)
        ASSERT(memcmp(found->octets[i - 1], found->octets[i], address_len) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t other[] = "\1x\7example";
    const uint8_t *name = other;
    struct resolve_addresses found;
    const char *problem = NULL;

    if (len > DNS_HEADER_LEN && dns_name_check(data + DNS_HEADER_LEN, len - DNS_HEADER_LEN) > 0)
        name = data + DNS_HEADER_LEN;
    for (unsigned i = 0; i < 2; i++) {
        if (resolve_reply_read(data, len, name, i == 0 ? DNS_TYPE_A : DNS_TYPE_AAAA, &found,
                               &problem) == 0)
            check(&found, i == 0 ? 4 : 16);
        else
            ASSERT(problem && problem[0]);
    }
    return 0;
}
