/* tests/bench/load/run.c: see run.h. */
#include "bench/load/run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dns/type.h"

#define STALL_NS 50000000   /* nothing came: what is in flight is given up */
#define DRAIN_NS 300000000  /* at the end: so long since the last reply */
#define COUNT_NS 1000000000 /* both, where a count is asked for: exact rather than quick */
#define SETTLE_NS 5000000
#define SUB_BITS 5

int64_t load_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void load_die(const char *what)
{
    fprintf(stderr, "bench_dns_load: %s: %s\n", what, strerror(errno));
    exit(2);
}

/* ---- latencies: buckets 3 % wide ---- */

static unsigned load_bucket(uint64_t ns)
{
    if (ns < 1u << SUB_BITS)
        return (unsigned)ns;
    unsigned shift = 63u - (unsigned)__builtin_clzll(ns) - SUB_BITS;
    return (shift << SUB_BITS) + (unsigned)(ns >> shift);
}

static double bucket_us(unsigned bucket)
{
    unsigned shift = bucket < 2u << SUB_BITS ? 0 : (bucket >> SUB_BITS) - 1;
    uint64_t mantissa = bucket - (shift << SUB_BITS);
    return (double)(mantissa << shift) / 1e3;
}

static double percentile_us(const struct load_run *run, double share)
{
    uint64_t total = 0, seen = 0;
    for (unsigned i = 0; i < LOAD_BUCKETS; i++)
        total += run->latencies[i];
    for (unsigned i = 0; i < LOAD_BUCKETS; i++) {
        seen += run->latencies[i];
        if (total > 0 && (double)seen >= share * (double)total)
            return bucket_us(i);
    }
    return 0;
}

/* ---- one query, one reply ---- */

size_t load_next(const struct load_run *run, uint64_t ahead, uint8_t out[LOAD_QUERY_MAX])
{
    uint64_t seq = run->counts.sent + ahead;
    return load_query_write(run->queries, seq, (uint16_t)seq, out);
}

void load_sent(struct load_run *run, unsigned count, int64_t now_ns)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t seq = run->counts.sent++;
        const struct load_query *query = load_query_at(run->queries, seq);
        run->counts.expected[load_class(0, query->rcode, query->answers_min)]++;
        run->slots[seq % LOAD_IDS] = (struct load_slot){seq, now_ns, true};
    }
}

static void check(struct load_run *run, uint64_t seq, const uint8_t *reply, size_t len)
{
    const struct load_query *query = load_query_at(run->queries, seq);
    uint8_t asked[LOAD_QUERY_MAX];
    size_t asked_len = load_query_write(run->queries, seq, (uint16_t)seq, asked);
    size_t question_len = asked_len - DNS_HEADER_LEN - (run->queries->edns > 0 ? 11u : 0);

    run->counts.checked++;
    if (!(reply[2] & 0x80) || reply[4] != 0 || reply[5] != 1 ||
        len < DNS_HEADER_LEN + question_len ||
        memcmp(asked + DNS_HEADER_LEN, reply + DNS_HEADER_LEN, question_len) != 0)
        run->counts.wrong_question++;
    else if ((reply[3] & 15u) != query->rcode || (reply[2] & (DNS_FLAG_TC >> 8)))
        run->counts.wrong_rcode++;
    else if ((reply[6] << 8 | reply[7]) < query->answers_min)
        run->counts.wrong_answers++;
}

bool load_received(struct load_run *run, const uint8_t *reply, size_t len, int64_t now_ns,
                   bool is_counted)
{
    if (len < DNS_HEADER_LEN) {
        run->counts.stray++;
        return false;
    }
    struct load_slot *slot = &run->slots[reply[0] << 8 | reply[1]];
    if (!slot->is_open) {
        run->counts.stray++;
        return false;
    }
    slot->is_open = false;
    run->latencies[load_bucket((uint64_t)(now_ns - slot->sent_ns)) % LOAD_BUCKETS]++;
    if (!is_counted) {
        unsigned answers = (unsigned)reply[6] << 8 | reply[7];
        run->counts.answered++;
        run->counts.classes[load_class(reply[2] & (DNS_FLAG_TC >> 8), reply[3], answers)]++;
    }
    if (!run->options->is_unchecked)
        check(run, slot->seq, reply, len);
    return true;
}

