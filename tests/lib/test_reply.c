#include "lib/test_reply.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "lib/test_image.h"
#include "lib/test_route.h"
#include "zone/image.h"

#include <libknot/libknot.h>
#include <string.h>

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
                                "t 60 TXT \"7123456789012345678901234567890123456789012345678\"\n"
                                "o 60 MX 1 n\n"
                                "o 60 MX 2 N.s\n"
                                "o 60 SRV 1 1 53 n\n"
                                "h 60 HTTPS 0 i\n"
                                "i 60 HTTPS 1 .\n"
                                "i 60 AAAA 2001:db8::2\n";
static const char other_text[] = "@ 60 SOA n h 1 7200 900 1209600 60\n"
                                 "@ 60 NS n\n"
                                 "e 60 DNAME x.\n";

/* Groups of every policy, trees, circles. */
static const char routes_text[] =
    "gw 60 A a weighted weight=1 check=1 = 192.0.2.1\ngw 60 A b weighted weight=2 = 192.0.2.2\n"
    "gk 60 A a weighted weight=1 sticky check=1 = 192.0.2.1\n"
    "gk 60 A b weighted weight=2 sticky check=2 = 192.0.2.2\n"
    "gl 60 A a latency region=128 check=2 = 192.0.2.1\ngl 0 A b latency region=130 => gw\n"
    "gg 60 A a geo place=EU closed = 192.0.2.1\ngg 60 A b geo place=US closed = 192.0.2.2\n"
    "gp 60 A a near at=10,10 bias=5 answers=3 check=3 = 192.0.2.1\n"
    "gp 0 A b near region=129 answers=3 => gm\n"
    "gf 60 A a failover last-good check=4 = 192.0.2.1\n"
    "gf 0 A b failover last-good secondary => gw\n"
    "gm 60 A a multi check=5 = 192.0.2.1; 192.0.2.2\ngm 30 A b multi check=6 = 192.0.2.2\n"
    "gi 60 A a cidr cidr=7/a fallback=gf check=7 = 192.0.2.1\n"
    "gi 60 A b cidr cidr=7/* fallback=gf check=8 = 192.0.2.2\n"
    "gs 60 TXT - simple check=1 = \"t\"\n"
    "ga 0 A - simple -> gl\nga 0 MX - simple => o\n"
    "gc 60 CNAME a weighted weight=1 check=1 = ga\ngc 60 CNAME b weighted weight=1 = gl\n"
    "go 0 A a weighted weight=1 => go\nq 0 A a weighted weight=1 => r\n"
    "r 0 A a failover => q\n*.g 0 A - simple -> w.w\ngx 0 A - simple -> e.z.\n";

struct zone_publisher *test_reply_image(void)
{
    static struct zone_publisher *publisher;
    if (publisher == NULL) {
        publisher = test_image_new();
        test_image_serve(publisher, "x.", zone_text);
        test_image_serve(publisher, "y.", other_text);
        zone_reader_register();
        test_route_put(publisher, "x.", routes_text);
    }
    return publisher;
}

bool test_reply_is_due(const uint8_t *request, size_t len)
{
    return len >= DNS_HEADER_LEN && !knot_wire_get_qr(request);
}

/* Octets that the client's OPT allows, as libknot reads it. */
static uint32_t size_limit(const uint8_t *request, size_t len)
{
    uint32_t limit = DNS_UDP_SIZE_MIN;
    knot_pkt_t *packet = knot_pkt_new(NULL, (uint16_t)len, NULL);
    ASSERT(packet != NULL);
    memcpy(packet->wire, request, len);
    packet->size = len;
    if (knot_pkt_parse(packet, 0) == KNOT_EOK && packet->opt_rr != NULL)
        limit = knot_edns_get_payload(packet->opt_rr);
    knot_pkt_free(packet);
    limit = limit < DNS_UDP_SIZE_MIN ? DNS_UDP_SIZE_MIN : limit;
    return limit > DNS_UDP_SIZE_MAX ? DNS_UDP_SIZE_MAX : limit;
}

static knot_pkt_t *parse(const uint8_t *reply, size_t reply_len)
{
    knot_pkt_t *packet = knot_pkt_new((void *)(uintptr_t)reply, (uint16_t)reply_len, NULL);
    ASSERT(packet != NULL && knot_pkt_parse(packet, KNOT_PF_NOCANON) == KNOT_EOK);
    return packet;
}

uint16_t test_reply_rcode(const uint8_t *reply, size_t reply_len)
{
    knot_pkt_t *packet = parse(reply, reply_len);
    uint16_t rcode = knot_pkt_ext_rcode(packet);
    knot_pkt_free(packet);
    return rcode;
}

void test_reply_check(const uint8_t *request, size_t len, const uint8_t *reply, size_t reply_len,
                      bool is_udp)
{
    ASSERT(reply_len <= (is_udp ? size_limit(request, len) : DNS_MESSAGE_MAX));
    knot_pkt_t *packet = parse(reply, reply_len);
    ASSERT(memcmp(reply, request, 2) == 0);
    ASSERT(knot_wire_get_qr(reply) && !knot_wire_get_ra(reply));
    ASSERT(!knot_wire_get_rd(reply) == !knot_wire_get_rd(request));
    ASSERT(knot_wire_get_opcode(reply) == knot_wire_get_opcode(request));
    ASSERT(is_udp || !knot_wire_get_tc(reply));
    if (knot_wire_get_qdcount(reply) == 1) {
        size_t question_len = knot_dname_size(knot_pkt_qname(packet)) + 4;
        ASSERT(len >= DNS_HEADER_LEN + question_len);
        ASSERT(memcmp(reply + DNS_HEADER_LEN, request + DNS_HEADER_LEN, question_len) == 0);
    }
    knot_pkt_free(packet);
}
