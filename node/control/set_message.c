#include "control/set_message.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "control/routing_message.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "store/state_set.h"
#include "zone/routing.h"

struct set_message {
    Cmd__RecordSet set; /* first: what the caller frees */
    Cmd__Routing routing;
    Cmd__Alias alias;
    struct zone_routing stored;  /* what the routing's texts point into */
    ProtobufCBinaryData rdata[]; /* then octets: name, records, routing, identifier and NUL */
};

/* Where the next octets go. */
static uint8_t *append(uint8_t **at, const void *octets, size_t len)
{
    uint8_t *start = *at;

    if (len > 0)
        memcpy(start, octets, len);
    *at += len;
    return start;
}

int set_message_new(const struct state_record_set *set, struct Cmd__RecordSet **out)
{
    size_t name_len = dns_name_len(set->name);
    size_t table_len = set->rdata_count * sizeof(ProtobufCBinaryData);
    struct set_message *message =
        calloc(1, sizeof(*message) + table_len + name_len + set->rdata_len + set->routing_len +
                      set->set_identifier_len + 1);

    if (!message)
        return ERR_NOMEM;
    uint8_t *at = (uint8_t *)(message->rdata + set->rdata_count);
    struct state_record_set copy = *set;
    copy.rdata = append(&at, set->rdata, set->rdata_len);
    copy.routing = append(&at, set->routing, set->routing_len);
    cmd__record_set__init(&message->set);
    message->set.name = (ProtobufCBinaryData){name_len, append(&at, set->name, name_len)};
    message->set.type = set->type;
    message->set.ttl_s = set->ttl_s;
    message->set.set_identifier =
        (char *)append(&at, set->set_identifier, set->set_identifier_len); /* NUL by calloc */
    message->set.rdata = message->rdata;
    const uint8_t *rdata;
    uint16_t len;
    for (size_t offset = 0;
         message->set.n_rdata < set->rdata_count && state_set_next(&copy, &offset, &rdata, &len);)
        message->rdata[message->set.n_rdata++] =
            (ProtobufCBinaryData){len, (uint8_t *)(uintptr_t)rdata};
    if (set->routing_len > 0) {
        int rc = state_routing_decode(kv_slice(copy.routing, set->routing_len), &message->stored);
        if (rc != 0) {
            free(message);
            return rc;
        }
        routing_message_point(&message->stored, &message->routing, &message->alias);
        message->set.routing = &message->routing;
    }
    *out = &message->set;
    return 0;
}
