/* node/gateway/zone_names.c: ids and names of hosted zones, held against the model. */
#include <string.h>

#include "base/arena.h"
#include "gateway/request.h"
#include "gateway/zones.h"
#include "proto/control.pb-c.h"
#include "route53/route53.h"

#define RESOURCE_ID_MAX 32u
#define ZONE_ID_LEN 21u
#define MARKER_SIZE 24u /* no id is longer */
#define DNS_NAME_MODEL_MAX 1024u

const char *zones_bare_id(const char *id)
{
    const char *slash = id ? strrchr(id, '/') : NULL;

    return slash ? slash + 1 : id;
}

void zones_check_len(struct gateway_call *call, const char *member, const char *text, size_t least,
                     size_t most)
{
    if (!text) {
        if (least > 0)
            gateway_breach(call, member, NULL, "Member must not be null");
        return;
    }
    if (strlen(text) < least)
        gateway_breach(call, member, text, "Member must have length greater than or equal to %zu",
                       least);
    if (strlen(text) > most)
        gateway_breach(call, member, text, "Member must have length less than or equal to %zu",
                       most);
}

const char *zones_marker(struct gateway_call *call, const char *marker)
{
    size_t len = marker ? strlen(marker) : 0;

    if (len < MARKER_SIZE)
        return marker ? marker : "";
    const char *copy = arena_copy(gateway_arena(call), marker, MARKER_SIZE - 1);
    return copy ? copy : "";
}

static bool is_zone_id(const char *id)
{
    return strlen(id) == ZONE_ID_LEN && id[0] == 'Z' &&
           strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") == ZONE_ID_LEN;
}

static void fail_missing(struct gateway_call *call, const char *id)
{
    gateway_fail(call, "NoSuchHostedZone", "No hosted zone found with ID: %s", id);
}

char *zones_label(struct gateway_call *call, unsigned index)
{
    const char *id = gateway_label(call, index);

    zones_check_len(call, "id", id, 0, RESOURCE_ID_MAX);
    if (!gateway_is_valid(call))
        return NULL;
    if (is_zone_id(id))
        return (char *)(uintptr_t)id;
    fail_missing(call, id);
    return NULL;
}

/* Octets that Route 53 takes only when they are escaped. */
static const char *find_unsupported(const char *text)
{
    while (*text && (unsigned char)*text > ' ' && (unsigned char)*text < 127)
        text++;
    return *text ? text : NULL;
}

bool zones_parse_name(struct gateway_call *call, const char *text, uint8_t out[DNS_NAME_MAX])
{
    const char *bad = find_unsupported(text);

    zones_check_len(call, "name", text, 0, DNS_NAME_MODEL_MAX);
    if (!gateway_is_valid(call))
        return false;
    if (bad)
        gateway_fail(call, "InvalidDomainName",
                     "FATAL problem: UnsupportedCharacter (Value contains unsupported characters) "
                     "encountered with '%.1s'",
                     (unsigned char)*bad < 127 ? bad : "?");
    else if (route53_parse_name(text, out) < 0)
        gateway_fail(call, "InvalidDomainName", "'%s' is not a valid domain name", text);
    else
        return true;
    return false;
}

void zones_fail_reply(struct gateway_call *call, const struct Ctl__Reply *reply, const char *id)
{
    if (strcmp(reply->error, "NoSuchHostedZone") == 0)
        fail_missing(call, id);
    else
        gateway_fail_reply(call, reply);
}
