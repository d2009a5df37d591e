/* tests/sim/command.c: what clients ask for, in the production encoding: a session, then zones
 * that several clients share, then changes of a few record sets in them, and health
 * checks with their verdicts and overrides (command_health.c). */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cluster/command.h"
#include "proto/command.pb-c.h"
#include "sim/alloc.h"
#include "sim/command_health.h"
#include "sim/command_vpc.h"
#include "sim/machine.h"

#define ZONES 3
#define TYPE_A 1
#define TYPE_NS 2
#define TYPE_SOA 6

struct raft_buf *machine_pack(Cmd__Command *command)
{
    uint8_t storage[4096];
    struct command_batch batch;
    uint8_t *octets;
    size_t len;
    command_batch_init(&batch, storage, sizeof storage);
    SIM_ASSERT(command_encode(command, &octets, &len) == 0);
    SIM_ASSERT(command_batch_add(&batch, octets, len));
    free(octets);
    struct raft_buf *data = raft_buf_new(batch.data, batch.len);
    SIM_ASSERT(data != NULL);
    return data;
}

struct raft_buf *machine_open_command(uint64_t client_id)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__OpenSession open = CMD__OPEN_SESSION__INIT;
    command.client_id = client_id;
    command.time_wall_ms = 1;
    command.kind_case = CMD__COMMAND__KIND_OPEN_SESSION;
    command.open_session = &open;
    return machine_pack(&command);
}

/* The zone "a.", "b." or "c.", with the least that a zone holds. */
static struct raft_buf *create_zone(Cmd__Command *command, char *zone_id, char *change_id,
                                    uint8_t letter)
{
    uint8_t name[] = {1, letter, 0};
    uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    uint8_t ns[] = {2, 'n', 's', 0};
    ProtobufCBinaryData soa_data = {sizeof soa, soa}, ns_data = {sizeof ns, ns};
    Cmd__RecordSet sets[2] = {CMD__RECORD_SET__INIT, CMD__RECORD_SET__INIT};
    Cmd__RecordSet *list[2] = {&sets[0], &sets[1]};
    Cmd__CreateZone create = CMD__CREATE_ZONE__INIT;
    create.zone_id = zone_id;
    create.change_id = change_id;
    create.name = (ProtobufCBinaryData){sizeof name, name};
    create.record_sets = list;
    create.n_record_sets = 2;
    create.may_repeat_name = true;
    for (int i = 0; i < 2; i++) {
        sets[i].name = create.name;
        sets[i].type = i == 0 ? TYPE_SOA : TYPE_NS;
        sets[i].ttl_s = 900;
        sets[i].rdata = i == 0 ? &soa_data : &ns_data;
        sets[i].n_rdata = 1;
    }
    command->kind_case = CMD__COMMAND__KIND_CREATE_ZONE;
    command->create_zone = &create;
    return machine_pack(command);
}

/* One of eight names gets another address; now and then it is to be there, or not, before. */
static struct raft_buf *change_record(Cmd__Command *command, char *zone_id, char *change_id,
                                      uint8_t letter)
{
    uint64_t sequence = command->sequence;
    uint8_t name[] = {1, (uint8_t)('a' + sequence % 8), 1, letter, 0};
    uint8_t address[] = {192, 0, 2, (uint8_t)sequence};
    ProtobufCBinaryData data = {sizeof address, address};
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    Cmd__Change change = CMD__CHANGE__INIT;
    Cmd__Change *list[1] = {&change};
    Cmd__ChangeRecordSets changes = CMD__CHANGE_RECORD_SETS__INIT;
    set.name = (ProtobufCBinaryData){sizeof name, name};
    set.type = TYPE_A;
    set.ttl_s = (uint32_t)(60 + sequence % 5);
    set.rdata = &data;
    set.n_rdata = 1;
    change.action = sequence % 7 == 0 ? CMD__ACTION__ACTION_CREATE : CMD__ACTION__ACTION_UPSERT;
    change.record_set = &set;
    changes.zone_id = zone_id;
    changes.change_id = change_id;
    changes.changes = list;
    changes.n_changes = 1;
    changes.by_route53 = sequence % 3 == 0;
    changes.is_request = sequence % 5 == 0;
    command->kind_case = CMD__COMMAND__KIND_CHANGE_RECORD_SETS;
    command->change_record_sets = &changes;
    return machine_pack(command);
}

