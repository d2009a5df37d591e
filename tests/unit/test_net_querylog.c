/* The log of queries: records, lines, slots, files. links: net test_image */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/ring.h"
#include "lib/test_image.h"
#include "net/batch.h"
#include "net/counters.h"
#include "net/net.h"
#include "querylog/line.h"
#include "querylog/querylog.h"
#include "querylog/record.h"
#include "querylog/table.h"
#include "zone/image.h"

#define ARN "arn:aws:logs:us-east-1:123456789012:log-group:"
#define ZONE "Z00000000000000000001"
#define TIME_MS UINT64_C(1513152962130) /* 2017-12-13T08:16:02.130Z */

/* ---- what one record says ---- */

/* "\3www\7Example\3com\0" asked for @type, with the client subnet @ecs (family to address). */
static uint16_t make_request(const char *name, size_t name_len, uint16_t type, const char *ecs,
                             size_t ecs_len, uint8_t out[512])
{
    uint8_t *at = out;

    memset(out, 0, 12);
    out[5] = 1;
    out[11] = ecs != NULL;
    at += 12;
    memcpy(at, name, name_len);
    at += name_len;
    *at++ = (uint8_t)(type >> 8);
    *at++ = (uint8_t)type;
    *at++ = 0;
    *at++ = 1;
    if (ecs) {
        const uint8_t opt[] = {
            0, 0, 41, 4, 208, 0, 0, 0, 0, 0, (uint8_t)(ecs_len + 4), 0, 8, 0, (uint8_t)ecs_len};
        memcpy(at, opt, sizeof(opt));
        memcpy(at + sizeof(opt), ecs, ecs_len);
        at += sizeof(opt) + ecs_len;
    }
    return (uint16_t)(at - out);
}

static struct sockaddr_in ipv4(const char *text)
{
    struct sockaddr_in out = {.sin_family = AF_INET};

    assert_int_equal(inet_pton(AF_INET, text, &out.sin_addr), 1);
    return out;
}

static struct sockaddr_in6 ipv6(const char *text)
{
    struct sockaddr_in6 out = {.sin6_family = AF_INET6};

    assert_int_equal(inet_pton(AF_INET6, text, &out.sin6_addr), 1);
    return out;
}

struct asked {
    const void *client;
    const char *name;
    size_t name_len;
    uint16_t type, rcode;
    bool is_tcp;
    const char *ecs;
    size_t ecs_len;
};

/* Through a ring into a line, which is static. */
static const char *line_of(const struct asked *asked)
{
    static char line[QUERYLOG_LINE_MAX + 1];
    struct querylog_day day = {0};
    uint8_t request[512];
    struct ring *ring = ring_new(4096);
    size_t record_len;

    assert_non_null(ring);
    const struct querylog_event event = {
        .client = asked->client,
        .request = request,
        .request_len = make_request(asked->name, asked->name_len, asked->type, asked->ecs,
                                    asked->ecs_len, request),
        .slot = 1,
        .rcode = asked->rcode,
        .is_tcp = asked->is_tcp,
        .time_wall_ms = TIME_MS,
    };
    querylog_record_note(ring, &event);
    assert_null(ring_front(ring, &record_len)); /* not handed over yet */
    ring_commit(ring);
    const struct querylog_record *record = ring_front(ring, &record_len);
    assert_non_null(record);
    size_t len = querylog_line_format(record, "Z123412341234", "FRA6", &day, line);
    line[len] = '\0';
    ring_pop(ring);
    assert_null(ring_front(ring, &record_len));
    ring_free(ring);
    return line;
}
#define NAME(text) text, sizeof(text)

static void test_line_format_has_route53s_fields(void **state)
{
    const struct sockaddr_in client = ipv4("192.168.1.1");
    const struct sockaddr_in6 client6 = ipv6("2001:db8::1234"), mapped = ipv6("::ffff:10.0.0.255");

    (void)state;
    /* The examples of Amazon's developer guide, but for what cannot be told from a query. */
    assert_string_equal(
        line_of(&(struct asked){&client, NAME("\7example\3com"), 1, 0, false, NULL, 0}),
        "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 "
        "192.168.1.1 -\n");
    assert_string_equal(line_of(&(struct asked){&client, NAME("\7EXAMPLE\3com"), 28, 0, true,
                                                "\0\1\30\0\xc0\xa8\xde", 7}),
                        "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com AAAA NOERROR TCP "
                        "FRA6 192.168.1.1 192.168.222.0/24\n");
    assert_string_equal(line_of(&(struct asked){&client6, NAME("\7example\3com"), 255, 3, false,
                                                "\0\2\60\0\x20\x01\x0d\xb8\xab\xcd", 10}),
                        "1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com ANY NXDOMAIN UDP "
                        "FRA6 2001:db8::1234 2001:db8:abcd::/48\n");
    assert_string_equal(
        line_of(&(struct asked){&mapped, NAME("\1*\3com"), 65280, 2, false, "\0\1\0\0", 4}),
        "1.0 2017-12-13T08:16:02.130Z Z123412341234 *.com TYPE65280 SERVFAIL UDP "
        "FRA6 10.0.0.255 -\n");
}

