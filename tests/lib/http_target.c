#include "lib/http_target.h"

#include <arpa/inet.h>
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#define BODY_LEN 6000

struct http_target {
    struct http_target_options options;
    gnutls_certificate_credentials_t credentials;
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_uint status, requests, connections;
    atomic_bool is_closing;
};
struct connection {
    struct http_target *target;
    int fd;
    gnutls_session_t session; /* NULL: no TLS */
};

static void must(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "http_target: %s: %s\n", what, strerror(errno));
    abort();
}

static void put(struct connection *c, const void *data, size_t len)
{
    const char *from = data;
    while (len > 0) {
        ssize_t n = c->session ? gnutls_record_send(c->session, from, len)
                               : send(c->fd, from, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        from += n;
        len -= (size_t)n;
    }
}

static void put_text(struct connection *c, const char *text)
{
    put(c, text, strlen(text));
}

static void put_head(struct connection *c, const char *status, size_t len, const char *more)
{
    char text[512];
    snprintf(text, sizeof(text), "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, len, more);
    put_text(c, text);
}

/* Until the checker has gone, or the target goes. */
static void hang(struct connection *c)
{
    struct pollfd poll_fd = {.fd = c->fd, .events = POLLIN | POLLRDHUP};
    while (!c->target->is_closing && poll(&poll_fd, 1, 20) == 0)
        ;
}

static void put_needle_at(struct connection *c, size_t end)
{
    char body[BODY_LEN];
    memset(body, '.', sizeof(body));
    memcpy(body + end - 6, "needle", 6);
    put_head(c, "200 OK", sizeof(body), "");
    put(c, body, sizeof(body));
}

/* The needle after 100,000 octets that are not in the first 5,120 when they are packed. */
static void put_packed(struct connection *c, int window_bits, const char *name)
{
    char body[4000], packed[4096], more[64];
    z_stream stream = {0};
    memset(body, '.', sizeof(body));
    memcpy(body + sizeof(body) - 6, "needle", 6);
    must(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK, "zlib");
    stream.next_in = (Bytef *)body;
    stream.avail_in = sizeof(body);
    stream.next_out = (Bytef *)packed;
    stream.avail_out = sizeof(packed);
    must(deflate(&stream, Z_FINISH) == Z_STREAM_END, "zlib");
    snprintf(more, sizeof(more), "Content-Encoding: %s\r\n", name);
    put_head(c, "200 OK", stream.total_out, more);
    put(c, packed, stream.total_out);
    deflateEnd(&stream);
}

static void put_long_headers(struct connection *c)
{
    char line[1024];
    memset(line, 'x', sizeof(line));
    memcpy(line, "X-Long: ", 8);
    memcpy(line + sizeof(line) - 2, "\r\n", 2);
    put_text(c, "HTTP/1.1 200 OK\r\n");
    for (unsigned i = 0; i < 17; i++)
        put(c, line, sizeof(line));
    put_text(c, "\r\n");
}

static void put_split(struct connection *c)
{
    put_head(c, "200 OK", 12, "");
    put_text(c, "...nee");
    usleep(30000);
    put_text(c, "dle...");
}

static void answer_status(struct connection *c, unsigned status, const char *phrase)
{
    char text[64];
    snprintf(text, sizeof(text), "%u%s", status, phrase);
    put_head(c, text, 0, status / 100 == 3 ? "Location: /status/500\r\n" : "");
}

static void answer_slow(struct connection *c, const char *path)
{
    if (strcmp(path, "/slow-body") == 0) {
        put_head(c, "200 OK", 100, "");
        put_text(c, "needl");
    } else if (strcmp(path, "/slow-end") == 0) {
        put_text(c, "HTTP/1.1 200 OK\r\nX-One: 1\r\n");
    }
    hang(c);
}

static void answer(struct connection *c, const char *path, const char *request)
{
    if (strncmp(path, "/status/", 8) == 0)
        answer_status(c, (unsigned)strtoul(path + 8, NULL, 10), " Its Own Phrase");
    else if (strncmp(path, "/bare/", 6) == 0)
        answer_status(c, (unsigned)strtoul(path + 6, NULL, 10), "");
    else if (strcmp(path, "/flap") == 0)
        answer_status(c, c->target->status, " Set");
    else if (strncmp(path, "/slow-", 6) == 0)
        answer_slow(c, path);
    else if (strcmp(path, "/split") == 0)
        put_split(c);
    else if (strcmp(path, "/last") == 0)
        put_needle_at(c, 5120);
    else if (strcmp(path, "/past") == 0)
        put_needle_at(c, 5121);
    else if (strcmp(path, "/gzip") == 0)
        put_packed(c, 15 + 16, "gzip");
    else if (strcmp(path, "/deflate") == 0)
        put_packed(c, 15, "deflate");
    else if (strcmp(path, "/long-headers") == 0)
        put_long_headers(c);
    else if (strcmp(path, "/bad-header") == 0)
        put_text(c, "HTTP/1.1 200 OK\r\nno token: here\r\n\r\n");
    else if (strcmp(path, "/early") == 0)
        put_text(c, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
                    "HTTP/1.1 200 Late\r\nContent-Length: 0\r\n\r\n");
    else if (strcmp(path, "/not-http") == 0)
        put_text(c, "220 mail.example ESMTP\r\n");
    else {
        put_head(c, "200 OK", strlen(request), "");
        put_text(c, request);
    }
}

static void serve(struct connection *c)
{
    char request[4096], path[600] = "";
    size_t len = 0;
    for (;;) {
        ssize_t n = c->session ? gnutls_record_recv(c->session, request + len, 4095 - len)
                               : recv(c->fd, request + len, 4095 - len, 0);
        if (n <= 0)
            return;
        len += (size_t)n;
        request[len] = 0;
        if (strstr(request, "\r\n\r\n"))
            break;
    }
    c->target->requests++;
    (void)sscanf(request, "GET %599s", path);
    answer(c, path, request);
}

static int on_hello(gnutls_session_t session)
{
    struct http_target *target = gnutls_session_get_ptr(session);
    char name[256] = "";
    size_t len = sizeof(name);
    unsigned type;
    bool has_name = gnutls_server_name_get(session, name, &len, &type, 0) == 0;
    if (target->options.is_sni_hated && has_name)
        return GNUTLS_E_UNRECOGNIZED_NAME;
    if (target->options.sni && strcmp(name, target->options.sni) != 0)
        return GNUTLS_E_UNRECOGNIZED_NAME;
    return 0;
}

static void serve_tls(struct connection *c)
{
    int code;
    must(gnutls_init(&c->session, GNUTLS_SERVER) == 0, "gnutls");
    gnutls_session_set_ptr(c->session, c->target);
    gnutls_handshake_set_post_client_hello_function(c->session, on_hello);
    must(gnutls_set_default_priority(c->session) == 0, "gnutls");
    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->target->credentials);
    gnutls_transport_set_int(c->session, c->fd);
    do
        code = gnutls_handshake(c->session);
    while (code < 0 && !gnutls_error_is_fatal(code));
    if (code == 0)
        serve(c);
    else
        gnutls_alert_send_appropriate(c->session, code);
    gnutls_bye(c->session, GNUTLS_SHUT_WR);
    gnutls_deinit(c->session);
}

static void *run_connection(void *argument)
{
    struct connection *c = argument;
    if (c->target->credentials)
        serve_tls(c);
    else
        serve(c);
    shutdown(c->fd, SHUT_WR);
    close(c->fd);
    c->target->connections--;
    free(c);
    return NULL;
}

static void *run_target(void *argument)
{
    struct http_target *target = argument;
    for (;;) {
        int fd = accept(target->fd, NULL, NULL);
        if (target->is_closing || fd < 0) {
            if (fd >= 0)
                close(fd);
            return NULL;
        }
        struct timeval limit = {.tv_sec = 20};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
        struct connection *c = calloc(1, sizeof(*c));
        must(c != NULL, "memory");
        *c = (struct connection){target, fd, NULL};
        pthread_t thread;
        target->connections++;
        must(pthread_create(&thread, NULL, run_connection, c) == 0, "thread");
        pthread_detach(thread);
    }
}

static int listen_on(uint16_t *port, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, backlog) == 0 &&
             getsockname(fd, (struct sockaddr *)&address, &len) == 0,
         "listen");
    *port = ntohs(address.sin_port);
    return fd;
}

