/* links: test_target health policy base
 * Checks of endpoints on loopback that behave and that do not. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "health/checker.h"
#include "health/internal.h"
#include "lib/http_target.h"
#include "lib/test_certs.h"

#define CHECKS 2000 /* of test_thousands… */
#define SEEN_MAX 2048
#define RESULTS_MAX 8
#define WAIT_S 40 /* far more than anything takes */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct seen {
        struct health_opinion opinion;
        unsigned count, changes;
        uint64_t first_mono_ms;
    } list[SEEN_MAX];
    unsigned count;
    uint64_t total;
} board = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static struct seen *find_seen(const char *id)
{
    for (unsigned i = 0; i < board.count; i++) {
        if (strcmp(board.list[i].opinion.id, id) == 0)
            return &board.list[i];
    }
    return NULL;
}

static void on_opinion(void *user, const struct health_opinion *opinion)
{
    (void)user;
    pthread_mutex_lock(&board.lock);
    struct seen *seen = find_seen(opinion->id);
    if (!seen && board.count < SEEN_MAX) {
        seen = &board.list[board.count++];
        seen->first_mono_ms = clock_mono_ms();
    }
    assert_non_null(seen);
    seen->opinion = *opinion;
    seen->count++;
    seen->changes += opinion->is_changed;
    board.total++;
    pthread_cond_broadcast(&board.changed);
    pthread_mutex_unlock(&board.lock);
}

/* Until @id has had @count results. */
static struct seen wait_for(const char *id, unsigned count)
{
    struct timespec until;
    struct seen *seen;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    pthread_mutex_lock(&board.lock);
    while (!(seen = find_seen(id)) || seen->count < count) {
        if (pthread_cond_timedwait(&board.changed, &board.lock, &until) != 0)
            fail_msg("no result of %s", id);
    }
    struct seen copy = *seen;
    pthread_mutex_unlock(&board.lock);
    return copy;
}

static struct health_checker *open_checker(const struct health_options *more)
{
    struct health_options options = more ? *more : (struct health_options){0};
    struct health_checker *checker;

    memset(board.list, 0, sizeof(board.list));
    board.count = 0;
    board.total = 0;
    options.node = 7;
    options.on_opinion = on_opinion;
    assert_int_equal(health_open(&options, &checker), 0);
    return checker;
}

static struct health_spec spec_of(const char *id, enum health_type type, uint16_t port,
                                  const char *path)
{
    struct health_spec spec = {.version = 1,
                               .type = type,
                               .port = port,
                               .interval_s = 1,
                               .failure_threshold = 1,
                               .ip_address = "127.0.0.1"};

    snprintf(spec.id, sizeof(spec.id), "%s", id);
    snprintf(spec.resource_path, sizeof(spec.resource_path), "%s", path);
    if (type == HEALTH_HTTP_STR_MATCH || type == HEALTH_HTTPS_STR_MATCH)
        snprintf(spec.search_string, sizeof(spec.search_string), "needle");
    return spec;
}

static void set(struct health_checker *checker, const struct health_spec *spec)
{
    assert_int_equal(health_set(checker, spec), 0);
}

/* Of the first results one is this: more than one, for a machine that is overloaded misses limits.
 */
static void expect(const char *id, enum health_state state, const char *status)
{
    struct seen seen = wait_for(id, 1);

    while (seen.count < RESULTS_MAX && strncmp(seen.opinion.status, status, strlen(status)) != 0)
        seen = wait_for(id, seen.count + 1);
    if (strncmp(seen.opinion.status, status, strlen(status)) != 0)
        fail_msg("%s: '%s' does not begin with '%s'", id, seen.opinion.status, status);
    assert_int_equal(seen.opinion.state, state);
    assert_true(seen.opinion.checked_wall_ms > 0);
    if (state == HEALTH_UNHEALTHY)
        assert_string_equal(seen.opinion.last_failure, seen.opinion.status);
}

