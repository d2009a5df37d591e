/* links: dns_load zone dns base
 *
 * tests/bench/bench_dns_load.c: ask a nameserver as fast as it answers, check what it answers, and
 * say in one line of JSON what came back and how much processor time the server took. See usage().
 */
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "bench/load/run.h"

#define CONNECTIONS_MAX 4096u

static void usage(FILE *out)
{
    fputs(
        "usage: bench_dns_load [OPTION...] udp|tcp|raw ADDRESS PORT QUERIES\n\n"
        "QUERIES: a question a line, NAME TYPE [RCODE [ANSWERS]]; asked in turn, round and round.\n"
        "  udp  by UDP sockets          tcp  pipelined, by connections\n"
        "  raw  by frames of its own on a veth interface; needs root and the four options below\n\n"
        "  --window N       queries in flight (160: fit a receive buffer of 208 KiB)\n"
        "  --rate N         so many queries a second; default: as many as are answered\n"
        "  --secs S         measured time (2)        --warm S    time before it (0.3)\n"
        "  --count N        ask exactly N questions instead\n"
        "  --connections N  of tcp (32)\n"
        "  --edns SIZE      put EDNS with this size in the queries\n"
        "  --prefix N       before each name a new label of N characters\n"
        "  --pids P,P...    the server's processes: their processor time is measured\n"
        "  --unchecked      the server does no DNS; only count\n"
        "raw:\n"
        "  --interface IF --from ADDRESS     where frames leave, and their source\n"
        "  --own-mac MAC --server-mac MAC    own: not the interface's, or the kernel takes "
        "replies\n"
        "  --sample N       check every N-th reply in full, a power of two (64); 1: all\n\n"
        "One line of JSON: sent, answered and lost in all; wrong_* among the checked replies;\n"
        "unexpected: replies whose RCODE, TC or having of answers nothing asked for, among all;\n"
        "qps, cpu_secs, busy (of one processor), idle and us_per_answer of the measured time.\n",
        out);
}

static void wrong(const char *what, const char *value)
{
    fprintf(stderr, "bench_dns_load: bad %s '%s'; see --help\n", what, value);
    exit(2);
}

static unsigned number(const char *what, const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (end == text || *end != '\0' || value < least || value > most)
        wrong(what, text);
    return (unsigned)value;
}

static double seconds(const char *what, const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != '\0' || !(value >= 0 && value <= 3600))
        wrong(what, text);
    return value;
}

static void parse_mac(const char *text, uint8_t out[6])
{
    unsigned octets[6];
    char rest;
    if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%c", &octets[0], &octets[1], &octets[2], &octets[3],
               &octets[4], &octets[5], &rest) != 6)
        wrong("hardware address", text);
    for (unsigned i = 0; i < 6; i++)
        out[i] = (uint8_t)octets[i];
}

static void parse_pids(const char *text, struct load_options *options)
{
    const char *at = text;
    while (*at != '\0') {
        char *end;
        long pid = strtol(at, &end, 10);
        if (end == at || pid <= 0 || options->pid_count == LOAD_PIDS_MAX)
            wrong("list of processes", text);
        options->pids[options->pid_count++] = (int)pid;
        at = *end == ',' ? end + 1 : end;
        if (*end != ',' && *end != '\0')
            wrong("list of processes", text);
    }
}

typedef void load_open(const struct load_run *run, struct load_port *out);

enum option_key {
    KEY_WINDOW = 256,
    KEY_RATE,
    KEY_SECS,
    KEY_WARM,
    KEY_COUNT,
    KEY_CONNECTIONS,
    KEY_EDNS,
    KEY_PREFIX,
    KEY_PIDS,
    KEY_CPU,
    KEY_UNCHECKED,
    KEY_INTERFACE,
    KEY_FROM,
    KEY_OWN_MAC,
    KEY_SERVER_MAC,
    KEY_SAMPLE,
};
static const struct option OPTIONS[] = {
    {"help", no_argument, NULL, 'h'},
    {"window", required_argument, NULL, KEY_WINDOW},
    {"rate", required_argument, NULL, KEY_RATE},
    {"secs", required_argument, NULL, KEY_SECS},
    {"warm", required_argument, NULL, KEY_WARM},
    {"count", required_argument, NULL, KEY_COUNT},
    {"connections", required_argument, NULL, KEY_CONNECTIONS},
    {"edns", required_argument, NULL, KEY_EDNS},
    {"prefix", required_argument, NULL, KEY_PREFIX},
    {"pids", required_argument, NULL, KEY_PIDS},
    {"cpu", required_argument, NULL, KEY_CPU},
    {"unchecked", no_argument, NULL, KEY_UNCHECKED},
    {"interface", required_argument, NULL, KEY_INTERFACE},
    {"from", required_argument, NULL, KEY_FROM},
    {"own-mac", required_argument, NULL, KEY_OWN_MAC},
    {"server-mac", required_argument, NULL, KEY_SERVER_MAC},
    {"sample", required_argument, NULL, KEY_SAMPLE},
    {0},
};