struct http_target *http_target_open(const struct http_target_options *options)
{
    struct http_target *target = calloc(1, sizeof(*target));
    must(target != NULL, "memory");
    if (options)
        target->options = *options;
    if (target->options.cert_pem) {
        gnutls_datum_t cert = {(unsigned char *)(uintptr_t)options->cert_pem,
                               (unsigned)strlen(options->cert_pem)};
        gnutls_datum_t key = {(unsigned char *)(uintptr_t)options->key_pem,
                              (unsigned)strlen(options->key_pem)};
        must(gnutls_certificate_allocate_credentials(&target->credentials) == 0 &&
                 gnutls_certificate_set_x509_key_mem(target->credentials, &cert, &key,
                                                     GNUTLS_X509_FMT_PEM) >= 0,
             "certificate");
    }
    target->status = 200;
    target->fd = listen_on(&target->port, 1024);
    must(pthread_create(&target->thread, NULL, run_target, target) == 0, "thread");
    return target;
}

void http_target_close(struct http_target *target)
{
    target->is_closing = true;
    shutdown(target->fd, SHUT_RDWR);
    pthread_join(target->thread, NULL);
    close(target->fd);
    while (target->connections > 0)
        usleep(1000);
    if (target->credentials)
        gnutls_certificate_free_credentials(target->credentials);
    free(target);
}

uint16_t http_target_port(const struct http_target *target)
{
    return target->port;
}

void http_target_set_status(struct http_target *target, unsigned status)
{
    target->status = status;
}

unsigned http_target_request_count(const struct http_target *target)
{
    return target->requests;
}

/* A listener whose queue is full lets connections time out. */
void http_target_deaf(uint16_t *port, int fds[4])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fds[0] = listen_on(port, 0);
    address.sin_port = htons(*port);
    for (unsigned i = 1; i < 4; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        must(fds[i] >= 0, "socket");
        (void)connect(fds[i], (struct sockaddr *)&address, sizeof(address));
    }
    usleep(50000);
}
