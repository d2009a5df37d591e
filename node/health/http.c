/* node/health/http.c: a request by libcurl's multi interface, and what counts as an answer. */
#include <ctype.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <uv.h>

#include "base/assert.h"
#include "health/internal.h"

#define NS_PER_MS 1000000u
#define URL_SIZE (HEALTH_TEXT_SIZE + 32)
#define TARGET_SIZE (3 * HEALTH_TEXT_SIZE + 2)
#define BUFFER_LEN 2048L /* of libcurl for each connection */

static uint64_t now_mono_ms(void)
{
    return uv_hrtime() / NS_PER_MS;
}

/* ---- what the server sends ---- */

static size_t refuse(struct health_run *run, const char *why)
{
    run->http = HTTP_REFUSED;
    run->refusal = why;
    return 0; /* libcurl ends the transfer */
}

static size_t done(struct health_run *run)
{
    run->http = HTTP_DONE;
    return 0;
}

static bool is_good(const struct health_run *run)
{
    return run->status >= 200 && run->status <= 399;
}

static void copy_reason(struct health_run *run, const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == '\r' || text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    while (len > 0 && *text == ' ') {
        text++;
        len--;
    }
    snprintf(run->reason, sizeof(run->reason), "%.*s",
             len < sizeof(run->reason) ? (int)len : (int)sizeof(run->reason) - 1, text);
}

/* "HTTP/1.1 200 OK"; what comes before the final one (1xx) is passed over. */
static size_t take_status(struct health_run *run, const char *line, size_t len)
{
    const char *blank = memchr(line, ' ', len);
    unsigned status = 0;

    if (len < 5 || memcmp(line, "HTTP/", 5) != 0)
        return len;
    if (!blank || (size_t)(line + len - blank) < 5)
        return refuse(run, "the status line is malformed.");
    for (unsigned i = 1; i <= 3; i++) {
        if (!isdigit((unsigned char)blank[i]))
            return refuse(run, "the status line is malformed.");
        status = status * 10 + (unsigned)(blank[i] - '0');
    }
    if (status >= 100 && status <= 199)
        return len;
    run->status = status;
    run->status_mono_ms = now_mono_ms();
    copy_reason(run, blank + 4, (size_t)(line + len - blank) - 4);
    run->http = HTTP_HEADERS;
    return is_good(run) ? len : done(run);
}

/* RFC 7230 3.2: a name that is a token, and a colon right after it. */
static bool is_field(const char *line, size_t len)
{
    static const char other[] = "!#$%&'*+-.^_`|~";
    size_t at = 0;

    while (at < len && line[at] != 0 &&
           (isalnum((unsigned char)line[at]) || strchr(other, line[at])))
        at++;
    return at > 0 && at < len && line[at] == ':';
}

static size_t take_field(struct health_run *run, const char *line, size_t len)
{
    bool is_end = line[0] == '\n' || (len >= 2 && line[0] == '\r' && line[1] == '\n');

    if (!is_end) /* a line may also go on from the one before (obs-fold) */
        return line[0] == ' ' || line[0] == '\t' || is_field(line, len)
                   ? len
                   : refuse(run, "a response header is malformed.");
    if (!health__is_match(run->check->spec.type))
        return done(run);
    run->http = HTTP_BODY;
    return len;
}

static size_t on_header(char *line, size_t size, size_t count, void *user)
{
    struct health_run *run = user;
    size_t len = size * count;

    run->headers_len += len;
    if (run->headers_len > HEALTH_HEADERS_MAX)
        return refuse(run, "the response headers are longer than 16384 bytes.");
    if (len == 0)
        return 0;
    switch (run->http) {
    case HTTP_STATUS: return take_status(run, line, len);
    case HTTP_HEADERS: return take_field(run, line, len);
    default: return len; /* trailers */
    }
}

static size_t on_body(char *data, size_t size, size_t count, void *user)
{
    struct health_run *run = user;
    const char *wanted = run->check->spec.search_string;
    size_t wanted_len = strlen(wanted), len = size * count, room = HEALTH_BODY_MAX - run->body_len;

    if (run->http != HTTP_BODY || !run->body)
        return done(run);
    if (len < room)
        room = len;
    size_t from = run->body_len >= wanted_len ? run->body_len - wanted_len + 1 : 0;
    memcpy(run->body + run->body_len, data, room);
    run->body_len += room;
    run->is_found = memmem(run->body + from, run->body_len - from, wanted, wanted_len) != NULL;
    return run->is_found || run->body_len == HEALTH_BODY_MAX ? done(run) : len;
}

