/* links: backup test_kv */
/* The form of a backup: what goes in comes out, and no changed, missing or extra bit passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "backup/frame.h"
#include "backup/key.h"
#include "backup/load.h"
#include "backup/memory.h"
#include "backup/read.h"
#include "backup/write.h"
#include "base/err.h"
#include "dns/name.h"
#include "lib/kv_memory.h"
#include "store/state_put.h"

#define SETS 40

struct octets {
    uint8_t *data;
    size_t len;
};

static int append(void *user, const void *data, size_t len)
{
    struct octets *octets = user;

    octets->data = realloc(octets->data, octets->len + len + 1);
    assert_non_null(octets->data);
    memcpy(octets->data + octets->len, data, len);
    octets->len += len;
    return 0;
}

static int read_octets(void *user, uint64_t offset, void *out, size_t len)
{
    const struct octets *octets = user;

    assert_true(offset + len <= octets->len);
    memcpy(out, octets->data + offset, len);
    return 0;
}

static struct backup_source source_of(struct octets *octets)
{
    return (struct backup_source){read_octets, octets, octets->len};
}

static void put_sets(struct overlay *overlay)
{
    static const uint8_t rdata[] = {0, 4, 192, 0, 2, 1};

    for (unsigned i = 0; i < SETS; i++) {
        char text[64];
        uint8_t name[DNS_NAME_MAX];
        snprintf(text, sizeof(text), "r%u.example.com.", i);
        assert_true(dns_name_parse(text, NULL, name) > 0);
        const struct state_record_set set = {.name = name,
                                             .type = 1,
                                             .ttl_s = 60 + i,
                                             .rdata_count = 1,
                                             .rdata = rdata,
                                             .rdata_len = sizeof(rdata)};
        assert_int_equal(state_put_record_set(overlay, 7, NULL, &set), 0);
    }
}

/* A cluster with one zone. @sets_said: what the zone says that it has. */
static void make_state(struct kv *kv, uint64_t sets_said)
{
    struct state_cluster cluster = {.id = {1, 2, 3}, .name = "", .domain = "ns.example.net."};
    struct state_zone zone = {.id = "Z00000000000000000001", .content = 7};
    struct state_applied point = {.index = 41, .term = 3};

    assert_int_equal(kv_memory_new(kv), 0);
    struct overlay *overlay = overlay_new(kv);
    assert_non_null(overlay);
    zone.record_set_count = sets_said;
    assert_true(dns_name_parse("example.com.", NULL, zone.name) > 0);
    state_put_cluster(overlay, &cluster);
    state_put_zone(overlay, &zone);
    put_sets(overlay);
    state_put_setting(overlay, "a", "b");
    point.index++;
    assert_int_equal(state_commit(overlay, kv, &point), 0);
    overlay_free(overlay);
}

static struct octets make_backup(const struct kv *kv, const struct backup_secret *secret)
{
    struct backup_about about = {.taken_wall_ms = 1000, .node_id = 5, .node_name = "ns1"};
    static const uint8_t key[BACKUP_CLUSTER_KEY_LEN] = "the cluster's own key, 32 octets";
    struct octets made = {0};

    assert_int_equal(backup_describe(kv, &about), 0);
    if (secret)
        backup_key_seal(secret, about.cluster.id, key, &about.seal);
    assert_int_equal(backup_write(kv, &about, NULL, append, &made), 0);
    return made;
}

static int load(struct octets *octets, struct kv *kv, struct backup_about *about, char *problem)
{
    struct backup_source source = source_of(octets);

    assert_int_equal(backup_memory_new(UINT64_MAX, kv), 0);
    return backup_load(&source, kv, NULL, about, problem);
}

static void test_load_gives_what_was_written(void **state)
{
    struct backup_about about;
    char problem[BACKUP_PROBLEM_LEN];
    struct kv kv, copy;
    uint8_t before[32], after[32];

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, NULL);
    assert_int_equal(load(&made, &copy, &about, problem), 0);
    assert_int_equal(about.applied.index, 42);
    assert_int_equal(about.applied.term, 3);
    assert_int_equal(about.counts.record_sets, SETS);
    assert_string_equal(about.cluster.domain, "ns.example.net.");
    assert_string_equal(about.node_name, "ns1");
    assert_int_equal(backup_content_hash(&kv, NULL, before), 0);
    assert_int_equal(backup_content_hash(&copy, NULL, after), 0);
    assert_memory_equal(before, after, sizeof(before));
    /* The same state is the same file. */
    struct octets again = make_backup(&copy, NULL);
    assert_int_equal(again.len, made.len);
    assert_memory_equal(again.data, made.data, made.len);
    free(again.data);
    free(made.data);
    kv_close(&copy);
    kv_close(&kv);
}