/* Whoever asks chooses the name: it must not forge fields or lines. */
static void test_line_format_of_hostile_name_stays_one_line(void **state)
{
    const struct sockaddr_in client = ipv4("192.0.2.1");

    (void)state;
    assert_string_equal(
        line_of(&(struct asked){&client, NAME("\6a\n.\\ \xff\3com"), 16, 0, false, NULL, 0}),
        "1.0 2017-12-13T08:16:02.130Z Z123412341234 a\\012\\056\\134\\040\\377.com "
        "TXT NOERROR UDP FRA6 192.0.2.1 -\n");
    char name[256];
    for (unsigned i = 0; i < 254; i++) /* 63 + 63 + 63 + 61 octets that each take four */
        name[i] = i % 64 == 0 ? (char)(i < 192 ? 63 : 61) : '\1';
    name[254] = '\0';
    const struct sockaddr_in6 client6 = ipv6("2001:db8:1111:2222:3333:4444:5555:6666");
    const char *line = line_of(
        &(struct asked){&client6, name, 255, 65535, 0, true, "\0\2\200\0ABCDEFGHIJKLMNOP", 20});
    assert_int_equal(line[strlen(line) - 1], '\n');
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
}

/* ---- slots ---- */

static void assert_target(struct querylog_table *table, uint16_t slot, const char *zone,
                          const char *group)
{
    struct querylog_target target;

    assert_true(querylog_table_get(table, slot, &target));
    assert_string_equal(target.zone_id, zone);
    assert_string_equal(target.group, group);
}

static void test_table_gives_zones_slots_and_takes_them_back(void **state)
{
    struct querylog_table *table = querylog_table_new();
    struct querylog_target target;

    (void)state;
    assert_non_null(table);
    assert_int_equal(querylog_table_find(table, "Z1"), 0);
    uint16_t one = querylog_table_put(table, "Z1", ARN "/aws/route53/example.com:*");
    uint16_t two = querylog_table_put(table, "Z2", ARN "plain");
    uint16_t zero = querylog_table_put(table, "Z0", ARN "ends/with/");
    assert_true(one && two && zero && one != two && two != zero && one != zero);
    assert_target(table, one, "Z1", "example.com");
    assert_target(table, two, "Z2", "plain");
    assert_target(table, zero, "Z0", "");
    assert_int_equal(querylog_table_put(table, "Z1", ARN "/aws/route53/example.com:*"), one);
    uint64_t version = querylog_table_version(table);
    uint16_t other = querylog_table_put(table, "Z1", ARN "other");
    assert_true(other != 0 && other != one); /* records under way are of the old group */
    assert_true(querylog_table_version(table) > version);
    assert_target(table, one, "Z1", "example.com");
    assert_int_equal(querylog_table_find(table, "Z1"), other);
    querylog_table_remove(table, "Z2");
    querylog_table_remove(table, "Z3");
    assert_int_equal(querylog_table_find(table, "Z2"), 0);
    assert_int_equal(querylog_table_count(table), 2);
    uint16_t three = querylog_table_put(table, "Z3", ARN "three");
    assert_true(three != two); /* that one rests */
    querylog_table_begin(table);
    assert_int_equal(querylog_table_put(table, "Z3", ARN "three"), three);
    querylog_table_end(table);
    assert_int_equal(querylog_table_count(table), 1);
    assert_int_equal(querylog_table_find(table, "Z0"), 0);
    assert_false(querylog_table_get(table, 0, &target));
    assert_false(querylog_table_get(table, 999, &target));
    querylog_table_free(table);
}

/* ---- the whole way, from a batch to a file ---- */

struct fixture {
    char folder[64], path[96];
    struct querylog *log;
    struct zone_publisher *publisher;
    struct net_env env;
};

