/* links: geo base */
/* Databases are written by MaxMind's own writer (lib/geo_databases.pl), then also damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/err.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/latency.h"
#include "geo/location.h"
#include "geo/mmdb_data.h"
#include "geo/record.h"
#include "geo/region.h"
#include "geo/view.h"

#define NOW_S 1800000000u
#define FILE_SIZE_MAX 8192u

static char folder[] = "/tmp/quartet-test-geo-XXXXXX";
static char damaged[32]; /* path of a file in memory */
static int damaged_fd;

static void path_of(const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", folder, name);
}

static struct geo_database *load(const char *name)
{
    char path[128], error[GEO_ERROR_SIZE] = "";
    struct geo_database *database = NULL;
    path_of(name, path);
    if (geo_database_load(path, NOW_S, &database, error) != 0)
        fail_msg("%s", error);
    assert_string_equal(error, "");
    return database;
}

static const struct geo_location *find(const struct geo_database *database, const char *text,
                                       unsigned *scope)
{
    struct prefix prefix;
    const char *reason = "";
    assert_int_equal(prefix_parse(text, &prefix, &reason), 0);
    struct geo_address address = {.bits = prefix.len, .is_ipv6 = prefix.is_ipv6};
    memcpy(address.octets, prefix.octets, sizeof address.octets);
    const struct geo_fetch fetch = geo_database_prefetch(database, &address);
    geo_fetch_more(&fetch);
    return geo_database_find(database, &address, scope);
}

/* @wanted: "EU FR FR-IDF 4886,235 /23", "-" for what is not known, "~" before a centroid; or
 * "nowhere /8". */
static void expect(const struct geo_database *database, const char *address, const char *wanted)
{
    char text[160], keys[3][GEO_KEY_TEXT_SIZE];
    unsigned scope = 999;
    const struct geo_location *location = find(database, address, &scope);
    if (location == NULL) {
        snprintf(text, sizeof text, "nowhere /%u", scope);
    } else {
        geo_key_format(location->continent_key, keys[0]);
        geo_key_format(location->country_key, keys[1]);
        geo_key_format(location->subdivision_key, keys[2]);
        snprintf(text, sizeof text, "%s %s %s %s%d,%d /%u",
                 location->continent_key != GEO_KEY_NONE ? keys[0] + strlen("continent ") : "-",
                 location->country_key != GEO_KEY_NONE ? keys[1] + strlen("country ") : "-",
                 location->subdivision_key != GEO_KEY_NONE ? keys[2] : "-",
                 location->is_centroid ? "~" : "", location->latitude_cdeg,
                 location->longitude_cdeg, scope);
    }
    if (strcmp(text, wanted) != 0)
        fail_msg("%s: %s, not %s", address, text, wanted);
}

static void test_database_load_nested_layout(void **state)
{
    (void)state;
    struct geo_database *database = load("nested.mmdb");
    expect(database, "192.0.2.1", "EU FR FR-IDF 4886,235 /24");
    expect(database, "192.0.2.200", "EU FR FR-IDF 4886,235 /24");
    expect(database, "198.51.100.0/24", "NA US US-WA 4761,-12233 /24");
    expect(database, "203.0.113.1", "EU TR - 4101,2898 /26"); /* Route 53's continent */
    expect(database, "203.0.113.77", "AF KE - ~-2,3791 /32");
    expect(database, "203.0.113.78", "nowhere /31");
    expect(database, "203.0.113.0/24", "EU TR - 4101,2898 /24");
    expect(database, "10.0.0.1", "nowhere /1");
    expect(database, "2001:db8::1", "EU FR FR-IDF 4886,235 /62");
    expect(database, "2001:db8:0:7::1", "OC NZ NZ-AUK -3685,17476 /65");
    expect(database, "2001:db8:0:7:8000::", "EU FR FR-IDF 4886,235 /65");
    expect(database, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "SA BR - ~-1424,-5193 /128");
    geo_database_unref(geo_database_ref(database));
    geo_database_unref(database);
    geo_database_unref(NULL);
}