/* ---- the loop ---- */

static int64_t server_cpu_ns(const struct load_options *options)
{
    int64_t sum = 0;
    for (unsigned i = 0; i < options->pid_count; i++) {
        clockid_t clock;
        struct timespec used;
        if (clock_getcpuclockid(options->pids[i], &clock) != 0 || clock_gettime(clock, &used) != 0)
            load_die("processor time of the server");
        sum += (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
    }
    return sum;
}

/* Time that the server's processor had nothing to do, to a hundredth of a second. */
static int64_t idle_ns(int cpu)
{
    char line[512], name[32];
    int64_t idle = 0, wait = 0;
    FILE *file = cpu >= 0 ? fopen("/proc/stat", "r") : NULL;
    if (!file)
        return 0;
    snprintf(name, sizeof(name), "cpu%d ", cpu);
    while (fgets(line, sizeof(line), file))
        if (strncmp(line, name, strlen(name)) == 0)
            sscanf(line + strlen(name), "%*s %*s %*s %" SCNd64 " %" SCNd64, &idle, &wait);
    fclose(file);
    return (idle + wait) * (1000000000 / sysconf(_SC_CLK_TCK));
}

static uint64_t in_flight(struct load_run *run)
{
    uint64_t open = run->counts.sent - run->counts.answered;
    if (run->counts.answered > run->counts.sent) /* a server that repeats itself */
        return 0;
    if (run->given_up > open) /* answered late, after all */
        run->given_up = open;
    return open - run->given_up;
}

static unsigned wanted(struct load_run *run, int64_t since_ns)
{
    const struct load_options *options = run->options;
    uint64_t open = in_flight(run), room = open < options->window ? options->window - open : 0;

    if (options->rate > 0) {
        uint64_t due = (uint64_t)((double)since_ns * 1e-9 * options->rate);
        uint64_t late = due > run->counts.sent ? due - run->counts.sent : 0;
        room = late < room ? late : room;
    }
    if (options->count > 0 && room > options->count - run->counts.sent)
        room = options->count - run->counts.sent;
    return room < LOAD_BATCH ? (unsigned)room : LOAD_BATCH;
}

static void mark(struct load_run *run, struct load_mark *out)
{
    out->idle_ns = idle_ns(run->options->cpu);
    out->cpu_ns = server_cpu_ns(run->options);
    out->wall_ns = load_now_ns();
    out->answered = run->counts.answered;
}

/* Until @until_ns, or all of options.count are sent. */
static void pump(struct load_run *run, const struct load_port *port, int64_t began_ns,
                 int64_t until_ns)
{
    const int64_t stall_ns = run->options->count > 0 ? COUNT_NS : STALL_NS;
    uint64_t answered = run->counts.answered;
    int64_t last_ns = load_now_ns();

    for (;;) {
        int64_t now_ns = load_now_ns();
        if (now_ns >= until_ns ||
            (run->options->count > 0 && run->counts.sent >= run->options->count))
            return;
        port->receive(port->self, run);
        if (run->counts.answered != answered || in_flight(run) == 0) {
            answered = run->counts.answered;
            last_ns = now_ns;
        } else if (now_ns - last_ns > stall_ns) {
            run->given_up += in_flight(run);
            last_ns = now_ns;
        }
        unsigned count = wanted(run, now_ns - began_ns);
        if (count > 0)
            port->send(port->self, run, count);
    }
}

static void drain(struct load_run *run, const struct load_port *port)
{
    const int64_t drain_ns = run->options->count > 0 ? COUNT_NS : DRAIN_NS;
    uint64_t answered = run->counts.answered;
    int64_t last_ns = load_now_ns();

    while (run->counts.answered < run->counts.sent && load_now_ns() - last_ns < drain_ns) {
        port->receive(port->self, run);
        if (run->counts.answered != answered) {
            answered = run->counts.answered;
            last_ns = load_now_ns();
        }
    }
    /* Of raw replies, the last may be counted already but not here yet. */
    nanosleep(&(struct timespec){0, SETTLE_NS}, NULL);
    port->receive(port->self, run);
}

void load_run_all(struct load_run *run, const struct load_port *port)
{
    const struct load_options *options = run->options;
    int64_t began_ns = load_now_ns();

    if (options->count > 0) {
        mark(run, &run->start);
        pump(run, port, began_ns, INT64_MAX);
        drain(run, port);
        mark(run, &run->end);
        return;
    }
    int64_t start_ns = began_ns + (int64_t)(options->warm_s * 1e9);
    pump(run, port, began_ns, start_ns);
    mark(run, &run->start);
    memset(run->latencies, 0, sizeof(run->latencies));
    pump(run, port, began_ns, start_ns + (int64_t)(options->secs * 1e9));
    port->receive(port->self, run);
    mark(run, &run->end);
    drain(run, port);
}

/* ---- the outcome ---- */

/* Replies of kinds that nothing asked for: all of them counted, not a sample. */
static uint64_t unexpected(const struct load_counts *counts)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < LOAD_CLASSES; i++)
        if (counts->classes[i] > counts->expected[i])
            sum += counts->classes[i] - counts->expected[i];
    return sum;
}

