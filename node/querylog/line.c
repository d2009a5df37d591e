#include "querylog/line.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "dns/type_text.h"
#include "querylog/record.h"

#define SECOND_LEN 19u /* 2017-12-13T08:16:02 */
#define ROOT_TEXT "."

static char *put_text(char *at, const char *text)
{
    size_t len = strlen(text);

    memcpy(at, text, len);
    return at + len;
}

static char *put_field(char *at, const char *text)
{
    at = put_text(at, text);
    *at++ = ' ';
    return at;
}

/* Most records of a pass are of one second. */
static char *put_time(char *at, uint64_t wall_ms, struct querylog_day *day)
{
    const unsigned ms = (unsigned)(wall_ms % 1000);

    if (day->text[0] == '\0' || day->second != wall_ms / 1000) {
        char text[CLOCK_TEXT_LEN];
        clock_format(wall_ms, text);
        memcpy(day->text, text, SECOND_LEN);
        day->second = wall_ms / 1000;
    }
    memcpy(at, day->text, SECOND_LEN);
    at += SECOND_LEN;
    *at++ = '.';
    *at++ = (char)('0' + ms / 100);
    *at++ = (char)('0' + ms / 10 % 10);
    *at++ = (char)('0' + ms % 10);
    *at++ = 'Z';
    *at++ = ' ';
    return at;
}

static char *put_octet(char *at, uint8_t octet)
{
    if (octet > ' ' && octet <= '~' && octet != '\\' && octet != '.') {
        *at++ = (char)octet;
        return at;
    }
    *at++ = '\\';
    *at++ = (char)('0' + (octet >> 6));
    *at++ = (char)('0' + (octet >> 3 & 7));
    *at++ = (char)('0' + (octet & 7));
    return at;
}

static char *put_name(char *at, const uint8_t *name)
{
    if (*name == 0)
        return put_field(at, ROOT_TEXT);
    while (*name != 0) {
        for (unsigned left = *name++; left > 0; left--)
            at = put_octet(at, *name++);
        *at++ = '.';
    }
    at[-1] = ' ';
    return at;
}

static char *put_address(char *at, const uint8_t *octets, unsigned len)
{
    char text[INET6_ADDRSTRLEN] = "-";

    if (len == 4) { /* most are of this kind, and inet_ntop() is slow */
        for (unsigned i = 0; i < len; i++) {
            if (octets[i] >= 100)
                *at++ = (char)('0' + octets[i] / 100);
            if (octets[i] >= 10)
                *at++ = (char)('0' + octets[i] / 10 % 10);
            *at++ = (char)('0' + octets[i] % 10);
            *at++ = '.';
        }
        return at - 1;
    }
    if (len == 16)
        inet_ntop(AF_INET6, octets, text, sizeof(text));
    return put_text(at, text);
}

static char *put_subnet(char *at, const struct querylog_record *record)
{
    at = put_address(at, record->subnet, record->subnet_len);
    if (record->subnet_len > 0)
        at += snprintf(at, 5, "/%u", record->subnet_bits);
    return at;
}

size_t querylog_line_format(const struct querylog_record *record, const char *zone_id,
                            const char *edge, struct querylog_day *day, char out[QUERYLOG_LINE_MAX])
{
    char type[DNS_TYPE_TEXT_SIZE], rcode[DNS_RCODE_TEXT_SIZE];
    char *at = put_field(out, "1.0");

    dns_type_format(record->type, type);
    dns_rcode_format(record->rcode, rcode);
    at = put_time(at, record->time_wall_ms, day);
    at = put_field(at, zone_id);
    at = put_name(at, record->name);
    at = put_field(at, type);
    at = put_field(at, rcode);
    at = put_field(at, record->is_tcp ? "TCP" : "UDP");
    at = put_field(at, edge);
    at = put_address(at, record->client, record->client_len);
    *at++ = ' ';
    at = put_subnet(at, record);
    *at++ = '\n';
    ASSERT(at <= out + QUERYLOG_LINE_MAX);
    return (size_t)(at - out);
}
