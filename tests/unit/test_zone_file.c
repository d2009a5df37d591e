/* links: zone dns base */
/* Zone files in and out: syntax, includes, messages, and import(export(z)) = z for every type. */
#include "base/err.h"
#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_text.h"
#include "zone/zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t APEX[] = "\007example";
static char folder[64];
/* NULL, or what keeps the scanner from file to file: every case runs both ways. */
static struct zone_file_scratch *scratch;

/* Messages, one a line: "FILE:LINE: text", files without their folder. */
struct messages {
    char text[16384];
    unsigned count;
};

static void note(struct messages *messages, const char *level, const char *file, uint64_t line,
                 const char *text)
{
    const char *slash = strrchr(file, '/');
    size_t used = strlen(messages->text);

    messages->count++;
    snprintf(messages->text + used, sizeof(messages->text) - used, "%s %s:%llu: %s\n", level,
             slash ? slash + 1 : file, (unsigned long long)line, text);
}

static void on_error(void *user, const char *file, uint64_t line, const char *text)
{
    note(user, "error", file, line, text);
}

static void on_warning(void *user, const char *file, uint64_t line, const char *text)
{
    note(user, "warning", file, line, text);
}

static void path_of(const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/%s", folder, name);
}

static void write_file(const char *name, const char *text)
{
    char path[128];
    path_of(name, path, sizeof(path));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int read_zone(const char *name, struct messages *messages, struct zone_collection **out,
                     uint64_t *error_count)
{
    const struct zone_collection_report report = {
        .error = on_error, .warning = on_warning, .user = messages, .scratch = scratch};
    char path[128];

    memset(messages, 0, sizeof(*messages));
    path_of(name, path, sizeof(path));
    return zone_collection_read(path, APEX, 3600, &report, out, error_count);
}

static void assert_says(const struct messages *messages, const char *text)
{
    if (!strstr(messages->text, text))
        fail_msg("missing \"%s\" in:\n%s", text, messages->text);
}

#define HEAD "$TTL 300\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\n"

static void test_collection_lines_merge_into_sorted_sets(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    size_t count;

    (void)state;
    write_file("merge",
               HEAD "WWW 60 A 192.0.2.2\nns1 A 192.0.2.9\nwww 30 A 192.0.2.1\n"
                    "www A 192.0.2.2\n a.www TXT \"x\"\n$ORIGIN sub.example.\nb TXT ( one\n"
                    " \"t;wo\" ) ; comment\n");
    assert_int_equal(read_zone("merge", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "error merge:"); /* " a.www" has no owner in column one */
    write_file("merge", HEAD "WWW 60 A 192.0.2.2\nns1 A 192.0.2.9\nwww 30 A 192.0.2.1\n"
                             "www A 192.0.2.2\n$ORIGIN sub.example.\nb TXT ( one\n"
                             " \"t;wo\" ) ; comment\n");
    int err = read_zone("merge", &messages, &zone, &errors);
    if (err != 0)
        fail_msg("%s", messages.text);
    assert_says(&messages, "warning merge:4: www.example. A: TTLs differ");
    assert_says(&messages, "warning merge:7: www.example. A: the same record is there twice");
    const struct zone_record_set *sets = zone_collection_sets(zone, &count);
    assert_int_equal(count, 5);
    assert_int_equal(sets[0].type, DNS_TYPE_SOA);
    assert_int_equal(sets[1].type, DNS_TYPE_NS);
    assert_memory_equal(sets[3].name, "\001b\003sub\007example", 15);
    assert_memory_equal(sets[3].rdatas[0].data, "\003one\004t;wo", 9);
    assert_int_equal(sets[4].ttl_s, 30);
    assert_int_equal(sets[4].rdata_count, 2);
    zone_collection_free(zone);
}

/* RFC 4034 6.2: in other case it is the same record, which stays as it came first. */
static void test_collection_record_in_other_case_merges(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    size_t count;

    (void)state;
    write_file("case", HEAD "m MX 1 Mail\nm MX 1 b\nm MX 1 mail\nm MX 1 MAIL\n"
                            "g TYPE8 \\# 3 014200\ng TYPE8 \\# 3 016200\n"
                            "h HTTPS 1 b\nh HTTPS 1 B\n");
    int err = read_zone("case", &messages, &zone, &errors);
    if (err != 0)
        fail_msg("%s", messages.text);
    assert_says(&messages, "warning case:6: m.example. MX: the same record is there twice");
    assert_says(&messages, "warning case:7: m.example. MX: the same record is there twice");
    assert_says(&messages, "warning case:9: g.example. TYPE8: the same record is there twice");
    assert_int_equal(messages.count, 3);
    const struct zone_record_set *sets = zone_collection_sets(zone, &count);
    assert_int_equal(count, 5);
    assert_int_equal(sets[2].rdata_count, 1);
    assert_memory_equal(sets[2].rdatas[0].data, "\1B", 3);
    assert_int_equal(sets[3].rdata_count, 2);
    assert_int_equal(sets[4].rdata_count, 2);
    assert_memory_equal(sets[4].rdatas[1].data, "\0\1\4Mail", 7);
    zone_collection_free(zone);
}

static void test_collection_all_errors_are_reported_with_lines(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;

    (void)state;
    write_file("bad",
               HEAD "a A 192.0.2\nb A 192.0.2.1\nb CNAME a\nc NOSUCH x\nwww.other. A "
                    "192.0.2.1\nd CH TXT x\ne TYPE65280 \\# 2 0\nf.d DNAME x\ng.f.d TXT y\n");
    assert_int_equal(read_zone("bad", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "error bad:4: ");
    assert_says(&messages, "b.example. CNAME: CNAME cannot stand beside other records");
    assert_says(&messages, "error bad:7: ");
    assert_says(&messages, "error bad:8: www.other. A: the name is not within the zone");
    assert_says(&messages, "error bad:9: ");
    assert_says(&messages, "error bad:10: ");
    assert_says(&messages, "warning bad:12: g.f.d.example. TXT: never seen: it is below a DNAME");
    assert_int_equal(errors, 6);
    write_file("empty", "; nothing\n");
    assert_int_equal(read_zone("empty", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "a zone needs its SOA record");
    assert_int_equal(read_zone("missing", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "cannot read");
}

/* An order with many runs, whatever it is, becomes the canonical one. */
static void test_collection_lines_in_any_order_are_sorted(void **state)
{
    enum { COUNT = 997 };
    struct messages messages;
    struct zone_collection *zone;
    char *text = malloc(COUNT * 32 + 200);
    size_t count;

    (void)state;
    assert_non_null(text);
    int len = snprintf(text, 200, "%s", HEAD);
    for (unsigned i = 0; i < COUNT; i++)
        len += snprintf(text + len, 32, "n%03u A 192.0.2.%u\n", i * 331 % COUNT, i % 256);
    write_file("order", text);
    free(text);
    assert_int_equal(read_zone("order", &messages, &zone, NULL), 0);
    const struct zone_record_set *sets = zone_collection_sets(zone, &count);
    assert_int_equal(count, COUNT + 2);
    for (size_t i = 1; i < count; i++)
        assert_true(zone_record_set_compare(&sets[i - 1], &sets[i]) < 0);
    zone_collection_free(zone);
}

static void test_collection_error_list_is_bounded(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    char *text = malloc(20000);

    (void)state;
    assert_non_null(text);
    int len = snprintf(text, 20000, "%s", HEAD);
    for (unsigned i = 0; i < 1000; i++)
        len += snprintf(text + len, 20000 - (size_t)len, "a A 1.2.3\n");
    write_file("many", text);
    free(text);
    assert_int_equal(read_zone("many", &messages, &zone, &errors), ERR_INVALID);
    assert_int_equal(errors, 1000);
    assert_int_equal(messages.count, ZONE_FILE_ERRORS_MAX);
}

static void test_include_is_relative_and_keeps_origin(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    size_t count;

    (void)state;
    write_file("outer", HEAD "$INCLUDE inner sub.example.\nafter A 192.0.2.3\n");
    write_file("inner", "in A 192.0.2.1\n$ORIGIN other.sub.example.\nb A 192.0.2.2\n");
    assert_int_equal(read_zone("outer", &messages, &zone, &errors), 0);
    const struct zone_record_set *sets = zone_collection_sets(zone, &count);
    assert_int_equal(count, 5);
    assert_memory_equal(sets[2].name, "\005after\007example", 15);
    assert_memory_equal(sets[3].name, "\002in\003sub\007example", 16);
    assert_memory_equal(sets[4].name, "\001b\005other\003sub\007example", 21);
    zone_collection_free(zone);
}

static void test_include_cycle_depth_and_missing_are_errors(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    char name[16], text[32];

    (void)state;
    write_file("cycle", HEAD "$INCLUDE cycle2\n$INCLUDE nosuch\n");
    write_file("cycle2", "$INCLUDE cycle\n");
    assert_int_equal(read_zone("cycle", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "error cycle2:1: ");
    assert_says(&messages, "includes itself");
    assert_says(&messages, "error cycle:5: cannot read");
    assert_int_equal(errors, 2);
    for (unsigned i = 0; i < ZONE_FILE_INCLUDE_DEPTH_MAX + 2; i++) {
        snprintf(name, sizeof(name), "deep%u", i);
        snprintf(text, sizeof(text), "$INCLUDE deep%u\n", i + 1);
        write_file(name, text);
    }
    assert_int_equal(read_zone("deep0", &messages, &zone, &errors), ERR_INVALID);
    assert_says(&messages, "error deep15:1: $INCLUDE is nested too deep");
}

/* One of each type, with the odd things that each can hold. */
static const char ALL_TYPES[] = HEAD
    "ns1 A 192.0.2.1\n AAAA 2001:db8::1\nh HINFO \"pc\" \"lin\\\"ux\"\nm MX 10 mail\n"
    "t TXT \"a\\000b\\255\" \"c;d\" \"\" \"\\\\\"\n* CNAME t\ns SRV 1 2 3 ns1\n"
    "n NAPTR 100 10 \"u\" \"sip+E2U\" \"!^.*$!sip:info@example.com!\" .\n"
    "l LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m\n"
    "a APL 1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00::/8\nc CERT PKIX 1 RSASHA256 AQID\n"
    "d NS ns1\nd DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118\n"
    "k DNSKEY 256 3 5 AQPSKmynfzW4kyBv\n"
    "f SSHFP 2 1 123456789abcdef67890123456789abcdef67890\n"
    "i IPSECKEY 10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==\n"
    "i2 IPSECKEY 10 3 2 my.gateway AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==\n"
    "r RRSIG A 5 3 86400 20360322173103 20030220173103 2642 example. oJB1W6WNGv+ldvQ3\n"
    "ne NSEC host.example. A MX RRSIG NSEC TYPE1234\n"
    "n3 NSEC3 1 1 12 aabbccdd 2vptu5timamqttgl4luu9kg21e0aor3s A RRSIG\n"
    "np NSEC3PARAM 1 0 12 -\ntl TLSA 3 1 1 d2abde240d7cd3ee\nsm SMIMEA 3 1 1 d2abde240d\n"
    "cd CDS 0 0 0 00\nck CDNSKEY 0 3 0 AA==\no OPENPGPKEY AQIDBA==\ncs CSYNC 66 3 A NS AAAA\n"
    "z ZONEMD 2018031900 1 1 62e6cf51b02e54b9b5f967d547ce43136792901f9f88e637493daaf401c92c27"
    "9dd10f0edb1c56f8080211f8480ee306\n"
    "sv SVCB 16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1 "
    "ech=\"AQID\" key667=\"hello\\210qoo\" port=53\n"
    "ht HTTPS 1 . alpn=\"f\\\\\\\\oo\\\\,bar,h2\" ipv6hint=2001:db8::1 no-default-alpn\n"
    "e4 EUI48 00-00-5e-00-53-2a\ne6 EUI64 00-00-5e-ef-10-00-00-2a\nni NID 10 0014:4fff:ff20:ee64\n"
    "l3 L32 10 10.1.2.0\nl6 L64 10 2001:0DB8:1140:1000\nlp LP 10 l64-subnet1.example.com.\n"
    "u URI 10 1 \"ftp://ftp1.example.com/pub\\\"lic\"\nca CAA 0 issue \"ca.example.net; a=2\"\n"
    "un TYPE65280 \\# 4 0a000001\nun2 TYPE65280 \\# 0\naf AFSDB 1 x\nrt RT 1 x\nkx KX 1 x\n"
    "mi MINFO a b\nrp RP a b\npt PTR x\\.y.Z\ndn DNAME x\nke KEY 256 3 5 AQPS\n"
    "dh DHCID AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=\nsp SPF \"v=spf1\"\n"
    "\\000\\255\\.\\\"\\;\\@\\$ A 192.0.2.1\nmd TYPE3 \\# 3 016100\n";

static void write_zone(const char *name, const struct zone_record_set *sets, size_t count)
{
    char path[128];
    path_of(name, path, sizeof(path));
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(zone_file_write_begin(file, APEX), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(zone_file_write_set(file, &sets[i]), 0);
    fclose(file);
}

static void assert_same_sets(const struct zone_record_set *a, const struct zone_record_set *b,
                             size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(zone_record_set_compare(&a[i], &b[i]), 0);
        assert_int_equal(a[i].ttl_s, b[i].ttl_s);
        assert_int_equal(a[i].rdata_count, b[i].rdata_count);
        for (unsigned j = 0; j < a[i].rdata_count; j++) {
            assert_int_equal(a[i].rdatas[j].len, b[i].rdatas[j].len);
            assert_memory_equal(a[i].rdatas[j].data, b[i].rdatas[j].data, b[i].rdatas[j].len);
        }
    }
}

/* Write sets, read them back: nothing changed, nothing said. */
static void assert_round_trip(const struct zone_record_set *sets, size_t count)
{
    struct messages messages;
    struct zone_collection *again;
    uint64_t errors;
    size_t again_count;

    write_zone("again", sets, count);
    int err = read_zone("again", &messages, &again, &errors);
    if (err != 0 || messages.count > 0)
        fail_msg("%s", messages.text);
    const struct zone_record_set *again_sets = zone_collection_sets(again, &again_count);
    assert_int_equal(again_count, count);
    assert_same_sets(again_sets, sets, count);
    zone_collection_free(again);
}

static void test_write_then_read_every_type_is_the_same(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    size_t count;

    (void)state;
    write_file("all", ALL_TYPES);
    int err = read_zone("all", &messages, &zone, &errors);
    if (err != 0)
        fail_msg("%s", messages.text);
    const struct zone_record_set *sets = zone_collection_sets(zone, &count);
    assert_true(count >= 50);
    assert_round_trip(sets, count);
    zone_collection_free(zone);
}

/* ---- generated zones ---- */

static uint64_t random_state = 42;

static unsigned draw(unsigned limit)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)((random_state >> 11) % limit);
}

static void draw_octets(uint8_t *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(draw(2) ? draw(8) : draw(256));
}

/* Binary labels, not at a wildcard, lower case. */
static void draw_name(unsigned index, uint8_t *out)
{
    uint8_t label[8] = {6, 'x'};

    draw_octets(label + 2, 3);
    label[5] = (uint8_t)(index >> 8);
    label[6] = (uint8_t)index;
    assert_true(dns_name_join(label, 7, APEX, out) > 0);
    dns_name_lower(out, out);
}

static int compare_sets(const void *a, const void *b)
{
    return zone_record_set_compare(a, b);
}

#define GENERATED 300

struct generated {
    struct zone_record_set sets[GENERATED + 2];
    struct zone_rdata rdatas[GENERATED + 2];
    uint8_t names[GENERATED][DNS_NAME_MAX];
    uint8_t octets[GENERATED][64];
};

/* Sets of octets that the grammars happen to take, of any type. */
static size_t generate(struct generated *zone)
{
    static const uint8_t SOA[] = "\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5";
    static const uint8_t NS[] = "\2ns\7example";
    size_t count = 2;

    zone->rdatas[0] = (struct zone_rdata){SOA, 22};
    zone->rdatas[1] = (struct zone_rdata){NS, 12};
    zone->sets[0] = (struct zone_record_set){.name = APEX,
                                             .type = DNS_TYPE_SOA,
                                             .rdata_count = 1,
                                             .ttl_s = 1,
                                             .rdatas = &zone->rdatas[0]};
    zone->sets[1] = (struct zone_record_set){.name = APEX,
                                             .type = DNS_TYPE_NS,
                                             .rdata_count = 1,
                                             .ttl_s = 1,
                                             .rdatas = &zone->rdatas[1]};
    for (unsigned i = 0; i < GENERATED;) {
        uint16_t type = (uint16_t)(draw(10) ? 1 + draw(110) : 256 + draw(2));
        uint16_t len = (uint16_t)draw(40);
        struct zone_problem problem;
        draw_octets(zone->octets[i], len);
        draw_name(i, zone->names[i]);
        zone->rdatas[count] = (struct zone_rdata){zone->octets[i], len};
        zone->sets[count] = (struct zone_record_set){.name = zone->names[i],
                                                     .type = type,
                                                     .rdata_count = 1,
                                                     .ttl_s = draw(1u << 31),
                                                     .rdatas = &zone->rdatas[count]};
        if (type == DNS_TYPE_DS || zone_rules_check_set(APEX, &zone->sets[count], &problem) != 0)
            continue;
        count++;
        i++;
    }
    qsort(zone->sets, count, sizeof(zone->sets[0]), compare_sets);
    return count;
}

static void test_write_then_read_generated_zones_is_the_same(void **state)
{
    static struct generated zone;

    (void)state;
    for (unsigned round = 0; round < 30; round++)
        assert_round_trip(zone.sets, generate(&zone));
}

/* As a shell's <(command) is: what one read took out of it, no other finds. */
static void test_collection_is_read_from_a_pipe(void **state)
{
    struct messages messages;
    struct zone_collection *zone;
    uint64_t errors;
    size_t count;
    int ends[2];

    (void)state;
    write_file("part", "www A 192.0.2.2\n");
    assert_int_equal(pipe(ends), 0);
    assert_true(dprintf(ends[1], HEAD "$INCLUDE %s/part\nlast A 192.0.2.1\n", folder) > 0);
    close(ends[1]);
    char path[32];
    (void)snprintf(path, sizeof(path), "/dev/fd/%d", ends[0]);
    const struct zone_collection_report report = {
        .error = on_error, .warning = on_warning, .user = &messages, .scratch = scratch};
    memset(&messages, 0, sizeof(messages));
    int err = zone_collection_read(path, APEX, 3600, &report, &zone, &errors);
    close(ends[0]);
    if (err != 0)
        fail_msg("%s", messages.text);
    zone_collection_sets(zone, &count);
    assert_int_equal(count, 4);
    zone_collection_free(zone);
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/quartet-zone-file-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", folder);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_collection_lines_merge_into_sorted_sets),
        cmocka_unit_test(test_collection_record_in_other_case_merges),
        cmocka_unit_test(test_collection_all_errors_are_reported_with_lines),
        cmocka_unit_test(test_collection_lines_in_any_order_are_sorted),
        cmocka_unit_test(test_collection_error_list_is_bounded),
        cmocka_unit_test(test_include_is_relative_and_keeps_origin),
        cmocka_unit_test(test_include_cycle_depth_and_missing_are_errors),
        cmocka_unit_test(test_collection_is_read_from_a_pipe),
        cmocka_unit_test(test_write_then_read_every_type_is_the_same),
        cmocka_unit_test(test_write_then_read_generated_zones_is_the_same),
    };
    int failed = cmocka_run_group_tests_name("a scanner for each file", tests, set_up, tear_down);
    scratch = zone_file_scratch_new();
    assert_non_null(scratch);
    failed += cmocka_run_group_tests_name("one scanner for all", tests, set_up, tear_down);
    zone_file_scratch_free(scratch);
    return failed;
}
