/* links: cli zone dns proto base
 *
 * tests/e2e/e2e_load.c: changes through control sockets that leave a record of every outcome.
 *
 *   e2e_load [--names N] ZONE PREFIX LOG CLIENTS PAUSE_MS SOCKET…
 *
 * CLIENTS clients, spread over the sockets, each make one change after the other with a pause
 * between: a TXT record of a name never used before, which the change also carries as its comment,
 * so that the journal tells how often it was applied. With --names each client goes round so many
 * names, so that the zone does not grow. A client whose node is gone goes to the next
 * socket. Each outcome is a line of LOG, written before the client goes on:
 *
 *   STARTED_MONO_NS ENDED_MONO_NS NAME OUTCOME CODE
 *
 * OUTCOME is ok (acknowledged), refused (the node said that it was not applied) or unknown. Ends at
 * SIGTERM or when its standard input ends, after the requests that are under way. */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "cli/client.h"
#include "dns/name.h"
#include "dns/type.h"
#include "proto/control.pb-c.h"

#define SOCKETS_MAX 16
#define CLIENTS_MAX 64
#define NAMES_MAX 1000000
#define TIMEOUT_MS 6000
#define RETRY_US 20000
#define LABEL_LEN_MAX 63

struct load {
    const char *zone, *prefix;
    uint8_t apex[DNS_NAME_MAX];
    FILE *log;
    unsigned pause_ms;
    unsigned names; /* of each client; 0: always new ones */
    char **sockets;
    unsigned socket_count;
};
struct worker {
    pthread_t thread;
    const struct load *load;
    unsigned number;
};

static atomic_bool is_over;

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "e2e_load: %s: %s\n", what, detail);
    exit(2);
}

static unsigned number(const char *text, unsigned most)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    if (*text == '\0' || *end != '\0' || value > most)
        die("not a number within its bound", text);
    return (unsigned)value;
}

/* Only what the node itself has refused is known not to have been applied. */
static const char *outcome_of(int sent, int answered)
{
    if (sent != 0)
        return "refused";
    if (answered == 0)
        return "ok";
    return answered == ERR_TIMEOUT || answered == ERR_CLOSED ? "unknown" : "refused";
}

static int send_change(struct client *client, const struct load *load, const char *label)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__RecordChange record_change = CTL__RECORD_CHANGE__INIT;
    Cmd__Change item = CMD__CHANGE__INIT, *items[] = {&item};
    Cmd__RecordSet set = CMD__RECORD_SET__INIT;
    uint8_t name[DNS_NAME_MAX], text[LABEL_LEN_MAX + 1];

    if (dns_name_parse(label, load->apex, name) < 0)
        die("not a name", label);
    text[0] = (uint8_t)strlen(label);
    memcpy(text + 1, label, text[0]);
    ProtobufCBinaryData rdata = {text[0] + 1u, text};
    set.name = (ProtobufCBinaryData){dns_name_len(name), name};
    set.type = DNS_TYPE_TXT;
    set.ttl_s = 1;
    set.n_rdata = 1;
    set.rdata = &rdata;
    item.action = CMD__ACTION__ACTION_UPSERT;
    item.record_set = &set;
    record_change.zone = (char *)load->zone;
    record_change.comment = (char *)label;
    record_change.n_changes = 1;
    record_change.changes = items;
    request.kind_case = CTL__REQUEST__KIND_RECORD_CHANGE;
    request.record_change = &record_change;
    return client_send(client, 0, &request, TIMEOUT_MS);
}

/* One change and its line in the log. False: the connection is of no use any more. */
static bool make_change(struct client *client, const struct load *load, const char *label)
{
    struct Ctl__Reply *reply = NULL;
    const char *outcome = "unknown";
    uint64_t started_mono_ns = clock_mono_ns();

    int sent = send_change(client, load, label);
    int rc = sent;
    if (sent == 0)
        rc = client_wait(client, 0, &reply);
    bool is_usable = rc == 0;
    if (sent != 0 || rc == 0) {
        outcome = outcome_of(sent, reply ? reply->code : 0);
        rc = reply ? reply->code : rc;
    }
    fprintf(load->log, "%" PRIu64 " %" PRIu64 " %s %s %d\n", started_mono_ns, clock_mono_ns(),
            label, outcome, rc);
    fflush(load->log);
    if (reply)
        ctl__reply__free_unpacked(reply, NULL);
    return is_usable;
}

static void *work(void *user)
{
    struct worker *worker = user;
    const struct load *load = worker->load;
    struct client *client = NULL;
    char error[CLIENT_ERROR_LEN], label[LABEL_LEN_MAX + 1];
    unsigned at = worker->number % load->socket_count;

    for (uint64_t i = 0; !atomic_load(&is_over);) {
        if (!client && client_open(load->sockets[at], "", 0, &client, error) != 0) {
            at = (at + 1) % load->socket_count;
            usleep(RETRY_US);
            continue;
        }
        uint64_t name = load->names > 0 ? i % load->names : i;
        i++;
        snprintf(label, sizeof(label), "%s-%u-%" PRIu64, load->prefix, worker->number, name);
        if (!make_change(client, load, label)) {
            client_close(client);
            client = NULL;
            at = (at + 1) % load->socket_count;
        }
        usleep(load->pause_ms * 1000);
    }
    client_close(client);
    return NULL;
}

static void on_term(int signal_number)
{
    (void)signal_number;
    atomic_store(&is_over, true);
}

static void wait_for_end(void)
{
    struct sigaction action = {.sa_handler = on_term};
    char octet;

    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    while (!atomic_load(&is_over) && read(STDIN_FILENO, &octet, 1) > 0)
        continue;
    atomic_store(&is_over, true);
}

/* --names N in front, if it is there; returns its N, or 0. */
static unsigned take_names(int *argc, char ***argv)
{
    if (*argc < 3 || strcmp((*argv)[1], "--names") != 0)
        return 0;
    unsigned names = number((*argv)[2], NAMES_MAX);
    *argc -= 2;
    *argv += 2;
    return names;
}

int main(int argc, char **argv)
{
    static struct worker workers[CLIENTS_MAX];
    unsigned names = take_names(&argc, &argv);

    if (argc < 7 || argc > 6 + SOCKETS_MAX) {
        fprintf(stderr, "usage: e2e_load [--names N] ZONE PREFIX LOG CLIENTS PAUSE_MS SOCKET...\n");
        return 2;
    }
    struct load load = {.zone = argv[1],
                        .prefix = argv[2],
                        .log = fopen(argv[3], "a"),
                        .pause_ms = number(argv[5], 1000),
                        .names = names,
                        .sockets = argv + 6,
                        .socket_count = (unsigned)argc - 6};
    unsigned count = number(argv[4], CLIENTS_MAX);
    if (!load.log)
        die("cannot write", argv[3]);
    if (dns_name_parse(load.zone, NULL, load.apex) < 0)
        die("not a zone name", load.zone);
    sigset_t term; /* for the main thread alone */
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL);
    for (unsigned i = 0; i < count; i++) {
        workers[i] = (struct worker){.load = &load, .number = i};
        if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
            die("cannot start a thread", argv[4]);
    }
    pthread_sigmask(SIG_UNBLOCK, &term, NULL);
    wait_for_end();
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i].thread, NULL);
    return fclose(load.log) == 0 ? 0 : 1;
}
