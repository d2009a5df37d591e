/* links: cluster store test_apply */
/* CIDR collections and regions in the state machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/err.h"
#include "geo/cidr.h"
#include "lib/kv_memory.h"
#include "lib/test_apply.h"
#include "store/state_cidr.h"
#include "store/state_put.h"
#include "zone/routing.h"

static int setup(void **state)
{
    struct test_apply *test = calloc(1, sizeof(*test));
    struct kv kv;

    assert_non_null(test);
    assert_int_equal(kv_memory_new(&kv), 0);
    test_apply_init(test, kv);
    *state = test;
    return 0;
}

static int teardown(void **state)
{
    test_apply_fini(*state);
    free(*state);
    return 0;
}

static char *id_of(struct test_apply *test, unsigned number)
{
    return test_apply_format(test, "%08x-0000-4000-8000-000000000000", number);
}

static Cmd__Command *create(struct test_apply *test, unsigned number, const char *name)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_CREATE_CIDR_COLLECTION;
    command->create_cidr_collection = test_apply_alloc(test, sizeof(Cmd__CreateCidrCollection));
    cmd__create_cidr_collection__init(command->create_cidr_collection);
    command->create_cidr_collection->collection_id = id_of(test, number);
    command->create_cidr_collection->name = test_apply_format(test, "%s", name);
    command->create_cidr_collection->caller_reference = test_apply_format(test, "r-%s", name);
    return command;
}

static Cmd__Command *delete_collection(struct test_apply *test, unsigned number)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_CIDR_COLLECTION;
    command->delete_cidr_collection = test_apply_alloc(test, sizeof(Cmd__DeleteCidrCollection));
    cmd__delete_cidr_collection__init(command->delete_cidr_collection);
    command->delete_cidr_collection->collection_id = id_of(test, number);
    return command;
}

/* @words: "+location block block -location block": blocks as "24:192.0.2", IPv6 as "48:2001.db8".
 */
static void take_block(struct test_apply *test, const char *word, ProtobufCBinaryData *out)
{
    bool is_ipv6 = strchr(word, '#');
    unsigned bits = 0, parts[4] = {0};

    out->len = is_ipv6 ? 17 : 5;
    out->data = test_apply_alloc(test, out->len);
    if (is_ipv6) {
        assert_true(sscanf(word, "%u#%x.%x", &bits, &parts[0], &parts[1]) >= 2);
        for (unsigned i = 0; i < 2; i++) {
            out->data[1 + 2 * i] = (uint8_t)(parts[i] >> 8);
            out->data[2 + 2 * i] = (uint8_t)parts[i];
        }
    } else {
        assert_true(
            sscanf(word, "%u:%u.%u.%u.%u", &bits, &parts[0], &parts[1], &parts[2], &parts[3]) >= 2);
        for (unsigned i = 0; i < 4; i++)
            out->data[1 + i] = (uint8_t)parts[i];
    }
    out->data[0] = (uint8_t)bits;
}

static Cmd__Command *change(struct test_apply *test, unsigned number, uint64_t version,
                            const char *words)
{
    Cmd__Command *command = test_command(test);
    Cmd__ChangeCidrCollection *body = test_apply_alloc(test, sizeof(*body));
    char *copy = test_apply_format(test, "%s", words), *rest = NULL;
    Cmd__CidrChange *at = NULL;

    cmd__change_cidr_collection__init(body);
    command->kind_case = CMD__COMMAND__KIND_CHANGE_CIDR_COLLECTION;
    command->change_cidr_collection = body;
    body->collection_id = id_of(test, number);
    body->version = version;
    body->changes = test_apply_alloc(test, 8 * sizeof(at));
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (*word == '+' || *word == '-') {
            at = test_apply_alloc(test, sizeof(*at));
            cmd__cidr_change__init(at);
            at->location = word + 1;
            at->is_delete = *word == '-';
            at->blocks = test_apply_alloc(test, 8 * sizeof(*at->blocks));
            body->changes[body->n_changes++] = at;
        } else
            take_block(test, word, &at->blocks[at->n_blocks++]);
    }
    return command;
}