/* ---- the request ---- */

static bool append(struct curl_slist **list, const char *text)
{
    struct curl_slist *longer = curl_slist_append(*list, text);

    if (longer)
        *list = longer;
    return longer != NULL;
}

/* Octets that may not stand in a request line are escaped. */
static void format_target(const char *path, char out[TARGET_SIZE])
{
    size_t len = 0;

    if (path[0] != '/')
        out[len++] = '/';
    for (; *path; path++) {
        if (*path > ' ' && *path <= '~')
            out[len++] = *path;
        else
            len += (size_t)snprintf(out + len, TARGET_SIZE - len, "%%%02X", (unsigned char)*path);
    }
    out[len] = 0;
}

static const char *bracketed(const char *address, char out[HEALTH_ADDRESS_SIZE + 2])
{
    snprintf(out, HEALTH_ADDRESS_SIZE + 2, strchr(address, ':') ? "[%s]" : "%s", address);
    return out;
}

/* The name, or else the address, and the port unless it is the scheme's own. */
static bool add_host(struct health_run *run)
{
    const struct health_spec *spec = &run->check->spec;
    char address[HEALTH_ADDRESS_SIZE + 2], text[HEALTH_TEXT_SIZE + 32];
    const char *host = spec->domain_name[0] ? spec->domain_name : bracketed(run->address, address);

    if (spec->port == (health__is_https(spec->type) ? 443 : 80))
        snprintf(text, sizeof(text), "Host: %s", host);
    else
        snprintf(text, sizeof(text), "Host: %s:%u", host, spec->port);
    return append(&run->headers, text) && append(&run->headers, "Connection: close");
}

/* libcurl sends the name of the URL as SNI, and verifies that, but connects where it is told to;
 * with an address in the URL it sends none. */
static bool set_target(struct health_run *run)
{
    const struct health_spec *spec = &run->check->spec;
    char address[HEALTH_ADDRESS_SIZE + 2], url[URL_SIZE], to[URL_SIZE], target[TARGET_SIZE];

    (void)bracketed(run->address, address);
    snprintf(url, sizeof(url), "%s://%s:%u/", health__is_https(spec->type) ? "https" : "http",
             run->has_sni ? spec->domain_name : address, spec->port);
    snprintf(to, sizeof(to), "::%s:%u", address, spec->port);
    format_target(spec->resource_path, target);
    return (!run->has_sni || append(&run->connect_to, to)) && add_host(run) &&
           curl_easy_setopt(run->easy, CURLOPT_URL, url) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_REQUEST_TARGET, target) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_CONNECT_TO, run->connect_to) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_HTTPHEADER, run->headers) == CURLE_OK;
}

/* The list of CAs is read from its file for each connection: only where it is needed. */
static bool set_verification(struct health_run *run, bool is_verified)
{
    const char *ca_file = is_verified ? run->checker->ca_file : NULL;

    return curl_easy_setopt(run->easy, CURLOPT_SSL_VERIFYPEER, is_verified ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_SSL_VERIFYHOST, is_verified ? 2L : 0L) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_CAINFO, ca_file) == CURLE_OK;
}

static bool set_rest(struct health_run *run)
{
    const struct health_spec *spec = &run->check->spec;
    const char *encodings = health__is_match(spec->type) ? "gzip, deflate" : NULL;
    char agent[160];

    snprintf(
        agent, sizeof(agent),
        "Quartet-Health-Check-Service (ref %s; compatible; Amazon-Route53-Health-Check-Service)",
        spec->id);
    return curl_easy_setopt(run->easy, CURLOPT_USERAGENT, agent) == CURLE_OK &&
           curl_easy_setopt(run->easy, CURLOPT_ACCEPT_ENCODING, encodings) == CURLE_OK &&
           set_verification(run, spec->verify_certificate);
}