/* A small file may unpack to any size: whoever loads it into memory says how much it may take. */
static void test_load_beyond_the_memory_allowed_is_refused(void **state)
{
    struct backup_about about;
    char problem[BACKUP_PROBLEM_LEN];
    struct kv kv, copy;

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, NULL);
    struct backup_source source = source_of(&made);
    assert_int_equal(backup_memory_new(1024, &copy), 0);
    assert_int_equal(backup_load(&source, &copy, NULL, &about, problem), ERR_LIMIT);
    assert_non_null(strstr(problem, "memory"));
    kv_close(&copy);
    assert_int_equal(backup_memory_new(1 << 20, &copy), 0);
    assert_int_equal(backup_load(&source, &copy, NULL, &about, problem), 0);
    free(made.data);
    kv_close(&copy);
    kv_close(&kv);
}

/* Every bit, one after the other: found, by the hashes alone and with its contents. */
static void test_read_any_flipped_bit_is_found(void **state)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_found found;
    struct kv kv;

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, NULL);
    struct backup_source source = source_of(&made);
    assert_int_equal(backup_read(&source, NULL, NULL, NULL, &found, problem), 0);
    for (size_t bit = 0; bit < 8 * made.len; bit++) {
        made.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (backup_read(&source, NULL, NULL, NULL, &found, problem) >= 0)
            fail_msg("bit %zu of %zu was not found", bit, 8 * made.len);
        assert_true(problem[0] != '\0');
        made.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    free(made.data);
    kv_close(&kv);
}

static void test_read_any_cut_is_found(void **state)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_found found;
    struct kv kv;

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, NULL);
    struct octets cut = made;
    for (cut.len = 0; cut.len < made.len; cut.len++) {
        struct backup_source source = source_of(&cut);
        int rc = backup_read(&source, NULL, NULL, NULL, &found, problem);
        assert_int_equal(rc, cut.len == 0 ? ERR_INVALID : ERR_CORRUPT);
        assert_non_null(strstr(problem, cut.len == 0 ? "empty" : "cut off"));
    }
    append(&made, "x", 1);
    struct backup_source source = source_of(&made);
    assert_int_equal(backup_read(&source, NULL, NULL, NULL, &found, problem), ERR_CORRUPT);
    assert_non_null(strstr(problem, "follow behind its end"));
    free(made.data);
    kv_close(&kv);
}

static void test_read_newer_version_is_refused(void **state)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_about about;
    struct kv kv;

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, NULL);
    made.data[FRAME_PRELUDE_LEN - 1] = BACKUP_VERSION + 1;
    struct backup_source source = source_of(&made);
    assert_int_equal(backup_read_about(&source, &about, problem), ERR_VERSION);
    assert_non_null(strstr(problem, "a newer Quartet made it"));
    free(made.data);
    kv_close(&kv);
}

/* Parts with good hashes, by hand: pairs twice, out of order, of a family that is not known. */
static int read_parts(const uint8_t families[2], const char *problem_part)
{
    static const uint8_t pair[] = {0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x08, 0x41, 0x00, 0x00,
                                   0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 'k',  'v'}; /* zstd, raw */
    struct octets made = {0};
    struct frame_writer writer;
    struct kv kv, copy;
    struct backup_about about;
    char problem[BACKUP_PROBLEM_LEN];

    make_state(&kv, SETS);
    struct octets good = make_backup(&kv, NULL);
    size_t header_len =
        (size_t)good.data[FRAME_PRELUDE_LEN + 10] << 8 | good.data[FRAME_PRELUDE_LEN + 11];
    frame_begin(&writer, append, &made);
    frame_put(&writer, FRAME_HEADER, 0, header_len,
              good.data + FRAME_PRELUDE_LEN + FRAME_HEAD_LEN + FRAME_HASH_LEN, header_len);
    for (unsigned i = 0; i < 2; i++)
        frame_put(&writer, FRAME_PAIRS, families[i], 8, pair, sizeof(pair));
    int rc = load(&made, &copy, &about, problem);
    if (!strstr(problem, problem_part))
        fail_msg("said: %s", problem);
    free(made.data);
    free(good.data);
    kv_close(&copy);
    kv_close(&kv);
    return rc;
}

static void test_read_parts_that_are_none_are_refused(void **state)
{
    static const uint8_t twice[] = {KV_SETTINGS, KV_SETTINGS};
    static const uint8_t back[] = {KV_SETTINGS, KV_META};
    static const uint8_t unknown[] = {KV_SETTINGS, KV_FAMILIES};

    (void)state;
    assert_int_equal(read_parts(twice, "come twice"), ERR_CORRUPT);
    assert_int_equal(read_parts(back, "out of order"), ERR_CORRUPT);
    assert_int_equal(read_parts(unknown, "newer Quartet"), ERR_VERSION);
}

static void test_load_zone_that_miscounts_is_refused(void **state)
{
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_about about;
    struct kv kv, copy;

    (void)state;
    make_state(&kv, SETS + 1);
    struct octets made = make_backup(&kv, NULL);
    assert_int_equal(load(&made, &copy, &about, problem), ERR_CORRUPT);
    assert_non_null(strstr(problem, "says that it has 41"));
    free(made.data);
    kv_close(&copy);
    kv_close(&kv);
}

