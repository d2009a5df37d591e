/* Rings of records between threads, and the thread that reads them. links: base */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/ring.h"
#include "base/ring_reader.h"

#define SIZE 1024u

/* A record of @len octets that are all @value. false: the ring is full. */
static bool put(struct ring *ring, uint8_t value, size_t len)
{
    uint8_t *record = ring_reserve(ring, len);

    if (!record)
        return false;
    assert_int_equal((uintptr_t)record % 8, 0);
    memset(record, value, len);
    ring_add(ring, len);
    return true;
}

static void assert_front(struct ring *ring, uint8_t value, size_t expected_len)
{
    size_t len;
    const uint8_t *record = ring_front(ring, &len);

    assert_non_null(record);
    assert_int_equal(len, expected_len);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(record[i], value);
}

static void test_ring_shows_a_record_once_it_is_committed(void **state)
{
    struct ring *ring = ring_new(SIZE);
    size_t len;

    (void)state;
    assert_non_null(ring);
    assert_true(put(ring, 1, 13));
    assert_null(ring_front(ring, &len));
    ring_commit(ring);
    assert_front(ring, 1, 13);
    assert_front(ring, 1, 13); /* until it is popped */
    ring_pop(ring);
    assert_null(ring_front(ring, &len));
    ring_free(ring);
}

/* A writer that asks for the most that a record may need, and needs less. */
static void test_ring_add_of_fewer_octets_gives_the_rest_back(void **state)
{
    struct ring *ring = ring_new(SIZE);
    unsigned count = 0;

    (void)state;
    for (; ring_reserve(ring, 200); count++)
        ring_add(ring, 24);
    assert_true(count > SIZE / 208 * 4);
    assert_int_equal(ring_dropped(ring), 1);
    ring_free(ring);
}

/* A writer that finds nothing to say in the room it has got, also where the ring begins anew for
 * it. */
static void test_ring_reserve_without_add_is_no_record(void **state)
{
    struct ring *ring = ring_new(SIZE);
    size_t len;

    (void)state;
    assert_true(put(ring, 1, 400) && put(ring, 2, 400));
    ring_commit(ring);
    for (uint8_t value = 1; value <= 2; value++) {
        assert_front(ring, value, 400);
        ring_pop(ring);
    }
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(ring_reserve(ring, 400));
        ring_commit(ring);
        assert_null(ring_front(ring, &len));
    }
    assert_true(put(ring, 3, 24));
    ring_commit(ring);
    assert_front(ring, 3, 24);
    ring_pop(ring);
    assert_null(ring_front(ring, &len));
    assert_int_equal(ring_dropped(ring), 0);
    ring_free(ring);
}

static void test_ring_full_drops_and_counts(void **state)
{
    struct ring *ring = ring_new(SIZE);
    unsigned count = 0;

    (void)state;
    while (put(ring, (uint8_t)count, 56))
        count++;
    assert_int_equal(count, SIZE / 64);
    assert_false(put(ring, 99, 56));
    ring_drop(ring);
    assert_int_equal(ring_dropped(ring), 3);
    ring_commit(ring);
    assert_front(ring, 0, 56);
    ring_pop(ring);
    assert_true(put(ring, 16, 56)); /* there is room again */
    ring_commit(ring);
    for (unsigned i = 1; i <= count; i++) {
        assert_front(ring, (uint8_t)i, 56);
        ring_pop(ring);
    }
    assert_int_equal(ring_dropped(ring), 3);
    ring_free(ring);
}

/* All lengths at all positions, the longest among them: each comes out as it went in. */
static void test_ring_records_of_any_length_lie_in_one_piece(void **state)
{
    struct ring *ring = ring_new(SIZE);
    size_t len;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        const size_t first = i * 7 % (ring_record_max(ring) + 1), second = i % 50;
        assert_true(put(ring, (uint8_t)i, first));
        bool has_second = put(ring, (uint8_t)(i + 1), second);
        ring_commit(ring);
        assert_front(ring, (uint8_t)i, first);
        ring_pop(ring);
        if (has_second) {
            assert_front(ring, (uint8_t)(i + 1), second);
            ring_pop(ring);
        }
        assert_null(ring_front(ring, &len));
    }
    ring_free(ring);
}

/* ---- threads ---- */

#define WRITERS 3u
#define RECORDS 30000u