static void does(struct test_apply *test, Cmd__Command *command)
{
    const struct apply_result *result = test_apply_one(test, command);

    if (result->code != 0)
        print_message("%s\n", result->message);
    assert_int_equal(result->code, 0);
}

static void refuses(struct test_apply *test, Cmd__Command *command, int code, const char *word)
{
    const struct apply_result *result = test_apply_one(test, command);

    if (result->code != code || !strstr(result->message, word))
        print_message("%d: %s\n", result->code, result->message);
    assert_int_equal(result->code, code);
    assert_non_null(strstr(result->message, word));
}

static int on_block(void *user, const struct state_cidr_block *block)
{
    snprintf((char *)user + strlen(user), 256 - strlen(user), "%u.%u/%u@%s ", block->octets[1],
             block->octets[2], block->octets[0], block->location);
    return 0;
}

static const char *blocks(struct test_apply *test, unsigned number)
{
    static char out[256];

    out[0] = 0;
    assert_int_equal(state_list_cidr_blocks(&test->kv, id_of(test, number), NULL, on_block, out),
                     0);
    return out;
}

static uint64_t blocks_of(struct test_apply *test, unsigned number, const char *location)
{
    uint64_t count = 99;

    assert_int_equal(state_get_cidr_location(&test->kv, id_of(test, number), location, &count), 0);
    return count;
}

static void test_create_by_name(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *again = create(test, 2, "offices");

    does(test, create(test, 1, "offices"));
    const struct apply_result *result = test_apply_one(test, again);
    assert_int_equal(result->code, 0);
    assert_string_equal(result->object_id, id_of(test, 1));
    again = create(test, 2, "offices");
    again->create_cidr_collection->caller_reference = test_apply_format(test, "other");
    refuses(test, again, ERR_EXISTS, id_of(test, 1));
    refuses(test, create(test, 1, "labs"), ERR_EXISTS, id_of(test, 1));
    refuses(test, create(test, 3, "of fices"), ERR_INVALID, "0-9, A-Z");
    does(test, delete_collection(test, 1));
    does(test, create(test, 4, "offices"));
    struct state_cidr_collection collection;
    assert_int_equal(state_get_cidr(&test->kv, id_of(test, 4), &collection), 0);
    assert_int_equal(collection.slot, 2);
    refuses(test, delete_collection(test, 1), ERR_NOT_FOUND, "no CIDR collection");
}

static void test_blocks_of_locations(void **state)
{
    struct test_apply *test = *state;

    does(test, create(test, 1, "offices"));
    does(test, change(test, 1, 1, "+paris 24:192.0.2 48#2001.db8 +lab 8:10"));
    assert_string_equal(blocks(test, 1), "10.0/8@lab 192.0/24@paris 32.1/48@paris ");
    assert_int_equal(blocks_of(test, 1, "paris"), 2);
    refuses(test, change(test, 1, 1, "+lab 8:11"), ERR_CONFLICT, "version 2");
    refuses(test, change(test, 1, 0, "+lab 8:11 24:192.0.2"), ERR_EXISTS, "192.0.2.0/24");
    assert_int_equal(blocks_of(test, 1, "lab"), 1);
    does(test, change(test, 1, 0, "+lab 8:10"));            /* is there */
    does(test, change(test, 1, 0, "-lab 8:12 24:192.0.2")); /* is not there, is another's */
    assert_int_equal(blocks_of(test, 1, "paris"), 2);
    does(test, change(test, 1, 4, "-paris 24:192.0.2 +lab 24:192.0.2")); /* moved */
    assert_string_equal(blocks(test, 1), "10.0/8@lab 192.0/24@lab 32.1/48@paris ");
    assert_int_equal(test->effects[0], APPLY_CIDR_CHANGED);
    assert_int_equal(test->last_effect.slot, 1);
    refuses(test, delete_collection(test, 1), ERR_CONFLICT, "3 blocks");
    does(test, change(test, 1, 0, "-lab 8:10 24:192.0.2 -paris 48#2001.db8"));
    assert_int_equal(blocks_of(test, 1, "lab"), 0);
    does(test, delete_collection(test, 1));
}

