/* Requests from outside. Where the parser finds a question, libknot must find the same.
 * links: dns */
#include "dns/question.h"

#include "base/assert.h"
#include "dns/type.h"

#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_question(const uint8_t *request, uint16_t len,
                           const struct dns_question *question)
{
    ASSERT(question->name_len > 0 && question->name >= request);
    ASSERT(question->name + question->name_len + 4 <= request + len);
    ASSERT(dns_name_check(question->name_lower, DNS_NAME_MAX) == question->name_len);
    ASSERT(!question->has_edns || question->edns_size >= 512);
    ASSERT(question->type != 0 && question->type != DNS_TYPE_OPT &&
           question->type != DNS_TYPE_AXFR && question->type != DNS_TYPE_IXFR);
}

/* What every reply may rely on, whatever the verdict. */
static void check_options(const uint8_t *request, uint16_t len, const struct dns_question *question)
{
    const struct dns_options *options = &question->options;
    ASSERT(options->has == 0 || question->has_edns);
    if ((options->has & DNS_HAS_COOKIE) != 0) {
        ASSERT(options->server_cookie_len == 0 ||
               (options->server_cookie_len >= 8 && options->server_cookie_len <= 32));
        ASSERT(options->cookie > request);
        ASSERT(options->cookie + 8 + options->server_cookie_len <= request + len);
    }
    if ((options->has & DNS_HAS_ECS) != 0) {
        ASSERT(options->ecs.address > request);
        ASSERT(options->ecs.address + options->ecs.address_len <= request + len);
    }
    ASSERT((question->name == NULL) == (question->name_len == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dns_question question;
    memset(&question, 0xee, sizeof question);
    if (len > UINT16_MAX)
        return 0;
    enum dns_verdict verdict = dns_question_parse(data, (uint16_t)len, &question);
    ASSERT((verdict == DNS_VERDICT_IGNORE) == (len < 12 || (data[2] & 0x80) != 0));
    if (verdict != DNS_VERDICT_IGNORE)
        check_options(data, (uint16_t)len, &question);
    ASSERT(verdict != DNS_VERDICT_COOKIE || (question.options.has & DNS_HAS_COOKIE) != 0);
    ASSERT(verdict != DNS_VERDICT_CHAOS || question.class == DNS_CLASS_CH);
    if (verdict != DNS_VERDICT_OK)
        return 0;
    check_question(data, (uint16_t)len, &question);

    knot_pkt_t *packet = knot_pkt_new(NULL, (uint16_t)len, NULL);
    ASSERT(packet != NULL);
    memcpy(packet->wire, data, len);
    packet->size = len;
    ASSERT(knot_pkt_parse_question(packet) == KNOT_EOK);
    ASSERT(knot_pkt_qtype(packet) == question.type);
    ASSERT(knot_dname_size(knot_pkt_qname(packet)) == question.name_len);
    knot_pkt_free(packet);
    return 0;
}
