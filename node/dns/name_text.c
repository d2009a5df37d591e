/* node/dns/name_text.c: names as text (RFC 1035 5.1), with the escapes of zone files. */
#include "dns/name.h"

#include "base/err.h"

#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Read one octet that may be escaped; returns the characters consumed, or ERR_INVALID. */
static int octet_parse(const char *text, uint8_t *out)
{
    if (text[0] != '\\') {
        *out = (uint8_t)text[0];
        return 1;
    }
    if (text[1] == '\0')
        return ERR_INVALID;
    if (!is_digit(text[1])) {
        *out = (uint8_t)text[1];
        return 2;
    }
    if (!is_digit(text[2]) || !is_digit(text[3]))
        return ERR_INVALID;
    int value = (text[1] - '0') * 100 + (text[2] - '0') * 10 + (text[3] - '0');
    if (value > UINT8_MAX)
        return ERR_INVALID;
    *out = (uint8_t)value;
    return 4;
}

/* Read one label up to "." or the end into out[0..]; returns the characters consumed, without the
 * dot, or ERR_INVALID when it is empty, longer than 63 octets or than @room with its length. */
static int label_parse(const char *text, uint8_t *out, unsigned room)
{
    int consumed = 0;
    unsigned len = 0;
    while (text[consumed] != '\0' && text[consumed] != '.') {
        uint8_t octet;
        int step = octet_parse(text + consumed, &octet);
        if (step < 0 || len == DNS_LABEL_MAX || len + 1 >= room)
            return ERR_INVALID;
        out[++len] = octet;
        consumed += step;
    }
    if (len == 0)
        return ERR_INVALID;
    out[0] = (uint8_t)len;
    return consumed;
}

int dns_name_parse(const char *text, const uint8_t *origin, uint8_t out[DNS_NAME_MAX])
{
    static const uint8_t root[1] = {0};
    const uint8_t *suffix = origin != NULL ? origin : root;
    uint8_t labels[DNS_NAME_MAX];
    unsigned len = 0;

    if (strcmp(text, ".") == 0)
        return dns_name_join(root, 0, root, out);
    if (strcmp(text, "@") == 0)
        return dns_name_join(suffix, 0, suffix, out);
    do {
        int consumed = label_parse(text, labels + len, DNS_NAME_MAX - len);
        if (consumed < 0)
            return ERR_INVALID;
        len += 1u + labels[len];
        text += consumed;
        if (text[0] == '.' && *++text == '\0')
            suffix = root;
    } while (*text != '\0');
    int joined_len = dns_name_join(labels, len, suffix, out);
    return joined_len < 0 ? ERR_INVALID : joined_len;
}

/* Write one octet, escaped where zone files need it; returns the characters written (1 to 4). */
static unsigned octet_format(uint8_t octet, char out[4])
{
    if (octet <= ' ' || octet >= 0x7f) {
        out[0] = '\\';
        out[1] = (char)('0' + octet / 100);
        out[2] = (char)('0' + octet / 10 % 10);
        out[3] = (char)('0' + octet % 10);
        return 4;
    }
    unsigned len = 0;
    if (strchr(".\\\"();@$", octet) != NULL)
        out[len++] = '\\';
    out[len++] = (char)octet;
    return len;
}

int dns_name_format(const uint8_t *name, char *out, size_t size)
{
    char text[DNS_NAME_TEXT_SIZE];
    size_t len = 0;
    for (const uint8_t *label = name; *label != 0; label += 1 + *label) {
        for (unsigned i = 1; i <= *label; i++)
            len += octet_format(label[i], text + len);
        text[len++] = '.';
    }
    if (len == 0)
        text[len++] = '.';
    if (len >= size)
        return ERR_LIMIT;
    memcpy(out, text, len);
    out[len] = '\0';
    return (int)len;
}

static bool is_plain(uint8_t octet)
{
    return (octet >= 'a' && octet <= 'z') || (octet >= '0' && octet <= '9') || octet == '-' ||
           octet == '_';
}

void dns_name_format_octal(const uint8_t *name, char out[DNS_NAME_TEXT_SIZE])
{
    for (const uint8_t *label = name; *label != 0; label += 1 + *label) {
        for (unsigned i = 1; i <= *label; i++) {
            uint8_t octet = dns_octet_lower(label[i]);
            if (is_plain(octet)) {
                *out++ = (char)octet;
                continue;
            }
            *out++ = '\\';
            *out++ = (char)('0' + (octet >> 6));
            *out++ = (char)('0' + ((octet >> 3) & 7));
            *out++ = (char)('0' + (octet & 7));
        }
        *out++ = '.';
    }
    if (dns_name_is_root(name))
        *out++ = '.';
    *out = '\0';
}
