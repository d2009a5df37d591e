/* node/cluster/apply_traffic.c: traffic policies and their versions. That a document is good is for
 * whoever proposes it: replicas of other program versions could judge otherwise, and only what is
 * made of it later counts, whose record sets apply checks as it checks any. */
#include <inttypes.h>
#include <string.h>

#include "base/assert.h"
#include "base/err.h"
#include "cluster/apply_routing.h"
#include "cluster/apply_traffic.h"
#include "proto/command.pb-c.h"
#include "store/state_limit.h"

#define NOT_FOUND "NoSuchTrafficPolicy"

static int refuse_missing(struct apply *apply, const char *id, uint32_t version)
{
    return apply__refuse_as(
        apply, ERR_NOT_FOUND, NOT_FOUND,
        "A traffic policy with id %.36s and version %" PRIu32 " does not exist.", id, version);
}

int apply__read_policy(struct apply *apply, const char *id, uint32_t number,
                       struct state_traffic_policy *policy, struct state_traffic_version *version)
{
    int rc = apply__check_uuid(apply, "the traffic policy's id", id);

    if (rc == 0)
        rc = state_get_traffic_policy(apply__kv(apply), id, policy);
    if (rc == 0)
        rc = state_get_traffic_version(apply__kv(apply), id, number, version);
    return rc == ERR_NOT_FOUND ? refuse_missing(apply, id, number) : rc;
}

static int count_policies(struct apply *apply, int change)
{
    struct state_traffic_counters counters;
    int rc = state_get_traffic_counters(apply__kv(apply), &counters);

    if (rc != 0)
        return rc;
    ASSERT(change > 0 || counters.policy_count > 0);
    counters.policy_count += (uint64_t)(int64_t)change;
    counters.policy_number += change > 0;
    state_put_traffic_counters(apply->overlay, &counters);
    return 0;
}

/* ---- creating ---- */

static int check_new_policy(struct apply *apply, const Cmd__PutTrafficPolicy *command,
                            struct state_traffic_policy *policy)
{
    struct state_traffic_counters counters;
    struct state_traffic_policy other;
    int rc = apply__check_shown(apply, "the name", command->name, sizeof(policy->name));

    if (rc == 0 && command->name[0] == '\0')
        rc = apply__refuse_as(apply, ERR_INVALID, "InvalidInput", "a traffic policy needs a name");
    if (rc != 0)
        return rc;
    rc = state_get_traffic_policy_by_name(apply__kv(apply), command->name, &other);
    if (rc == 0)
        return apply__refuse_as(apply, ERR_EXISTS, "TrafficPolicyAlreadyExists",
                                "A traffic policy with that name already exists: %s", other.id);
    if (rc == ERR_NOT_FOUND)
        rc = state_get_traffic_policy(apply__kv(apply), command->policy_id, &other);
    if (rc == 0)
        return apply__refuse(apply, ERR_EXISTS, "traffic policy %s is there", other.id);
    if (rc != ERR_NOT_FOUND)
        return rc;
    rc = state_get_traffic_counters(apply__kv(apply), &counters);
    if (rc == 0)
        rc = apply__check_limit(apply, STATE_LIMIT_TRAFFIC_POLICIES, counters.policy_count,
                                "TooManyTrafficPolicies");
    memcpy(policy->id, command->policy_id, sizeof(policy->id));
    memcpy(policy->name, command->name, strlen(command->name) + 1);
    policy->number = counters.policy_number + 1;
    return rc == 0 ? count_policies(apply, 1) : rc;
}

/* One more version of a policy that is there: the next in order. Of any type: instances keep to
 * versions of their own (ConflictingTypes). */
static int check_next_version(struct apply *apply, const Cmd__PutTrafficPolicy *command,
                              struct state_traffic_policy *policy)
{
    int rc = state_get_traffic_policy(apply__kv(apply), command->policy_id, policy);

    if (rc == ERR_NOT_FOUND)
        return apply__refuse_as(apply, ERR_NOT_FOUND, NOT_FOUND,
                                "No traffic policy exists with the specified ID: %.36s",
                                command->policy_id);
    if (rc != 0)
        return rc;
    if (policy->latest_version >= STATE_TRAFFIC_VERSIONS_MAX)
        return apply__refuse_as(apply, ERR_LIMIT, "TooManyTrafficPolicyVersionsForCurrentPolicy",
                                "This traffic policy has had %u versions, the most there may be: "
                                "create another policy",
                                STATE_TRAFFIC_VERSIONS_MAX);
    if (command->policy_version != policy->latest_version + 1)
        return apply__refuse_as(apply, ERR_CONFLICT, "ConcurrentModification",
                                "Another user submitted a request to create, update, or delete the "
                                "object at the same time that you did. Retry the request.");
    return 0;
}