struct expected {
    const char *id;
    enum health_type type;
    const char *path;
    enum health_state state;
    const char *status;
};

static void test_http_answers_have_their_words(void **state)
{
    static const struct expected list[] = {
        {"ok", HEALTH_HTTP, "/status/200", HEALTH_HEALTHY,
         "Success: HTTP Status Code 200, Its Own Phrase"},
        {"bare", HEALTH_HTTP, "/bare/200", HEALTH_HEALTHY, "Success: HTTP Status Code 200, OK"},
        {"moved", HEALTH_HTTP, "/status/302", HEALTH_HEALTHY, "Success: HTTP Status Code 302, Its"},
        {"down", HEALTH_HTTP, "/status/503", HEALTH_UNHEALTHY,
         "Failure: HTTP Status Code 503, Its Own Phrase"},
        {"early", HEALTH_HTTP, "/early", HEALTH_HEALTHY, "Success: HTTP Status Code 200, Late"},
        {"long", HEALTH_HTTP, "/long-headers", HEALTH_UNHEALTHY,
         "Failure: the response headers are longer than 16384"},
        {"bad", HEALTH_HTTP, "/bad-header", HEALTH_UNHEALTHY,
         "Failure: a response header is malformed"},
        {"mail", HEALTH_HTTP, "/not-http", HEALTH_UNHEALTHY, "Failure: Received HTTP/0.9"},
        {"slow header", HEALTH_HTTP, "/slow-header", HEALTH_UNHEALTHY,
         "Failure: Response timed out. The endpoint did not respond within 2 seconds"},
        {"slow end", HEALTH_HTTP, "/slow-end", HEALTH_UNHEALTHY,
         "Failure: Response timed out. The response was not complete"},
        {"slow body", HEALTH_HTTP, "/slow-body", HEALTH_HEALTHY, "Success: HTTP Status Code 200"},
        {"match slow body", HEALTH_HTTP_STR_MATCH, "/slow-body", HEALTH_UNHEALTHY,
         "Failure: Response timed out. The response was not complete"},
        {"split", HEALTH_HTTP_STR_MATCH, "/split", HEALTH_HEALTHY, "Success: HTTP Status Code 200"},
        {"last", HEALTH_HTTP_STR_MATCH, "/last", HEALTH_HEALTHY, "Success: HTTP Status Code 200"},
        {"past", HEALTH_HTTP_STR_MATCH, "/past", HEALTH_UNHEALTHY,
         "Failure: HTTP Status Code 200, OK. The search string is not in"},
        {"gzip", HEALTH_HTTP_STR_MATCH, "/gzip", HEALTH_HEALTHY, "Success: HTTP Status Code 200"},
        {"deflate", HEALTH_HTTP_STR_MATCH, "/deflate", HEALTH_HEALTHY, "Success: HTTP"},
        {"match 404", HEALTH_HTTP_STR_MATCH, "/bare/404", HEALTH_UNHEALTHY,
         "Failure: HTTP Status Code 404, Not Found"},
        {"tcp", HEALTH_TCP, "", HEALTH_HEALTHY, "Success: TCP connection established"},
    };
    struct http_target *target = http_target_open(NULL);
    struct health_checker *checker = open_checker(NULL);
    size_t count = sizeof(list) / sizeof(list[0]);

    (void)state;
    for (size_t i = 0; i < count; i++) {
        struct health_spec spec =
            spec_of(list[i].id, list[i].type, http_target_port(target), list[i].path);
        set(checker, &spec);
    }
    for (size_t i = 0; i < count; i++)
        expect(list[i].id, list[i].state, list[i].status);
    health_close(checker);
    http_target_close(target);
}

