/* node/control/health_change_requests.c: creating, changing and deleting health checks. What apply
 * wants whole (a configuration with its defaults, the version that it was read at) is made here. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/random.h"
#include "cluster/apply.h"
#include "control/call.h"
#include "control/health_reply.h"
#include "control/requests.h"
#include "dns/name.h"
#include "proto/control.pb-c.h"

#define PORT_HTTP 80u
#define PORT_HTTPS 443u
#define INTERVAL_DEFAULT_S 30u
#define THRESHOLD_DEFAULT 3u

/* What is 0 or empty gets its default. @path: storage for a path that lacks its '/'. */
static void fill_defaults(Cmd__HealthCheckConfig *config, char path[STATE_CHECK_TEXT_SIZE + 1])
{
    bool is_https = strncmp(config->type, "HTTPS", 5) == 0;

    if (strcmp(config->type, "CALCULATED") == 0)
        return;
    if (config->port == 0 && strncmp(config->type, "HTTP", 4) == 0)
        config->port = is_https ? PORT_HTTPS : PORT_HTTP;
    if (config->request_interval_s == 0)
        config->request_interval_s = INTERVAL_DEFAULT_S;
    if (config->failure_threshold == 0)
        config->failure_threshold = THRESHOLD_DEFAULT;
    if (config->resource_path[0] != 0 && config->resource_path[0] != '/') {
        snprintf(path, STATE_CHECK_TEXT_SIZE + 1, "/%s", config->resource_path);
        config->resource_path = path; /* one that is too long by now is refused for that */
    }
}

static void on_written(struct call *call, const struct apply_result *result)
{
    health_reply_one(call, result->object_id);
}

/* What was done before by the same command has no ids in its result. */
static void on_updated(struct call *call, const struct apply_result *result)
{
    (void)result;
    health_reply_one(call, call->object_id);
}

void request_health_create(struct call *call)
{
    const Ctl__HealthCreate *request = call->request->health_create;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__CreateHealthCheck create = CMD__CREATE_HEALTH_CHECK__INIT;
    char id[RANDOM_UUID_SIZE], reference[RANDOM_UUID_SIZE], path[STATE_CHECK_TEXT_SIZE + 1];

    if (!request->config) {
        call_fail(call, ERR_INVALID, "the health check has no configuration");
        return;
    }
    Cmd__HealthCheckConfig config = *request->config;
    fill_defaults(&config, path);
    random_uuid(id);
    random_uuid(reference);
    create.health_check_id = id;
    create.caller_reference = request->caller_reference[0] ? request->caller_reference : reference;
    create.config = &config;
    command.kind_case = CMD__COMMAND__KIND_CREATE_HEALTH_CHECK;
    command.create_health_check = &create;
    call_propose(call, &command, on_written);
}

/* ---- update ---- */

enum field_kind { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG, FIELD_TEXTS };
#define FIELD(name, kind)                                                                          \
    {                                                                                              \
#name, kind, offsetof(Cmd__HealthCheckConfig, name), 0                                     \
    }
#define FIELD_LIST(name)                                                                           \
    {                                                                                              \
#name, FIELD_TEXTS, offsetof(Cmd__HealthCheckConfig, name),                                \
            offsetof(Cmd__HealthCheckConfig, n_##name)                                             \
    }
static const struct field {
    const char *name;
    enum field_kind kind;
    size_t offset, count_offset;
} fields[] = {
    FIELD(type, FIELD_TEXT),
    FIELD(ip_address, FIELD_TEXT),
    FIELD(port, FIELD_NUMBER),
    FIELD(resource_path, FIELD_TEXT),
    FIELD(fully_qualified_domain_name, FIELD_TEXT),
    FIELD(search_string, FIELD_TEXT),
    FIELD(request_interval_s, FIELD_NUMBER),
    FIELD(failure_threshold, FIELD_NUMBER),
    FIELD(measure_latency, FIELD_FLAG),
    FIELD(is_inverted, FIELD_FLAG),
    FIELD(is_disabled, FIELD_FLAG),
    FIELD(health_threshold, FIELD_NUMBER),
    FIELD_LIST(children),
    FIELD(enable_sni, FIELD_FLAG),
    FIELD_LIST(regions),
    FIELD(verify_certificate, FIELD_FLAG),
};
#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static void take_field(const struct field *field, const Cmd__HealthCheckConfig *from,
                       Cmd__HealthCheckConfig *to)
{
    const uint8_t *source = (const uint8_t *)from;
    uint8_t *target = (uint8_t *)to;
    static const size_t sizes[] = {sizeof(char *), sizeof(uint32_t), sizeof(protobuf_c_boolean),
                                   sizeof(char **)};

    memcpy(target + field->offset, source + field->offset, sizes[field->kind]);
    if (field->kind == FIELD_TEXTS)
        memcpy(target + field->count_offset, source + field->count_offset, sizeof(size_t));
}

