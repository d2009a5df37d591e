/* links: zone policy geo dns base */
/* Readers on threads of their own while the writer publishes: each section sees one whole
 * generation, never a mixture, and never less than before. Meant for ThreadSanitizer as well. */
#include "dns/name.h"
#include "dns/type.h"
#include "geo/view.h"
#include "policy/health.h"
#include "zone/group.h"
#include "zone/image.h"
#include "zone/lookup.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NAMES 40
#define GROUP_SETS_MAX 9u
#define GENERATIONS 3000
#define READERS 2

static const uint8_t APEX[] = "\007example";

struct shared {
    struct zone_publisher *publisher;
    bool (*is_whole)(const struct zone_image *image, uint32_t *number);
    atomic_bool is_over;
    atomic_uint bad;
};

static void name_of(unsigned index, uint8_t *out)
{
    uint8_t label[3] = {2, (uint8_t)('a' + index / 26), (uint8_t)('a' + index % 26)};
    assert_true(dns_name_join(label, 3, APEX, out) > 0);
}

/* All names of a generation hold its number. */
static bool is_whole(const struct zone_image *image, uint32_t *number)
{
    *number = (uint32_t)zone_image_index(image);
    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t name[DNS_NAME_MAX];
        struct zone_match match;
        name_of(i, name);
        zone_lookup(image, name, DNS_TYPE_A, &match);
        if (*number == 0)
            return match.outcome == ZONE_OUTCOME_NONE;
        if (match.outcome != ZONE_OUTCOME_ANSWER ||
            memcmp(match.set->wire + ZONE_WIRE_RDATA_OFFSET, number, sizeof(*number)) != 0)
            return false;
    }
    return true;
}

static void *read_on(void *user)
{
    struct shared *shared = user;
    uint32_t before = 0;

    zone_reader_register();
    while (!atomic_load(&shared->is_over)) {
        uint32_t number;
        const struct zone_image *image = zone_image_read_begin(shared->publisher);
        bool is_good = shared->is_whole(image, &number) && number >= before;
        zone_image_read_end();
        before = number;
        if (!is_good)
            atomic_fetch_add(&shared->bad, 1);
    }
    zone_reader_unregister();
    return NULL;
}

static void put_all(struct zone_publisher *publisher, struct zone_content *content, uint32_t number)
{
    const struct zone_rdata rdata = {(const uint8_t *)&number, sizeof(number)};

    for (unsigned i = 0; i < NAMES; i++) {
        uint8_t name[DNS_NAME_MAX];
        const struct zone_record_set set = {
            .name = name, .type = DNS_TYPE_A, .rdata_count = 1, .ttl_s = 60, .rdatas = &rdata};
        name_of(i, name);
        assert_int_equal(content ? zone_content_put(publisher, content, &set)
                                 : zone_change_put(publisher, APEX, &set),
                         0);
    }
}

/* Sometimes change the zone, sometimes exchange it. */
static void write_generation(struct zone_publisher *publisher, uint32_t number)
{
    struct zone_content *content = NULL;

    if (number % 5 == 1)
        assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
    put_all(publisher, content, number);
    if (content)
        assert_int_equal(zone_change_serve(publisher, content), 0);
    assert_int_equal(zone_publish(publisher, number), 0);
    zone_image_reclaim(publisher, 500);
}

static void run_readers(bool (*is_good)(const struct zone_image *image, uint32_t *number),
                        void (*write_next)(struct zone_publisher *publisher, uint32_t number))
{
    struct shared shared = {.is_whole = is_good};
    pthread_t readers[READERS];

    zone_reader_register();
    assert_int_equal(zone_publisher_new(&shared.publisher), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_on, &shared), 0);
    for (uint32_t number = 1; number <= GENERATIONS; number++)
        write_next(shared.publisher, number);
    atomic_store(&shared.is_over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    assert_int_equal(atomic_load(&shared.bad), 0);
    zone_publisher_free(shared.publisher);
    zone_reader_unregister();
}