static void test_connections_that_fail_have_their_words(void **state)
{
    struct http_target *target = http_target_open(NULL);
    uint16_t refused = http_target_port(target), deaf;
    int fds[4];
    struct health_checker *checker = open_checker(NULL);
    uint64_t begun = clock_mono_ms();

    (void)state;
    http_target_close(target); /* nobody listens there now */
    http_target_deaf(&deaf, fds);
    struct health_spec specs[] = {
        spec_of("tcp refused", HEALTH_TCP, refused, ""),
        spec_of("http refused", HEALTH_HTTP, refused, "/"),
        spec_of("tcp deaf", HEALTH_TCP, deaf, ""),
        spec_of("http deaf", HEALTH_HTTP, deaf, "/"),
    };
    for (unsigned i = 0; i < 4; i++)
        set(checker, &specs[i]);
    expect("tcp refused", HEALTH_UNHEALTHY, "Failure: Connection refused.");
    expect("http refused", HEALTH_UNHEALTHY, "Failure: Connection refused.");
    expect("http deaf", HEALTH_UNHEALTHY, "Failure: Connection timed out. The endpoint or");
    assert_in_range(wait_for("http deaf", 1).first_mono_ms - begun, 4000, 9000);
    expect("tcp deaf", HEALTH_UNHEALTHY, "Failure: Connection timed out. The endpoint or");
    assert_in_range(wait_for("tcp deaf", 1).first_mono_ms - begun, 10000, 15000);
    /* Slow ones have held nobody up, and were not started a second time. */
    assert_true(wait_for("tcp refused", 1).count >= 8);
    uint64_t counters[HEALTH_COUNTER_COUNT];
    health_read_counters(checker, counters);
    assert_true(counters[HEALTH_COUNT_SKIPPED] >= 8);
    health_close(checker);
    for (unsigned i = 0; i < 4; i++)
        close(fds[i]);
}

static void test_request_says_who_asks_for_what(void **state)
{
    struct http_target *target = http_target_open(NULL);
    struct health_checker *checker = open_checker(NULL);
    static const char *const wanted[][3] = {
        {"agent", "x", "(ref agent; compatible; Amazon-Route53-Health-Check-Service)"},
        {"path", "a b?c=d#e", "GET /a%20b?c=d#e HTTP/1.1\r\n"},
        {"close", "/x", "Connection: close\r\n"},
    };
    char host[64];

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        struct health_spec spec =
            spec_of(wanted[i][0], HEALTH_HTTP_STR_MATCH, http_target_port(target), wanted[i][1]);
        snprintf(spec.search_string, sizeof(spec.search_string), "%s", wanted[i][2]);
        set(checker, &spec);
    }
    struct health_spec named =
        spec_of("host", HEALTH_HTTP_STR_MATCH, http_target_port(target), "/x");
    snprintf(named.domain_name, sizeof(named.domain_name), "www.example.com.");
    snprintf(named.search_string, sizeof(named.search_string), "Host: www.example.com:%u\r\n",
             http_target_port(target));
    set(checker, &named);
    struct health_spec plain =
        spec_of("address", HEALTH_HTTP_STR_MATCH, http_target_port(target), "/x");
    snprintf(host, sizeof(host), "Host: 127.0.0.1:%u\r\n", http_target_port(target));
    snprintf(plain.search_string, sizeof(plain.search_string), "%s", host);
    set(checker, &plain);
    for (unsigned i = 0; i < 3; i++)
        expect(wanted[i][0], HEALTH_HEALTHY, "Success: HTTP Status Code 200, OK");
    expect("host", HEALTH_HEALTHY, "Success: HTTP Status Code 200, OK");
    expect("address", HEALTH_HEALTHY, "Success: HTTP Status Code 200, OK");
    health_close(checker);
    http_target_close(target);
}

/* ---- names ---- */

