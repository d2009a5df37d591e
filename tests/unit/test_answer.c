/* The reply writer: header, whole sets, owner pointers, limits, OPT; read back with libknot.
 * links: dns */
#include "dns/answer.h"

#include <libknot/libknot.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Two A records of "the question", TTL 300. */
static const uint8_t a_octets[] = {
    0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 192, 0, 2, 1,
    0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 1, 0x2c, 0, 4, 192, 0, 2, 2,
};
static const struct dns_rrset a_set = {
    .octets = a_octets, .octets_len = sizeof a_octets, .count = 2};

static uint8_t buffer[DNS_MESSAGE_MAX];

static struct dns_question question_of(const char *text, bool has_edns)
{
    static uint8_t name[DNS_NAME_MAX];
    struct dns_question question = {.id = 0xbeef,
                                    .flags = DNS_FLAG_RD | DNS_FLAG_CD | DNS_FLAG_AD,
                                    .type = DNS_TYPE_A,
                                    .class = DNS_CLASS_IN,
                                    .name = name,
                                    .has_edns = has_edns,
                                    .edns_size = 1232};
    int len = dns_name_parse(text, NULL, name);
    assert_true(len > 0);
    question.name_len = (uint16_t)len;
    return question;
}

static struct dns_writer writer_of(const struct dns_question *question, uint32_t size_max)
{
    struct dns_writer writer = {.octets = buffer, .capacity = sizeof buffer};
    dns_answer_begin(&writer, question, size_max);
    return writer;
}

/* Finish and parse; freed by the caller. */
static knot_pkt_t *parse(struct dns_writer *writer)
{
    dns_answer_finish(writer);
    knot_pkt_t *packet = knot_pkt_new(writer->octets, (uint16_t)writer->len, NULL);
    assert_non_null(packet);
    assert_int_equal(knot_pkt_parse(packet, 0), KNOT_EOK);
    return packet;
}

static void test_begin_copies_what_belongs_to_the_client(void **state)
{
    (void)state;
    struct dns_question question = question_of("WwW.Example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(knot_wire_get_id(packet->wire), 0xbeef);
    assert_true(knot_wire_get_qr(packet->wire) && knot_wire_get_rd(packet->wire));
    assert_false(knot_wire_get_cd(packet->wire));
    assert_false(knot_wire_get_aa(packet->wire) || knot_wire_get_ra(packet->wire));
    assert_false(knot_wire_get_ad(packet->wire) || knot_wire_get_tc(packet->wire));
    assert_memory_equal(writer.octets + 12, "\3WwW\7Example\0\0\1\0\1", 17);
    assert_null(packet->opt_rr);
    knot_pkt_free(packet);
}

static void test_begin_without_question_is_a_header(void **state)
{
    (void)state;
    struct dns_question question = {.id = 7, .flags = DNS_OPCODE_UPDATE << DNS_OPCODE_SHIFT};
    struct dns_writer writer = writer_of(&question, 512);
    writer.rcode = DNS_RCODE_NOTIMP;
    dns_answer_finish(&writer);
    assert_int_equal(writer.len, 12);
    assert_memory_equal(writer.octets, "\0\7\xa8\4\0\0\0\0\0\0\0\0", 12);
}

static void test_add_copies_and_counts(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    assert_memory_equal(writer.octets + writer.body_at, a_octets, sizeof a_octets);
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(knot_wire_get_ancount(packet->wire), 2);
    knot_pkt_free(packet);
}

static void test_add_under_suffix_points_into_the_question(void **state)
{
    (void)state;
    struct dns_question question = question_of("a.b.example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner full = dns_answer_question_owner(&question);
    struct dns_owner owner = dns_answer_suffix_owner(&full, question.name + 4);
    assert_true(dns_answer_add(&writer, DNS_SECTION_AUTHORITY, &owner, &a_set));
    knot_pkt_t *packet = parse(&writer);
    const knot_pktsection_t *authority = knot_pkt_section(packet, KNOT_AUTHORITY);
    assert_int_equal(authority->count, 2);
    for (uint16_t i = 0; i < 2; i++)
        assert_true(
            knot_dname_is_equal(knot_pkt_rr(authority, i)->owner, (const uint8_t *)"\7example\0"));
    knot_pkt_free(packet);
}

static void test_add_beyond_16_kib_writes_the_name(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", false);
    struct dns_writer writer = writer_of(&question, DNS_MESSAGE_MAX);
    struct dns_owner owner = dns_answer_question_owner(&question);
    while (writer.len <= 0x3fff)
        assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    const uint8_t *target = (const uint8_t *)"\6target\3far\0";
    assert_true(dns_answer_add_cname(&writer, &owner, 60, target));
    struct dns_owner far = dns_answer_last_owner(&writer, target);
    assert_int_equal(far.offset, writer.len - 12);
    uint32_t before = writer.len;
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &far, &a_set));
    assert_int_equal(writer.len - before, sizeof a_octets + 2 * (12 - 2));
    knot_pkt_t *packet = parse(&writer);
    const knot_pktsection_t *answer = knot_pkt_section(packet, KNOT_ANSWER);
    for (unsigned i = 1; i <= 2; i++)
        assert_true(
            knot_dname_is_equal(knot_pkt_rr(answer, (uint16_t)(answer->count - i))->owner, target));
    knot_pkt_free(packet);

    /* And nothing of it when it does not fit. */
    writer = writer_of(&question, DNS_MESSAGE_MAX);
    writer.limit = writer.len + sizeof a_octets + 19;
    assert_false(dns_answer_add(&writer, DNS_SECTION_ANSWER, &far, &a_set));
    assert_int_equal(writer.len, writer.body_at);
    assert_int_equal(writer.counts[DNS_SECTION_ANSWER], 0);
}