static void test_malformed_blocks_refused(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *command;

    does(test, create(test, 1, "offices"));
    refuses(test, change(test, 1, 0, "+a 25:192.0.2"), ERR_INVALID, "/1 to /24");
    refuses(test, change(test, 1, 0, "+a 0:0"), ERR_INVALID, "\"*\"");
    refuses(test, change(test, 1, 0, "+a 49#2001.db8"), ERR_INVALID, "/1 to /48");
    refuses(test, change(test, 1, 0, "+a 8:10.1"), ERR_INVALID, "bits set");
    refuses(test, change(test, 1, 0, "+* 8:10"), ERR_INVALID, "location");
    refuses(test, change(test, 1, 0, "+a2345678901234567 8:10"), ERR_INVALID, "16");
    refuses(test, change(test, 1, 0, "+a"), ERR_INVALID, "no CIDR block");
    refuses(test, change(test, 1, 0, ""), ERR_INVALID, "nothing");
    command = change(test, 1, 0, "+a 8:10");
    command->change_cidr_collection->changes[0]->blocks[0].len = 6;
    refuses(test, command, ERR_INVALID, "5 or 17");
    assert_string_equal(blocks(test, 1), "");
}

/* The same with a change id: in the journal, and no two locations of one hash. */
static Cmd__Command *noted(struct test_apply *test, Cmd__Command *command, uint64_t number)
{
    command->change_cidr_collection->change_id = test_id(test, 'C', number);
    return command;
}

static void test_change_stands_in_the_journal(void **state)
{
    struct test_apply *test = *state;
    struct state_change change_read = {0};

    does(test, create(test, 1, "offices"));
    does(test, noted(test, change(test, 1, 0, "+paris 24:192.0.2"), 5));
    assert_string_equal(test->results[0].change_id, test_id(test, 'C', 5));
    assert_int_equal(state_get_change(&test->kv, test_id(test, 'C', 5), &change_read, NULL, NULL),
                     0);
    assert_int_equal(change_read.kind, STATE_CHANGE_CIDR);
    assert_int_equal(change_read.index, test->index);
    assert_string_equal(change_read.zone_id, "");
    assert_string_equal(change_read.comment, "CIDR collection offices");
    refuses(test, noted(test, change(test, 1, 0, "+lab 8:10"), 5), ERR_EXISTS, "C0");
    assert_int_equal(blocks_of(test, 1, "lab"), 0);
}

/* Two names of one hash, found by trying random ones. */
#define ONE "wdeefjl1"
#define ALIKE "mxyv7t3t"

static void test_locations_of_one_hash_refused(void **state)
{
    struct test_apply *test = *state;

    assert_int_equal(geo_cidr_location_hash(ONE), geo_cidr_location_hash(ALIKE));
    does(test, create(test, 1, "offices"));
    does(test, noted(test, change(test, 1, 0, "+" ONE " 24:192.0.2"), 1));
    refuses(test, noted(test, change(test, 1, 0, "+lab 8:11 +" ALIKE " 8:10"), 2), ERR_CONFLICT,
            ALIKE);
    does(test, noted(test, change(test, 1, 0, "-" ONE " 24:192.0.2 +" ALIKE " 8:10"), 3));
    does(test, noted(test, change(test, 1, 0, "+" ALIKE " 8:12"), 4));
    refuses(test, noted(test, change(test, 1, 0, "+" ONE " 24:192.0.2"), 5), ERR_CONFLICT, ONE);
    does(test, create(test, 2, "labs"));
    refuses(test, noted(test, change(test, 2, 0, "+" ONE " 8:10 +" ALIKE " 8:11"), 6), ERR_CONFLICT,
            ALIKE);
    does(test, noted(test, change(test, 2, 0, "+" ONE " 8:10"), 7));
    does(test, change(test, 2, 0, "+" ALIKE " 8:11")); /* of an old log */
}

