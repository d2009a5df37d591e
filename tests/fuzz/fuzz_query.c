/* Any request octets against an example image, by UDP and TCP: what is sent back must be a reply to
 * it that libknot can parse, and the same when others are answered beside it.
 * links: query test_image */
#include "query.h"

#include "base/assert.h"
#include "dns/answer.h"
#include "dns/cookie.h"
#include "dns/type.h"
#include "lib/test_image.h"
#include "zone/image.h"

#include <libknot/libknot.h>
#include <netinet/in.h>
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
        ASSERT(outcome == QUERY_REJECTED || reply->rcode == DNS_RCODE_NOERROR);
        ASSERT(reply->len <= DNS_HEADER_LEN + DNS_OPT_LEN + DNS_OPTIONS_MAX);
    }
    ASSERT(packet->opt_rr != NULL || reply->options_len == 0);
    ASSERT(reply->options_len <= DNS_OPTIONS_MAX);
    knot_pkt_free(packet);
}

/* The request twice, about a chain that goes on beside it: each reply is what it is alone. */
static void ask_side_by_side(const struct query_env *env, const uint8_t *request, uint16_t len,
                             const struct dns_writer *alone, enum query_outcome outcome)
{
    static const uint8_t chain[] = "\0\7\0\0\0\1\0\0\0\0\0\0\1c\1x\0\0\1\0\1";
    static uint8_t octets[3][DNS_MESSAGE_MAX];
    static struct query_scratch *scratch;
    struct query_item items[3];
    if (scratch == NULL)
        scratch = query_scratch_new();
    ASSERT(scratch != NULL);
    for (unsigned i = 0; i < 3; i++) {
        items[i] =
            (struct query_item){.client = env->client, .request = request, .request_len = len};
        items[i].reply.octets = octets[i];
        items[i].reply.capacity = sizeof octets[i];
    }
    items[1].request = chain;
    items[1].request_len = sizeof chain - 1;
    query_answer_many(scratch, env, items, 3);
    for (unsigned i = 0; i < 3; i += 2) {
        ASSERT(items[i].outcome == outcome);
        if (outcome == QUERY_DROPPED)
            continue;
        ASSERT(items[i].reply.len == alone->len);
        ASSERT(memcmp(octets[i], alone->octets, alone->len) == 0);
        ASSERT(items[i].reply.rcode == alone->rcode);
        ASSERT(items[i].reply.has_valid_cookie == alone->has_valid_cookie);
    }
}

static void ask(const uint8_t *request, size_t len, enum query_proto proto)
{
    static uint8_t first[DNS_MESSAGE_MAX], second[DNS_MESSAGE_MAX];
    struct dns_writer reply = {.octets = first, .capacity = sizeof first};
    static const struct sockaddr_in client = {.sin_family = AF_INET, .sin_addr = {0x010200c0}};
    static const struct dns_cookie_secrets secrets = {.current = "0123456789abcde"};
    static const struct query_texts texts = {.identity = "n1", .version = "v"};
    struct query_env env = {.image = zone_image_read_begin(example_image()),
                            .client = (const struct sockaddr *)&client,
                            .proto = proto,
                            .tcp_idle_ds = 100,
                            .now_s = 1700000000,
                            .cookies = &secrets,
                            .texts = &texts};

    enum query_outcome outcome = query_answer(&env, request, (uint16_t)len, &reply);
    ask_side_by_side(&env, request, (uint16_t)len, &reply, outcome);
    zone_image_read_end();
    ASSERT((outcome == QUERY_DROPPED) == (len < DNS_HEADER_LEN || (request[2] & 0x80) != 0));
    if (outcome == QUERY_DROPPED)
        return;
    ASSERT(outcome != QUERY_FAILED);
    if (proto == QUERY_UDP)
        ASSERT(reply.len <= size_limit(request, len));
    ASSERT(proto == QUERY_UDP || !knot_wire_get_tc(first));
    check_reply(request, len, &reply, outcome);
    /* Two servers never talk to each other. */
    struct dns_writer none = {.octets = second, .capacity = sizeof second};
    env.image = zone_image_read_begin(example_image());
    ASSERT(query_answer(&env, first, (uint16_t)reply.len, &none) == QUERY_DROPPED);
    zone_image_read_end();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    if (len > UINT16_MAX)
        return 0;
    ask(data, len, QUERY_UDP);
    ask(data, len, QUERY_TCP);
    return 0;
}