/* A resolver that knows "known.example" alone, as 127.0.0.1. */
static void *run_resolver(void *argument)
{
    int fd = *(int *)argument;
    uint8_t packet[512];
    struct sockaddr_in from;
    socklen_t from_len = sizeof(from);
    ssize_t len;

    while ((len = recvfrom(fd, packet, sizeof(packet) - 16, 0, (struct sockaddr *)&from,
                           &from_len)) > 12) {
        static const uint8_t record[] = {0xC0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1};
        bool is_known = packet[13] == 'k';
        size_t end = 12;
        while (packet[end] != 0)
            end += packet[end] + 1u;
        end += 5; /* without EDNS */
        packet[2] = 0x84;
        packet[3] = is_known ? 0 : 3;
        packet[7] = is_known;
        packet[11] = 0;
        if (is_known) {
            memcpy(packet + end, record, sizeof(record));
            end += sizeof(record);
        }
        (void)sendto(fd, packet, end, 0, (struct sockaddr *)&from, from_len);
    }
    return NULL;
}

static void test_names_are_resolved_for_each_check(void **state)
{
    struct http_target *target = http_target_open(NULL);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char resolvers[32];
    pthread_t thread;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, run_resolver, &fd), 0);
    snprintf(resolvers, sizeof(resolvers), "127.0.0.1:%u", ntohs(address.sin_port));
    struct health_checker *checker = open_checker(&(struct health_options){.resolvers = resolvers});
    static const char *const names[] = {"known.example", "unknown.example", "localhost"};
    for (unsigned i = 0; i < 3; i++) {
        struct health_spec spec =
            spec_of(names[i], HEALTH_HTTP, http_target_port(target), "/status/200");
        spec.ip_address[0] = 0;
        snprintf(spec.domain_name, sizeof(spec.domain_name), "%s", names[i]);
        set(checker, &spec);
    }
    expect("known.example", HEALTH_HEALTHY,
           "Success: HTTP Status Code 200, Its Own Phrase. Resolved IP: 127.0.0.1");
    expect("unknown.example", HEALTH_UNHEALTHY, "Failure: DNS resolution failed: ");
    expect("localhost", HEALTH_HEALTHY, "Success: HTTP Status Code 200"); /* by /etc/hosts */
    health_close(checker);
    shutdown(fd, SHUT_RDWR);
    (void)sendto(fd, "", 0, 0, (struct sockaddr *)&address, len);
    pthread_join(thread, NULL);
    close(fd);
    http_target_close(target);
}

static void test_a_silent_resolver_fails_the_check(void **state)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    char resolvers[32];

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(resolvers, sizeof(resolvers), "127.0.0.1:%u", ntohs(address.sin_port));
    struct health_checker *checker = open_checker(&(struct health_options){.resolvers = resolvers});
    struct health_spec spec = spec_of("silent", HEALTH_TCP, 80, "");
    spec.ip_address[0] = 0;
    snprintf(spec.domain_name, sizeof(spec.domain_name), "known.example");
    set(checker, &spec);
    expect("silent", HEALTH_UNHEALTHY, "Failure: DNS resolution failed: ");
    health_close(checker); /* while the next question waits for its answer */
    close(fd);
}

static void test_bad_resolvers_are_refused(void **state)
{
    struct health_options options = {.resolvers = "not an address", .on_opinion = on_opinion};
    struct health_checker *checker;

    (void)state;
    assert_int_equal(health_open(&options, &checker), ERR_INVALID);
    options.resolvers = NULL;
    options.connections_max = HEALTH_CONNECTIONS_MAX + 1;
    assert_int_equal(health_open(&options, &checker), ERR_LIMIT);
}

/* ---- TLS ---- */

static struct health_spec https_of(const char *id, const struct http_target *target, bool has_sni)
{
    struct health_spec spec = spec_of(id, HEALTH_HTTPS, http_target_port(target), "/bare/200");

