#include "control/checkers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"

static void add_address(struct checker *checker, const char *text)
{
    for (unsigned i = 0; i < checker->address_count; i++) {
        if (strcmp(checker->addresses[i], text) == 0)
            return;
    }
    snprintf(checker->addresses[checker->address_count++], INET6_ADDRSTRLEN, "%s", text);
}

/* The host of "192.0.2.1:8300" or "[2001:db8::1]:8300"; nothing, if it is a name. */
static void add_host(struct checker *checker, const char *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    uint8_t octets[16];
    bool is_ipv6 = address[0] == '[';
    size_t len = strcspn(address + is_ipv6, is_ipv6 ? "]" : ":");

    if (len >= sizeof(text))
        return;
    memcpy(text, address + is_ipv6, len);
    if (inet_pton(is_ipv6 ? AF_INET6 : AF_INET, text, octets) == 1 &&
        inet_ntop(is_ipv6 ? AF_INET6 : AF_INET, octets, text, sizeof(text)))
        add_address(checker, text);
}

static void fill(const struct state_member *member, struct checker *out)
{
    char text[INET6_ADDRSTRLEN];

    memset(out, 0, sizeof(*out));
    snprintf(out->node, sizeof(out->node), "%s", member->name);
    snprintf(out->region, sizeof(out->region), "%s", member->region);
    add_host(out, member->peer_address);
    for (uint32_t i = 0; i < member->dns_address_count; i++) {
        int family = member->dns_addresses[i].len == 16 ? AF_INET6 : AF_INET;
        if (inet_ntop(family, member->dns_addresses[i].octets, text, sizeof(text)))
            add_address(out, text);
    }
}

int checkers_read(const struct kv *kv, struct checkers *out)
{
    struct state_member member;
    struct state_conf conf;
    int rc = state_get_conf(kv, &conf);

    out->count = 0;
    for (uint32_t i = 0; rc == 0 && i < conf.count; i++) {
        rc = state_get_member(kv, conf.members[i].id, &member);
        if (rc == 0)
            fill(&member, &out->list[out->count++]);
        else if (rc == ERR_NOT_FOUND)
            rc = 0; /* it has told nothing about itself yet */
    }
    return rc;
}

const char *checkers_address(const struct checkers *checkers, const char *node)
{
    for (unsigned i = 0; i < checkers->count; i++) {
        const struct checker *checker = &checkers->list[i];
        if (strcmp(checker->node, node) == 0)
            return checker->address_count > 0 ? checker->addresses[0] : "";
    }
    return "";
}