struct world {
    struct ring_reader *reader;
    struct ring *rings[WRITERS];
    uint32_t next[WRITERS + 1]; /* that each writer's records come to */
    uint64_t read, passes, pokes;
};

struct note {
    uint32_t writer, number;
};

static void read_note(void *user, const void *record, size_t len)
{
    struct world *world = user;
    const struct note *note = record;

    assert_true(len >= sizeof(*note) && note->writer <= WRITERS);
    assert_true(note->number >= world->next[note->writer]); /* in order; some were dropped */
    world->next[note->writer] = note->number + 1;
    world->read++;
}

static void end_pass(void *user)
{
    ((struct world *)user)->passes++;
}

static uint32_t wait_ms(void *user)
{
    (void)user;
    return 1;
}

static void poked(void *user)
{
    ((struct world *)user)->pokes++;
}

struct writer {
    struct world *world;
    uint32_t index;
    pthread_t thread;
};

static void *write_notes(void *user)
{
    struct writer *writer = user;
    struct ring *ring = writer->world->rings[writer->index];

    for (uint32_t i = 0; i < RECORDS; i++) {
        struct note *note = ring_reserve(ring, sizeof(*note) + i % 60);
        if (note) {
            *note = (struct note){writer->index, i};
            ring_add(ring, sizeof(*note) + i % 60);
        }
        if (i % 32 == 31)
            ring_commit(ring);
    }
    ring_commit(ring);
    ring_reader_close(writer->world->reader, ring);
    return NULL;
}

static void test_ring_reader_reads_all_that_was_not_dropped(void **state)
{
    struct world world = {0};
    struct writer writers[WRITERS];
    const struct ring_reader_options options = {.name = "test",
                                                .record = read_note,
                                                .end_pass = end_pass,
                                                .wait_ms = wait_ms,
                                                .poked = poked,
                                                .user = &world};
    (void)state;
    assert_int_equal(ring_reader_start(&options, &world.reader), 0);
    for (uint32_t i = 0; i < WRITERS; i++) {
        world.rings[i] = ring_reader_open(world.reader, 65536);
        assert_non_null(world.rings[i]);
        writers[i] = (struct writer){.world = &world, .index = i};
        assert_int_equal(pthread_create(&writers[i].thread, NULL, write_notes, &writers[i]), 0);
    }
    ring_reader_poke(world.reader);
    for (uint32_t i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    struct ring *last = ring_reader_open(world.reader, 65536); /* read at the latest by the stop */
    *(struct note *)ring_reserve(last, sizeof(struct note)) = (struct note){WRITERS, 0};
    ring_add(last, sizeof(struct note));
    ring_commit(last);
    ring_reader_close(world.reader, last);
    const uint64_t dropped = ring_reader_dropped(world.reader);
    ring_reader_stop(world.reader);
    assert_int_equal(world.read + dropped, WRITERS * RECORDS + 1);
    assert_true(world.read > 1000 && world.passes > 0);
    assert_int_equal(world.pokes, 1);
}

static void test_ring_reader_open_of_too_many_is_refused(void **state)
{
    struct world world = {0};
    struct ring *rings[RING_READER_RINGS_MAX];
    const struct ring_reader_options options = {.name = "test",
                                                .record = read_note,
                                                .end_pass = end_pass,
                                                .wait_ms = wait_ms,
                                                .user = &world};
    (void)state;
    assert_int_equal(ring_reader_start(&options, &world.reader), 0);
    for (unsigned i = 0; i < RING_READER_RINGS_MAX; i++) {
        rings[i] = ring_reader_open(world.reader, 64);
        assert_non_null(rings[i]);
    }
    assert_null(ring_reader_open(world.reader, 64));
    for (unsigned i = 0; i < RING_READER_RINGS_MAX; i++)
        ring_reader_close(world.reader, rings[i]);
    ring_reader_close(world.reader, NULL);
    ring_reader_stop(world.reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ring_shows_a_record_once_it_is_committed),
        cmocka_unit_test(test_ring_add_of_fewer_octets_gives_the_rest_back),
        cmocka_unit_test(test_ring_reserve_without_add_is_no_record),
        cmocka_unit_test(test_ring_full_drops_and_counts),
        cmocka_unit_test(test_ring_records_of_any_length_lie_in_one_piece),
        cmocka_unit_test(test_ring_reader_reads_all_that_was_not_dropped),
        cmocka_unit_test(test_ring_reader_open_of_too_many_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