/* The writer made 2002::/16, ::ffff:0:0/96 and Teredo lead to the IPv4 tree. */
static void test_database_load_aliases_of_ipv4_are_left_out(void **state)
{
    (void)state;
    struct geo_database *database = load("nested.mmdb");
    const struct geo_database_about *about = geo_database_about(database);
    expect(database, "2002:c000:0201::1", "nowhere /15");
    expect(database, "2001:0:c000:0201::", "nowhere /21");
    expect(database, "::192.0.2.1", "nowhere /3");
    /* The writer joins the two halves of 192.0.2.0/24. What is left of 2001:db8::/32 around the
     * /65 is 33 prefixes. */
    assert_int_equal(about->prefixes, 4 + 33 + 1 + 1);
    geo_database_unref(database);
}

static void test_database_about_says_what_the_file_is(void **state)
{
    (void)state;
    char path[128];
    struct geo_database *database = load("nested.mmdb");
    const struct geo_database_about *about = geo_database_about(database);
    path_of("nested.mmdb", path);
    assert_string_equal(about->path, path);
    assert_string_equal(about->type, "Test-City");
    assert_string_equal(about->description, "for tests");
    assert_true(about->built_wall_s > 1700000000u);
    assert_int_equal(about->loaded_wall_s, NOW_S);
    assert_int_equal(about->locations, 6);
    assert_true(about->memory_octets > 100 && about->memory_octets < 100000);
    assert_true(about->has_country && about->has_subdivision && about->has_coordinates);
    geo_database_unref(database);
}

static void test_database_load_flat_layout(void **state)
{
    (void)state;
    struct geo_database *database = load("flat.mmdb");
    expect(database, "0.0.0.0", "EU DE - ~5117,1045 /1");
    expect(database, "127.255.255.255", "EU DE - ~5117,1045 /1");
    expect(database, "192.0.2.1", "NA US US-NY 4050,-7425 /24");
    expect(database, "192.0.3.1", "NA US US-CA ~3709,-9571 /24");
    expect(database, "192.0.4.1", "EU FR - ~4623,221 /24"); /* a name, not a code */
    expect(database, "192.0.5.1", "OC ZZ - -32768,-32768 /24");
    expect(database, "192.0.6.1", "nowhere /23");
    expect(database, "255.255.255.255", "AS JP - ~3620,13825 /32");
    expect(database, "255.255.255.254", "nowhere /32");
    expect(database, "2001:db8::1", "nowhere /0");
    assert_false(geo_database_about(database)->has_coordinates == 0);
    geo_database_unref(database);
}

static void test_database_load_flat_layout_of_text(void **state)
{
    (void)state;
    struct geo_database *database = load("text.mmdb");
    expect(database, "10.1.2.3", "NA US US-TX 3125,-9950 /8");
    expect(database, "2001:db8::1", "NA CA - ~5613,-10635 /48");
    geo_database_unref(database);
}

/* Some makers have a country's name beside its code, in fields of either order. */
static void test_record_code_stays_where_a_name_follows(void **state)
{
    (void)state;
    static const uint8_t octets[] = "\xe4\x4c"
                                    "country_code"
                                    "\x42"
                                    "FR"
                                    "\x47"
                                    "country"
                                    "\x46"
                                    "France"
                                    "\x4e"
                                    "continent_code"
                                    "\x42"
                                    "OC"
                                    "\x49"
                                    "continent"
                                    "\x46"
                                    "Europe";
    struct mmdb_data data = {.octets = octets, .len = sizeof octets - 1, .budget = 100};
    struct geo_location location;
    bool is_somewhere = false;
    assert_int_equal(geo__record_read(&data, 0, &location, &is_somewhere), 0);
    assert_true(is_somewhere);
    assert_int_equal(location.country_key, geo_country_key("FR"));
    assert_int_equal(location.continent_key, geo_continent_key("EU")); /* of France */
}

static void expect_refused(const char *path, int wanted, const char *words)
{
    char error[GEO_ERROR_SIZE] = "";
    struct geo_database *database = NULL;
    assert_int_equal(geo_database_load(path, NOW_S, &database, error), wanted);
    assert_null(database);
    if (strstr(error, words) == NULL || strncmp(error, path, strlen(path)) != 0)
        fail_msg("'%s' lacks '%s'", error, words);
}

