/* The next version of quartetd, as tests of upgrades need one: the same objects, another feature
 * table and one new kind of command (a setting of the cluster goes by it), for real from the
 * control socket through the log to apply. Certificates live as long as
 * QUARTET_TEST_CERTIFICATE_MS says, so that a test sees them renewed. See tests/CMakeLists.txt. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "cluster/apply_guard.h"
#include "cluster/cluster.h"
#include "cluster/feature.h"
#include "proto/command.pb-c.h"

static const int next_kinds[] = {CMD__COMMAND__KIND_NEXT_SETTING, 0};
const struct feature_level feature_levels[] = {{"0.1.0", NULL}, {"99.0.0", next_kinds}};
const unsigned feature_level_count = 2;
const char *const feature_program_version = "99.0.0";

int __real_apply__admin(struct apply *apply, const struct Cmd__Command *command);
int __wrap_apply__admin(struct apply *apply, const struct Cmd__Command *command);
int __wrap_cluster_settings_set(struct cluster *cluster, const struct cluster_settings *settings,
                                cluster_done_cb cb, void *user);
uint64_t __real_certificate_life_ms(void);
uint64_t __wrap_certificate_life_ms(void);

int __wrap_apply__admin(struct apply *apply, const struct Cmd__Command *command)
{
    Cmd__Command old = *command;

    if (command->kind_case == CMD__COMMAND__KIND_NEXT_SETTING) {
        old.kind_case = CMD__COMMAND__KIND_PUT_SETTING;
        old.put_setting = command->next_setting;
    }
    return __real_apply__admin(apply, &old);
}

struct setting_call {
    cluster_done_cb cb;
    void *user;
};

static void put(void *user, int rc, const struct apply_result *result)
{
    struct setting_call *call = user;

    if (rc == 0)
        rc = result->code;
    call->cb(call->user, rc, rc == 0 ? "The setting is stored." : err_text(rc));
    free(call);
}

int __wrap_cluster_settings_set(struct cluster *cluster, const struct cluster_settings *settings,
                                cluster_done_cb cb, void *user)
{
    Cmd__PutSetting setting = CMD__PUT_SETTING__INIT;
    Cmd__Command command = CMD__COMMAND__INIT;
    char name[] = STATE_SETTING_GUARD_DELETE, value[16];

    struct setting_call *call = malloc(sizeof(*call));
    if (!call)
        return ERR_NOMEM;
    *call = (struct setting_call){cb, user};
    snprintf(value, sizeof(value), "%" PRIu32, settings->delete_percent);
    setting.name = name;
    setting.value = value;
    command.kind_case = CMD__COMMAND__KIND_NEXT_SETTING;
    command.next_setting = &setting;
    int rc = cluster_propose(cluster, &command, 0, put, call);
    if (rc != 0)
        free(call);
    return rc;
}

uint64_t __wrap_certificate_life_ms(void)
{
    const char *text = getenv("QUARTET_TEST_CERTIFICATE_MS");

    return text ? strtoull(text, NULL, 10) : __real_certificate_life_ms();
}
