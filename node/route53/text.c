/* node/route53/text.c: escapes. Route 53 has \ooo in octal, zone files have \ddd in decimal. */
#include <string.h>

#include "route53/internal.h"

static bool is_digit(char c, char most)
{
    return c >= '0' && c <= most;
}

static char *put_digits(char *out, unsigned octet, unsigned base)
{
    *out++ = '\\';
    *out++ = (char)('0' + octet / (base * base));
    *out++ = (char)('0' + octet / base % base);
    *out++ = (char)('0' + octet % base);
    return out;
}

void route53__to_zone_text(const char *in, char *out)
{
    while (*in) {
        if (in[0] != '\\' || in[1] == '\0') {
            *out++ = *in++;
        } else if (is_digit(in[1], '3') && is_digit(in[2], '7') && is_digit(in[3], '7')) {
            out = put_digits(
                out, (unsigned)((in[1] - '0') * 64 + (in[2] - '0') * 8 + (in[3] - '0')), 10);
            in += 4;
        } else {
            *out++ = *in++;
            *out++ = *in++;
        }
    }
    *out = '\0';
}

void route53__from_zone_text(const char *in, char *out)
{
    while (*in) {
        if (in[0] != '\\' || in[1] == '\0') {
            *out++ = *in++;
        } else if (is_digit(in[1], '2') && is_digit(in[2], '9') && is_digit(in[3], '9')) {
            out = put_digits(
                out, (unsigned)((in[1] - '0') * 100 + (in[2] - '0') * 10 + (in[3] - '0')), 8);
            in += 4;
        } else if (in[1] == '"' || in[1] == '\\') {
            *out++ = *in++;
            *out++ = *in++;
        } else { /* \; and such: Route 53 knows them by number alone */
            out = put_digits(out, (unsigned char)in[1], 8);
            in += 2;
        }
    }
    *out = '\0';
}
