/* links: control dns
 * What anybody with the admin secret may ask to be explained, up to the DNS question: whatever is
 * accepted must be a question that the answer path takes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "control/explain_question.h"
#include "dns/question.h"
#include "proto/control.pb-c.h"

static void check_question(const Ctl__Explain *explain, const struct explain_question *question)
{
    struct dns_question parsed;
    const enum dns_verdict verdict = dns_question_parse(question->octets, question->len, &parsed);

    if (verdict == DNS_VERDICT_IGNORE || verdict == DNS_VERDICT_BADVERS ||
        verdict == DNS_VERDICT_CHAOS || verdict == DNS_VERDICT_COOKIE)
        abort();
    if (verdict != DNS_VERDICT_OK) /* a type that is not for questions */
        return;
    if (parsed.type != explain->type || memcmp(parsed.name, explain->name.data, explain->name.len))
        abort();
    if ((explain->client.len > 0) != ((parsed.options.has & DNS_HAS_ECS) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct explain_question question;
    const char *problem = NULL;

    Ctl__Explain *explain = ctl__explain__unpack(NULL, len, data);
    if (!explain)
        return 0;
    if (explain_question_build(explain, &question, &problem) == 0)
        check_question(explain, &question);
    else if (!problem)
        abort();
    ctl__explain__free_unpacked(explain, NULL);
    return 0;
}