/* A second zone of the name, which comes and goes, and takes the name from the first one. Zones are
 * made before they are activated: half of these commands are refused. */
static struct raft_buf *repeat_name(Cmd__Command *command, char *zone_id, char *change_id,
                                    uint8_t letter)
{
    char other_id[] = "Z00000000000000000000", *chosen;
    Cmd__ActivateZone activate = CMD__ACTIVATE_ZONE__INIT;
    Cmd__DeleteZone deletion = CMD__DELETE_ZONE__INIT;
    other_id[1] = 'X';
    other_id[2] = (char)('A' + letter - 'a');
    switch (command->sequence / 16 % 4) {
    case 0: return create_zone(command, other_id, change_id, letter);
    case 1:
    case 2:
        chosen = command->sequence % 3 == 0 ? zone_id : other_id;
        activate.zone_id = chosen;
        activate.change_id = change_id;
        command->kind_case = CMD__COMMAND__KIND_ACTIVATE_ZONE;
        command->activate_zone = &activate;
        return machine_pack(command);
    default:
        deletion.zone_id = other_id;
        deletion.change_id = change_id;
        deletion.with_contents = true;
        command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
        command->delete_zone = &deletion;
        return machine_pack(command);
    }
}

/* Keep the journal short, so that trimming it is part of every run. */
static struct raft_buf *shorten_journal(Cmd__Command *command)
{
    char name[] = "changes.kept", value[] = "64";
    Cmd__PutSetting put = CMD__PUT_SETTING__INIT;
    put.name = name;
    put.value = value;
    command->kind_case = CMD__COMMAND__KIND_PUT_SETTING;
    command->put_setting = &put;
    return machine_pack(command);
}

struct raft_buf *machine_write_command(uint64_t client_id, uint64_t sequence)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    uint8_t letter = (uint8_t)('a' + client_id % ZONES);
    char zone_id[32], change_id[32];
    command.client_id = client_id;
    command.sequence = sequence;
    command.done_below = sequence;
    command.time_wall_ms = sequence;
    (void)snprintf(zone_id, sizeof zone_id, "Z%020u", (unsigned)letter);
    (void)snprintf(change_id, sizeof change_id, "C%010" PRIu64 "%010" PRIu64,
                   sequence % UINT64_C(10000000000), client_id % UINT64_C(10000000000));
    if (sequence == 1)
        return create_zone(&command, zone_id, change_id, letter);
    if (sequence == 2)
        return shorten_journal(&command);
    if (sequence % 16 == 5)
        return repeat_name(&command, zone_id, change_id, letter);
    if (sequence % 16 == 9)
        return machine_vpc_command(&command, change_id);
    if (sequence % 2 == 0)
        return machine_health_command(&command, zone_id, letter);
    return change_record(&command, zone_id, change_id, letter);
}

struct raft_buf *machine_member_context(uint64_t id)
{
    Cmd__MemberContext member = CMD__MEMBER_CONTEXT__INIT;
    char name[24];
    uint8_t storage[256];
    (void)snprintf(name, sizeof name, "n%016" PRIx64, id);
    member.id = id;
    member.name = name;
    member.peer_address = member.admin_address = member.snapshot_address = name;
    size_t len = cmd__member_context__get_packed_size(&member);
    SIM_ASSERT(len <= sizeof storage);
    (void)cmd__member_context__pack(&member, storage);
    struct raft_buf *data = raft_buf_new(storage, len);
    SIM_ASSERT(data != NULL);
    return data;
}