static void start(struct fixture *f, struct querylog_sink_options sink)
{
    *f = (struct fixture){.folder = "/tmp/quartet-querylog-XXXXXX"};
    assert_non_null(mkdtemp(f->folder));
    snprintf(f->path, sizeof(f->path), "%s/log", f->folder);
    if (!sink.syslog_socket)
        sink.folder = f->path;
    const struct querylog_options options = {.sink = sink, .edge = "ns1"};
    assert_int_equal(querylog_open(&options, &f->log), 0);
    f->publisher = test_image_new();
    test_image_serve(f->publisher, "test.",
                     "@ 60 SOA n h 1 2 3 4 5\n@ 60 NS n\nn 60 A 192.0.2.1\n");
    test_image_serve(f->publisher, "quiet.",
                     "@ 60 SOA n h 1 2 3 4 5\n@ 60 NS n\nn 60 A 192.0.2.1\n");
    uint16_t slot = querylog_table_put(querylog_table_of(f->log), ZONE, ARN "/a/group");
    assert_int_equal(zone_change_log(f->publisher, (const uint8_t *)"\4test", slot), 0);
    assert_int_equal(zone_change_log(f->publisher, (const uint8_t *)"\6absent", slot),
                     ERR_NOT_FOUND);
    assert_int_equal(zone_publish(f->publisher, 1000000), 0);
    const struct net_options net = {.publisher = f->publisher, .log = f->log};
    assert_int_equal(net_env_init(&f->env, &net), 0);
}

static void stop(struct fixture *f)
{
    char command[128];

    querylog_close(f->log);
    net_env_fini(&f->env);
    test_image_free(f->publisher);
    snprintf(command, sizeof(command), "rm -r '%s'", f->folder);
    assert_int_equal(system(command), 0);
}

struct worker {
    struct fixture *f;
    pthread_t thread;
    unsigned batch_count;
};

/* Batches of questions, every second one for a zone that is not logged. */
static void *work(void *user)
{
    static const char *const names[] = {"\1n\4test", "\1n\5quiet", "\1x\4test", "\5other"};
    struct worker *worker = user;
    const struct sockaddr_in client = ipv4("192.0.2.77");
    struct net_batch *batch = aligned_alloc(64, (sizeof(*batch) + 63) / 64 * 64);
    struct net_cells cells = {0};
    uint8_t requests[4][512], replies[4][1232];

    zone_reader_register();
    assert_int_equal(net_batch_init(batch, &worker->f->env, &cells), 0);
    for (unsigned turn = 0; turn < worker->batch_count; turn++) {
        for (unsigned i = 0; i < 4; i++) {
            uint16_t len = make_request(names[i], strlen(names[i]) + 1, 1, NULL, 0, requests[i]);
            net_batch_set_reply(batch, i, replies[i], sizeof(replies[i]));
            net_batch_set(batch, i, (const struct sockaddr *)&client, requests[i], len);
        }
        net_batch_answer(batch, 4);
    }
    net_batch_fini(batch);
    free(batch);
    zone_reader_unregister();
    return NULL;
}

static void run_workers(struct fixture *f, unsigned count, unsigned batch_count)
{
    struct worker workers[4];

    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.f = f, .batch_count = batch_count};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
}

/* Lines in NAME of the folder; each must be whole and of the test's zone. */
static unsigned count_lines(const struct fixture *f, const char *name)
{
    char path[256], line[QUERYLOG_LINE_MAX], zone[32], asked[300], type[16], rcode[16], proto[8],
        edge[70], client[64], subnet[64];
    unsigned count = 0;

    snprintf(path, sizeof(path), "%s/%s", f->path, name);
    FILE *file = fopen(path, "r");
    if (!file)
        return 0;
    for (; fgets(line, sizeof(line), file); count++) {
        assert_int_equal(sscanf(line, "1.0 %*s %31s %299s %15s %15s %7s %69s %63s %63s\n", zone,
                                asked, type, rcode, proto, edge, client, subnet),
                         8);
        assert_string_equal(zone, ZONE);
        assert_string_equal(rcode, strcmp(asked, "n.test") == 0 ? "NOERROR" : "NXDOMAIN");
        assert_string_equal(client, "192.0.2.77");
        assert_string_equal(edge, "ns1");
    }
    fclose(file);
    return count;
}

