/* links: route53 */
/* Any octets as a traffic policy document: read, or refused with a reason. What is read becomes
 * record sets that the rules of a zone let pass, as many as were promised. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/assert.h"
#include "route53/policy_document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t apex[] = "\1z", name[] = "\1*\1z";
    const struct policy_place place = {.apex = apex,
                                       .zone_id = "Z1",
                                       .name = name,
                                       .instance_id = "01234567-89ab-cdef-0123-456789abcdef",
                                       .ttl_s = 5};
    char error[ROUTE53_ERROR_SIZE] = "";
    const struct policy_part *parts;
    struct policy_document *document;
    struct zone_problem problem;
    size_t count;

    if (policy_document_read((const char *)data, len, &document, error) != 0) {
        ASSERT(error[0] == '$' && strlen(error) < sizeof(error));
        return 0;
    }
    struct arena *arena = arena_new(64u << 20);
    ASSERT(arena);
    ASSERT(policy_document_compile(document, &place, arena, &parts, &count) == 0);
    ASSERT(count >= 1 && count <= POLICY_DOCUMENT_PARTS_MAX && !parts[0].is_hidden);
    for (size_t i = 0; i < count; i++) {
        ASSERT(zone_rules_check_set(apex, &parts[i].set, &problem) == 0);
        ASSERT(parts[i].set.type == policy_document_type(document));
        ASSERT(parts[i].is_hidden == (i > 0));
    }
    arena_free(arena);
    policy_document_free(document);
    return 0;
}