/* What is the same for every check. */
static CURL *make_easy(struct health_run *run)
{
    CURL *easy = curl_easy_init();

    if (!easy)
        return NULL;
    bool is_set =
        curl_easy_setopt(easy, CURLOPT_PRIVATE, run) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HEADERDATA, run) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, run) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, run->error) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK && /* also not the environment's */
        curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_SSL_SESSIONID_CACHE, 0L) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_0) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, BUFFER_LEN) == CURLE_OK &&
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
    if (is_set)
        return easy;
    curl_easy_cleanup(easy);
    return NULL;
}

static void forget_request(struct health_run *run)
{
    curl_slist_free_all(run->headers);
    curl_slist_free_all(run->connect_to);
    run->headers = run->connect_to = NULL;
    free(run->body);
    run->body = NULL;
}

static void on_timeout(uv_timer_t *timer)
{
    http_timeout(timer->data);
}

static void fail(struct health_run *run, const char *why)
{
    char text[HEALTH_TEXT_SIZE];

    result_failure_text(run, why, text);
    run_finish(run, false, text);
}

static void begin(struct health_run *run, bool has_sni)
{
    bool is_match = health__is_match(run->check->spec.type);

    run->has_sni = has_sni;
    run->http = HTTP_STATUS;
    run->status = 0;
    run->headers_len = run->body_len = 0;
    run->is_found = false;
    run->error[0] = run->reason[0] = 0;
    run->begun_mono_ms = now_mono_ms();
    if (!run->easy)
        run->easy = make_easy(run);
    if (is_match)
        run->body = malloc(HEALTH_BODY_MAX);
    if (!run->easy || (is_match && !run->body) || !set_target(run) || !set_rest(run) ||
        curl_multi_add_handle(run->checker->multi, run->easy) != CURLM_OK) {
        run_give_up(run);
        return;
    }
    uv_timer_start(run->timer, on_timeout, HEALTH_STATUS_MS, 0);
}

void http_start(struct health_run *run)
{
    const struct health_spec *spec = &run->check->spec;

    begin(run, health__is_https(spec->type) && spec->domain_name[0] &&
                   (spec->enable_sni || spec->verify_certificate));
}

void http_stop(struct health_run *run)
{
    if (run->easy)
        (void)curl_multi_remove_handle(run->checker->multi, run->easy); /* also one not in it */
    forget_request(run);
}

void http_fini(struct health_run *run)
{
    curl_easy_cleanup(run->easy);
    run->easy = NULL;
}

/* ---- the end ---- */

/* 0: no connection yet. */
static uint64_t connected_after_ms(const struct health_run *run)
{
    curl_off_t after_us = 0;

    (void)curl_easy_getinfo(run->easy, CURLINFO_CONNECT_TIME_T, &after_us);
    return after_us > 0 ? (uint64_t)after_us / 1000 + 1 : 0;
}

/* One timer for all limits: it comes at the earliest time at which one can be over, and then is set
 * to when the one that counts by now would be. */
void http_timeout(struct health_run *run)
{
    uint64_t after_ms = connected_after_ms(run), now = now_mono_ms();
    uint64_t end = run->begun_mono_ms + HEALTH_CONNECT_MS;
    const char *why = "Connection timed out. The endpoint or the internet connection is down, or "
                      "requests are being blocked by your firewall.";

    if (run->http != HTTP_STATUS) {
        end = run->status_mono_ms + HEALTH_BODY_MS;
        why =
            "Response timed out. The response was not complete within 2 seconds of its beginning.";
    } else if (after_ms > 0) {
        end = run->begun_mono_ms + after_ms + HEALTH_STATUS_MS;
        why = "Response timed out. The endpoint did not respond within 2 seconds of connecting.";
    }
    if (now < end)
        uv_timer_start(run->timer, on_timeout, end - now, 0);
    else
        fail(run, why);
}

static void finish_answered(struct health_run *run)
{
    char text[HEALTH_TEXT_SIZE];
    bool is_match = health__is_match(run->check->spec.type), is_success = is_good(run);
    const char *more = NULL;

    if (is_success && is_match && !run->is_found) {
        is_success = false;
        more = " The search string is not in the first 5120 bytes of the body.";
    }
    result_http_text(run, more, text);
    run_finish(run, is_success, text);
}

