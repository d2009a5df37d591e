/* node/serve/serve.c: what to serve, from arguments; then load, answer, wait for signals. */
#include "serve/serve.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "dns/cookie.h"
#include "dns/name.h"
#include "dnstap/dnstap.h"
#include "net/net.h"
#include "net/rrl.h"
#include "serve/load.h"
#include "serve/routing.h"
#include "zone/image.h"
#include "zone/zone_list.h"

#include <inttypes.h>
#include <malloc.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>

enum { RECLAIM_BLOCKS = 100000, RECLAIM_PERIOD_S = 1 };

/* ---- arguments ---- */

int serve_add_address(struct serve_options *options, const char *text)
{
    struct sockaddr_storage address;
    if (net_address_parse(text, &address) != 0)
        return ERR_INVALID;
    if (options->address_count == SERVE_ADDRESSES_MAX)
        return ERR_LIMIT;
    options->addresses[options->address_count++] = text;
    return 0;
}

static int add_zone(struct serve_options *options, const char *name, const char *path)
{
    uint8_t apex[DNS_NAME_MAX];
    int apex_len = dns_name_parse(name, NULL, apex);
    if (apex_len < 0)
        return ERR_INVALID;
    if (options->zone_count == options->zone_capacity) {
        size_t capacity = options->zone_capacity * 2 + 16;
        struct serve_zone *zones = realloc(options->zones, capacity * sizeof *zones);
        if (zones == NULL)
            return ERR_NOMEM;
        options->zones = zones;
        options->zone_capacity = capacity;
    }
    struct serve_zone zone = {.apex = malloc((size_t)apex_len), .path = strdup(path)};
    if (zone.apex == NULL || zone.path == NULL) {
        free(zone.apex);
        free(zone.path);
        return ERR_NOMEM;
    }
    dns_name_lower(apex, apex);
    memcpy(zone.apex, apex, (size_t)apex_len);
    options->zones[options->zone_count++] = zone;
    return 0;
}

int serve_add_zone(struct serve_options *options, const char *text, char error[SERVE_ERROR_LEN])
{
    char name[DNS_NAME_TEXT_SIZE];
    const char *path = strchr(text, '=');
    size_t name_len = path != NULL ? (size_t)(path - text) : 0;
    int code = ERR_INVALID;
    if (path != NULL && path[1] != '\0' && name_len < sizeof name) {
        memcpy(name, text, name_len);
        name[name_len] = '\0';
        code = add_zone(options, name, path + 1);
    }
    if (code == ERR_INVALID)
        snprintf(error, SERVE_ERROR_LEN, "'%s' is not NAME=FILE with a domain name", text);
    else if (code != 0)
        snprintf(error, SERVE_ERROR_LEN, "%s", err_text(code));
    return code;
}

/* One line of a list: 0, or an error. */
static int add_line(struct serve_options *options, char *line)
{
    char *name, *path;
    switch (zone_list_split(line, &name, &path)) {
    case ZONE_LIST_NONE: return 0;
    case ZONE_LIST_ENTRY: return add_zone(options, name, path);
    default: return ERR_INVALID;
    }
}

int serve_add_list(struct serve_options *options, const char *path, char error[SERVE_ERROR_LEN])
{
    FILE *file = fopen(path, "re");
    char *line = NULL;
    size_t line_size = 0;
    unsigned long number = 0;
    int code = 0;
    if (file == NULL) {
        snprintf(error, SERVE_ERROR_LEN, "%s: %s", path, strerror(errno));
        return ERR_IO;
    }
    while (code == 0 && getline(&line, &line_size, file) >= 0) {
        number++;
        code = add_line(options, line);
    }
    if (code == 0 && ferror(file))
        code = ERR_IO;
    free(line);
    fclose(file);
    if (code != 0)
        snprintf(error, SERVE_ERROR_LEN, "%s:%lu: %s", path, number,
                 code == ERR_INVALID ? "not a domain name, blanks and a file" : err_text(code));
    return code;
}