    snprintf(spec.domain_name, sizeof(spec.domain_name), "www.example.com");
    spec.enable_sni = has_sni;
    return spec;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_https_with_and_without_sni_and_verification(void **state)
{
    struct test_ca *ca = test_ca_new(), *other_ca = test_ca_new();
    struct test_cert cert = test_cert_new(ca, "www.example.com");
    struct test_cert wrong = test_cert_new(ca, "ftp.example.com");
    struct test_cert foreign = test_cert_new(other_ca, "www.example.com");
    char ca_file[] = "/tmp/test_health_ca.XXXXXX";
    struct http_target_options any = {.cert_pem = cert.cert_pem, .key_pem = cert.key_pem};
    struct http_target_options needs = any, hates = any, strange = any, other = any;

    (void)state;
    needs.sni = "www.example.com";
    hates.is_sni_hated = true;
    strange.cert_pem = wrong.cert_pem;
    strange.key_pem = wrong.key_pem;
    other.cert_pem = foreign.cert_pem;
    other.key_pem = foreign.key_pem;
    struct http_target *targets[] = {http_target_open(&any),   http_target_open(&needs),
                                     http_target_open(&hates), http_target_open(&strange),
                                     http_target_open(&other), http_target_open(NULL)};
    close(mkstemp(ca_file));
    write_file(ca_file, test_ca_pem(ca));
    struct health_checker *checker = open_checker(&(struct health_options){.ca_file = ca_file});
    struct health_spec specs[] = {
        https_of("any", targets[0], false),           https_of("any sni", targets[0], true),
        https_of("needs", targets[1], false),         https_of("needs sni", targets[1], true),
        https_of("hates sni", targets[2], true),      https_of("verified", targets[0], false),
        https_of("verified name", targets[3], true),  https_of("verified ca", targets[4], true),
        https_of("unverified", targets[3], true),     https_of("no tls", targets[5], true),
        https_of("verified hates", targets[2], true),
    };
    specs[5].verify_certificate = specs[6].verify_certificate = specs[7].verify_certificate = true;
    specs[10].verify_certificate = true;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++)
        set(checker, &specs[i]);
    static const char good[] = "Success: HTTP Status Code 200, OK";
    expect("any", HEALTH_HEALTHY, good);
    expect("any sni", HEALTH_HEALTHY, good);
    expect("needs", HEALTH_UNHEALTHY, "Failure: ");
    expect("needs sni", HEALTH_HEALTHY, good);
    expect("hates sni", HEALTH_HEALTHY, good); /* by the second try */
    expect("verified", HEALTH_HEALTHY, good);
    expect("verified name", HEALTH_UNHEALTHY, "Failure: ");
    expect("verified ca", HEALTH_UNHEALTHY, "Failure: ");
    expect("unverified", HEALTH_HEALTHY, good);
    expect("no tls", HEALTH_UNHEALTHY, "Failure: ");
    expect("verified hates", HEALTH_UNHEALTHY, "Failure: ");
    health_close(checker);
    for (unsigned i = 0; i < 6; i++)
        http_target_close(targets[i]);
    unlink(ca_file);
    test_cert_free(&cert);
    test_cert_free(&wrong);
    test_cert_free(&foreign);
    test_ca_free(ca);
    test_ca_free(other_ca);
}

/* ---- thresholds, changes, many ---- */

static void note(void *user, const struct health_opinion *opinion)
{
    *(struct health_opinion *)user = *opinion;
}

/* @results: '+' and '-'. @states after each: '?', 'h', 'u'. */
static void run_results(uint32_t threshold, const char *results, const char *states)
{
    struct health_opinion opinion = {0};
    struct health_checker checker = {.options = {.on_opinion = note, .user = &opinion}};
    struct health_check check = {.checker = &checker};
    char before = '?';

    check.spec.failure_threshold = threshold;
    for (size_t i = 0; results[i]; i++) {
        result_take(&check, results[i] == '+', results[i] == '+' ? "Success: x" : "Failure: x");
        char now = "?hu"[opinion.state];
        if (now != states[i])
            fail_msg("threshold %u, '%s': after %zu '%c', not '%c'", threshold, results, i + 1, now,
                     states[i]);
        assert_int_equal(opinion.is_changed, now != before);
        before = now;
    }
    free(check.last_failure);
}

