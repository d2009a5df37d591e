#include "sim/command_health.h"

#include <stdbool.h>
#include <stdio.h>

#include "proto/command.pb-c.h"

#define CHECKS 8 /* the last two are calculated from the others */
#define ENDPOINTS 6
#define CHILDREN 3
#define ID_SIZE 37
#define TYPE_A 1

struct words { /* storage of one command */
    uint64_t draw;
    uint32_t number; /* of the check */
    char id[ID_SIZE], other[ID_SIZE], reference[16], children[CHILDREN][ID_SIZE];
    char *child_list[CHILDREN];
    Cmd__HealthCheckConfig config;
};

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static void name(uint32_t number, char out[ID_SIZE])
{
    (void)snprintf(out, ID_SIZE, "%08x-0000-4000-8000-000000000000", number);
}

static void fill_config(struct words *words)
{
    Cmd__HealthCheckConfig *config = &words->config;
    cmd__health_check_config__init(config);
    config->is_inverted = words->draw % 5 == 0;
    config->is_disabled = words->draw % 7 == 0;
    if (words->number < ENDPOINTS) {
        config->type = text("TCP");
        config->ip_address = text("10.0.0.1");
        config->port = 1 + (uint32_t)(words->draw % 100);
        config->request_interval_s = 10;
        config->failure_threshold = 1;
        return;
    }
    config->type = text("CALCULATED");
    config->health_threshold = (uint32_t)(words->draw % (CHILDREN + 2));
    config->children = words->child_list;
    config->n_children = CHILDREN;
    for (uint32_t i = 0; i < CHILDREN; i++) {
        name((uint32_t)(words->draw + i) % ENDPOINTS, words->children[i]);
        words->child_list[i] = words->children[i];
    }
}

static struct raft_buf *create(Cmd__Command *command, struct words *words)
{
    Cmd__CreateHealthCheck create = CMD__CREATE_HEALTH_CHECK__INIT;
    fill_config(words);
    (void)snprintf(words->reference, sizeof words->reference, "r%u", words->number);
    create.health_check_id = words->id;
    create.caller_reference = words->reference;
    create.config = &words->config;
    command->kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    command->create_health_check = &create;
    return machine_pack(command);
}

static struct raft_buf *update(Cmd__Command *command, struct words *words)
{
    Cmd__UpdateHealthCheck update = CMD__UPDATE_HEALTH_CHECK__INIT;
    fill_config(words);
    update.health_check_id = words->id;
    update.version = 1 + words->draw % 3;
    update.config = &words->config;
    command->kind_case = CMD__COMMAND__KIND_UPDATE_HEALTH_CHECK;
    command->update_health_check = &update;
    return machine_pack(command);
}

static struct raft_buf *delete_check(Cmd__Command *command, struct words *words)
{
    Cmd__DeleteHealthCheck deletion = CMD__DELETE_HEALTH_CHECK__INIT;
    deletion.health_check_id = words->id;
    deletion.remember_reference = words->draw % 3 == 0;
    command->kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    command->delete_health_check = &deletion;
    return machine_pack(command);
}

/* Two verdicts at once, of versions that may be over. */
static struct raft_buf *judge(Cmd__Command *command, struct words *words)
{
    Cmd__VerdictOf verdicts[2] = {CMD__VERDICT_OF__INIT, CMD__VERDICT_OF__INIT};
    Cmd__VerdictOf *list[2] = {&verdicts[0], &verdicts[1]};
    Cmd__PutVerdicts put = CMD__PUT_VERDICTS__INIT;
    name((words->number + 1) % ENDPOINTS, words->other);
    for (unsigned i = 0; i < 2; i++) {
        verdicts[i].health_check_id = i == 0 ? words->id : words->other;
        verdicts[i].version = 1 + (words->draw >> i) % 2;
        verdicts[i].verdict = (Cmd__Verdict)((words->draw >> (2 + i)) % 3);
        verdicts[i].checkers = 4;
        verdicts[i].reason = text("Failure: Connection timed out.");
    }
    put.verdicts = list;
    put.n_verdicts = 2;
    command->kind_case = CMD__COMMAND__KIND_PUT_VERDICTS;
    command->put_verdicts = &put;
    return machine_pack(command);
}

static struct raft_buf * override(Cmd__Command *command, struct words *words, char *zone_id,
                                  uint8_t letter)
{
    uint8_t owner[] = {1, (uint8_t)('a' + words->draw % 8), 1, letter, 0};
    Cmd__PutOverride put = CMD__PUT_OVERRIDE__INIT;
    put.mode = (Cmd__OverrideMode)(1 + words->draw % 3);
    put.reason = text("simulated");
    put.expires_wall_ms = words->draw % 2 == 0 ? 0 : command->time_wall_ms + 20;
    put.is_limited = words->draw % 5 != 0;
    if (words->draw % 3 == 0) {
        put.zone_id = zone_id;
        put.name = (ProtobufCBinaryData){sizeof owner, owner};
        put.type = TYPE_A;
    } else
        put.health_check_id = words->id;
    command->kind_case = CMD__COMMAND__KIND_PUT_OVERRIDE;
    command->put_override = &put;
    return machine_pack(command);
}

static struct raft_buf *clear(Cmd__Command *command, struct words *words, char *zone_id,
                              uint8_t letter)
{
    uint8_t owner[] = {1, (uint8_t)('a' + words->draw % 8), 1, letter, 0};
    Cmd__DeleteOverride clear = CMD__DELETE_OVERRIDE__INIT;
    clear.only_expired = words->draw % 2 == 0;
    if (words->draw % 3 == 0) {
        clear.zone_id = zone_id;
        clear.name = (ProtobufCBinaryData){sizeof owner, owner};
        clear.type = TYPE_A;
    } else
        clear.health_check_id = words->id;
    command->kind_case = CMD__COMMAND__KIND_DELETE_OVERRIDE;
    command->delete_override = &clear;
    return machine_pack(command);
}

/* One tag more, one less, of the zone or of a check that may be gone. */
static struct raft_buf *tag(Cmd__Command *command, struct words *words, char *zone_id)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    Cmd__Tag tag = CMD__TAG__INIT, *list[1] = {&tag};
    Cmd__ChangeTags change = CMD__CHANGE_TAGS__INIT;
    char *removed = text(keys[words->draw / 8 % 4]);
    bool is_zone = words->draw % 3 == 0;
    change.resource = is_zone ? CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE
                              : CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK;
    change.resource_id = is_zone ? zone_id : words->id;
    tag.key = text(keys[words->draw % 4]);
    tag.value = text(keys[words->draw / 4 % 4]);
    change.add = list;
    change.n_add = 1;
    change.remove = &removed;
    change.n_remove = words->draw % 2;
    command->kind_case = CMD__COMMAND__KIND_CHANGE_TAGS;
    command->change_tags = &change;
    return machine_pack(command);
}

struct raft_buf *machine_health_command(struct Cmd__Command *command, char *zone_id, uint8_t letter)
{
    struct words words = {
        .draw = (command->sequence * 31 + command->client_id) * UINT64_C(0x9e3779b97f4a7c15) >> 33};
    words.number = (uint32_t)(words.draw / 64 % CHECKS);
    name(words.number, words.id);
    switch (words.draw / 1024 % 10) {
    case 0:
    case 1:
    case 2: return create(command, &words);
    case 3: return update(command, &words);
    case 4: return delete_check(command, &words);
    case 5: return override(command, &words, zone_id, letter);
    case 6: return clear(command, &words, zone_id, letter);
    case 7: return tag(command, &words, zone_id);
    default: return judge(command, &words);
    }
}
