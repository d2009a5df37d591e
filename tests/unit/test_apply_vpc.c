/* links: cluster store zone geo test_apply
 * Private zones, VPCs and views: what apply refuses and keeps, and what the image shows of it,
 * whether it got there by effects or was read as a whole. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/mix.h"
#include "base/prefix.h"
#include "cluster/publish.h"
#include "dns/name.h"
#include "dns/type.h"
#include "geo/view.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state.h"
#include "store/state_value.h"
#include "store/state_vpc.h"
#include "zone/image.h"
#include "zone/view.h"

enum { ASSOCIATE = 1, DISASSOCIATE, AUTHORIZE, DEAUTHORIZE };

static struct test_apply test;
static struct publish *publish;
static struct apply_result last;
static char last_message[APPLY_MESSAGE_MAX];
static uint64_t change_number;

static void on_effect(void *user, const struct apply_effect *effect)
{
    (void)user;
    publish_effect(publish, &test.kv, effect);
}

static void on_result(void *user, const struct apply_result *result)
{
    (void)user;
    last = *result;
    snprintf(last_message, sizeof(last_message), "%s", result->message ? result->message : "");
}

static int start(void **state)
{
    struct apply_sink sink = {NULL, on_effect, on_result};
    struct kv kv;

    (void)state;
    zone_reader_register();
    if (kv_memory_new(&kv) != 0)
        return -1;
    test_apply_init(&test, kv);
    apply_free(test.apply);
    change_number = 100;
    return apply_new(&test.kv, &sink, &test.apply) != 0 || publish_new(&publish) != 0 ? -1 : 0;
}

static int check_value(void *user, struct kv_slice key, struct kv_slice value)
{
    (void)user;
    assert_int_equal(state_value_check(KV_OBJECTS, key, value), 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    assert_int_equal(kv_scan(&test.kv, &(struct kv_range){.family = KV_OBJECTS}, check_value, NULL),
                     0);
    publish_free(publish);
    test_apply_fini(&test);
    zone_reader_unregister();
    return 0;
}

/* ---- commands ---- */

static int run(Cmd__Command *command)
{
    assert_int_equal(test_apply_batch(&test, &command, 1), 0);
    publish_commit(publish, test.index);
    assert_false(publish_is_frozen(publish));
    return last.code;
}

static void done(Cmd__Command *command)
{
    if (run(command) != 0)
        fail_msg("%s", last_message);
}

static void refused(Cmd__Command *command, int code, const char *error)
{
    assert_int_equal(run(command), code);
    assert_int_equal(last.outcome, APPLY_REFUSED);
    if (error)
        assert_string_equal(last.error, error);
}

static Cmd__Vpc *vpc_of(const char *id)
{
    Cmd__Vpc *vpc = test_apply_alloc(&test, sizeof(*vpc));

    cmd__vpc__init(vpc);
    vpc->id = test_apply_format(&test, "%s", id);
    vpc->region = test_apply_format(&test, "eu-west-1");
    return vpc;
}

/* @vpc NULL: a public one. */
static Cmd__Command *create(uint64_t number, const char *name, const char *vpc)
{
    Cmd__Command *command = test_create_zone(&test, number, name);

    command->create_zone->change_id = test_id(&test, 'C', ++change_number);
    command->create_zone->may_repeat_name = true;
    if (vpc)
        command->create_zone->vpc = vpc_of(vpc);
    return command;
}

static Cmd__Command *change(int operation, uint64_t zone, const char *vpc)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_CHANGE_VPC;
    command->change_vpc = test_apply_alloc(&test, sizeof(Cmd__ChangeVpc));
    cmd__change_vpc__init(command->change_vpc);
    command->change_vpc->operation = (Cmd__VpcOperation)operation;
    command->change_vpc->zone_id = test_id(&test, 'Z', zone);
    command->change_vpc->vpc = vpc_of(vpc);
    command->change_vpc->change_id = test_id(&test, 'C', ++change_number);
    return command;
}

