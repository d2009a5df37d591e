/* node/gateway/internal.h: what the files of this room share about the gateway and its calls. */
#pragma once

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/random.h"
#include "gateway/api.h"
#include "gateway/auth.h"
#include "gateway/body_budget.h"
#include "gateway/gateway.h"
#include "gateway/xml_writer.h"

#define STS_SPACE "https://sts.amazonaws.com/doc/2011-06-15/"
#define CALL_MEMORY_MAX (24u << 20) /* a call's arena */
#define CALL_ANSWER_LEN_MAX (32u << 20)
#define CALL_CLIENT_SIZE (INET6_ADDRSTRLEN + 8u)
#define BODIES_LEN_MAX (32u << 20)  /* of all requests under way … */
#define BODIES_SHARE_MAX (8u << 20) /* … and of those from one address */
#define CALLS_IDLE_MAX 64u          /* kept for the next requests */

enum http_kind { /* of a listener */
                 HTTP_API,
                 HTTP_API_TLS,
                 HTTP_OPERATOR, /* metrics and probes: pages.c */
                 HTTP_KIND_COUNT,
};

struct gateway_counts;
struct http_listener;
struct node_client;

struct gateway {
    struct gateway_options options;
    struct node_client *node;
    struct auth *auth;
    struct gateway_counts *counts;
    struct http_listener *listeners; /* http.c */
    struct gateway_call *idle_calls; /* call.c */
    unsigned idle_call_count, call_count;
    struct body_budget bodies;
    bool is_stopping;
};

union socket_address {
    struct sockaddr any;
    struct sockaddr_in ip4;
    struct sockaddr_in6 ip6;
};

/* One request, from its line to the last octet of its answer. */
struct gateway_call {
    struct gateway *gateway;
    struct gateway_call *next_idle;
    struct arena *arena;
    /* What came. */
    const char *method, *target, *host;
    const struct auth_header *headers;
    size_t header_count;
    uint8_t *body; /* NUL-terminated */
    size_t body_len, body_capacity;
    const char *refusal; /* of the body: an error's code */
    enum http_kind kind;
    union socket_address client;
    uint64_t began_mono_ns;
    char id[RANDOM_UUID_SIZE];
    bool has_head;
    /* What it means. */
    void (*page)(struct gateway_call *call); /* HTTP_OPERATOR: what is shown */
    struct api_match match;
    const char *space; /* namespace of the answer */
    const struct xml_element *root;
    struct auth_principal *principal;
    void *state;
    void (*next)(struct gateway_call *call, const struct Ctl__Reply *reply);
    bool takes_any;
    char *breaches;
    unsigned breach_count;
    /* The answer. */
    struct xml_writer xml;
    bool has_root, is_answered;
    uint16_t status;
    const char *error, *content_type, *location;
    char *answer; /* malloc'd; NULL: an empty one */
    size_t answer_len;
    /* Whoever holds the connection: called when the answer has come late. */
    void (*wake)(struct gateway_call *call);
    void *holder;
    bool is_waiting; /* for it */
};

/* ---- call.c ---- */

/* A call for a request whose line has come; NULL: no memory. */
struct gateway_call *call_new(struct gateway *gateway, const char *target);
void call_free(struct gateway_call *call);
void call_free_idle(struct gateway *gateway);
/* Its head is there: find out what is asked. The call may be answered at once. */
void call_take_head(struct gateway_call *call, const char *method,
                    const struct auth_header *headers, size_t header_count);
/* Octets of the body. */
void call_take_body(struct gateway_call *call, const char *octets, size_t len);
/* All is there: authenticate, authorize, handle. The call is answered from within or later. */
void call_run(struct gateway_call *call);
/* Answer an error; both texts live as long as the call. */
void call_fail(struct gateway_call *call, uint16_t status, const char *error, const char *message);
/* The answer stands in the call: tell whoever waits for it. */
void call_end(struct gateway_call *call);
/* One line of the log. */
void call_log(const struct gateway_call *call);
void call_format_client(const struct gateway_call *call, char out[CALL_CLIENT_SIZE]);

/* ---- plain.c: what is asked outside of the API's path ---- */

/* Answer it at once, or set the operation. false: there is no such thing. */
bool plain_route(struct gateway_call *call);

/* ---- pages.c: what operators' programs ask ---- */

/* Answer it at once, or set the page that is shown once all of the request has come. */
void pages_route(struct gateway_call *call);

/* ---- http.c ---- */

int http_open(struct gateway *gateway, char error[GATEWAY_ERROR_LEN]);
/* Take no more connections; those without a request end. */
void http_quiesce(struct gateway *gateway);
/* Is a request or an answer under way? */
bool http_is_busy(const struct gateway *gateway);
/* Connections that are open to listeners of that kind. */
unsigned http_connections(const struct gateway *gateway, enum http_kind kind);
/* No call waits any more. The loop must run once more to release the handles. */
void http_close(struct gateway *gateway);