static void test_load_value_that_is_none_is_refused(void **state)
{
    const struct kv_write bad = {KV_ZONES, KV_PUT, {"Zx", 2}, {"\xff\xff", 2}};
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_about about = {0};
    struct kv kv, copy;

    (void)state;
    make_state(&kv, SETS);
    assert_int_equal(backup_describe(&kv, &about), 0); /* it could not be described with that */
    assert_int_equal(kv_write(&kv, &bad, 1), 0);
    struct octets made = {0};
    assert_int_equal(backup_write(&kv, &about, NULL, append, &made), 0);
    assert_int_equal(load(&made, &copy, &about, problem), ERR_CORRUPT);
    assert_non_null(strstr(problem, "a value of zones cannot be read"));
    free(made.data);
    kv_close(&copy);
    kv_close(&kv);
}

static void test_key_opens_only_by_what_sealed_it(void **state)
{
    struct backup_secret secret = {.kind = BACKUP_KEY_FILE, .len = BACKUP_FILE_KEY_LEN};
    struct backup_about about;
    char problem[BACKUP_PROBLEM_LEN];
    uint8_t key[BACKUP_CLUSTER_KEY_LEN];
    struct kv kv;

    (void)state;
    make_state(&kv, SETS);
    struct octets made = make_backup(&kv, &secret);
    struct backup_source source = source_of(&made);
    assert_int_equal(backup_read_about(&source, &about, problem), 0);
    assert_int_equal(backup_key_open(&secret, &about, key), 0);
    assert_memory_equal(key, "the cluster's own key, 32 octets", sizeof(key));
    secret.octets[31] ^= 1;
    assert_int_equal(backup_key_open(&secret, &about, key), ERR_DENIED);
    secret.octets[31] ^= 1;
    about.cluster.id[0] ^= 1; /* moved to another cluster's backup */
    assert_int_equal(backup_key_open(&secret, &about, key), ERR_DENIED);
    about.cluster.id[0] ^= 1;
    secret.kind = BACKUP_KEY_PASSPHRASE;
    assert_int_equal(backup_key_open(&secret, &about, key), ERR_DENIED);
    about.seal.kind = BACKUP_KEY_NONE;
    assert_int_equal(backup_key_open(&secret, &about, key), ERR_NOT_FOUND);
    free(made.data);
    kv_close(&kv);
}

static void test_key_file_is_made_and_kept_from_others(void **state)
{
    char folder[] = "/tmp/test-backup-XXXXXX", path[64], problem[BACKUP_PROBLEM_LEN];
    struct backup_secret one, two;
    struct stat info;
    bool is_made = false;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/key", folder);
    assert_int_equal(backup_key_file(path, &one, NULL, problem), ERR_NOT_FOUND);
    assert_int_equal(backup_key_file(path, &one, &is_made, problem), 0);
    assert_true(is_made);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(backup_key_file(path, &two, &is_made, problem), 0);
    assert_false(is_made);
    assert_memory_equal(one.octets, two.octets, BACKUP_FILE_KEY_LEN);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(backup_key_file(path, &two, NULL, problem), ERR_DENIED);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(truncate(path, 40), 0);
    assert_int_equal(backup_key_file(path, &two, NULL, problem), ERR_INVALID);
    unlink(path);
    rmdir(folder);
}

static int stop_at_once(void *user, const void *data, size_t len)
{
    (void)data;
    (void)len;
    return *(int *)user;
}

static void test_write_ends_when_it_cannot_go_on(void **state)
{
    struct backup_progress progress = {0};
    struct backup_about about = {0};
    struct octets made = {0};
    struct kv kv;
    int full = ERR_IO;

    (void)state;
    make_state(&kv, SETS);
    assert_int_equal(backup_describe(&kv, &about), 0);
    assert_int_equal(backup_write(&kv, &about, NULL, stop_at_once, &full), ERR_IO);
    atomic_store(&progress.is_stopped, true);
    assert_int_equal(backup_write(&kv, &about, &progress, append, &made), ERR_CLOSED);
    free(made.data);
    kv_close(&kv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_load_gives_what_was_written),
        cmocka_unit_test(test_load_beyond_the_memory_allowed_is_refused),
        cmocka_unit_test(test_read_any_flipped_bit_is_found),
        cmocka_unit_test(test_read_any_cut_is_found),
        cmocka_unit_test(test_read_newer_version_is_refused),
        cmocka_unit_test(test_read_parts_that_are_none_are_refused),
        cmocka_unit_test(test_load_zone_that_miscounts_is_refused),
        cmocka_unit_test(test_load_value_that_is_none_is_refused),
        cmocka_unit_test(test_key_opens_only_by_what_sealed_it),
        cmocka_unit_test(test_key_file_is_made_and_kept_from_others),
        cmocka_unit_test(test_write_ends_when_it_cannot_go_on),
    };

    return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