/* @networks: separated by blanks. */
static Cmd__Command *view(const char *vpc, const char *networks)
{
    Cmd__Command *command = test_command(&test);
    Cmd__PutView *put = test_apply_alloc(&test, sizeof(*put));
    char *text = test_apply_format(&test, "%s", networks), *rest;

    command->kind_case = CMD__COMMAND__KIND_PUT_VIEW;
    command->put_view = put;
    cmd__put_view__init(put);
    put->vpc_id = test_apply_format(&test, "%s", vpc);
    put->networks = test_apply_alloc(&test, 8 * sizeof(*put->networks));
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        uint8_t *octets = test_apply_alloc(&test, 17);
        const char *reason;
        struct prefix prefix;
        assert_int_equal(prefix_parse(word, &prefix, &reason), 0);
        octets[0] = prefix.len;
        memcpy(octets + 1, prefix.octets, 16);
        put->networks[put->n_networks++] = (ProtobufCBinaryData){prefix.is_ipv6 ? 17 : 5, octets};
    }
    return command;
}

static Cmd__Command *delete_view(const char *vpc)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_VIEW;
    command->delete_view = test_apply_alloc(&test, sizeof(Cmd__DeleteView));
    cmd__delete_view__init(command->delete_view);
    command->delete_view->vpc_id = test_apply_format(&test, "%s", vpc);
    return command;
}

