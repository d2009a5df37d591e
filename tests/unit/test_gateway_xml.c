/* links: gateway
 *
 * XML in and out: hostile bodies are bounded, what is written can be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "gateway/xml_reader.h"
#include "gateway/xml_writer.h"

#define MEMORY_MAX (32u << 20)

static struct arena *arena;
static const struct xml_element *root;
static const char *problem;

static int setup(void **state)
{
    (void)state;
    arena = arena_new(MEMORY_MAX);
    root = NULL;
    problem = NULL;
    return arena ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(arena);
    return 0;
}

static int read_text(const char *text)
{
    return xml_read(arena, text, strlen(text), &root, &problem);
}

/* ---- reading ---- */

static void test_read_elements_texts_and_order(void **state)
{
    (void)state;
    assert_int_equal(read_text("<?xml version='1.0' encoding='latin1'?>\n"
                               "<r:Root xmlns:r=\"https://x/\" xmlns='y'><!-- no -->\n"
                               "  <A>one &amp; &#x32;</A>\n  <B/><A><![CDATA[<two>]]></A>\n"
                               "  <C><D> d </D></C>\n</r:Root>\n"),
                     0);
    assert_string_equal(root->name, "Root");
    assert_string_equal(root->text, "");
    assert_int_equal(root->child_count, 4);
    assert_string_equal(xml_child_text(root, "A"), "one & 2");
    assert_string_equal(xml_child_text(root, "B"), "");
    assert_null(xml_child_text(root, "Z"));
    assert_string_equal(xml_child(root, "B")->next->text, "<two>");
    assert_string_equal(xml_child_text(xml_child(root, "C"), "D"), " d ");
    assert_null(xml_child(NULL, "A"));
}

static void test_read_what_is_not_well_formed_is_invalid(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        " ",
        "x",
        "<",
        "<a>",
        "<a></b>",
        "<a/><b/>",
        "<a>&lt</a>",
        "<a>&unknown;</a>",
        "<a>&#0;</a>",
        "<a b=1/>",
        "<a b='1' b='2'/>",
        "<a>\x01</a>",
        "<a>\xff</a>",
        "<a>\xc0\x80</a>",
        "\xff\xfe<\0a\0/\0>\0",
        "<a/>trailing",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (read_text(texts[i]) != ERR_INVALID)
            fail_msg("'%s' was read", texts[i]);
        assert_non_null(problem);
    }
}

/* So long that libxml2 passes on what it has before the end, of which there is nothing. */
static void test_read_a_broken_cdata_is_invalid(void **state)
{
    static const char head[] = "<a><![CDATA[";
    char text[600];

    (void)state;
    memset(text, 0xa3, sizeof(text));
    memcpy(text, head, sizeof(head) - 1);
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(read_text(text), ERR_INVALID);
}

static void test_read_a_document_type_is_refused(void **state)
{
    (void)state;
    assert_int_equal(read_text("<!DOCTYPE a [<!ENTITY x 'y'>]><a>&x;</a>"), ERR_INVALID);
    assert_string_equal(problem, "a document type is not accepted");
    assert_int_equal(read_text("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"), ERR_INVALID);
    assert_string_equal(problem, "a document type is not accepted");
    assert_int_equal(read_text("<!DOCTYPE a [<!ENTITY % x SYSTEM 'http://127.0.0.1/'> %x;]><a/>"),
                     ERR_INVALID);
}

static void test_read_depth_is_bounded(void **state)
{
    (void)state;
    char text[2 * (XML_READ_DEPTH_MAX + 1) * 4 + 1] = "";
    size_t len = 0;

    for (unsigned i = 0; i < XML_READ_DEPTH_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "<a>");
    size_t half = len;
    for (unsigned i = 0; i < XML_READ_DEPTH_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "</a>");
    assert_int_equal(read_text(text), 0);
    snprintf(text + half, sizeof(text) - half, "<a>");
    assert_int_equal(read_text(text), ERR_LIMIT);
}

/* "<r>" and @count times @piece. */
static char *repeat(const char *piece, size_t count)
{
    char *text = malloc(count * strlen(piece) + 16);
    char *to = stpcpy(text, "<r>");

    for (size_t i = 0; i < count; i++)
        to = stpcpy(to, piece);
    stpcpy(to, "</r>");
    return text;
}

static void test_read_elements_are_bounded(void **state)
{
    (void)state;
    char *text = repeat("<a/>", XML_READ_ELEMENTS_MAX - 1);

    assert_int_equal(read_text(text), 0);
    assert_int_equal(root->child_count, XML_READ_ELEMENTS_MAX - 1);
    free(text);
    arena_reset(arena);
    text = repeat("<a/>", XML_READ_ELEMENTS_MAX);
    assert_int_equal(read_text(text), ERR_LIMIT);
    free(text);
}