static void test_batches_of_threads_become_lines(void **state)
{
    struct fixture f;
    struct querylog_counters counters;

    (void)state;
    start(&f, (struct querylog_sink_options){0});
    run_workers(&f, 3, 5000);
    for (unsigned tries = 0; tries < 500; tries++) {
        querylog_read_counters(f.log, &counters);
        if (counters.written + counters.dropped + counters.lost == 30000)
            break;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    assert_int_equal(counters.lost, 0);
    assert_int_equal(counters.written + counters.dropped, 30000);
    assert_true(counters.written >= QUERYLOG_RING_SIZE / sizeof(struct querylog_record));
    assert_int_equal(count_lines(&f, "group.log"), counters.written);
    stop(&f);
}

static void wait_for(struct fixture *f, uint64_t settled)
{
    struct querylog_counters counters;

    for (unsigned tries = 0; tries < 500; tries++) {
        querylog_read_counters(f->log, &counters);
        if (counters.written + counters.lost >= settled)
            return;
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    fail_msg("the lines did not come");
}

/* What logrotate does: rename, tell, and the old file grows no more. */
static void test_reopen_goes_on_in_a_new_file(void **state)
{
    char path[256], older[256];
    struct fixture f;

    (void)state;
    start(&f, (struct querylog_sink_options){0});
    run_workers(&f, 1, 10);
    wait_for(&f, 20);
    snprintf(path, sizeof(path), "%s/group.log", f.path);
    snprintf(older, sizeof(older), "%s/older", f.path);
    assert_int_equal(rename(path, older), 0);
    run_workers(&f, 1, 10);
    wait_for(&f, 40);
    assert_int_equal(count_lines(&f, "older"), 40); /* not told yet */
    querylog_reopen(f.log);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    run_workers(&f, 1, 10);
    wait_for(&f, 60);
    assert_int_equal(count_lines(&f, "older") + count_lines(&f, "group.log"), 60);
    assert_int_equal(count_lines(&f, "group.log"), 20);
    stop(&f);
}

static void test_file_is_bounded(void **state)
{
    struct fixture f;
    struct stat one, two;
    char path[256];

    (void)state;
    start(&f, (struct querylog_sink_options){.file_len_max = 20000});
    for (unsigned i = 1; i <= 20; i++) {
        run_workers(&f, 1, 25);
        wait_for(&f, i * 50);
    }
    snprintf(path, sizeof(path), "%s/group.log", f.path);
    assert_int_equal(stat(path, &one), 0);
    snprintf(path, sizeof(path), "%s/group.log.1", f.path);
    assert_int_equal(stat(path, &two), 0);
    assert_in_range(one.st_size, 1, 20000);
    assert_in_range(two.st_size, 1, 20000);
    assert_true(count_lines(&f, "group.log.1") > 0); /* and every line of it is whole */
    stop(&f);
}

static void test_too_little_space_loses_and_counts(void **state)
{
    struct querylog_counters counters;
    struct fixture f;

    (void)state;
    start(&f, (struct querylog_sink_options){.free_len_min = UINT64_MAX});
    assert_int_equal(mkdir(f.path, 0700), 0);
    run_workers(&f, 1, 10);
    wait_for(&f, 20);
    querylog_read_counters(f.log, &counters);
    assert_int_equal(counters.lost, 20);
    assert_int_equal(counters.written, 0);
    assert_int_equal(count_lines(&f, "group.log"), 0);
    stop(&f);
}

static void test_syslog_gets_datagrams(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char folder[] = "/tmp/quartet-syslog-XXXXXX", message[2048];
    struct querylog_counters counters;
    struct fixture f;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/log", folder);
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
    start(&f, (struct querylog_sink_options){.syslog_socket = address.sun_path});
    run_workers(&f, 1, 1);
    ssize_t len = recv(fd, message, sizeof(message) - 1, 0);
    assert_true(len > 0);
    message[len] = '\0';
    assert_memory_equal(message, "<30>", 4);
    assert_non_null(strstr(message, "]: 1.0 2"));
    assert_non_null(strstr(message, " " ZONE " n.test A NOERROR UDP ns1 192.0.2.77 -"));
    run_workers(&f, 1, 1000); /* nobody reads: it does not wait, and counts */
    wait_for(&f, 2002);
    querylog_read_counters(f.log, &counters);
    assert_true(counters.lost > 0);
    stop(&f);
    close(fd);
    unlink(address.sun_path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_format_has_route53s_fields),
        cmocka_unit_test(test_line_format_of_hostile_name_stays_one_line),
        cmocka_unit_test(test_table_gives_zones_slots_and_takes_them_back),
        cmocka_unit_test(test_batches_of_threads_become_lines),
        cmocka_unit_test(test_reopen_goes_on_in_a_new_file),
        cmocka_unit_test(test_file_is_bounded),
        cmocka_unit_test(test_too_little_space_loses_and_counts),
        cmocka_unit_test(test_syslog_gets_datagrams),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
