#include "base/text.h"

size_t text_utf8_len(const uint8_t *at)
{
    static const struct {
        uint8_t first, last, second_first, second_last;
        size_t len;
    } forms[] = {/* RFC 3629 4 */
                 {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
                 {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3},
                 {0xee, 0xef, 0x80, 0xbf, 3}, {0xf0, 0xf0, 0x90, 0xbf, 4},
                 {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last)
            continue;
        if (at[1] < forms[i].second_first || at[1] > forms[i].second_last)
            return 0;
        for (size_t tail = 2; tail < forms[i].len; tail++) {
            if (at[tail] < 0x80 || at[tail] > 0xbf) /* the NUL at the end too */
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

bool text_is_printable(const char *text)
{
    const uint8_t *at = (const uint8_t *)text;

    while (*at) {
        size_t len = *at < 0x80 ? (*at >= 0x20 && *at != 0x7f ? 1 : 0) : text_utf8_len(at);
        bool is_c1 = at[0] == 0xc2 && at[1] < 0xa0; /* control characters of two octets */
        if (len == 0 || is_c1)
            return false;
        at += len;
    }
    return true;
}

void text_make_printable(char *text)
{
    for (; *text; text++) {
        if ((uint8_t)*text < 0x20 || (uint8_t)*text >= 0x7f)
            *text = '?';
    }
}
