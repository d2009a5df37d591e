/* links: test_call gateway
 * Bodies of all operations that have one. The first octet says which (in the order of operations.h
 * and of its arrays), the rest is the body. Whatever it says, the handler ends the call or asks the
 * node; and when the node refuses, the call ends. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/operations.h"
#include "gateway/xml_reader.h"
#include "lib/fake_call.h"
#include "proto/control.pb-c.h"

#define MEMORY_MAX (24u << 20)
#define BODY_MAX 65536u
#define QUESTIONS_MAX 8u /* that one call asks the node */

static const struct gateway_operation *const groups[] = {
    gateway_zones_operations,   gateway_delegation_operations, gateway_records_operations,
    gateway_answers_operations, gateway_health_operations,     gateway_cidr_operations,
    gateway_tags_operations,    gateway_policies_operations,   gateway_instances_operations,
    gateway_vpc_operations,     gateway_logging_operations,    gateway_dnssec_operations,
};

/* What stands in the path, so that the body is looked at. */
static const struct {
    const char *label, *value;
} labels[] = {
    {"{Id}", "Z00000000000000000001"},
    {"{HostedZoneId}", "Z00000000000000000001"},
    {"{HealthCheckId}", "00000000-0000-4000-8000-000000000000"},
    {"{CidrCollectionId}", "00000000-0000-4000-8000-000000000000"},
    {"{ResourceType}", "hostedzone"},
    {"{ResourceId}", "Z00000000000000000001"},
    {"{Version}", "1"},
    {"{Name}", "key"},
};

/* The operation with a body of that number, counted round. */
static const struct gateway_operation *operation_of(unsigned number)
{
    const struct gateway_operation *found[UINT8_MAX + 1];
    unsigned count = 0;

    for (unsigned i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        for (const struct gateway_operation *at = groups[i]; at->name; at++) {
            if (at->body && count <= UINT8_MAX)
                found[count++] = at;
        }
    }
    return found[number % count];
}

static void set_labels(struct gateway_call *call, const char *path)
{
    unsigned count = 0;

    for (const char *at = strchr(path, '{'); at; at = strchr(at + 1, '{')) {
        for (unsigned i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
            if (strncmp(at, labels[i].label, strlen(labels[i].label)) == 0)
                fake_call_set_label(call, count, labels[i].value);
        }
        count++;
    }
}

/* The node refuses all that it is asked. */
static void refuse(struct gateway_call *call)
{
    Ctl__Reply reply = CTL__REPLY__INIT;

    reply.code = ERR_CONFLICT;
    reply.message = (char *)(uintptr_t) "no";
    for (unsigned i = 0; fake_call_asked(call); i++) {
        if (i == QUESTIONS_MAX)
            abort();
        fake_call_reply(call, &reply);
    }
    if (!fake_call_outcome(call))
        abort();
}

static void run(const struct gateway_operation *operation, const char *body)
{
    struct gateway_call *call = fake_call_new(operation, "", body, NULL);

    set_labels(call, operation->path);
    fake_call_run(call);
    refuse(call);
    fake_call_free(call);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct xml_element *root;
    const char *problem;

    if (len == 0 || len > BODY_MAX)
        return 0;
    struct arena *arena = arena_new(MEMORY_MAX);
    char *body = malloc(len);
    if (!arena || !body)
        abort();
    memcpy(body, data + 1, len - 1);
    body[len - 1] = '\0';
    const struct gateway_operation *operation = operation_of(data[0]);
    if (xml_read(arena, body, strlen(body), &root, &problem) == 0 &&
        strcmp(root->name, operation->body) == 0)
        run(operation, body);
    free(body);
    arena_free(arena);
    return 0;
}