static void take_raw(int key, struct load_options *options)
{
    switch (key) {
    case KEY_INTERFACE: options->interface = optarg; break;
    case KEY_OWN_MAC: parse_mac(optarg, options->own_mac); break;
    case KEY_SERVER_MAC: parse_mac(optarg, options->server_mac); break;
    case KEY_FROM:
        if (inet_pton(AF_INET, optarg, &options->own_address) != 1)
            wrong("address", optarg);
        break;
    case KEY_SAMPLE:
        options->sample_mask = number("--sample", optarg, 1, LOAD_IDS) - 1;
        if (options->sample_mask & (options->sample_mask + 1))
            wrong("--sample", optarg);
        break;
    default: usage(stderr); exit(2);
    }
}

static void take(int key, struct load_options *options, struct load_queries *queries)
{
    switch (key) {
    case 'h': usage(stdout); exit(0);
    case KEY_WINDOW: options->window = number("--window", optarg, 1, LOAD_IDS / 4); break;
    case KEY_RATE: options->rate = number("--rate", optarg, 1, 100000000); break;
    case KEY_SECS: options->secs = seconds("--secs", optarg); break;
    case KEY_WARM: options->warm_s = seconds("--warm", optarg); break;
    case KEY_COUNT: options->count = number("--count", optarg, 1, 4000000000u); break;
    case KEY_CONNECTIONS:
        options->connections = number("--connections", optarg, 1, CONNECTIONS_MAX);
        break;
    case KEY_EDNS: queries->edns = (uint16_t)number("--edns", optarg, 512, 65535); break;
    case KEY_PREFIX: queries->prefix_len = (uint8_t)number("--prefix", optarg, 1, 63); break;
    case KEY_PIDS: parse_pids(optarg, options); break;
    case KEY_CPU: options->cpu = (int)number("--cpu", optarg, 0, 4095); break;
    case KEY_UNCHECKED: options->is_unchecked = true; break;
    default: take_raw(key, options);
    }
}

static load_open *parse_arguments(int argc, char **argv, struct load_options *options,
                                  struct load_queries *queries)
{
    int key;
    while ((key = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1)
        take(key, options, queries);
    if (argc - optind != 4) {
        usage(stderr);
        exit(2);
    }
    char **words = argv + optind;
    options->server.sin_family = AF_INET;
    if (inet_pton(AF_INET, words[1], &options->server.sin_addr) != 1)
        wrong("address", words[1]);
    options->server.sin_port = htons((uint16_t)number("port", words[2], 1, 65535));
    load_queries_read(queries, words[3]);
    if (strcmp(words[0], "udp") == 0)
        return load_udp_open;
    if (strcmp(words[0], "tcp") == 0)
        return load_tcp_open;
    if (strcmp(words[0], "raw") != 0)
        wrong("transport", words[0]);
    if (!options->interface || options->own_address.s_addr == 0)
        wrong("transport without --interface and --from", words[0]);
    return load_raw_open;
}

int main(int argc, char **argv)
{
    static struct load_options options = {
        .window = 160, .warm_s = 0.3, .secs = 2, .connections = 32, .cpu = -1, .sample_mask = 63};
    static struct load_queries queries;
    static struct load_run run = {.options = &options, .queries = &queries};
    struct load_port port;

    load_open *open_port = parse_arguments(argc, argv, &options, &queries);
    queries.prefix_key = random_id();
    open_port(&run, &port);
    load_run_all(&run, &port);
    load_print(&run);
    load_queries_fini(&queries);
    return 0;
}
