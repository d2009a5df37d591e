/* Class CH: what the node says about itself, if it says anything (RFC 4892, RFC 8906 7).
 * links: query test_exchange */
#include "dns/type.h"
#include "lib/test_exchange.h"
#include "lib/test_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct query_texts texts = {.identity = "ns1.example", .version = "quartet 1"};
static const struct query_texts identity_only = {.identity = "ns1.example", .version = ""};
static const struct query_env both = {.texts = &texts};
static const struct query_env one = {.texts = &identity_only};
static const struct query_env nothing = {.texts = NULL};

struct chaos_case {
    const struct query_env *env;
    const char *name;
    uint16_t type;
    const char *reply;
};

static const struct chaos_case cases[] = {
    {&both, "version.bind.", DNS_TYPE_TXT, "NOERROR\nAN version.bind. 0 CH TXT \"quartet 1\"\n"},
    {&both, "VERSION.server.", DNS_TYPE_TXT,
     "NOERROR\nAN VERSION.server. 0 CH TXT \"quartet 1\"\n"}, /* RFC 4343 */
    {&both, "hostname.bind.", DNS_TYPE_ANY,
     "NOERROR\nAN hostname.bind. 0 CH TXT \"ns1.example\"\n"},
    {&both, "id.server.", DNS_TYPE_TXT, "NOERROR\nAN id.server. 0 CH TXT \"ns1.example\"\n"},
    {&one, "id.server.", DNS_TYPE_TXT, "NOERROR\nAN id.server. 0 CH TXT \"ns1.example\"\n"},
    {&one, "version.bind.", DNS_TYPE_TXT, "REFUSED\n"},
    {&nothing, "version.bind.", DNS_TYPE_TXT, "REFUSED\n"},
    {&nothing, "id.server.", DNS_TYPE_TXT, "REFUSED\n"},
    /* nothing else is there, also where class IN has it */
    {&both, "version.bind.", DNS_TYPE_A, "REFUSED\n"},
    {&both, "version.bind.", DNS_TYPE_AXFR, "REFUSED\n"},
    {&both, "authors.bind.", DNS_TYPE_TXT, "REFUSED\n"},
    {&both, "x.version.bind.", DNS_TYPE_TXT, "REFUSED\n"},
    {&both, "bind.", DNS_TYPE_SOA, "REFUSED\n"},
    {&both, ".", DNS_TYPE_TXT, "REFUSED\n"},
    {&both, "example.com.", DNS_TYPE_TXT, "REFUSED\n"},
};

static void test_chaos_every_case_over_udp_and_tcp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (unsigned variant = 0; variant < 3; variant++) {
            const struct ask asked = {.name = cases[i].name,
                                      .type = cases[i].type,
                                      .class = DNS_CLASS_CH,
                                      .edns_size = variant == 1 ? 1232 : 0,
                                      .proto = variant == 2 ? QUERY_TCP : QUERY_UDP,
                                      .env = cases[i].env};
            const bool is_answer = strncmp(cases[i].reply, "NOERROR", 7) == 0;
            test_exchange_expect(&asked, is_answer ? QUERY_ANSWERED : QUERY_REJECTED,
                                 cases[i].reply);
        }
}

static void test_chaos_names_mean_nothing_in_other_classes(void **state)
{
    (void)state;
    static const uint16_t classes[] = {DNS_CLASS_IN, 4, DNS_CLASS_NONE, DNS_CLASS_ANY};
    for (size_t i = 0; i < sizeof classes / sizeof *classes; i++) {
        const struct ask asked = {
            .name = "version.bind.", .type = DNS_TYPE_TXT, .class = classes[i], .env = &both};
        test_exchange_expect(&asked, QUERY_REJECTED, "REFUSED\n");
    }
}

static void test_chaos_longest_text_fits_512_octets(void **state)
{
    (void)state;
    char text[QUERY_TEXT_MAX + 1], reply[512];
    memset(text, 'v', QUERY_TEXT_MAX);
    text[QUERY_TEXT_MAX] = '\0';
    const struct query_texts long_texts = {.version = text};
    const struct query_env env = {.texts = &long_texts};
    const struct ask asked = {
        .name = "version.server.", .type = DNS_TYPE_TXT, .class = DNS_CLASS_CH, .env = &env};
    snprintf(reply, sizeof reply, "NOERROR\nAN version.server. 0 CH TXT \"%s\"\n", text);
    test_exchange_expect(&asked, QUERY_ANSWERED, reply);
}

static int set_up(void **state)
{
    test_exchange_set_up(state);
    test_image_serve(test_exchange_publisher, "example.com.",
                     "@ 60 SOA ns host 1 7200 900 1209600 60\n@ 60 TXT \"in\"\n");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chaos_every_case_over_udp_and_tcp),
        cmocka_unit_test(test_chaos_names_mean_nothing_in_other_classes),
        cmocka_unit_test(test_chaos_longest_text_fits_512_octets),
    };
    return cmocka_run_group_tests(tests, set_up, test_exchange_tear_down);
}
