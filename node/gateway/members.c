#include "gateway/members.h"

#include <string.h>

#include "gateway/request.h"
#include "gateway/xml_reader.h"

static unsigned count_characters(const char *text)
{
    unsigned count = 0;

    for (; *text; text++)
        count += ((uint8_t)*text & 0xc0) != 0x80;
    return count;
}

const char *member_text(struct gateway_call *call, const char *member, const char *text,
                        unsigned least, unsigned most)
{
    if (!text) {
        if (least > 0)
            gateway_breach(call, member, NULL, "Member must not be null");
        return "";
    }
    unsigned count = count_characters(text);
    if (count > most)
        gateway_breach(call, member, text, "Member must have length less than or equal to %u",
                       most);
    else if (count < least)
        gateway_breach(call, member, text, "Member must have length greater than or equal to %u",
                       least);
    return text;
}

const char *member_word(struct gateway_call *call, const char *member, const char *text,
                        unsigned most, const char *pattern)
{
    const char *word = member_text(call, member, text, 1, most);
    static const char good[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-";

    if (word[strspn(word, good)] != '\0')
        gateway_breach(call, member, text, "Member must satisfy regular expression pattern: %s",
                       pattern);
    return word;
}

int64_t member_number(struct gateway_call *call, const char *member, const char *text,
                      int64_t least, int64_t most, int64_t standard)
{
    int64_t number;

    if (!text)
        return standard;
    if (!xml_read_number(text, INT64_MIN, INT64_MAX, &number))
        gateway_breach(call, member, text, "Member must be a number");
    else if (number > most)
        gateway_breach(call, member, text, "Member must have value less than or equal to %lld",
                       (long long)most);
    else if (number < least)
        gateway_breach(call, member, text, "Member must have value greater than or equal to %lld",
                       (long long)least);
    else
        return number;
    return standard;
}

bool member_bool(struct gateway_call *call, const char *member, const char *text, bool standard)
{
    bool value = standard;

    if (text && !xml_read_bool(text, &value))
        gateway_breach(call, member, text, "Member must satisfy enum value set: [true, false]");
    return value;
}

const char *member_enum(struct gateway_call *call, const char *member, const char *text,
                        const char *values)
{
    if (!text) {
        gateway_breach(call, member, NULL, "Member must not be null");
        return "";
    }
    for (const char *at = values; *at; at += strspn(at, ", ")) {
        size_t len = strcspn(at, ",");
        if (strlen(text) == len && memcmp(text, at, len) == 0)
            return text;
        at += len;
    }
    gateway_breach(call, member, text, "Member must satisfy enum value set: [%s]", values);
    return "";
}

unsigned member_list(struct gateway_call *call, const char *member, const struct xml_element *list,
                     unsigned least, unsigned most)
{
    unsigned count = list ? list->child_count : 0;

    if (count > most)
        gateway_breach(call, member, NULL, "Member must have length less than or equal to %u",
                       most);
    else if (count < least)
        gateway_breach(call, member, NULL,
                       list ? "Member must have length greater than or equal to %u"
                            : "Member must not be null",
                       least);
    return count;
}

const char *member_id(const char *id)
{
    const char *slash = strrchr(id, '/');

    return slash ? slash + 1 : id;
}
