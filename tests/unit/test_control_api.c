/* links: control
 *
 * What a gateway may ask: nothing that would let one that was taken over keep what it has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "control/api.h"
#include "proto/control.pb-c.h"

/* Beginnings of the fields of ctl.Request that are for administrators alone. */
static const char *const closed[] = {
    "node_",        "cluster_",     "settings_",    "token_",        "member_", "import_",
    "state_",       "override_",    "region_",      "latency",       "geo_",    "alias_",
    "doctor",       "view_",        "change_l",     "change_s",      "zone_ac", "zone_ap",
    "credential_c", "credential_d", "credential_l", "credential_up", "recover", "host_",
    "backup_",      "restore_",     "cert_",        "upgrade_",
};

static bool is_closed(const char *name)
{
    for (size_t i = 0; i < sizeof(closed) / sizeof(closed[0]); i++) {
        if (strncmp(name, closed[i], strlen(closed[i])) == 0)
            return true;
    }
    return false;
}

static void test_allows_each_kind_of_the_api_and_no_other(void **state)
{
    (void)state;
    const ProtobufCMessageDescriptor *request = &ctl__request__descriptor;
    unsigned kinds = 0;

    for (unsigned i = 0; i < request->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &request->fields[i];
        if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
            continue;
        kinds++;
        if (api_allows((int)field->id) == is_closed(field->name))
            fail_msg("%s: %s", field->name, is_closed(field->name) ? "allowed" : "refused");
    }
    assert_true(kinds > 60);
}

static void test_allows_no_unknown_kind(void **state)
{
    (void)state;
    assert_false(api_allows(0));
    assert_false(api_allows(-1));
    assert_false(api_allows(5000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_allows_each_kind_of_the_api_and_no_other),
        cmocka_unit_test(test_allows_no_unknown_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
