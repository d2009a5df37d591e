/* node/cluster/apply_routing.c: helpers of the commands about what routing needs. */
#include "cluster/apply_routing.h"

#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"
#include "policy/health.h"
#include "proto/command.pb-c.h"

int apply__next_slot(struct apply *apply, uint32_t *slot)
{
    if (apply->counters.slot + 1 >= POLICY_SLOT_MAX)
        return apply__refuse(apply, ERR_LIMIT, "all %u numbers have been given out",
                             POLICY_SLOT_MAX - 1);
    *slot = (uint32_t)++apply->counters.slot;
    apply->has_new_counters = true;
    return 0;
}

int apply__tell_about(struct apply *apply, enum apply_effect_kind kind, const char *what)
{
    struct apply_effect effect = {.kind = kind};

    effect.setting = arena_copy(apply->scratch, what, strlen(what) + 1);
    return effect.setting ? apply__tell(apply, &effect) : ERR_NOMEM;
}

int apply__tell_octet(struct apply *apply, uint32_t slot, uint8_t octet)
{
    return apply__tell(apply,
                       &(struct apply_effect){.kind = APPLY_OCTET, .slot = slot, .octet = octet});
}

int apply__check_uuid(struct apply *apply, const char *what, const char *text)
{
    bool is_good = strlen(text) == STATE_UUID_SIZE - 1;

    for (size_t i = 0; is_good && text[i]; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23)
            is_good = text[i] == '-';
        else
            is_good = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
    }
    return is_good ? 0 : apply__refuse(apply, ERR_INVALID, "%s is not a UUID in lower case", what);
}

int apply__check_word(struct apply *apply, const char *what, const char *text, size_t len_max)
{
    size_t len = strlen(text);
    bool is_good = len >= 1 && len <= len_max;

    for (size_t i = 0; is_good && i < len; i++)
        is_good = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'z') ||
                  (text[i] >= 'A' && text[i] <= 'Z') || text[i] == '_' || text[i] == '-';
    if (is_good)
        return 0;
    return apply__refuse(apply, ERR_INVALID, "%s is not 1 to %zu of 0-9, A-Z, a-z, '_', '-'", what,
                         len_max);
}

int apply__check_reference(struct apply *apply, const char *text)
{
    if (text[0] == 0)
        return apply__refuse(apply, ERR_INVALID, "the caller reference is empty");
    return apply__check_shown(apply, "the caller reference", text, STATE_CHECK_REFERENCE_SIZE);
}

int apply__check_shown(struct apply *apply, const char *what, const char *text, size_t size)
{
    int rc = apply__check_text(apply, what, text, size);

    if (rc == 0 && !text_is_printable(text))
        rc = apply__refuse(apply, ERR_INVALID, "%s is not printable UTF-8", what);
    return rc;
}

void apply__name_result(struct apply *apply, const char *id)
{
    snprintf(apply->result->object_id, sizeof(apply->result->object_id), "%s", id);
}

/* A reading that fails leaves the result without an id: the asker looks the thing up then. */
void apply__name_object(struct apply *apply)
{
    const Cmd__Command *command = apply->command;
    struct state_cidr_collection collection;
    struct state_check check;

    if (command->kind_case == CMD__COMMAND__KIND_CREATE_HEALTH_CHECK &&
        state_get_check_by_reference(apply__kv(apply),
                                     command->create_health_check->caller_reference, &check) == 0)
        apply__name_result(apply, check.id);
    if (command->kind_case == CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION &&
        state_get_cidr_by_name(apply__kv(apply), command->create_cidr_collection->name,
                               &collection) == 0)
        apply__name_result(apply, collection.id);
}

int apply__routing(struct apply *apply, const struct Cmd__Command *command)
{
    int rc = apply__health(apply, command);

    if (rc == ERR_VERSION)
        rc = apply__cidr(apply, command);
    return rc == ERR_VERSION ? apply__tags(apply, command) : rc;
}
