#include "gateway/traffic_members.h"

#include <stddef.h>
#include <string.h>

#include "gateway/request.h"
#include "gateway/xml_reader.h"

#define ID_MAX_LEN 36u
#define VERSION_MAX 1000
#define TTL_S_MAX 0x7fffffff

static unsigned count_characters(const char *text)
{
    unsigned count = 0;

    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80; /* UTF-8 */
    return count;
}

const char *traffic_text(struct gateway_call *call, const char *member, const char *text,
                         unsigned most)
{
    if (!text) {
        gateway_breach(call, member, "null", "Member must not be null");
        return "";
    }
    if (count_characters(text) > most) {
        gateway_breach(call, member, text, "Member must have length less than or equal to %u",
                       most);
        return "";
    }
    return text;
}

const char *traffic_id(struct gateway_call *call, const char *member, const char *text)
{
    const char *id = traffic_text(call, member, text, ID_MAX_LEN);

    if (text && text[0] == '\0')
        gateway_breach(call, member, text, "Member must have length greater than or equal to 1");
    return id;
}

uint32_t traffic_version(struct gateway_call *call, const char *member, const char *text)
{
    int64_t version = 0;

    if (!text)
        gateway_breach(call, member, "null", "Member must not be null");
    else if (!xml_read_number(text, INT32_MIN, INT32_MAX, &version))
        gateway_breach(call, member, text, "Member must be a number");
    else if (version < 1)
        gateway_breach(call, member, text, "Member must have value greater than or equal to 1");
    else if (version > VERSION_MAX)
        gateway_breach(call, member, text, "Member must have value less than or equal to %d",
                       VERSION_MAX);
    else
        return (uint32_t)version;
    return 0;
}

uint32_t traffic_ttl_s(struct gateway_call *call, const char *text)
{
    int64_t ttl_s = 0;

    if (!text)
        gateway_breach(call, "tTL", "null", "Member must not be null");
    else if (!xml_read_number(text, 0, TTL_S_MAX, &ttl_s))
        gateway_breach(call, "tTL", text, "Member must have value between 0 and %d", TTL_S_MAX);
    return (uint32_t)ttl_s;
}

const char *traffic_max_items(const struct gateway_call *call)
{
    const char *text = gateway_query(call, "maxitems");

    return text && text[0] != '\0' ? text : "100";
}