int serve_add_routing(struct serve_options *options, const char *path)
{
    if (options->routing_file_count == SERVE_ROUTING_FILES_MAX)
        return ERR_LIMIT;
    options->routing_files[options->routing_file_count++] = path;
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return dns_name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

int serve_check_zones(const struct serve_options *options, char error[SERVE_ERROR_LEN])
{
    const size_t count = options->zone_count;
    const uint8_t **names = malloc((count > 0 ? count : 1) * sizeof *names);
    char text[DNS_NAME_TEXT_SIZE] = "?";
    int code = 0;
    if (names == NULL) {
        snprintf(error, SERVE_ERROR_LEN, "%s", err_text(ERR_NOMEM));
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = options->zones[i].apex;
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; code == 0 && i < count; i++) {
        if (!dns_name_is_equal(names[i - 1], names[i]))
            continue;
        (void)dns_name_format(names[i], text, sizeof text);
        snprintf(error, SERVE_ERROR_LEN, "zone %.400s has more than one file", text);
        code = ERR_EXISTS;
    }
    free(names);
    return code;
}

void serve_options_fini(struct serve_options *options)
{
    for (size_t i = 0; i < options->zone_count; i++) {
        free(options->zones[i].apex);
        free(options->zones[i].path);
    }
    free(options->zones);
    *options = (struct serve_options){0};
}

/* ---- serving ---- */

/* Routing is read and checked before the image is touched: files with errors change nothing. */
static int read_all(const struct serve_options *options, struct zone_publisher *publisher,
                    unsigned long index, struct serve_loaded *loaded)
{
    struct serve_routing *routing = NULL;
    size_t failed_count = 0;
    int code = 0;
    if (options->routing_file_count > 0 || options->geo_path != NULL)
        code = serve_routing_load(options, &routing);
    if (code == 0)
        code = serve_load(publisher, options->zones, options->zone_count, loaded);
    if (code == 0 && routing != NULL) {
        code = serve_routing_put(routing, publisher, &failed_count);
        loaded->set_count += serve_routing_count(routing) - failed_count;
        loaded->failed_count += failed_count;
    }
    serve_routing_free(routing);
    return code == 0 ? zone_publish(publisher, index) : code;
}

/* Read all files as generation @index; an exit status. */
static int load(const struct serve_options *options, struct zone_publisher *publisher,
                unsigned long index)
{
    struct serve_loaded loaded;
    struct zone_memory memory;
    uint64_t start = clock_mono_ms();
    int code = read_all(options, publisher, index, &loaded);
    if (code != 0) {
        log_error("serve", "load_failed reason=\"%s\"", err_text(code));
        return code == ERR_INVALID ? EX_DATAERR : EX_OSERR;
    }
    malloc_trim(0); /* what reading took is more than all that is left */
    zone_image_memory(publisher, &memory);
    log_info("serve", "loaded zones=%zu record_sets=%zu failed=%zu ms=%" PRIu64 " image_kib=%zu",
             loaded.zone_count, loaded.set_count, loaded.failed_count, clock_mono_ms() - start,
             memory.reserved_octets / 1024);
    return loaded.failed_count > 0 ? EX_DATAERR : EX_OK;
}

static int open_dnstap(const struct serve_options *options, struct dnstap **tap)
{
    const struct dnstap_options tap_options = {
        .socket_path = options->dnstap_socket, .sample = 1, .version = options->version};
    int code = options->dnstap_socket != NULL ? dnstap_open(&tap_options, tap) : 0;
    if (code == 0)
        return EX_OK;
    log_error("serve", "open_failed what=dnstap socket=%s reason=\"%s\"", options->dnstap_socket,
              code == ERR_INVALID ? "a socket's path has 1 to 107 octets" : err_text(code));
    return code == ERR_INVALID ? EX_USAGE : EX_OSERR;
}

static int open_net(const struct serve_options *options, const struct zone_publisher *publisher,
                    struct dnstap *tap, struct net **net)
{
    struct sockaddr_storage addresses[SERVE_ADDRESSES_MAX];
    uint8_t cookie_key[DNS_COOKIE_KEY_LEN];
    char text[NET_ADDRESS_TEXT_SIZE];
    struct rrl_options limits;
    struct net_error error;
    rrl_options_default(&limits);
    for (unsigned i = 0; i < options->address_count; i++)
        ASSERT(net_address_parse(options->addresses[i], &addresses[i]) == 0);
    random_bytes(cookie_key, sizeof cookie_key);
    struct net_options net_options = {
        .addresses = addresses,
        .address_count = options->address_count,
        .udp_threads = options->threads,
        .tcp_connections_max = net_fit_tcp_connections(0),
        .publisher = publisher,
        .tap = tap,
        .cookie_key = cookie_key,
        .rrl = options->is_rate_limited ? &limits : NULL,
        .xdp_interfaces = &options->xdp_interface,
        .xdp_interface_count = options->xdp_interface != NULL,
    };
    if (net_open(&net_options, net, &error) != 0) {
        log_error("serve", "listen_failed reason=\"%s\"", error.text);
        return EX_UNAVAILABLE;
    }
    for (unsigned i = 0; i < options->address_count; i++) {
        net_get_address(*net, i, &addresses[i]);
        net_address_format(&addresses[i], text);
        log_info("serve", "answering address=%s", text);
    }
    if (options->xdp_interface != NULL && net_get_xdp_problem(*net, 0) != NULL)
        log_warn("serve", "xdp_off reason=\"%s\" instead=sockets", net_get_xdp_problem(*net, 0));
    else if (options->xdp_interface != NULL)
        log_info("serve", "answering xdp=%s", options->xdp_interface);
    return EX_OK;
}

/* Until told to stop; SIGHUP reads the files again. */
static void wait_for_signals(const struct serve_options *options, struct zone_publisher *publisher,
                             const sigset_t *signals)
{
    const struct timespec period = {.tv_sec = RECLAIM_PERIOD_S};
    unsigned long index = 1;
    for (;;) {
        int number = sigtimedwait(signals, NULL, &period);
        if (number == SIGTERM || number == SIGINT) {
            log_info("serve", "stopping signal=%d", number);
            return;
        }
        if (number == SIGHUP)
            (void)load(options, publisher, ++index);
        zone_image_reclaim(publisher, RECLAIM_BLOCKS);
    }
}

int serve_run(const struct serve_options *options)
{
    struct zone_publisher *publisher = NULL;
    struct dnstap *tap = NULL;
    struct net *net = NULL;
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    ASSERT(pthread_sigmask(SIG_BLOCK, &signals, NULL) == 0);
    signal(SIGPIPE, SIG_IGN);
    zone_reader_register();
    int status = zone_publisher_new(&publisher) == 0 ? EX_OK : EX_OSERR;
    if (status == EX_OK)
        status = load(options, publisher, 1);
    if (status == EX_OK)
        status = open_dnstap(options, &tap);
    if (status == EX_OK)
        status = open_net(options, publisher, tap, &net);
    if (status == EX_OK)
        wait_for_signals(options, publisher, &signals);
    net_close(net);
    dnstap_close(tap);
    zone_publisher_free(publisher);
    zone_reader_unregister();
    return status;
}
