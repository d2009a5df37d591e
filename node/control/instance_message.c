#include "control/instance_message.h"

#include "base/arena.h"
#include "base/err.h"
#include "control/routing_message.h"
#include "dns/name.h"
#include "proto/command.pb-c.h"
#include "route53/policy_document.h"

static ProtobufCBinaryData name_octets(const uint8_t *name)
{
    return (ProtobufCBinaryData){dns_name_len(name), (uint8_t *)name};
}

static int fill_routing(const struct zone_routing *from, struct arena *arena, Cmd__Routing **out)
{
    Cmd__Routing *routing = arena_alloc(arena, sizeof(*routing));
    Cmd__Alias *alias = arena_alloc(arena, sizeof(*alias));

    if (!routing || !alias)
        return ERR_NOMEM;
    routing_message_point(from, routing, alias);
    *out = routing;
    return 0;
}

static int fill_set(const struct policy_part *part, struct arena *arena, Cmd__RecordSet *out)
{
    const struct zone_record_set *set = &part->set;
    ProtobufCBinaryData *rdatas = arena_alloc(arena, (set->rdata_count + 1u) * sizeof(*rdatas));
    char *identifier = arena_copy(arena, set->set_identifier, set->set_identifier_len);

    if (!rdatas || !identifier)
        return ERR_NOMEM;
    for (size_t i = 0; i < set->rdata_count; i++)
        rdatas[i] = (ProtobufCBinaryData){set->rdatas[i].len, (uint8_t *)set->rdatas[i].data};
    out->name = name_octets(set->name);
    out->type = set->type;
    out->ttl_s = set->ttl_s;
    out->set_identifier = identifier;
    out->n_rdata = set->rdata_count;
    out->rdata = rdatas;
    out->is_hidden = part->is_hidden;
    return set->routing ? fill_routing(set->routing, arena, &out->routing) : 0;
}

int instance_message(const struct policy_part *parts, size_t count, struct arena *arena,
                     struct Cmd__PutTrafficInstance *put)
{
    Cmd__RecordSet *sets = arena_alloc(arena, count * sizeof(*sets));
    Cmd__RecordSet **pointers = arena_alloc(arena, count * sizeof(*pointers));

    if (!sets || !pointers)
        return ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        cmd__record_set__init(&sets[i]);
        sets[i].traffic_instance_id = put->instance_id;
        pointers[i] = &sets[i];
        int rc = fill_set(&parts[i], arena, &sets[i]);
        if (rc != 0)
            return rc;
    }
    put->record_sets = pointers;
    put->n_record_sets = count;
    return 0;
}