/* true; false: the call has failed. */
static bool merge(struct call *call, const Ctl__HealthUpdate *request,
                  Cmd__HealthCheckConfig *config)
{
    for (size_t i = 0; i < request->n_fields; i++) {
        size_t at = 0;
        while (at < FIELD_COUNT && strcmp(fields[at].name, request->fields[i]) != 0)
            at++;
        if (at == FIELD_COUNT || !request->config) {
            call_fail(call, ERR_INVALID, "a health check has no field '%.100s'",
                      request->fields[i]);
            return false;
        }
        take_field(&fields[at], request->config, config);
    }
    return true;
}

static void propose_update(struct call *call, const struct state_check *check,
                           Cmd__HealthCheckConfig *config)
{
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__UpdateHealthCheck update = CMD__UPDATE_HEALTH_CHECK__INIT;

    update.health_check_id = (char *)check->id;
    update.version = check->version;
    update.config = config;
    command.kind_case = CMD__COMMAND__KIND_UPDATE_HEALTH_CHECK;
    command.update_health_check = &update;
    snprintf(call->object_id, sizeof(call->object_id), "%s", check->id);
    call_propose(call, &command, on_updated);
}

static void update_check(struct call *call)
{
    const Ctl__HealthUpdate *request = call->request->health_update;
    char *children[STATE_CHECK_CHILDREN_MAX], *regions[STATE_CHECK_REGIONS_MAX];
    char path[STATE_CHECK_TEXT_SIZE + 1];
    Cmd__HealthCheckConfig config;
    struct state_check check;

    if (request->is_exact ? !health_find_exact(call, request->id, &check)
                          : !health_find(call, request->id, &check))
        return;
    if (request->version != 0 && request->version != check.version) {
        call_fail_as(call, ERR_CONFLICT, "HealthCheckVersionMismatch",
                     "health check %s is at version %" PRIu64 ", not %" PRIu64 ": look at it again",
                     check.id, check.version, request->version);
        return;
    }
    health_config_fill(&check.config, children, regions, &config);
    if (!merge(call, request, &config))
        return;
    fill_defaults(&config, path);
    propose_update(call, &check, &config);
}

void request_health_update(struct call *call)
{
    call_read(call, update_check);
}

/* ---- delete ---- */

static void on_deleted(struct call *call, const struct apply_result *result)
{
    call_done(call, "health check %s is deleted", result->object_id);
}

static int on_parent(void *user, const char *id)
{
    memcpy(user, id, STATE_UUID_SIZE);
    return 1;
}

/* true: nobody uses it; false: the call has failed. */
static bool check_unused(struct call *call, const char *id)
{
    struct health_users *users = NULL;
    char parent[STATE_UUID_SIZE] = "", name[DNS_NAME_TEXT_SIZE];
    int rc = health_users_new(call_state(call), id, &users);
    bool is_used = rc == 0 && health_users_count(users) > 0;

    if (rc == 0)
        rc = state_list_parents(call_state(call), id, on_parent, parent);
    if (rc != 0)
        call_fail_code(call, rc, "look who uses the health check");
    else if (is_used) {
        const uint8_t *first = health_users_first(users);
        if (first)
            dns_name_format(first, name, sizeof(name));
        call_fail_as(call, ERR_CONFLICT, "HealthCheckInUse",
                     "%" PRIu64 " record sets use the health check%s%.200s; they would count as "
                     "always healthy: change them first, or delete it even so (--even-if-used)",
                     health_users_count(users), first ? ", among them " : "", first ? name : "");
    } else if (parent[0])
        call_fail_as(
            call, ERR_CONFLICT, "HealthCheckInUse",
            "the calculated check %s has it as a child, which would count as healthy: change "
            "that one first, or delete it even so (--even-if-used)",
            parent);
    health_users_free(users);
    return rc == 0 && !is_used && !parent[0];
}

static void delete_check(struct call *call)
{
    const Ctl__HealthDelete *request = call->request->health_delete;
    Cmd__Command command = CMD__COMMAND__INIT;
    Cmd__DeleteHealthCheck deletion = CMD__DELETE_HEALTH_CHECK__INIT;
    struct state_check check;

    if (request->is_exact ? !health_find_exact(call, request->id, &check)
                          : !health_find(call, request->id, &check))
        return;
    if (!request->even_if_used && !check_unused(call, check.id))
        return;
    deletion.health_check_id = check.id;
    deletion.remember_reference = true;
    command.kind_case = CMD__COMMAND__KIND_DELETE_HEALTH_CHECK;
    command.delete_health_check = &deletion;
    call_propose(call, &command, on_deleted);
}

void request_health_delete(struct call *call)
{
    call_read(call, delete_check);
}