static void test_refusals_have_route53_codes(void **state)
{
    struct test_apply *test = *state;
    Cmd__Command *again = create(test, 2, "offices");

    again->create_cidr_collection->caller_reference = test_apply_format(test, "other");
    does(test, create(test, 1, "offices"));
    does(test, change(test, 1, 0, "+paris 24:192.0.2"));
    assert_string_equal(test_apply_one(test, again)->error, "CidrCollectionAlreadyExistsException");
    assert_string_equal(test_apply_one(test, change(test, 1, 9, "+lab 8:10"))->error,
                        "CidrCollectionVersionMismatchException");
    assert_string_equal(test_apply_one(test, change(test, 1, 0, "+lab 24:192.0.2"))->error,
                        "CidrBlockInUseException");
    assert_string_equal(test_apply_one(test, delete_collection(test, 1))->error,
                        "CidrCollectionInUseException");
    assert_string_equal(test_apply_one(test, delete_collection(test, 3))->error,
                        "NoSuchCidrCollectionException");
}

static Cmd__Command *put_region(struct test_apply *test, const char *name, int latitude)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_PUT_REGION;
    command->put_region = test_apply_alloc(test, sizeof(Cmd__PutRegion));
    cmd__put_region__init(command->put_region);
    command->put_region->name = test_apply_format(test, "%s", name);
    command->put_region->latitude_cdeg = latitude;
    return command;
}

static Cmd__Command *delete_region(struct test_apply *test, const char *name)
{
    Cmd__Command *command = test_command(test);

    command->kind_case = CMD__COMMAND__KIND_DELETE_REGION;
    command->delete_region = test_apply_alloc(test, sizeof(Cmd__DeleteRegion));
    cmd__delete_region__init(command->delete_region);
    command->delete_region->name = test_apply_format(test, "%s", name);
    return command;
}

static unsigned number_of(struct test_apply *test, const char *name)
{
    struct state_region region;

    assert_int_equal(state_get_region(&test->kv, name, &region), 0);
    return region.number;
}

static void test_region_numbers_go_round(void **state)
{
    struct test_apply *test = *state;

    does(test, put_region(test, "our-a", 100));
    does(test, put_region(test, "our-b", 200));
    assert_int_equal(number_of(test, "our-a"), 128);
    assert_int_equal(number_of(test, "our-b"), 129);
    does(test, put_region(test, "our-a", -9000));
    assert_int_equal(number_of(test, "our-a"), 128);
    does(test, delete_region(test, "our-a"));
    does(test, put_region(test, "our-c", 0));
    assert_int_equal(number_of(test, "our-c"), 130);
    for (unsigned i = 131; i <= 255; i++)
        does(test, put_region(test, test_apply_format(test, "r%u", i), 0));
    does(test, put_region(test, "our-d", 0));
    assert_int_equal(number_of(test, "our-d"), 128);
    refuses(test, put_region(test, "our-e", 0), ERR_LIMIT, "128 regions");
    refuses(test, put_region(test, "eu-west-1", 0), ERR_EXISTS, "Route 53");
    refuses(test, put_region(test, "Our", 0), ERR_INVALID, "a-z");
    refuses(test, put_region(test, "our-b", 9001), ERR_INVALID, "-90 to 90");
    refuses(test, delete_region(test, "eu-west-1"), ERR_NOT_FOUND, "no region");
}

/* A record set of www.example as the stored state has it; @is_there false: it is taken away. */
static void store_routed_as(struct test_apply *test, const char *identifier,
                            const struct zone_routing *routing, bool is_there)
{
    static const uint8_t name[] = "\3www\7example", rdata[] = {0, 4, 192, 0, 2, 1};
    uint8_t octets[STATE_ROUTING_MAX];
    struct state_record_set set = {.name = name,
                                   .type = 1,
                                   .ttl_s = 60,
                                   .rdata_count = 1,
                                   .set_identifier = identifier,
                                   .set_identifier_len = strlen(identifier),
                                   .rdata = rdata,
                                   .rdata_len = sizeof(rdata),
                                   .routing = octets};
    struct overlay *overlay = overlay_new(&test->kv);
    struct kv_write *writes;
    size_t count;

    set.routing_len = state_routing_encode(routing, octets);
    if (is_there)
        assert_int_equal(state_put_record_set(overlay, 99, NULL, &set), 0);
    else
        assert_int_equal(state_delete_record_set(overlay, 99, &set), 0);
    assert_int_equal(overlay_writes(overlay, &writes, &count), 0);
    assert_int_equal(kv_write(&test->kv, writes, count), 0);
    overlay_free(overlay);
}