static void test_readers_during_changes_see_whole_generations(void **state)
{
    (void)state;
    run_readers(is_whole, write_generation);
}

/* ---- groups, the view of clients, health ---- */

static unsigned group_count(uint32_t number)
{
    return 1 + number % GROUP_SETS_MAX;
}

static bool is_group_whole(const struct zone_wire_set *set, uint32_t number)
{
    const struct policy_group *group = zone_set_group(set);

    if (!zone_set_is_group(set) || group->count != group_count(number) ||
        group->weight_sum != group->count * (number % 256))
        return false;
    for (unsigned i = 0; i < group->count; i++) {
        const struct zone_wire_set *records = zone_group_records(group, i);
        if (memcmp(records->wire + ZONE_WIRE_RDATA_OFFSET, &number, sizeof(number)) != 0)
            return false;
    }
    return true;
}

/* All groups of a generation are of its number; health is never older than the generation. */
static bool are_groups_whole(const struct zone_image *image, uint32_t *number)
{
    const struct geo_view *view = zone_image_geo(image);

    *number = (uint32_t)zone_image_index(image);
    if (*number == 0)
        return view == NULL;
    if (!view || view->database || policy_health_since(zone_image_health(image), 1) < *number)
        return false;
    for (unsigned i = 0; i < NAMES; i += 8) {
        uint8_t name[DNS_NAME_MAX];
        struct zone_target target;
        name_of(i, name);
        zone_find_target(image, name, DNS_TYPE_A, &target);
        if (!target.set || !is_group_whole(target.set, *number))
            return false;
    }
    return true;
}

static void write_group(struct zone_publisher *publisher, const uint8_t *name, uint32_t number)
{
    const struct zone_rdata rdata = {(const uint8_t *)&number, sizeof(number)};
    const struct zone_routing routing = {.kind = POLICY_WEIGHTED, .weight = (uint8_t)number};

    for (unsigned i = 0; i < GROUP_SETS_MAX; i++) {
        const char identifier = (char)('a' + i);
        const struct zone_record_set set = {.name = name,
                                            .type = DNS_TYPE_A,
                                            .rdata_count = 1,
                                            .ttl_s = 60,
                                            .rdatas = &rdata,
                                            .set_identifier = &identifier,
                                            .set_identifier_len = 1,
                                            .routing = &routing};
        if (i < group_count(number))
            assert_int_equal(zone_change_put(publisher, APEX, &set), 0);
        else
            zone_change_remove(publisher, APEX, name, DNS_TYPE_A, &identifier, 1);
    }
}

static void write_groups(struct zone_publisher *publisher, uint32_t number)
{
    const struct geo_view parts = {.database = NULL};
    struct zone_content *content;

    if (number == 1) {
        assert_int_equal(zone_content_new(publisher, APEX, &content), 0);
        assert_int_equal(zone_change_serve(publisher, content), 0);
    }
    for (unsigned i = 0; i < NAMES; i += 8) {
        uint8_t name[DNS_NAME_MAX];
        name_of(i, name);
        write_group(publisher, name, number);
    }
    zone_change_geo(publisher, geo_view_new(&parts));
    const uint8_t octet =
        number % 2 ? POLICY_HEALTH_UNHEALTHY : POLICY_HEALTH_HEALTHY | POLICY_HEALTHY_BIT;
    assert_int_equal(policy_health_set(zone_publisher_health(publisher), 1, octet, number), 0);
    assert_int_equal(zone_publish(publisher, number), 0);
    zone_image_reclaim(publisher, 500);
}

static void test_readers_during_changes_see_whole_groups(void **state)
{
    (void)state;
    run_readers(are_groups_whole, write_groups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_readers_during_changes_see_whole_generations),
        cmocka_unit_test(test_readers_during_changes_see_whole_groups),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
