/* tests/lib/test_exchange.h: one question to query_answer(), the reply parsed by libknot and as
 * text. Any surprise fails the cmocka test that runs. The zones are those of
 * test_exchange_publisher. */
#pragma once

#include "dns/answer.h"
#include "query.h"

#include <libknot/libknot.h>
#include <stdbool.h>
#include <stdint.h>

struct ask {
    const char *name;
    uint16_t type;
    uint16_t class;        /* 0: IN */
    uint16_t header_flags; /* added to RD */
    uint16_t edns_size;    /* 0: no EDNS */
    uint8_t edns_version;
    bool is_dnssec_ok;
    enum query_proto proto;
    const void *options; /* data of the OPT record */
    uint16_t options_len;
    const struct query_env *env; /* the rest of it; NULL: nothing */
};
#define ASK_OPTIONS(literal) .options = literal, .options_len = sizeof(literal) - 1

#define TEST_REQUEST_SIZE 1024u

struct zone_publisher;
extern struct zone_publisher *test_exchange_publisher;

/* Group fixtures: an empty image, and this thread as its reader. */
int test_exchange_set_up(void **state);
int test_exchange_tear_down(void **state);

/* The request's octets; returns how many. */
uint16_t test_exchange_request(const struct ask *ask, uint8_t request[TEST_REQUEST_SIZE]);
/* Send any octets; the writer's octets live until the next call. */
enum query_outcome test_exchange_send(const struct ask *ask, const uint8_t *request,
                                      uint16_t request_len, struct dns_writer *reply);
/* Ask, parse and check what every reply must be; the caller frees the packet. */
knot_pkt_t *test_exchange_ask(const struct ask *ask, enum query_outcome *outcome);
/* "NOERROR aa tc", then "AN", "AU" or "AD" lines: answer, authority, additional without OPT. The
 * caller frees. */
char *test_exchange_render(const knot_pkt_t *packet);
/* Ask, and the rendered reply must be @expected. */
void test_exchange_expect(const struct ask *ask, enum query_outcome outcome, const char *expected);
/* The same for the options of the reply alone: "CODE:HEX" lines in order of code, "" for none, "-"
 * without OPT. */
void test_exchange_expect_options(const struct ask *ask, uint16_t rcode, const char *expected);