static int put_policy(struct apply *apply, const Cmd__PutTrafficPolicy *command)
{
    struct state_traffic_policy policy = {.type = 0};
    struct state_traffic_version version = {.version = command->policy_version};
    struct kv_slice document = kv_slice(command->document, strlen(command->document));
    int rc = apply__check_uuid(apply, "the traffic policy's id", command->policy_id);

    if (rc == 0)
        rc = apply__check_shown(apply, "the comment", command->comment, sizeof(version.comment));
    if (rc == 0 && (document.len == 0 || document.len > STATE_TRAFFIC_DOCUMENT_MAX))
        rc = apply__refuse(apply, ERR_LIMIT, "a document has 1 to %u octets",
                           STATE_TRAFFIC_DOCUMENT_MAX);
    if (rc == 0 && (command->type == 0 || command->type > UINT16_MAX ||
                    !zone_type_is_storable((uint16_t)command->type)))
        rc = apply__refuse(apply, ERR_INVALID, "%u is no type of records", command->type);
    if (rc == 0)
        rc = command->policy_version == 1 ? check_new_policy(apply, command, &policy)
                                          : check_next_version(apply, command, &policy);
    if (rc != 0)
        return rc;
    policy.type = version.type = (uint16_t)command->type;
    policy.latest_version = command->policy_version;
    policy.version_count++;
    memcpy(version.comment, command->comment, strlen(command->comment) + 1);
    state_put_traffic_policy(apply->overlay, &policy);
    state_put_traffic_version(apply->overlay, policy.id, &version);
    state_put_traffic_document(apply->overlay, policy.id, version.version, document);
    apply__name_result(apply, policy.id);
    return 0;
}

/* ---- changing and deleting ---- */

static int update_policy(struct apply *apply, const Cmd__UpdateTrafficPolicy *command)
{
    struct state_traffic_policy policy;
    struct state_traffic_version version;
    int rc =
        apply__read_policy(apply, command->policy_id, command->policy_version, &policy, &version);

    if (rc == 0)
        rc = apply__check_shown(apply, "the comment", command->comment, sizeof(version.comment));
    if (rc != 0)
        return rc;
    memcpy(version.comment, command->comment, strlen(command->comment) + 1);
    state_put_traffic_version(apply->overlay, policy.id, &version);
    apply__name_result(apply, policy.id);
    return 0;
}

static int delete_policy(struct apply *apply, const Cmd__DeleteTrafficPolicy *command)
{
    struct state_traffic_policy policy;
    struct state_traffic_version version;
    uint32_t instance_count = 0;
    int rc =
        apply__read_policy(apply, command->policy_id, command->policy_version, &policy, &version);

    if (rc == 0)
        rc = state_count_traffic_instances(apply__kv(apply), policy.id, command->policy_version,
                                           &instance_count);
    if (rc == 0 && instance_count > 0)
        rc = apply__refuse_as(apply, ERR_CONFLICT, "TrafficPolicyInUse",
                              "One or more traffic policy instances were created by using the "
                              "specified traffic policy (%" PRIu32 "): delete them first.",
                              instance_count);
    if (rc != 0)
        return rc;
    ASSERT(policy.version_count > 0);
    policy.version_count--;
    state_delete_traffic_version(apply->overlay, policy.id, command->policy_version);
    apply__name_result(apply, policy.id);
    if (policy.version_count > 0) {
        state_put_traffic_policy(apply->overlay, &policy);
        return 0;
    }
    state_delete_traffic_policy(apply->overlay, &policy);
    return count_policies(apply, -1);
}

void apply__name_traffic(struct apply *apply)
{
    const Cmd__Command *command = apply->command;

    switch (command->kind_case) {
    case CMD__COMMAND__KIND_PUT_TRAFFIC_POLICY:
        apply__name_result(apply, command->put_traffic_policy->policy_id);
        break;
    case CMD__COMMAND__KIND_UPDATE_TRAFFIC_POLICY:
        apply__name_result(apply, command->update_traffic_policy->policy_id);
        break;
    case CMD__COMMAND__KIND_PUT_TRAFFIC_INSTANCE:
        apply__name_result(apply, command->put_traffic_instance->instance_id);
        break;
    default: break;
    }
}

int apply__traffic(struct apply *apply, const struct Cmd__Command *command)
{
    switch (command->kind_case) {
    case CMD__COMMAND__KIND_PUT_TRAFFIC_POLICY:
        return put_policy(apply, command->put_traffic_policy);
    case CMD__COMMAND__KIND_UPDATE_TRAFFIC_POLICY:
        return update_policy(apply, command->update_traffic_policy);
    case CMD__COMMAND__KIND_DELETE_TRAFFIC_POLICY:
        return delete_policy(apply, command->delete_traffic_policy);
    case CMD__COMMAND__KIND_PUT_TRAFFIC_INSTANCE:
        return apply__put_instance(apply, command->put_traffic_instance);
    case CMD__COMMAND__KIND_DELETE_TRAFFIC_INSTANCE:
        return apply__delete_instance(apply, command->delete_traffic_instance);
    default: return ERR_VERSION;
    }
}
