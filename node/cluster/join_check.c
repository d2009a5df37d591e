#include "cluster/join_check.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "cluster/certificate.h"
#include "cluster/cluster.h"
#include "cluster/secrets.h"
#include "cluster/token.h"
#include "proto/admin.pb-c.h"

#define LABEL_MAX 63
#define TEXT_MAX 63 /* region, version */

bool join_is_name(const char *text)
{
    size_t len = strnlen(text, LABEL_MAX + 1);

    if (len == 0 || len > LABEL_MAX || text[0] == '-' || text[len - 1] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

/* "host:port" that others will dial: printable, and a port from 1. */
static bool is_address(const char *text)
{
    size_t len = strnlen(text, CLUSTER_TEXT_MAX);
    const char *colon = strrchr(text, ':');

    if (len == CLUSTER_TEXT_MAX || !colon || colon == text || colon[1] < '1' || colon[1] > '9')
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isgraph((unsigned char)text[i]))
            return false;
    }
    char *end;
    unsigned long port = strtoul(colon + 1, &end, 10);
    return *end == '\0' && port <= 65535;
}

static bool is_text(const char *text)
{
    if (strnlen(text, TEXT_MAX + 1) > TEXT_MAX)
        return false;
    for (; *text; text++) {
        if (!isprint((unsigned char)*text))
            return false;
    }
    return true;
}

static const char *check(const Adm__Join *join)
{
    if (join->cluster_id.len != SECRETS_CLUSTER_ID_LEN || join->token_id.len != 8 ||
        join->secret.len != TOKEN_SECRET_LEN)
        return "the token is malformed";
    if (join->id == 0)
        return "the member id is missing";
    if (strnlen(join->request_pem, CERTIFICATE_PEM_MAX + 1) > CERTIFICATE_PEM_MAX)
        return "the signing request is too long";
    if (!join_is_name(join->name))
        return "the node's name must be one label of a-z, 0-9 and '-'";
    if (!is_text(join->region) || !is_text(join->version))
        return "region or version is too long or not printable";
    if (!is_address(join->peer_address) || !is_address(join->admin_address) ||
        !is_address(join->snapshot_address))
        return "an address of the node is not HOST:PORT";
    if (join->n_dns_addresses > CLUSTER_ADDRESSES_MAX)
        return "too many public addresses";
    for (size_t i = 0; i < join->n_dns_addresses; i++) {
        if (join->dns_addresses[i].len != 4 && join->dns_addresses[i].len != 16)
            return "a public address is neither IPv4 nor IPv6";
    }
    return NULL;
}

int join_check(const Adm__Join *join, const char **why)
{
    const char *problem = check(join);

    if (!problem)
        return 0;
    *why = problem;
    return ERR_INVALID;
}
