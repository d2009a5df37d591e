/* node/gateway/auth.h: who asks, and may they? First auth_check() finds the access key that signed
 * a request; it asks the node for what checks the signature, so its answer may come later. Then,
 * with the operation known and its body read, auth_authorize() holds the key's policy against it.
 *
 * What the node said of a key is used for AUTH_KNOWN_MS at most: a key that is deleted, disabled or
 * given another policy behaves so at every gateway within that time. Loop thread; nothing blocks.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct arena;
struct auth;           /* opaque: one a gateway */
struct auth_principal; /* opaque: the access key that signed a request, and its policy */
struct gateway_call;
struct gateway_operation;
struct sockaddr;
struct xml_element;
struct Ctl__Reply;
struct Ctl__Request;

#define AUTH_KNOWN_MS 2000u
#define AUTH_KEYS_MAX 1024u    /* access keys, and as many signing keys, that are remembered */
#define AUTH_WAITING_MAX 512u  /* requests that wait for the node's word; it takes 1024 */
#define AUTH_USER_SIZE 65u     /* a user's name */
#define AUTH_ACTOR_SIZE 129u   /* who asked, for the journal */
#define AUTH_MESSAGE_SIZE 768u /* of auth_authorize() */
#define AUTH_HEADERS_MAX 128u  /* headers of a request */
#define AUTH_BODY_LEN_MAX (8u << 20)

/* ---- asking the node: a port ---- */

/* The node's reply, borrowed for the call; NULL: the node could not be asked. */
typedef void (*auth_reply_cb)(void *done_user, const struct Ctl__Reply *reply);
struct auth_port {
    void *user;
    /* Send @request (borrowed for the call; version and timeout_ms are filled in by this function)
     * and call @done exactly once: later, or from within. */
    void (*ask)(void *user, struct Ctl__Request *request, auth_reply_cb done, void *done_user);
};

struct auth_options {
    struct auth_port port;
    /* Accept the older scheme AWS3-HTTPS also without TLS when the client is on this machine, where
     * nobody is in between. Over TLS it is always accepted. */
    bool may_v3_on_loopback;
};

/* NULL: no memory. */
struct auth *auth_new(const struct auth_options *options);
/* No check may be under way: fail the port's asks first. Accepts NULL. */
void auth_free(struct auth *auth);

/* ---- authentication ---- */

struct auth_header {
    const char *name; /* as received */
    const char *value;
};
struct auth_request {
    const char *method;
    const char *target;                /* as on the request line: path and query, nothing decoded */
    const struct auth_header *headers; /* as received, repeated ones too, in order */
    size_t header_count;
    const uint8_t *body;
    size_t body_len;
    const struct sockaddr *client;
    bool is_tls;
    uint64_t now_wall_ms;
    uint64_t now_mono_ms;
};
struct auth_result {
    struct auth_principal *principal; /* the callee's from now on: auth_principal_free(); NULL:
                                       * refused */
    /* When refused; borrowed for the call. */
    const char *error; /* Route 53's code */
    const char *message;
    uint16_t status;
};
/* Called once for each check, from within auth_check() or later. */
typedef void (*auth_done_cb)(void *user, const struct auth_result *result);

/* Find out who signed @request, and take one request from the key's quota. @request is borrowed for
 * the call alone. Every octet of it is hostile. AWS Signature Version 4 in a header or in the
 * query, and AWS3-HTTPS (auth_options). */
void auth_check(struct auth *auth, const struct auth_request *request, auth_done_cb done,
                void *user);

/* ---- who it is; these hold while the principal does ---- */

void auth_principal_free(struct auth_principal *principal); /* accepts NULL */
const char *auth_access_key_id(const struct auth_principal *principal);
const char *auth_user_name(const struct auth_principal *principal);
/* For Request.actor: "deploy (AKIA…)", or the id alone when the key has no user. */
const char *auth_actor(const struct auth_principal *principal);

/* ---- authorization ---- */

/* What a request is about, as far as its policy looks. */
struct auth_asked {
    const char *operation;          /* "ChangeResourceRecordSets" */
    const char *path;               /* the operation's template: "/hostedzone/{Id}/rrset" */
    const char *const *labels;      /* of the path, decoded, without a prefix; none is NULL */
    const struct xml_element *body; /* or NULL */
    const char *(*query)(const void *user, const char *name); /* a parameter; NULL: not there */
    const void *query_user;
};
/* May @principal do that? Every resource that the request names must be allowed. 0; ERR_DENIED:
 * @message says so in AWS's words; ERR_NOMEM. @arena: scratch memory. */
int auth_authorize_asked(const struct auth_principal *principal, const struct auth_asked *asked,
                         struct arena *arena, char message[AUTH_MESSAGE_SIZE]);
/* The same for a call whose body has been read, before its handler runs. */
int auth_authorize(const struct auth_principal *principal, const struct gateway_call *call,
                   char message[AUTH_MESSAGE_SIZE]);