static void test_add_is_all_or_nothing_and_leaves_room_for_opt(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", true);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    unsigned added = 0;
    while (dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set))
        added++;
    assert_int_equal(added, (512 - 29 - DNS_OPT_LEN) / sizeof a_octets);
    assert_int_equal(writer.counts[DNS_SECTION_ANSWER], 2 * added);
    knot_pkt_t *packet = parse(&writer);
    assert_true(writer.len <= 512);
    assert_non_null(packet->opt_rr);
    assert_int_equal(knot_edns_get_payload(packet->opt_rr), DNS_UDP_SIZE_MAX);
    assert_int_equal(knot_edns_get_version(packet->opt_rr), 0);
    assert_false(knot_edns_do(packet->opt_rr));
    knot_pkt_free(packet);
}

static void test_add_one_replaces_the_ttl(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    struct dns_rrset one = a_set;
    one.count = 1;
    one.octets_len /= 2;
    assert_true(dns_answer_add_one(&writer, DNS_SECTION_AUTHORITY, &owner, &one, 0x01020304));
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(knot_pkt_rr(knot_pkt_section(packet, KNOT_AUTHORITY), 0)->ttl, 0x01020304);
    knot_pkt_free(packet);
}

static void test_add_from_turns_the_set(void **state)
{
    (void)state;
    struct dns_question question = question_of("a.example.", false);
    struct dns_owner owner = dns_answer_question_owner(&question);
    struct dns_writer writer = writer_of(&question, 512);
    assert_true(dns_answer_add_from(&writer, DNS_SECTION_ANSWER, &owner, &a_set, 0));
    assert_memory_equal(writer.octets + writer.body_at, a_octets, sizeof a_octets);
    assert_true(dns_answer_add_from(&writer, DNS_SECTION_ANSWER, &owner, &a_set, 1));
    assert_memory_equal(writer.octets + writer.body_at + 32, a_octets + 16, 16);
    assert_memory_equal(writer.octets + writer.body_at + 48, a_octets, 16);
    assert_int_equal(writer.counts[DNS_SECTION_ANSWER], 4);
    /* all or nothing, also where only the first part fits */
    writer.limit = writer.len + 20;
    assert_false(dns_answer_add_from(&writer, DNS_SECTION_ANSWER, &owner, &a_set, 1));
    assert_int_equal(writer.len, writer.body_at + 64);
    assert_int_equal(writer.counts[DNS_SECTION_ANSWER], 4);
}

static void test_rewind_forgets_what_came_since(void **state)
{
    (void)state;
    struct dns_question question = question_of("a.example.", false);
    struct dns_owner owner = dns_answer_question_owner(&question);
    struct dns_writer writer = writer_of(&question, 512);
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    const struct dns_mark mark = dns_answer_mark(&writer, DNS_SECTION_ANSWER);
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    dns_answer_rewind(&writer, DNS_SECTION_ANSWER, &mark);
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(knot_pkt_section(packet, KNOT_ANSWER)->count, 2);
    knot_pkt_free(packet);
}

static void test_finish_extended_code_is_split(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", true);
    question.is_dnssec_ok = true;
    struct dns_writer writer = writer_of(&question, 512);
    writer.rcode = DNS_RCODE_BADVERS;
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(knot_pkt_ext_rcode(packet), KNOT_RCODE_BADVERS);
    assert_true(knot_edns_do(packet->opt_rr));
    knot_pkt_free(packet);
}