static void finish_failed(struct health_run *run, CURLcode code)
{
    char why[200];
    long errno_of = 0;

    (void)curl_easy_getinfo(run->easy, CURLINFO_OS_ERRNO, &errno_of);
    if (code == CURLE_OUT_OF_MEMORY ||
        (code == CURLE_COULDNT_CONNECT && run_is_own_fault((int)errno_of))) {
        run_give_up(run);
        return;
    }
    if (code == CURLE_COULDNT_CONNECT && errno_of != 0)
        snprintf(why, sizeof(why), "%s.", strerror((int)errno_of));
    else
        snprintf(why, sizeof(why), "%.190s.",
                 run->error[0] ? run->error : curl_easy_strerror(code));
    fail(run, why);
}

static void finish(struct health_run *run, CURLcode code)
{
    uv_timer_stop(run->timer);
    if (run->http == HTTP_REFUSED) {
        fail(run, run->refusal);
    } else if (run->http == HTTP_DONE || (run->http == HTTP_BODY && code == CURLE_OK)) {
        finish_answered(run);
    } else if (code == CURLE_SSL_CONNECT_ERROR && run->has_sni &&
               !run->check->spec.verify_certificate) {
        http_stop(run);
        begin(run, false); /* as Route 53: once more without the name */
    } else {
        finish_failed(run, code != CURLE_OK ? code : CURLE_GOT_NOTHING);
    }
}

static void read_messages(struct health_checker *checker)
{
    CURLMsg *message;
    int left;

    while (!checker->is_closing && (message = curl_multi_info_read(checker->multi, &left))) {
        char *private = NULL;
        CURLcode code = message->data.result;
        if (message->msg != CURLMSG_DONE ||
            curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &private) != CURLE_OK)
            continue;
        finish((struct health_run *)(void *)private, code);
    }
}

void http_event(struct health_checker *checker, int fd, uint32_t events)
{
    int running, mask = 0;

    if (events & EPOLLIN)
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (events & (EPOLLERR | EPOLLHUP))
        mask |= CURL_CSELECT_ERR;
    (void)curl_multi_socket_action(checker->multi, fd, mask, &running);
    read_messages(checker);
}

static void on_curl_timer(uv_timer_t *timer)
{
    struct health_checker *checker = timer->data;
    int running;

    (void)curl_multi_socket_action(checker->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    read_messages(checker);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct health_checker *checker = user;

    (void)multi;
    if (timeout_ms < 0)
        uv_timer_stop(checker->curl_timer);
    else
        uv_timer_start(checker->curl_timer, on_curl_timer, (uint64_t)timeout_ms, 0);
    return 0;
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socket_user)
{
    uint32_t events = 0;

    (void)easy;
    (void)socket_user;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    return poll_watch(user, POLL_CURL, 0, fd, events) == 0 ? 0 : -1;
}

/* Where libcurl finds the system's CAs. */
static int find_ca_file(struct health_checker *checker)
{
    CURL *easy = curl_easy_init();
    char *path = NULL;

    if (!easy)
        return ERR_NOMEM;
    if (curl_easy_getinfo(easy, CURLINFO_CAINFO, &path) == CURLE_OK && path)
        checker->ca_file = strdup(path);
    curl_easy_cleanup(easy);
    return path && !checker->ca_file ? ERR_NOMEM : 0;
}

int http_open(struct health_checker *checker)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return ERR_NOMEM;
    if (!checker->ca_file && find_ca_file(checker) != 0) {
        curl_global_cleanup();
        return ERR_NOMEM;
    }
    checker->multi = curl_multi_init();
    if (checker->multi &&
        curl_multi_setopt(checker->multi, CURLMOPT_SOCKETFUNCTION, watch_socket) == CURLM_OK &&
        curl_multi_setopt(checker->multi, CURLMOPT_SOCKETDATA, checker) == CURLM_OK &&
        curl_multi_setopt(checker->multi, CURLMOPT_TIMERFUNCTION, set_timer) == CURLM_OK &&
        curl_multi_setopt(checker->multi, CURLMOPT_TIMERDATA, checker) == CURLM_OK)
        return 0;
    if (checker->multi)
        (void)curl_multi_cleanup(checker->multi);
    checker->multi = NULL;
    curl_global_cleanup();
    return ERR_NOMEM;
}

void http_close(struct health_checker *checker)
{
    if (!checker->multi)
        return;
    (void)curl_multi_cleanup(checker->multi);
    checker->multi = NULL;
    curl_global_cleanup();
}
