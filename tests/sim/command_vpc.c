#include "sim/command_vpc.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/command.pb-c.h"
#include "sim/command_health.h"

enum { ZONES = 5, VPCS = 3, NAMES = 2, TYPE_NS = 2, TYPE_SOA = 6 };

struct words { /* storage of one command */
    uint64_t draw;
    char zone_id[32], vpc_id[16], region[8];
    uint8_t name[3], network[5];
    Cmd__Vpc vpc;
};

static struct raft_buf *create(Cmd__Command *command, struct words *words, char *change_id)
{
    uint8_t soa[] = {0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5};
    uint8_t ns[] = {2, 'n', 's', 0};
    ProtobufCBinaryData soa_data = {sizeof soa, soa}, ns_data = {sizeof ns, ns};
    Cmd__RecordSet sets[2] = {CMD__RECORD_SET__INIT, CMD__RECORD_SET__INIT};
    Cmd__RecordSet *list[2] = {&sets[0], &sets[1]};
    Cmd__CreateZone create = CMD__CREATE_ZONE__INIT;
    create.zone_id = words->zone_id;
    create.change_id = change_id;
    create.name = (ProtobufCBinaryData){sizeof words->name, words->name};
    create.vpc = &words->vpc;
    create.record_sets = list;
    create.n_record_sets = 2;
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

static struct raft_buf *delete_zone(Cmd__Command *command, struct words *words, char *change_id)
{
    Cmd__DeleteZone deletion = CMD__DELETE_ZONE__INIT;
    deletion.zone_id = words->zone_id;
    deletion.change_id = change_id;
    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = &deletion;
    return machine_pack(command);
}

static struct raft_buf *put_view(Cmd__Command *command, struct words *words)
{
    Cmd__PutView put = CMD__PUT_VIEW__INIT;
    ProtobufCBinaryData network = {sizeof words->network, words->network};
    put.vpc_id = words->vpc_id;
    put.n_networks = 1;
    put.networks = &network;
    command->kind_case = CMD__COMMAND__KIND_PUT_VIEW;
    command->put_view = &put;
    return machine_pack(command);
}

static struct raft_buf *delete_view(Cmd__Command *command, struct words *words)
{
    Cmd__DeleteView deletion = CMD__DELETE_VIEW__INIT;
    deletion.vpc_id = words->vpc_id;
    command->kind_case = CMD__COMMAND__KIND_DELETE_VIEW;
    command->delete_view = &deletion;
    return machine_pack(command);
}

static struct raft_buf *change_vpc(Cmd__Command *command, struct words *words, char *change_id)
{
    Cmd__ChangeVpc change = CMD__CHANGE_VPC__INIT;
    change.operation = (Cmd__VpcOperation)(1 + words->draw / 4096 % 4);
    change.zone_id = words->zone_id;
    change.change_id = change_id;
    change.vpc = &words->vpc;
    command->kind_case = CMD__COMMAND__KIND_CHANGE_VPC;
    command->change_vpc = &change;
    return machine_pack(command);
}

struct raft_buf *machine_vpc_command(struct Cmd__Command *command, char *change_id)
{
    struct words words = {
        .draw = (command->sequence * 37 + command->client_id) * UINT64_C(0x9e3779b97f4a7c15) >> 33,
        .region = "here",
        .vpc = CMD__VPC__INIT};
    const uint64_t zone = words.draw % ZONES;
    (void)snprintf(words.zone_id, sizeof words.zone_id, "ZP%019" PRIu64, zone);
    (void)snprintf(words.vpc_id, sizeof words.vpc_id, "vpc-%" PRIu64, words.draw / 16 % VPCS);
    words.name[0] = 1;
    words.name[1] = (uint8_t)('a' + zone % NAMES);
    words.network[0] = 16;
    words.network[1] = 10;
    words.network[2] = (uint8_t)(words.draw / 64 % 4);
    words.vpc.id = words.vpc_id;
    words.vpc.region = words.region;
    switch (words.draw / 512 % 8) {
    case 0:
    case 1: return create(command, &words, change_id);
    case 2: return delete_zone(command, &words, change_id);
    case 3: return put_view(command, &words);
    case 4: return delete_view(command, &words);
    default: return change_vpc(command, &words, change_id);
    }
}