static void test_thresholds_truth_table(void **state)
{
    (void)state;
    run_results(1, "+-+-", "huhu");
    run_results(1, "-+", "uh");
    run_results(3, "+--+--+---", "hhhhhhhhhu");
    run_results(3, "---++-+++", "??uuuuuuh");
    run_results(3, "--+", "??h");
    run_results(2, "-+-+-+", "?hhhhh");
    run_results(2, "--+-+-+-", "?uuuuuuu");
    run_results(10, "+---------+---------", "hhhhhhhhhhhhhhhhhhhh");
    run_results(10, "----------", "?????????u");
}

static void test_endpoint_that_goes_and_comes_back(void **state)
{
    struct http_target *target = http_target_open(NULL);
    struct health_checker *checker = open_checker(NULL);
    struct health_spec spec = spec_of("flap", HEALTH_HTTP, http_target_port(target), "/flap");

    (void)state;
    set(checker, &spec);
    expect("flap", HEALTH_HEALTHY, "Success: HTTP Status Code 200, Set");
    http_target_set_status(target, 500);
    unsigned count = wait_for("flap", 1).count;
    struct seen down = wait_for("flap", count + 2);
    assert_int_equal(down.opinion.state, HEALTH_UNHEALTHY);
    assert_int_equal(down.changes, 2);
    http_target_set_status(target, 204);
    struct seen up = wait_for("flap", down.count + 2);
    assert_int_equal(up.opinion.state, HEALTH_HEALTHY);
    assert_string_equal(up.opinion.last_failure, "Failure: HTTP Status Code 500, Set");
    assert_int_equal(up.changes, 3);
    health_close(checker);
    http_target_close(target);
}

static void test_change_and_removal_take_effect(void **state)
{
    struct http_target *target = http_target_open(NULL);
    struct health_checker *checker = open_checker(NULL);
    struct health_spec spec =
        spec_of("changed", HEALTH_HTTP, http_target_port(target), "/bare/200");
    struct health_spec gone =
        spec_of("gone", HEALTH_HTTP, http_target_port(target), "/slow-header");
    struct health_spec last = spec_of("last", HEALTH_TCP, http_target_port(target), "");
    uint64_t counters[HEALTH_COUNTER_COUNT];

    (void)state;
    set(checker, &spec);
    set(checker, &gone);
    expect("changed", HEALTH_HEALTHY, "Success");
    spec.version = 2;
    spec.interval_s = 30; /* the same endpoint: what is known of it stays */
    set(checker, &spec);
    struct seen second = wait_for("changed", 2);
    while (second.opinion.version != 2)
        second = wait_for("changed", second.count + 1);
    assert_int_equal(second.opinion.state, HEALTH_HEALTHY);
    assert_int_equal(second.changes, 1);
    spec.version = 3;
    spec.failure_threshold = 3;
    snprintf(spec.resource_path, sizeof(spec.resource_path), "/bare/500");
    set(checker, &spec);
    struct seen third = wait_for("changed", second.count + 1);
    assert_int_equal(third.opinion.version, 3);
    assert_int_equal(third.opinion.state, HEALTH_NONE);
    assert_int_equal(health_remove(checker, "gone"), 0);
    assert_int_equal(health_remove(checker, "never there"), 0);
    set(checker, &last);
    expect("last", HEALTH_HEALTHY, "Success");
    health_read_counters(checker, counters);
    assert_int_equal(counters[HEALTH_COUNT_CHECKS], 2);
    health_close(checker);
    http_target_close(target);
}

