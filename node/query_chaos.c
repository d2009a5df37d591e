/* node/query_chaos.c: questions about the server itself (RFC 4892). As NSD and Knot do: TTL 0, no
 * AA, and REFUSED for what there is no text for. */
#include "query_internal.h"

#include "base/assert.h"

#include <string.h>

static const char *text_of(const struct query_texts *texts, const uint8_t *name_lower)
{
    const struct {
        const char *name; /* wire form; the literal's NUL is the root label */
        const char *text;
    } known[] = {
        {"\7version\4bind", texts->version},
        {"\7version\6server", texts->version},
        {"\10hostname\4bind", texts->identity},
        {"\2id\6server", texts->identity},
    };
    for (unsigned i = 0; i < sizeof known / sizeof *known; i++)
        if (dns_name_is_equal((const uint8_t *)known[i].name, name_lower))
            return known[i].text;
    return NULL;
}

static bool add_text(const struct dns_question *question, const char *text,
                     struct dns_writer *reply)
{
    uint8_t record[DNS_RRSET_DATA_OFFSET + 1 + QUERY_TEXT_MAX] = {0xc0, DNS_HEADER_LEN};
    const size_t len = strlen(text);
    ASSERT(len <= QUERY_TEXT_MAX);
    dns_wire_put16(record + 2, DNS_TYPE_TXT);
    dns_wire_put16(record + 4, DNS_CLASS_CH);
    dns_wire_put16(record + 10, (uint16_t)(len + 1));
    record[DNS_RRSET_DATA_OFFSET] = (uint8_t)len;
    memcpy(record + DNS_RRSET_DATA_OFFSET + 1, text, len);
    const struct dns_rrset set = {
        .octets = record, .octets_len = (uint32_t)(DNS_RRSET_DATA_OFFSET + 1 + len), .count = 1};
    const struct dns_owner owner = dns_answer_question_owner(question);
    return dns_answer_add(reply, DNS_SECTION_ANSWER, &owner, &set);
}

enum query_outcome query__answer_chaos(const struct query_env *env,
                                       const struct dns_question *question,
                                       struct dns_writer *reply)
{
    enum query_outcome outcome = QUERY_ANSWERED;
    const char *text = NULL;
    if (env->texts != NULL && (question->type == DNS_TYPE_TXT || question->type == DNS_TYPE_ANY))
        text = text_of(env->texts, question->name_lower);
    if (text == NULL || text[0] == '\0') {
        reply->rcode = DNS_RCODE_REFUSED;
        query__add_ede(reply, QUERY_EDE_NOT_SUPPORTED);
        outcome = QUERY_REJECTED;
    } else if (!add_text(question, text, reply)) {
        reply->flags |= DNS_FLAG_TC;
    }
    dns_answer_finish(reply);
    return outcome;
}
