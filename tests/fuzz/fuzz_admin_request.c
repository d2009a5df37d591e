/* links: cluster
 * What anybody may send to the admin port, as far as it is judged before a lookup: the envelope,
 * the form of a Join and its signing request. */
#include <stdint.h>
#include <stdlib.h>

#include "cluster/certificate.h"
#include "cluster/join_check.h"
#include "proto/admin.pb-c.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const char *why = NULL;
    uint8_t hash[CERTIFICATE_HASH_LEN];

    Adm__Request *request = adm__request__unpack(NULL, len, data);
    if (!request)
        return 0;
    if (request->kind_case == ADM__REQUEST__KIND_JOIN) {
        if (join_check(request->join, &why) != 0 && !why)
            abort();
        (void)certificate_request_key(request->join->request_pem, hash);
    }
    adm__request__free_unpacked(request, NULL);
    return 0;
}