static void store_routed(struct test_apply *test, const struct zone_routing *routing, bool is_there)
{
    store_routed_as(test, "x", routing, is_there);
}

static void test_location_in_use_keeps_a_block(void **state)
{
    struct test_apply *test = *state;
    struct zone_routing routing = {.kind = POLICY_IP_BASED, .cidr_location = "paris"};

    snprintf(routing.cidr_collection_id, sizeof(routing.cidr_collection_id), "%s", id_of(test, 1));
    does(test, create(test, 1, "offices"));
    does(test, change(test, 1, 0, "+paris 24:192.0.2 8:11 +lab 8:10"));
    store_routed(test, &routing, true);
    does(test, change(test, 1, 0, "-paris 8:11 -lab 8:10"));
    refuses(test, change(test, 1, 0, "-paris 24:192.0.2"), ERR_CONFLICT, "www.example.");
    assert_int_equal(blocks_of(test, 1, "paris"), 1);
    does(test, change(test, 1, 0, "-paris 24:192.0.2 +paris 16:10.1")); /* not the last by then */
    store_routed(test, &routing, false);
    snprintf(routing.cidr_location, sizeof(routing.cidr_location), "*");
    store_routed(test, &routing, true);
    does(test, change(test, 1, 0, "-paris 16:10.1"));
    refuses(test, delete_collection(test, 1), ERR_CONFLICT, "www.example.");
    store_routed(test, &routing, false);
    does(test, delete_collection(test, 1));
}

static const struct kv_ops *counted_ops;
static unsigned get_count;

static int counted_get(void *self, enum kv_family family, struct kv_slice key,
                       struct kv_buffer *out)
{
    get_count++;
    return counted_ops->get(self, family, key, out);
}

/* Applied on the loop of every node: a million routed sets must not hold it up. */
static void test_who_uses_a_region_is_found_without_a_look_at_all_sets(void **state)
{
    struct test_apply *test = *state;
    struct kv_ops ops = *test->kv.ops;

    for (unsigned i = 0; i < 500; i++) {
        struct zone_routing routing = {.kind = POLICY_LATENCY, .region = "us-east-1"};
        store_routed_as(test, test_apply_format(test, "%u", i), &routing, true);
    }
    does(test, put_region(test, "mars", 100));
    counted_ops = test->kv.ops;
    get_count = 0;
    ops.get = counted_get;
    test->kv.ops = &ops;
    does(test, delete_region(test, "mars"));
    test->kv.ops = counted_ops;
    assert_true(get_count < 20);
}

static void test_region_in_use_stays(void **state)
{
    struct test_apply *test = *state;
    struct zone_routing routing = {.kind = POLICY_LATENCY, .region = "our-dc"};

    does(test, put_region(test, "our-dc", 100));
    does(test, put_region(test, "our-d", 100));
    store_routed(test, &routing, true);
    refuses(test, delete_region(test, "our-dc"), ERR_CONFLICT, "www.example.");
    does(test, delete_region(test, "our-d"));
    does(test, put_region(test, "our-dc", 200)); /* moved */
    store_routed(test, &routing, false);
    does(test, delete_region(test, "our-dc"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_create_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks_of_locations, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_blocks_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_stands_in_the_journal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_locations_of_one_hash_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_have_route53_codes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_region_numbers_go_round, setup, teardown),
        cmocka_unit_test_setup_teardown(test_location_in_use_keeps_a_block, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_uses_a_region_is_found_without_a_look_at_all_sets,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_region_in_use_stays, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
