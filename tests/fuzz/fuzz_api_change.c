/* links: test_call gateway
 * Bodies of ChangeResourceRecordSets. Whatever is taken can be listed, and what is listed is taken
 * by DELETE as the very same set. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "gateway/operations.h"
#include "gateway/record_write.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"
#include "lib/fake_call.h"
#include "proto/control.pb-c.h"
#include "route53/value.h"

#define MEMORY_MAX (24u << 20)
#define WRITTEN_MAX (64u << 20)
#define BODY_MAX 65536u

static struct gateway_call *change(const char *body)
{
    struct gateway_call *call =
        fake_call_new(&gateway_records_operations[0], "Z00000000000000000001", body, NULL);

    fake_call_run(call);
    return call;
}

/* The body of a DELETE of @set; NULL: too long, as the reader has bounds. */
static char *write_delete(const Cmd__RecordSet *set, char *text)
{
    struct xml_writer xml;
    size_t len;

    xml_writer_init(&xml, WRITTEN_MAX);
    xml_open(&xml, "ChangeResourceRecordSetsRequest");
    xml_open(&xml, "ChangeBatch");
    xml_open(&xml, "Changes");
    xml_open(&xml, "Change");
    xml_text(&xml, "Action", "DELETE");
    if (record_write(&xml, set, text) != 0)
        abort();
    for (unsigned i = 0; i < 4; i++)
        xml_close(&xml);
    return xml_writer_take(&xml, &len);
}

static bool is_same(const Cmd__RecordSet *a, const Cmd__RecordSet *b)
{
    size_t len = cmd__record_set__get_packed_size(a);
    uint8_t *first = malloc(len + 1), *second = malloc(len + 1);

    if (!first || !second || cmd__record_set__get_packed_size(b) != len)
        abort();
    cmd__record_set__pack(a, first);
    cmd__record_set__pack(b, second);
    bool same = memcmp(first, second, len) == 0;
    free(first);
    free(second);
    return same;
}

static void check_set(const Cmd__RecordSet *set, char *text)
{
    char *body = write_delete(set, text);
    struct gateway_call *again = body ? change(body) : NULL;

    if (!body)
        return;
    const Ctl__Request *asked = fake_call_asked(again);
    Cmd__RecordSet plain = *set; /* DELETE does not care how values were written */
    plain.n_value_texts = 0;
    if (!asked || !is_same(&plain, asked->record_change->changes[0]->record_set)) {
        fprintf(stderr, "%s\n%s\n", body, asked ? "another set" : fake_call_outcome(again));
        abort();
    }
    fake_call_free(again);
    free(body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char text[ROUTE53_VALUE_TEXT_SIZE];
    struct arena *arena = arena_new(MEMORY_MAX);
    const struct xml_element *root;
    const char *problem;
    char *body = malloc(len + 1);

    if (!arena || !body || len > BODY_MAX)
        goto out;
    memcpy(body, data, len);
    body[len] = '\0';
    if (xml_read(arena, body, strlen(body), &root, &problem) != 0)
        goto out;
    struct gateway_call *call = change(body);
    const Ctl__Request *asked = fake_call_asked(call);
    if (!asked && !fake_call_outcome(call))
        abort();
    for (size_t i = 0; asked && i < asked->record_change->n_changes; i++)
        check_set(asked->record_change->changes[i]->record_set, text);
    fake_call_free(call);
out:
    free(body);
    arena_free(arena);
    return 0;
}
