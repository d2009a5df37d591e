/* node/control/explain_question.h: from the words of an Explain to the DNS question that a client
 * would have asked. Pure; any thread. */
#pragma once

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#include "dns/name.h"

struct Ctl__Explain;

/* Header, name, type and class, OPT with a client subnet. */
#define EXPLAIN_QUESTION_MAX (12u + DNS_NAME_MAX + 4u + 11u + 4u + 4u + 16u)

struct explain_question {
    uint8_t octets[EXPLAIN_QUESTION_MAX];
    uint16_t len;
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } sender; /* the resolver; 127.0.0.1 when none was told */
};

/* 0; ERR_INVALID, with *@problem saying what is wrong (static text) and *@out untouched. */
int explain_question_build(const struct Ctl__Explain *explain, struct explain_question *out,
                           const char **problem);