static void write_damaged(const uint8_t *octets, size_t len)
{
    assert_int_equal(ftruncate(damaged_fd, 0), 0);
    assert_int_equal(pwrite(damaged_fd, octets, len, 0), len);
}

static size_t read_file(const char *name, uint8_t *octets)
{
    char path[128];
    path_of(name, path);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t len = fread(octets, 1, FILE_SIZE_MAX, file);
    fclose(file);
    assert_in_range(len, 100, FILE_SIZE_MAX - 1);
    return len;
}

static void test_database_load_what_is_no_database_is_refused(void **state)
{
    (void)state;
    char path[128];
    expect_refused("/nonexistent/geo.mmdb", ERR_NOT_FOUND, "No such file");
    expect_refused(folder, ERR_INVALID, "is not a file");
    expect_refused("/dev/null", ERR_INVALID, "is not a file");
    path_of("asn.mmdb", path);
    expect_refused(path, ERR_INVALID, "says nothing about places (database type 'Test-ASN')");
    write_damaged((const uint8_t *)"", 0);
    expect_refused(damaged, ERR_INVALID, "is empty");
    write_damaged((const uint8_t *)"hello\n", 6);
    expect_refused(damaged, ERR_INVALID, "is not a MaxMind-format database");
    write_damaged((const uint8_t *)"\xab\xcd\xefMaxMind.com", 14);
    expect_refused(damaged, ERR_INVALID, "metadata is broken");
}

static void test_database_load_tree_in_circles_is_refused(void **state)
{
    (void)state;
    static uint8_t octets[FILE_SIZE_MAX];
    const size_t len = read_file("flat.mmdb", octets);
    memcpy(octets + 6, "\0\0\1", 3); /* node 1's left one is node 1 */
    write_damaged(octets, len);
    expect_refused(damaged, ERR_INVALID, "goes round in circles");
    memset(octets, 0xff, 3);
    write_damaged(octets, len);
    expect_refused(damaged, ERR_INVALID, "is broken");
}

/* Each of 30 lists names the next one twice: a thousand million values in 300 octets. */
static void test_database_load_metadata_that_multiplies_is_refused(void **state)
{
    (void)state;
    static uint8_t octets[FILE_SIZE_MAX] = "\xab\xcd\xefMaxMind.com\xe1\x41x";
    size_t len = 14 + 3;
    for (unsigned level = 0; level < 30; level++) {
        const unsigned next = 3 + 6 * (level + 1);
        const uint8_t list[] = {0x02,
                                0x04,
                                (uint8_t)(0x20 | next >> 8),
                                (uint8_t)next,
                                (uint8_t)(0x20 | next >> 8),
                                (uint8_t)next};
        memcpy(octets + len, list, sizeof list);
        len += sizeof list;
    }
    memcpy(octets + len, "\x41x", 2);
    write_damaged(octets, len + 2);
    expect_refused(damaged, ERR_INVALID, "metadata is broken");
}

/* JSON takes no octets that are not UTF-8, terminals no control characters. */
static void test_database_about_can_be_shown(void **state)
{
    (void)state;
    static const char text[] = "for tests";
    char error[GEO_ERROR_SIZE] = "";
    uint8_t octets[FILE_SIZE_MAX];
    struct geo_database *database = NULL;
    const size_t len = read_file("flat.mmdb", octets);
    uint8_t *at = memmem(octets, len, text, strlen(text));
    assert_non_null(at);
    memcpy(at, "f\xe9r\x1b", 4); /* Latin-1 */
    write_damaged(octets, len);
    assert_int_equal(geo_database_load(damaged, NOW_S, &database, error), 0);
    assert_string_equal(geo_database_about(database)->description, "f?r?tests");
    geo_database_unref(database);
}