/* Octet by octet as many records fit as without options, less the options' length. */
static void test_add_option_takes_its_room_from_the_records(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", true);
    struct dns_owner owner = dns_answer_question_owner(&question);
    for (uint16_t option_len = 0; option_len < 64; option_len++) {
        struct dns_writer writer = writer_of(&question, 512);
        memset(dns_answer_add_option(&writer, 65001, option_len), 'a', option_len);
        memset(dns_answer_add_option(&writer, 65002, 3), 'b', 3);
        const uint32_t room = 512 - 29 - DNS_OPT_LEN - 4 - option_len - 4 - 3;
        unsigned added = 0;
        while (dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set))
            added++;
        assert_int_equal(added, room / sizeof a_octets);
        knot_pkt_t *packet = parse(&writer);
        assert_int_equal(writer.len, 29 + added * sizeof a_octets + DNS_OPT_LEN + 11 + option_len);
        const uint8_t *first = knot_edns_get_option(packet->opt_rr, 65001, NULL);
        const uint8_t *second = knot_edns_get_option(packet->opt_rr, 65002, NULL);
        assert_true(first != NULL && second != NULL);
        assert_int_equal(knot_edns_opt_get_length(first), option_len);
        for (unsigned i = 0; i < option_len; i++)
            assert_int_equal(first[4 + i], 'a');
        assert_memory_equal(second + 4, "bbb", 3);
        knot_pkt_free(packet);
    }
}

static void test_clear_keeps_the_question(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    dns_answer_clear(&writer);
    knot_pkt_t *packet = parse(&writer);
    assert_int_equal(writer.len, 12 + 13 + 4);
    assert_int_equal(knot_wire_get_ancount(packet->wire), 0);
    knot_pkt_free(packet);
}

/* However full the reply is, so wherever its options stood before they were moved. */
static void test_truncate_keeps_question_opt_and_code(void **state)
{
    (void)state;
    for (unsigned sets = 0; sets < 15; sets++) {
        struct dns_question question = question_of("www.example.", true);
        struct dns_writer writer = writer_of(&question, 512);
        struct dns_owner owner = dns_answer_question_owner(&question);
        memcpy(dns_answer_add_option(&writer, 65001, 8), "abcdefgh", 8);
        for (unsigned i = 0; i < sets; i++)
            (void)dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set);
        writer.rcode = DNS_RCODE_NXDOMAIN;
        dns_answer_finish(&writer);
        dns_answer_truncate(&writer);
        assert_int_equal(writer.len, 29 + DNS_OPT_LEN + 4 + 8);
        knot_pkt_t *packet = knot_pkt_new(writer.octets, (uint16_t)writer.len, NULL);
        assert_non_null(packet);
        assert_int_equal(knot_pkt_parse(packet, 0), KNOT_EOK);
        assert_true(knot_wire_get_tc(packet->wire) && knot_wire_get_rd(packet->wire));
        assert_int_equal(knot_wire_get_rcode(packet->wire), KNOT_RCODE_NXDOMAIN);
        assert_int_equal(knot_wire_get_ancount(packet->wire), 0);
        assert_int_equal(knot_wire_get_arcount(packet->wire), 1);
        const uint8_t *option = knot_edns_get_option(packet->opt_rr, 65001, NULL);
        assert_non_null(option);
        assert_memory_equal(option + 4, "abcdefgh", 8);
        knot_pkt_free(packet);
    }
}

static void test_truncate_without_edns_leaves_the_question(void **state)
{
    (void)state;
    struct dns_question question = question_of("www.example.", false);
    struct dns_writer writer = writer_of(&question, 512);
    struct dns_owner owner = dns_answer_question_owner(&question);
    assert_true(dns_answer_add(&writer, DNS_SECTION_ANSWER, &owner, &a_set));
    dns_answer_finish(&writer);
    dns_answer_truncate(&writer);
    assert_int_equal(writer.len, 29);
    assert_memory_equal(writer.octets + 4, "\0\1\0\0\0\0\0\0", 8);
    assert_true(knot_wire_get_tc(writer.octets));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_begin_copies_what_belongs_to_the_client),
        cmocka_unit_test(test_begin_without_question_is_a_header),
        cmocka_unit_test(test_add_copies_and_counts),
        cmocka_unit_test(test_add_under_suffix_points_into_the_question),
        cmocka_unit_test(test_add_beyond_16_kib_writes_the_name),
        cmocka_unit_test(test_add_is_all_or_nothing_and_leaves_room_for_opt),
        cmocka_unit_test(test_add_one_replaces_the_ttl),
        cmocka_unit_test(test_add_from_turns_the_set),
        cmocka_unit_test(test_rewind_forgets_what_came_since),
        cmocka_unit_test(test_finish_extended_code_is_split),
        cmocka_unit_test(test_add_option_takes_its_room_from_the_records),
        cmocka_unit_test(test_clear_keeps_the_question),
        cmocka_unit_test(test_truncate_keeps_question_opt_and_code),
        cmocka_unit_test(test_truncate_without_edns_leaves_the_question),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