static void test_read_many_attributes_are_refused_at_once(void **state)
{
    (void)state;
    char *text = malloc(2000000);
    char *to = stpcpy(text, "<!-- <a \" --><r ");

    for (int i = 0; i < 100000; i++)
        to += snprintf(to, 20, "a%d='>' ", i);
    stpcpy(to, "/>");
    assert_int_equal(read_text(text), ERR_LIMIT);
    assert_string_equal(problem, "there are too many attributes");
    free(text);
    assert_int_equal(read_text("<r a='1' b='2' c='========================================'/>"), 0);
}

static void test_read_memory_is_bounded(void **state)
{
    (void)state;
    char *text = repeat("<abcdefgh>01234567890123456789</abcdefgh>", 60000);

    arena_free(arena);
    arena = arena_new(1u << 20);
    assert_int_equal(read_text(text), ERR_NOMEM);
    free(text);
}

static void test_read_number_and_bool(void **state)
{
    (void)state;
    int64_t number = 7;
    bool value = false;

    assert_true(xml_read_number("-5", -5, 5, &number));
    assert_int_equal(number, -5);
    assert_true(xml_read_number("+5", -5, 5, &number));
    assert_int_equal(number, 5);
    static const char *const bad[] = {
        "", "-", " 1", "1 ", "0x1", "6", "1e1", "--1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(xml_read_number(bad[i], -5, 5, &number));
    assert_int_equal(number, 5);
    assert_true(xml_read_bool("True", &value) && value);
    assert_true(xml_read_bool("0", &value) && !value);
    assert_false(xml_read_bool("yes", &value));
    assert_false(xml_read_bool("", &value));
}

/* ---- writing ---- */

static char *taken(struct xml_writer *xml)
{
    size_t len = 0;
    char *text = xml_writer_take(xml, &len);

    if (text)
        assert_int_equal(len, strlen(text));
    return text;
}

static void test_write_elements_of_every_kind(void **state)
{
    (void)state;
    struct xml_writer xml;

    xml_writer_init(&xml, 4096);
    xml_declaration(&xml);
    xml_open_in(&xml, "R", "https://x/");
    xml_text(&xml, "T", "a<b>&\"c\"\r");
    xml_format(&xml, "F", "%s/%d", "x", 5);
    xml_number(&xml, "N", UINT64_MAX);
    xml_signed(&xml, "S", -7);
    xml_bool(&xml, "B", true);
    xml_time(&xml, "W", 1490636896751);
    xml_name(&xml, "D", (const uint8_t *)"\1*\3X_b\2de");
    xml_close(&xml);
    char *text = taken(&xml);
    assert_string_equal(text, "<?xml version=\"1.0\"?>\n<R xmlns=\"https://x/\">"
                              "<T>a&lt;b&gt;&amp;&quot;c&quot;&#13;</T><F>x/5</F>"
                              "<N>18446744073709551615</N><S>-7</S><B>true</B>"
                              "<W>2017-03-27T17:48:16.751Z</W><D>\\052.x_b.de.</D></R>");
    free(text);
    xml_writer_fini(&xml);
}

static void test_write_what_xml_cannot_hold_is_replaced(void **state)
{
    (void)state;
    struct xml_writer xml;

    xml_writer_init(&xml, 4096);
    xml_text_len(&xml, "T", "a\0b\x1f\xff\xc3\xa4\xed\xa0\x80\xef\xbf\xbf\xe2\x82", 15);
    char *text = taken(&xml);
    assert_string_equal(text, "<T>a\xef\xbf\xbd"
                              "b\xef\xbf\xbd\xef\xbf\xbd\xc3\xa4"
                              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                              "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"
                              "\xef\xbf\xbd\xef\xbf\xbd</T>");
    assert_int_equal(read_text(text), 0);
    free(text);
}

static void test_write_past_the_bound_fails_at_the_end(void **state)
{
    (void)state;
    struct xml_writer xml;

    xml_writer_init(&xml, 20000);
    xml_open(&xml, "R");
    for (int i = 0; i < 5000; i++)
        xml_text(&xml, "T", "text");
    xml_close(&xml);
    assert_true(xml.is_failed);
    assert_null(taken(&xml));
    xml_text(&xml, "T", "again"); /* it begins anew */
    char *text = taken(&xml);
    assert_string_equal(text, "<T>again</T>");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_read_elements_texts_and_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_what_is_not_well_formed_is_invalid, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_read_a_broken_cdata_is_invalid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_a_document_type_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_depth_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_elements_are_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_many_attributes_are_refused_at_once, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_read_memory_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(test_read_number_and_bool, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_elements_of_every_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_write_what_xml_cannot_hold_is_replaced, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_write_past_the_bound_fails_at_the_end, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