static void look_everywhere(const struct geo_database *database)
{
    unsigned scope;
    static const char *const addresses[] = {"0.0.0.0", "192.0.2.1",   "255.255.255.255",
                                            "::",      "2001:db8::1", "ffff::"};
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
        find(database, addresses[i], &scope);
}

/* Refused or not, nothing else may happen. */
static void load_damaged(const uint8_t *octets, size_t len, unsigned *loaded)
{
    char error[GEO_ERROR_SIZE] = "";
    struct geo_database *database = NULL;
    write_damaged(octets, len);
    const int err = geo_database_load(damaged, NOW_S, &database, error);
    assert_int_equal(err == 0, error[0] == '\0');
    assert_int_equal(err == 0, database != NULL);
    if (database == NULL)
        return;
    look_everywhere(database);
    geo_database_unref(database);
    ++*loaded;
}

static void test_database_load_damaged_files_do_no_harm(void **state)
{
    (void)state;
    static const char *const names[] = {"nested.mmdb", "flat.mmdb", "text.mmdb"};
    static uint8_t octets[FILE_SIZE_MAX];
    for (size_t file = 0; file < 3; file++) {
        unsigned loaded = 0;
        const size_t len = read_file(names[file], octets);
        for (size_t at = 0; at < len; at++) {
            const uint8_t octet = octets[at];
            octets[at] = (uint8_t)~octet;
            load_damaged(octets, len, &loaded);
            octets[at] = (uint8_t)(octet ^ 1u << at % 8);
            load_damaged(octets, len, &loaded);
            octets[at] = octet;
            if (at % 4 == 0)
                load_damaged(octets, at, &loaded);
        }
        assert_in_range(loaded, 1, 2 * len); /* some damage is in names, some must be noticed */
    }
}

static void test_view_holds_its_parts(void **state)
{
    (void)state;
    struct geo_view parts = {.database = load("nested.mmdb")};
    struct geo_database *database = geo_database_ref(parts.database);
    assert_int_equal(geo_regions_new(NULL, &parts.regions), 0);
    assert_int_equal(geo_latency_new(NULL, 0, 1, &parts.latency), 0);
    assert_int_equal(geo_cidr_with(NULL, 1, NULL, &parts.cidr), 0);
    struct geo_view *view = geo_view_new(&parts);
    assert_non_null(view);
    assert_ptr_equal(view->database, database);
    geo_view_unref(geo_view_ref(view));
    geo_view_unref(view);
    expect(database, "192.0.2.1", "EU FR FR-IDF 4886,235 /24"); /* by our own reference */
    geo_database_unref(database);
    view = geo_view_new(&(const struct geo_view){.database = NULL});
    assert_non_null(view);
    geo_view_unref(view);
    geo_view_unref(NULL);
}

static int make_databases(void **state)
{
    (void)state;
    char command[1024];
    damaged_fd = memfd_create("damaged", MFD_CLOEXEC);
    snprintf(damaged, sizeof damaged, "/proc/self/fd/%d", damaged_fd);
    if (damaged_fd < 0 || mkdtemp(folder) == NULL)
        return -1;
    snprintf(command, sizeof command, "perl '%s/geo_databases.pl' '%s'", TEST_LIB_DIR, folder);
    return system(command);
}

static int remove_databases(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_database_load_nested_layout),
        cmocka_unit_test(test_database_load_aliases_of_ipv4_are_left_out),
        cmocka_unit_test(test_database_about_says_what_the_file_is),
        cmocka_unit_test(test_database_load_flat_layout),
        cmocka_unit_test(test_database_load_flat_layout_of_text),
        cmocka_unit_test(test_record_code_stays_where_a_name_follows),
        cmocka_unit_test(test_database_about_can_be_shown),
        cmocka_unit_test(test_database_load_what_is_no_database_is_refused),
        cmocka_unit_test(test_database_load_tree_in_circles_is_refused),
        cmocka_unit_test(test_database_load_metadata_that_multiplies_is_refused),
        cmocka_unit_test(test_database_load_damaged_files_do_no_harm),
        cmocka_unit_test(test_view_holds_its_parts),
    };
    return cmocka_run_group_tests(tests, make_databases, remove_databases);
}
