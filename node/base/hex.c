#include "base/hex.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void format(const char *digits, const uint8_t *octets, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * len] = '\0';
}

void hex_format(const uint8_t *octets, size_t len, char *out)
{
    format("0123456789abcdef", octets, len, out);
}

void hex_format_upper(const uint8_t *octets, size_t len, char *out)
{
    format("0123456789ABCDEF", octets, len, out);
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

int hex_parse(const char *text, uint8_t *out, size_t len)
{
    if (strlen(text) != 2 * len)
        return ERR_INVALID;
    for (size_t i = 0; i < 2 * len; i++) {
        if (digit_value(text[i]) < 0)
            return ERR_INVALID;
    }
    for (size_t i = 0; i < len; i++)
        out[i] = (uint8_t)(digit_value(text[2 * i]) * 16 + digit_value(text[2 * i + 1]));
    return 0;
}

void hex_format_id(uint64_t id, char out[HEX_ID_LEN])
{
    snprintf(out, HEX_ID_LEN, "%016" PRIx64, id);
}

int hex_parse_id(const char *text, uint64_t *out)
{
    uint8_t octets[8];
    uint64_t id = 0;

    if (hex_parse(text, octets, sizeof(octets)) != 0)
        return ERR_INVALID;
    for (size_t i = 0; i < sizeof(octets); i++)
        id = id << 8 | octets[i];
    *out = id;
    return 0;
}
