#include "base/base64.h"

void base64_format(const uint8_t *octets, size_t len, char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    while (len > 0) {
        const size_t count = len < 3 ? len : 3;
        uint32_t group = (uint32_t)octets[0] << 16;
        if (count > 1)
            group |= (uint32_t)octets[1] << 8;
        if (count > 2)
            group |= octets[2];
        *out++ = digits[group >> 18];
        *out++ = digits[group >> 12 & 63];
        *out++ = count > 1 ? digits[group >> 6 & 63] : '=';
        *out++ = count > 2 ? digits[group & 63] : '=';
        octets += count;
        len -= count;
    }
    *out = '\0';
}
