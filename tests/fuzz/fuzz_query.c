/* Any request octets against an example image, by UDP and TCP: what is sent back must be a reply to
 * it that libknot can parse. links: query test_image */
#include "query.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "lib/test_image.h"
#include "zone/image.h"

#include <libknot/libknot.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Short names, so that random requests find them. */
static const char zone_text[] = "@ 60 SOA n h 1 7200 900 1209600 60\n"
                                "@ 60 NS n\n"
                                "n 60 A 192.0.2.1\n"
                                "c 60 CNAME d\n"
                                "d 60 CNAME e.y.\n"
                                "*.w 60 A 192.0.2.2\n"
                                "*.v 60 CNAME c\n"
                                "a.e 60 TXT \"t\"\n"
                                "s 60 NS n.s\n"
                                "s 60 NS n.y.\n"
                                "n.s 60 AAAA 2001:db8::1\n"
                                "s 60 DS 1 8 2 "
                                "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF\n"
                                "m 60 DNAME q.m\n"
                                "l 60 CNAME l\n"
                                "t 60 TXT \"0123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"1123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"2123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"3123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"4123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"5123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"6123456789012345678901234567890123456789012345678\"\n"
                                "t 60 TXT \"7123456789012345678901234567890123456789012345678\"\n";
static const char other_text[] = "@ 60 SOA n h 1 7200 900 1209600 60\n"
                                 "@ 60 NS n\n"
                                 "e 60 DNAME x.\n";

static struct zone_publisher *example_image(void)
{
    static struct zone_publisher *publisher;
    if (publisher == NULL) {
        publisher = test_image_new();
        test_image_serve(publisher, "x.", zone_text);
        test_image_serve(publisher, "y.", other_text);
        zone_reader_register();
    }
    return publisher;
}

/* Octets that the client's OPT allows, as libknot reads it. */
static uint32_t size_limit(const uint8_t *request, size_t len)
{
    uint32_t limit = 512;
    knot_pkt_t *packet = knot_pkt_new(NULL, (uint16_t)len, NULL);
    ASSERT(packet != NULL);
    memcpy(packet->wire, request, len);
    packet->size = len;
    if (knot_pkt_parse(packet, 0) == KNOT_EOK && packet->opt_rr != NULL)
        limit = knot_edns_get_payload(packet->opt_rr);
    knot_pkt_free(packet);
    return limit < 512 ? 512 : limit > 1232 ? 1232 : limit;
}

static void check_reply(const uint8_t *request, size_t len, const struct dns_writer *reply,
                        enum query_outcome outcome)
{
    uint8_t *octets = reply->octets;
    knot_pkt_t *packet = knot_pkt_new(octets, (uint16_t)reply->len, NULL);
    ASSERT(packet != NULL && knot_pkt_parse(packet, KNOT_PF_NOCANON) == KNOT_EOK);
    ASSERT(memcmp(octets, request, 2) == 0);
    ASSERT(knot_wire_get_qr(octets) && !knot_wire_get_ra(octets));
    ASSERT(!knot_wire_get_rd(octets) == !knot_wire_get_rd(request));
    ASSERT(knot_wire_get_opcode(octets) == knot_wire_get_opcode(request));
    ASSERT(knot_pkt_ext_rcode(packet) == reply->rcode);
    ASSERT(outcome != QUERY_REFERRED || !knot_wire_get_aa(octets));
    if (knot_wire_get_qdcount(octets) == 1) {
        size_t question_len = knot_dname_size(knot_pkt_qname(packet)) + 4;
        ASSERT(len >= DNS_HEADER_LEN + question_len);
        ASSERT(memcmp(octets + DNS_HEADER_LEN, request + DNS_HEADER_LEN, question_len) == 0);
    } else {
        ASSERT(outcome == QUERY_REJECTED);
    }
    knot_pkt_free(packet);
}

static void ask(const uint8_t *request, size_t len, enum query_proto proto)
{
    static uint8_t first[DNS_MESSAGE_MAX], second[DNS_MESSAGE_MAX];
    struct dns_writer reply = {.octets = first, .capacity = sizeof first};
    struct dns_writer again = {.octets = second, .capacity = sizeof second};
    struct query_env env = {.image = zone_image_read_begin(example_image()), .proto = proto};

    enum query_outcome outcome = query_answer(&env, request, (uint16_t)len, &reply);
    ASSERT(query_answer(&env, request, (uint16_t)len, &again) == outcome);
    zone_image_read_end();
    ASSERT((outcome == QUERY_DROPPED) == (len < DNS_HEADER_LEN || (request[2] & 0x80) != 0));
    if (outcome == QUERY_DROPPED)
        return;
    ASSERT(outcome != QUERY_FAILED);
    ASSERT(reply.len == again.len && memcmp(first, second, reply.len) == 0);
    if (proto == QUERY_UDP)
        ASSERT(reply.len <= size_limit(request, len) || outcome == QUERY_REJECTED);
    ASSERT(proto == QUERY_UDP || !knot_wire_get_tc(first));
    check_reply(request, len, &reply, outcome);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > UINT16_MAX)
        return 0;
    ask(data, len, QUERY_UDP);
    ask(data, len, QUERY_TCP);
    return 0;
}
