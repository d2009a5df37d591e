/* raft/io/transport_tls.c: TLS configurations, addresses, errors: NNG's view of them. */
#include "raft/io/transport_tls.h"

#include <inttypes.h>
#include <nng/nng.h>
#include <nng/supplemental/tls/tls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/io/transport_internal.h"
#include "raft/io/transport_split.h"

void transport_server_name(raft_id id, char *out)
{
    (void)snprintf(out, TRANSPORT_SERVER_NAME_LEN + 1, "%016" PRIx64 ".quartet", id);
}

int transport__tls_config(const struct transport_tls *tls, raft_id peer,
                          struct nng_tls_config **out)
{
    nng_tls_config *config = NULL;
    nng_tls_mode mode = peer == 0 ? NNG_TLS_MODE_SERVER : NNG_TLS_MODE_CLIENT;
    if (tls->ca_pem == NULL || tls->cert_pem == NULL || tls->key_pem == NULL)
        return RAFT_EINVALID;
    if (nng_tls_config_alloc(&config, mode) != 0)
        return RAFT_ENOMEM;
    int error = nng_tls_config_auth_mode(config, NNG_TLS_AUTH_MODE_REQUIRED);
    if (error == 0)
        error = nng_tls_config_ca_chain(config, tls->ca_pem, NULL);
    if (error == 0)
        error = nng_tls_config_own_cert(config, tls->cert_pem, tls->key_pem, NULL);
    if (error == 0 && peer != 0) {
        char name[TRANSPORT_SERVER_NAME_LEN + 1]; /* without one the check of it is skipped */
        transport_server_name(peer, name);
        error = nng_tls_config_server_name(config, name);
    }
    if (error != 0) {
        nng_tls_config_free(config);
        return error == NNG_ENOMEM ? RAFT_ENOMEM : RAFT_EINVALID;
    }
    *out = config;
    return 0;
}

int transport__tls_copy(const struct transport_tls *tls, struct transport_tls *out)
{
    if (tls->ca_pem == NULL || tls->cert_pem == NULL || tls->key_pem == NULL)
        return RAFT_EINVALID;
    struct transport_tls copy = {
        .ca_pem = strdup(tls->ca_pem),
        .cert_pem = strdup(tls->cert_pem),
        .key_pem = strdup(tls->key_pem),
    };
    if (copy.ca_pem == NULL || copy.cert_pem == NULL || copy.key_pem == NULL) {
        transport__tls_free(&copy);
        return RAFT_ENOMEM;
    }
    *out = copy;
    return 0;
}

void transport__tls_free(struct transport_tls *tls)
{
    if (tls->key_pem != NULL)
        explicit_bzero((char *)tls->key_pem, strlen(tls->key_pem));
    free((char *)tls->ca_pem);
    free((char *)tls->cert_pem);
    free((char *)tls->key_pem);
    memset(tls, 0, sizeof(*tls));
}

static bool port_is_valid(const char *port)
{
    size_t len = strlen(port);
    return len > 0 && len <= 5 && strspn(port, "0123456789") == len &&
           strtoul(port, NULL, 10) <= 65535;
}

static bool host_is_valid(const char *host, size_t len)
{
    static const char name[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
    static const char v6[] = "0123456789abcdefABCDEF:.";
    if (len > 2 && host[0] == '[' && host[len - 1] == ']')
        return strspn(host + 1, v6) == len - 2;
    return len > 0 && strspn(host, name) == len;
}

int transport__url(const char *address, char *out)
{
    const char *colon = address == NULL ? NULL : strrchr(address, ':');
    if (colon == NULL || strlen(address) > CODEC_ADDRESS_LEN_MAX || !port_is_valid(colon + 1) ||
        !host_is_valid(address, (size_t)(colon - address)))
        return RAFT_EADDR;
    (void)snprintf(out, TRANSPORT__URL_LEN, "tls+tcp://%s", address);
    return 0;
}

void transport__stream_free(struct nng_stream *stream)
{
    if (stream == NULL)
        return;
    nng_stream_close(stream);
    nng_stream_free(stream);
}

int transport__error(int nng_error)
{
    switch (nng_error) {
    case 0: return 0;
    case NNG_ENOMEM: return RAFT_ENOMEM;
    case NNG_ETIMEDOUT: return RAFT_ETIMEDOUT;
    case NNG_ECLOSED:
    case NNG_ECANCELED: return RAFT_ECLOSED;
    case NNG_EADDRINUSE:
    case NNG_EADDRINVAL:
    case NNG_EPERM: return RAFT_EADDR;
    case NNG_ECRYPTO:
    case NNG_EPEERAUTH: return RAFT_EDENIED;
    case NNG_EMSGSIZE: return RAFT_ELIMIT;
    case NNG_EINVAL: return RAFT_EINVALID;
    default: return RAFT_EIO;
    }
}

static uint8_t *reserve_message(void *user, size_t len)
{
    nng_msg **message = user;
    return nng_msg_alloc(message, len) == 0 ? nng_msg_body(*message) : NULL;
}

static uint8_t *reserve_after_prefix(void *user, size_t len)
{
    nng_msg **message = user;
    if (nng_msg_alloc(message, TRANSPORT__PREFIX_LEN + len) != 0)
        return NULL;
    uint8_t *octets = nng_msg_body(*message);
    transport_prefix_write(octets, len);
    return octets + TRANSPORT__PREFIX_LEN;
}

static int encode(const struct codec_keys *keys, const struct codec_frame *frame,
                  codec_reserve_cb reserve, struct nng_msg **out)
{
    nng_msg *message = NULL;
    int code = codec_encode(keys, frame, reserve, &message);
    if (code == 0)
        *out = message;
    return code;
}

int transport__encode(const struct codec_keys *keys, const struct codec_frame *frame,
                      struct nng_msg **out)
{
    return encode(keys, frame, reserve_message, out);
}

int transport__encode_prefixed(const struct codec_keys *keys, const struct codec_frame *frame,
                               struct nng_msg **out)
{
    return encode(keys, frame, reserve_after_prefix, out);
}
