#include "gateway/dns_reply.h"

#include "base/err.h"
#include "dns/wire.h"

enum { HEADER_LEN = 12, POINTER = 0xc0, RECORD_LEN = 10, QUESTION_LEN = 4 };

/* Behind the name at @at; 0: cut off. */
static size_t skip_name(const struct dns_reply *reply, size_t at)
{
    while (at < reply->len) {
        const uint8_t len = reply->octets[at];
        if (len >= POINTER)
            return at + 2 <= reply->len ? at + 2 : 0;
        at += 1u + len;
        if (len == 0)
            return at;
    }
    return 0;
}

int dns_reply_open(struct dns_reply *reply, const uint8_t *octets, size_t len)
{
    struct dns_reply got = {.octets = octets, .len = len, .answers = HEADER_LEN};

    if (len < HEADER_LEN || !(octets[2] & 0x80))
        return ERR_INVALID;
    got.code = octets[3] & 0x0f;
    got.answer_count = dns_wire_get16(octets + 6);
    for (uint16_t questions = dns_wire_get16(octets + 4); questions > 0; questions--) {
        const size_t end = skip_name(&got, got.answers);
        if (end == 0 || len - end < QUESTION_LEN)
            return ERR_INVALID;
        got.answers = end + QUESTION_LEN;
    }
    *reply = got;
    return 0;
}

int dns_reply_next(const struct dns_reply *reply, struct dns_reply_place *place,
                   struct dns_reply_record *out)
{
    if (place->count == reply->answer_count)
        return 0;
    const size_t at = skip_name(reply, place->count == 0 ? reply->answers : place->at);
    if (at == 0 || reply->len - at < RECORD_LEN)
        return ERR_INVALID;
    const uint8_t *const record = reply->octets + at;
    out->type = dns_wire_get16(record);
    out->len = dns_wire_get16(record + 8);
    out->data = record + RECORD_LEN;
    if (reply->len - at - RECORD_LEN < out->len)
        return ERR_INVALID;
    place->at = at + RECORD_LEN + out->len;
    place->count++;
    return 1;
}

const char *dns_reply_code_text(uint8_t code)
{
    static const char *const texts[] = {"NOERROR",  "FORMERR", "SERVFAIL",
                                        "NXDOMAIN", "NOTIMP",  "REFUSED"};

    return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "UNKNOWN";
}
