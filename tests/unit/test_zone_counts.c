/* links: cluster */
/* Which zones are counted apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cluster/zone_counts.h"
#include "zone/slots.h"

enum { ZONES = ZONE_COUNT_SLOTS - ZONE_COUNTS_FIRST };

static const char *id_of(unsigned number)
{
    static char id[24];

    snprintf(id, sizeof(id), "Z%u", number);
    return id;
}

static void test_first_zones_have_slots_of_their_own_and_the_rest_share_one(void **state)
{
    struct zone_counts *counts = zone_counts_new();
    uint8_t is_taken[ZONE_COUNT_SLOTS] = {0};
    uint32_t before = 1;

    (void)state;
    for (unsigned i = 0; i < ZONES; i++) {
        uint16_t slot = zone_counts_put(counts, id_of(i));
        assert_in_range(slot, ZONE_COUNTS_FIRST, ZONE_COUNT_SLOTS - 1);
        assert_int_equal(is_taken[slot]++, 0);
        assert_int_equal(zone_counts_put(counts, id_of(i)), slot);
        assert_string_equal(zone_counts_get(counts, slot, &before), id_of(i));
        assert_int_equal(before, 0);
    }
    assert_int_equal(zone_counts_put(counts, id_of(ZONES)), ZONE_COUNTS_OTHERS);
    assert_null(zone_counts_get(counts, ZONE_COUNTS_OTHERS, &before));
    zone_counts_free(counts);
}

static void test_a_slot_given_up_goes_to_another_zone_the_longest_unused_first(void **state)
{
    struct zone_counts *counts = zone_counts_new();
    uint16_t slots[ZONES];
    uint32_t before = 0;

    (void)state;
    for (unsigned i = 0; i < ZONES; i++)
        slots[i] = zone_counts_put(counts, id_of(i));
    for (unsigned i = 0; i < ZONES; i += 3)
        zone_counts_remove(counts, id_of(i));
    zone_counts_remove(counts, "ZNONE");
    assert_null(zone_counts_get(counts, slots[0], &before));
    for (unsigned i = 0; i < ZONES; i++) /* those that are left are still found */
        if (i % 3 != 0)
            assert_int_equal(zone_counts_put(counts, id_of(i)), slots[i]);
    assert_int_equal(zone_counts_put(counts, "ZNEW"), slots[0]);
    assert_string_equal(zone_counts_get(counts, slots[0], &before), "ZNEW");
    assert_int_equal(before, 1);
    assert_int_equal(zone_counts_put(counts, id_of(0)), slots[3]);
    zone_counts_free(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_zones_have_slots_of_their_own_and_the_rest_share_one),
        cmocka_unit_test(test_a_slot_given_up_goes_to_another_zone_the_longest_unused_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