static Cmd__Command *delete_zone(uint64_t number)
{
    Cmd__Command *command = test_command(&test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_ZONE;
    command->delete_zone = test_apply_alloc(&test, sizeof(Cmd__DeleteZone));
    cmd__delete_zone__init(command->delete_zone);
    command->delete_zone->zone_id = test_id(&test, 'Z', number);
    command->delete_zone->change_id = test_id(&test, 'C', ++change_number);
    command->delete_zone->with_contents = true;
    return command;
}

static Cmd__Command *put(uint64_t number, const char *name, const char *address)
{
    return test_change(&test, number, ++change_number, 1, CMD__ACTION__ACTION_UPSERT,
                       test_set(&test, name, DNS_TYPE_A, 60, address));
}

/* ---- what a client sees: "zone number/last octet", "-" without a zone ---- */

static const char *see_in(struct publish *from, const char *client, const char *text)
{
    static char out[2][64];
    static unsigned turn;
    char id[ZONE_PRIVATE_ID_SIZE], *result = out[++turn % 2];
    struct geo_address address = {.bits = 32};
    uint8_t name[DNS_NAME_MAX];
    struct zone_match match;

    assert_int_equal(inet_pton(AF_INET, client, address.octets), 1);
    assert_true(dns_name_parse(text, NULL, name) > 0);
    const struct zone_image *image = zone_image_read_begin(publish_image(from));
    zone_view_lookup(image, zone_view_find(image, &address), name, DNS_TYPE_A, &match);
    snprintf(result, sizeof(out[0]), "-");
    if (match.zone) {
        zone_private_id(match.zone, id);
        snprintf(result, sizeof(out[0]), "%s/%d", id[0] ? id + strspn(id, "Z0") : "public",
                 match.set ? match.set->wire[ZONE_WIRE_RDATA_OFFSET + 3] : -1);
    }
    zone_image_read_end();
    return result;
}

#define SEE(client, name) see_in(publish, client, name)

/* ---- tests ---- */

static void test_a_private_zone_is_seen_through_its_view_alone(void **state)
{
    (void)state;
    done(create(1, "example.", "vpc-1"));
    done(put(1, "www.example.", "0a000001"));
    assert_string_equal(SEE("10.1.0.1", "www.example."), "-");
    done(view("vpc-1", "10.1.0.0/16 10.1.0.0/16"));
    assert_string_equal(SEE("10.1.0.1", "www.example."), "1/1");
    assert_string_equal(SEE("10.2.0.1", "www.example."), "-");
    done(create(2, "example.", NULL));
    done(put(2, "www.example.", "c0000202"));
    done(put(2, "all.example.", "c0000203"));
    assert_string_equal(SEE("10.2.0.1", "www.example."), "public/2");
    assert_string_equal(SEE("10.1.0.1", "www.example."), "1/1");
    assert_string_equal(SEE("10.1.0.1", "all.example."), "1/-1");
    done(view("vpc-1", "10.2.0.0/16"));
    assert_string_equal(SEE("10.2.0.1", "www.example."), "1/1");
    assert_string_equal(SEE("10.1.0.1", "www.example."), "public/2");
    done(delete_zone(1));
    assert_string_equal(SEE("10.2.0.1", "www.example."), "public/2");
    done(delete_view("vpc-1"));
}

static void test_associations_are_refused_in_route53s_words(void **state)
{
    (void)state;
    done(create(1, "example.", "vpc-1"));
    done(create(2, "example.", NULL));
    done(create(3, "example.", "vpc-2"));
    refused(create(4, "example.", "vpc-1"), ERR_CONFLICT, "ConflictingDomainExists");
    assert_string_equal(
        last_message,
        "A conflicting domain is already associated with the given VPC or Delegation Set.");
    refused(create(4, "example.", "vpc 1"), ERR_INVALID, "InvalidVPCId");
    assert_string_equal(last_message, "The VPC ID is invalid.");
    refused(create(4, "example.", ""), ERR_INVALID, "InvalidVPCId");
    refused(change(ASSOCIATE, 2, "vpc-9"), ERR_CONFLICT, "PublicZoneVPCAssociation");
    refused(change(ASSOCIATE, 1, "vpc-2"), ERR_CONFLICT, "ConflictingDomainExists");
    assert_string_equal(last_message,
                        "The VPC that you chose, vpc-2 in region eu-west-1, is already associated "
                        "with another private hosted zone that has an overlapping name space, "
                        "example..");
    refused(change(ASSOCIATE, 1, "vpc-1"), ERR_CONFLICT, "ConflictingDomainExists");
    refused(change(ASSOCIATE, 9, "vpc-1"), ERR_NOT_FOUND, NULL);
    refused(change(DISASSOCIATE, 1, "vpc-2"), ERR_NOT_FOUND, "VPCAssociationNotFound");
    refused(change(DISASSOCIATE, 2, "vpc-2"), ERR_NOT_FOUND, "VPCAssociationNotFound");
    refused(change(DISASSOCIATE, 1, "vpc-1"), ERR_CONFLICT, "LastVPCAssociation");
    done(change(ASSOCIATE, 1, "vpc-3"));
    assert_true(last.change_id[0] == 'C' && last.zone_id[0] == 'Z');
    done(change(DISASSOCIATE, 1, "vpc-1"));
    refused(change(0, 1, "vpc-1"), ERR_INVALID, NULL);
}

static int count(void *user, const struct state_vpc *vpc)
{
    (void)vpc;
    ++*(unsigned *)user;
    return 0;
}

static void test_authorizations_are_kept_and_go_with_the_zone(void **state)
{
    unsigned left = 0;

    (void)state;
    done(create(1, "example.", "vpc-1"));
    done(create(2, "example.", NULL));
    refused(change(AUTHORIZE, 2, "vpc-7"), ERR_CONFLICT, "InvalidInput");
    refused(change(DEAUTHORIZE, 1, "vpc-7"), ERR_NOT_FOUND, "VPCAssociationAuthorizationNotFound");
    done(change(AUTHORIZE, 1, "vpc-7"));
    done(change(AUTHORIZE, 1, "vpc-7"));
    done(change(AUTHORIZE, 1, "vpc-8"));
    done(change(DEAUTHORIZE, 1, "vpc-8"));
    char *id = test_id(&test, 'Z', 1);
    assert_int_equal(state_list_authorizations(&test.kv, id, "", count, &left), 0);
    assert_int_equal(left, 1);
    done(delete_zone(1));
    left = 0;
    assert_int_equal(state_list_authorizations(&test.kv, id, "", count, &left), 0);
    assert_int_equal(state_list_associations(&test.kv, id, "", count, &left), 0);
    assert_int_equal(left, 0);
}

static void test_views_are_refused_that_are_not_sound(void **state)
{
    Cmd__Command *command = view("vpc-1", "10.0.0.0/8");

    (void)state;
    refused(view("vpc-1", ""), ERR_INVALID, NULL);
    refused(view("vpc/1", "10.0.0.0/8"), ERR_INVALID, "InvalidVPCId");
    command->put_view->networks[0].data[4] = 1;
    refused(command, ERR_INVALID, NULL);
    command = view("vpc-1", "10.0.0.0/8");
    command->put_view->networks[0].data[0] = 33;
    refused(command, ERR_INVALID, NULL);
    done(view("vpc-1", "10.0.0.0/8 2001:db8::/32"));
    refused(view("vpc-2", "10.1.0.0/16 2001:db8::/32"), ERR_EXISTS, NULL);
    assert_string_equal(last_message, "network 2001:db8::/32 is in the view of VPC vpc-1 already");
    done(view("vpc-2", "10.1.0.0/16"));
    done(create(1, "example.", "vpc-2"));
    refused(delete_view("vpc-2"), ERR_CONFLICT, NULL);
    refused(delete_view("vpc-3"), ERR_NOT_FOUND, NULL);
    done(delete_zone(1));
    done(delete_view("vpc-2"));
}

static void test_import_and_snapshot_keep_private_zones_private(void **state)
{
    struct publish *other;

    (void)state;
    done(view("vpc-1", "10.1.0.0/16"));
    done(create(1, "example.", "vpc-1"));
    done(test_import_begin(&test, 1, 1));
    done(test_import_chunk(&test, 1, 3, test_set(&test, "example.", 6, 900, test_soa),
                           test_set(&test, "example.", 2, 900, test_ns),
                           test_set(&test, "new.example.", 1, 60, "0a000007")));
    assert_string_equal(SEE("10.1.0.1", "new.example."), "1/-1");
    assert_int_equal(publish_new(&other), 0);
    assert_int_equal(publish_rebuild_all(other, &test.kv), 0); /* while it is under way */
    done(test_import_commit(&test, 1, 1));
    assert_string_equal(SEE("10.1.0.1", "new.example."), "1/7");
    assert_string_equal(SEE("10.2.0.1", "new.example."), "-");
    assert_int_equal(publish_rebuild_all(other, &test.kv), 0);
    assert_string_equal(see_in(other, "10.1.0.1", "new.example."), "1/7");
    assert_string_equal(see_in(other, "10.2.0.1", "new.example."), "-");
    done(delete_zone(1));
    assert_int_equal(publish_rebuild_all(other, &test.kv), 0);
    assert_string_equal(see_in(other, "10.1.0.1", "new.example."), "-");
    publish_free(other);
}

/* ---- whatever happens, effects lead where a whole reading does ---- */

enum { ZONES = 6, VPCS = 4, STEPS = 1500 };

static uint64_t drawn;
static uint64_t draw(uint64_t below)
{
    return mix64(++drawn) % below;
}

static void do_something(void)
{
    static const char *const names[] = {"example.", "sub.example.", "other."};
    const uint64_t zone = 1 + draw(ZONES), kind = draw(10), other = draw(VPCS);
    char vpc[16], network[32];

    snprintf(vpc, sizeof(vpc), "vpc-%u", (unsigned)draw(VPCS));
    snprintf(network, sizeof(network), "10.%u.0.0/16", (unsigned)other);
    const char *name = names[zone % 3];
    char *host = test_apply_format(&test, "www.%s", name);
    switch (kind) {
    case 0:
    case 1: run(create(zone, name, zone == ZONES ? NULL : vpc)); break;
    case 2: run(delete_zone(zone)); break;
    case 3: run(view(vpc, network)); break;
    case 4: run(delete_view(vpc)); break;
    case 5:
    case 6: run(change(ASSOCIATE, zone, vpc)); break;
    case 7: run(change(DISASSOCIATE, zone, vpc)); break;
    default: run(put(zone, host, test_apply_format(&test, "0a0000%02x", (unsigned)draw(256))));
    }
}

static unsigned private_count; /* private zones that were seen */

static void compare(struct publish *other)
{
    static const char *const hosts[] = {"www.example.", "www.sub.example.", "www.other."};
    char client[32];

    assert_int_equal(publish_rebuild_all(other, &test.kv), 0);
    for (unsigned i = 0; i <= VPCS; i++) {
        snprintf(client, sizeof(client), "10.%u.0.9", i);
        for (unsigned j = 0; j < 3; j++) {
            const char *seen = SEE(client, hosts[j]);
            assert_string_equal(seen, see_in(other, client, hosts[j]));
            private_count += seen[0] >= '1' && seen[0] <= '9';
        }
    }
}

static void test_effects_and_a_whole_reading_agree(void **state)
{
    struct publish *other;

    (void)state;
    drawn = 5;
    assert_int_equal(publish_new(&other), 0);
    for (unsigned i = 0; i < STEPS; i++) {
        do_something();
        if (i % 10 == 9)
            compare(other);
        if (i % 200 == 199) { /* the fixture's memory */
            while (test.piece_count > 0)
                free(test.pieces[--test.piece_count]);
        }
    }
    publish_free(other);
    print_message("private zones seen: %u\n", private_count);
    assert_true(private_count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
        TEST(test_a_private_zone_is_seen_through_its_view_alone),
        TEST(test_associations_are_refused_in_route53s_words),
        TEST(test_authorizations_are_kept_and_go_with_the_zone),
        TEST(test_views_are_refused_that_are_not_sound),
        TEST(test_import_and_snapshot_keep_private_zones_private),
        TEST(test_effects_and_a_whole_reading_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
