/* links: health policy base
 *
 * tests/bench/bench_health.c [CHECKS [INTERVAL_S [SECONDS]]]: run so many HTTP checks (10,000) at
 * that interval (10 s) against a target on loopback, a process of its own, for so long (30 s), and
 * say in one line of JSON how late they started, and what processor time and memory it took. */
#include <arpa/inet.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/process.h"
#include "health/checker.h"

#define EVENTS 256

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int listen_on(uint16_t *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("listen");
    *port = ntohs(address.sin_port);
    return fd;
}

/* Requests come whole: they are small. */
static void answer(int fd)
{
    static const char text[] =
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
    char request[4096];

    if (recv(fd, request, sizeof(request), 0) > 0)
        (void)!write(fd, text, sizeof(text) - 1);
    close(fd);
}

static void accept_all(int poll_fd, int listen_fd)
{
    int fd;

    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
        if (epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event) != 0)
            close(fd);
    }
}

static void run_target(int listen_fd)
{
    struct epoll_event events[EVENTS], event = {.events = EPOLLIN, .data.fd = listen_fd};
    int poll_fd = epoll_create1(0);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (poll_fd < 0 || epoll_ctl(poll_fd, EPOLL_CTL_ADD, listen_fd, &event) != 0)
        die("epoll");
    for (;;) {
        int count = epoll_wait(poll_fd, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            if (events[i].data.fd == listen_fd)
                accept_all(poll_fd, listen_fd);
            else
                answer(events[i].data.fd);
        }
    }
}

static void on_opinion(void *user, const struct health_opinion *opinion)
{
    (void)user;
    (void)opinion;
}

static void add_checks(struct health_checker *checker, unsigned count, uint32_t interval_s,
                       uint16_t port)
{
    struct health_spec spec = {.version = 1,
                               .type = HEALTH_HTTP,
                               .port = port,
                               .interval_s = interval_s,
                               .failure_threshold = 3,
                               .ip_address = "127.0.0.1",
                               .resource_path = "/"};

    for (unsigned i = 0; i < count; i++) {
        snprintf(spec.id, sizeof(spec.id), "%08x-0000-4000-8000-%012x", i, i);
        if (health_set(checker, &spec) != 0)
            die("health_set");
    }
}

static double cpu_s(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

/* The least lateness that @share of the starts between the two readings did not exceed. */
static unsigned percentile(const uint64_t *before, const uint64_t *after, double share)
{
    uint64_t all = 0, sum = 0;
    unsigned ms = 0;

    for (unsigned i = 0; i < HEALTH_LATENESS_SIZE; i++)
        all += after[i] - before[i];
    while (ms < HEALTH_LATENESS_SIZE - 1 &&
           (double)(sum += after[ms] - before[ms]) < share * (double)all)
        ms++;
    return ms;
}

static unsigned argument(int argc, char **argv, int at, unsigned otherwise)
{
    return argc > at ? (unsigned)strtoul(argv[at], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static uint64_t before[HEALTH_LATENESS_SIZE], after[HEALTH_LATENESS_SIZE];
    uint64_t from[HEALTH_COUNTER_COUNT], to[HEALTH_COUNTER_COUNT];
    struct health_options options = {.node = 1, .on_opinion = on_opinion};
    unsigned checks = argument(argc, argv, 1, 10000), interval_s = argument(argc, argv, 2, 10);
    unsigned seconds = argument(argc, argv, 3, 30);
    struct health_checker *checker = NULL;
    struct process_memory memory = {0};
    uint16_t port;
    int fd = listen_on(&port);
    pid_t target = fork();

    if (target == 0)
        run_target(fd);
    close(fd);
    if (target < 0 || health_open(&options, &checker) != 0)
        die("open");
    add_checks(checker, checks, interval_s, port);
    sleep(2 * interval_s); /* the first starts come sooner than the others */
    health_read_counters(checker, from);
    health_read_lateness(checker, before);
    double cpu_from = cpu_s();
    uint64_t from_ms = clock_mono_ms();
    sleep(seconds);
    double took_s = (double)(clock_mono_ms() - from_ms) / 1000, cpu = cpu_s() - cpu_from;
    health_read_lateness(checker, after);
    health_read_counters(checker, to);
    (void)process_memory_read(&memory);
    printf("{\"checks\": %u, \"per_s\": %.1f, \"late_p50_ms\": %u, \"late_p99_ms\": %u, "
           "\"late_p999_ms\": %u, \"failed\": %" PRIu64 ", \"skipped\": %" PRIu64
           ", \"cores\": %.3f, \"us_per_check\": %.1f, \"resident_mib\": %.1f}\n",
           checks, (double)(to[HEALTH_COUNT_STARTED] - from[HEALTH_COUNT_STARTED]) / took_s,
           percentile(before, after, 0.5), percentile(before, after, 0.99),
           percentile(before, after, 0.999), to[HEALTH_COUNT_FAILED] - from[HEALTH_COUNT_FAILED],
           to[HEALTH_COUNT_SKIPPED] - from[HEALTH_COUNT_SKIPPED], cpu / took_s,
           cpu * 1e6 / (double)(to[HEALTH_COUNT_STARTED] - from[HEALTH_COUNT_STARTED]),
           (double)memory.resident_octets / 1048576);
    health_close(checker);
    kill(target, SIGKILL);
    waitpid(target, NULL, 0);
    return 0;
}