void load_print(const struct load_run *run)
{
    const struct load_counts *counts = &run->counts;
    double answered = (double)(run->end.answered - run->start.answered);
    double wall_s = (double)(run->end.wall_ns - run->start.wall_ns) / 1e9;
    double cpu_s = (double)(run->end.cpu_ns - run->start.cpu_ns) / 1e9;
    double idle_s = (double)(run->end.idle_ns - run->start.idle_ns) / 1e9;
    uint64_t lost = counts->sent > counts->answered ? counts->sent - counts->answered : 0;

    printf("{\"sent\": %" PRIu64 ", \"answered\": %" PRIu64 ", \"lost\": %" PRIu64
           ", \"unexpected\": %" PRIu64 ", ",
           counts->sent, counts->answered, lost,
           run->options->is_unchecked ? 0 : unexpected(counts));
    printf("\"checked\": %" PRIu64 ", \"wrong_rcode\": %" PRIu64 ", \"wrong_answers\": %" PRIu64
           ", \"wrong_question\": %" PRIu64 ", \"stray\": %" PRIu64 ", ",
           counts->checked, counts->wrong_rcode, counts->wrong_answers, counts->wrong_question,
           counts->stray);
    printf("\"secs\": %.4f, \"answered_in_secs\": %.0f, \"qps\": %.0f, \"cpu_secs\": %.4f, "
           "\"busy\": %.3f, \"idle\": %.3f, \"us_per_answer\": %.4f, ",
           wall_s, answered, answered / wall_s, cpu_s, cpu_s / wall_s, idle_s / wall_s,
           answered > 0 ? cpu_s * 1e6 / answered : 0);
    printf("\"p50_us\": %.1f, \"p99_us\": %.1f, \"rcodes\": {", percentile_us(run, 0.50),
           percentile_us(run, 0.99));
    const char *comma = "";
    for (unsigned rcode = 0; rcode < 16; rcode++) {
        uint64_t sum = 0;
        for (unsigned other = 0; other < 4; other++)
            sum += counts->classes[(other >> 1) * 32 + 2 * rcode + (other & 1)];
        if (sum > 0) {
            printf("%s\"%u\": %" PRIu64, comma, rcode, sum);
            comma = ", ";
        }
    }
    printf("}}\n");
}