static void test_what_cannot_be_run_is_refused(void **state)
{
    struct health_checker *checker = open_checker(NULL);
    struct health_spec good = spec_of("good", HEALTH_HTTP_STR_MATCH, 80, "/"), bad;

    (void)state;
#define REFUSED(change)                                                                            \
    do {                                                                                           \
        bad = good;                                                                                \
        change;                                                                                    \
        assert_int_equal(health_set(checker, &bad), ERR_INVALID);                                  \
    } while (0)
    REFUSED(bad.id[0] = 0);
    REFUSED(bad.port = 0);
    REFUSED(bad.interval_s = 0);
    REFUSED(bad.interval_s = 86401);
    REFUSED(bad.failure_threshold = 0);
    REFUSED(bad.type = (enum health_type)9);
    REFUSED(bad.search_string[0] = 0);
    REFUSED(snprintf(bad.ip_address, sizeof(bad.ip_address), "127.0.0.1:80"));
    REFUSED(bad.ip_address[0] = 0);
    REFUSED(snprintf(bad.domain_name, sizeof(bad.domain_name), "a\r\nX: y"));
    REFUSED(memset(bad.resource_path, 'x', sizeof(bad.resource_path)));
#undef REFUSED
    health_close(checker);
}

/* More than there are connections: all of them are started, and nobody waits for long. */
/* Each is run in its turn. On a busy machine the one target may be late for a few of them. */
static void test_thousands_of_checks_are_started(void **state)
{
    struct http_target *target = http_target_open(NULL);
    struct health_checker *checker = open_checker(&(struct health_options){.connections_max = 32});
    uint64_t counters[HEALTH_COUNTER_COUNT];
    char id[HEALTH_ID_SIZE];
    unsigned late_count = 0;

    (void)state;
    for (unsigned i = 0; i < CHECKS; i++) {
        snprintf(id, sizeof(id), "check-%04u", i);
        struct health_spec spec =
            spec_of(id, i % 2 ? HEALTH_TCP : HEALTH_HTTP, http_target_port(target), "/bare/200");
        spec.interval_s = 30;
        set(checker, &spec);
    }
    for (unsigned i = 0; i < CHECKS; i++) {
        snprintf(id, sizeof(id), "check-%04u", i);
        struct seen seen = wait_for(id, 1);
        late_count += seen.opinion.state != HEALTH_HEALTHY;
    }
    assert_true(late_count <= CHECKS / 50);
    health_read_counters(checker, counters);
    assert_int_equal(counters[HEALTH_COUNT_CHECKS], CHECKS);
    assert_true(counters[HEALTH_COUNT_STARTED] >= CHECKS);
    assert_true(counters[HEALTH_COUNT_FAILED] <= CHECKS / 50);
    health_close(checker);
    http_target_close(target);
}

/* Orders from several threads while checks run, and an end in the midst of it. */
static void *order_about(void *argument)
{
    struct health_checker *checker = argument;
    char id[HEALTH_ID_SIZE];

    for (unsigned i = 0; i < 400; i++) {
        snprintf(id, sizeof(id), "check-%u", i % 20);
        struct health_spec spec = spec_of(id, HEALTH_TCP, 1, "");
        spec.version = i;
        (void)health_set(checker, &spec);
        if (i % 3 == 0)
            (void)health_remove(checker, id);
    }
    return NULL;
}

static void test_orders_from_any_thread(void **state)
{
    struct health_checker *checker = open_checker(NULL);
    pthread_t threads[3];

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, order_about, checker), 0);
    for (unsigned i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    wait_for("check-18", 1);
    health_close(checker);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds_truth_table),
        cmocka_unit_test(test_http_answers_have_their_words),
        cmocka_unit_test(test_connections_that_fail_have_their_words),
        cmocka_unit_test(test_request_says_who_asks_for_what),
        cmocka_unit_test(test_names_are_resolved_for_each_check),
        cmocka_unit_test(test_a_silent_resolver_fails_the_check),
        cmocka_unit_test(test_bad_resolvers_are_refused),
        cmocka_unit_test(test_https_with_and_without_sni_and_verification),
        cmocka_unit_test(test_endpoint_that_goes_and_comes_back),
        cmocka_unit_test(test_change_and_removal_take_effect),
        cmocka_unit_test(test_what_cannot_be_run_is_refused),
        cmocka_unit_test(test_thousands_of_checks_are_started),
        cmocka_unit_test(test_orders_from_any_thread),
    };

    signal(SIGPIPE, SIG_IGN); /* as quartetd; GnuTLS writes to whoever has gone */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
