/* node/health/resolver.c: the addresses of endpoints by name, with c-ares on the checker's loop: a
 * resolver that is slow costs no thread, and holds nobody else up. */
#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <uv.h>

#include "health/internal.h"

#define TRY_MS 1500
#define TRIES 2
#define TICK_MS 100
#define QUERIES_MAX (2u * HEALTH_CONNECTIONS_MAX) /* also of runs that are over */
#define ADDRESSES_MAX 16
#define RELOAD_MS 60000 /* the system's list of resolvers may change */

struct resolver {
    struct health_checker *checker;
    ares_channel channel;
    const char *resolvers; /* NULL: the system's */
    uint64_t opened_mono_ms;
    unsigned query_count;
    bool is_closing;
};
struct resolver_query {
    struct resolver *resolver;
    struct health_run *run; /* NULL: nobody waits for it any more */
};

static void on_socket(void *user, ares_socket_t fd, int is_readable, int is_writable)
{
    struct resolver *resolver = user;
    uint32_t events = (is_readable ? EPOLLIN : 0u) | (is_writable ? EPOLLOUT : 0u);

    (void)poll_watch(resolver->checker, POLL_RESOLVER, 0, fd, events);
}

static int open_channel(struct resolver *resolver)
{
    struct ares_options options = {
        .flags = ARES_FLAG_NOSEARCH, /* the name is whole */
        .timeout = TRY_MS,
        .tries = TRIES,
        .sock_state_cb = on_socket,
        .sock_state_cb_data = resolver,
    };
    int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;

    if (ares_init_options(&resolver->channel, &options, mask) != ARES_SUCCESS)
        return ERR_NOMEM;
    resolver->opened_mono_ms = uv_now(resolver->checker->loop);
    if (!resolver->resolvers)
        return 0;
    if (ares_set_servers_ports_csv(resolver->channel, resolver->resolvers) == ARES_SUCCESS)
        return 0;
    ares_destroy(resolver->channel);
    resolver->channel = NULL;
    return ERR_INVALID;
}

int resolver_open(struct health_checker *checker, const char *resolvers, struct resolver **out)
{
    struct resolver *resolver = calloc(1, sizeof(*resolver));

    if (!resolver)
        return ERR_NOMEM;
    resolver->checker = checker;
    resolver->resolvers = resolvers;
    int rc = ares_library_init(ARES_LIB_INIT_ALL) == ARES_SUCCESS ? 0 : ERR_NOMEM;
    if (rc == 0 && (rc = open_channel(resolver)) != 0)
        ares_library_cleanup();
    if (rc != 0)
        free(resolver);
    else
        *out = resolver;
    return rc;
}

void resolver_close(struct resolver *resolver)
{
    if (!resolver)
        return;
    resolver->is_closing = true;
    if (resolver->channel)
        ares_destroy(resolver->channel); /* ends every query */
    ares_library_cleanup();
    free(resolver);
}

static void on_tick(uv_timer_t *timer)
{
    struct health_checker *checker = timer->data;

    struct resolver *resolver = checker->resolver;

    ares_process_fd(resolver->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    if (resolver->query_count > 0)
        return;
    uv_timer_stop(timer);
    if (resolver->resolvers || uv_now(checker->loop) - resolver->opened_mono_ms < RELOAD_MS)
        return;
    ares_destroy(resolver->channel); /* read the system's list again at the next question */
    resolver->channel = NULL;
}

/* Only IPv4, as Route 53. */
static unsigned list_addresses(const struct ares_addrinfo *info, char texts[][HEALTH_ADDRESS_SIZE],
                               const char **list)
{
    unsigned count = 0;

    for (const struct ares_addrinfo_node *node = info ? info->nodes : NULL; node;
         node = node->ai_next) {
        const struct sockaddr_in *address = (const void *)node->ai_addr;
        if (node->ai_family != AF_INET || count == ADDRESSES_MAX)
            continue;
        inet_ntop(AF_INET, &address->sin_addr, texts[count], HEALTH_ADDRESS_SIZE);
        list[count] = texts[count];
        count++;
    }
    return count;
}

static void on_answer(void *user, int status, int timeouts, struct ares_addrinfo *info)
{
    struct resolver_query *query = user;
    struct health_run *run = query->run;
    char texts[ADDRESSES_MAX][HEALTH_ADDRESS_SIZE];
    const char *list[ADDRESSES_MAX];
    unsigned count = list_addresses(info, texts, list);
    bool is_closing = query->resolver->is_closing;

    (void)timeouts;
    query->resolver->query_count--;
    free(query);
    if (info)
        ares_freeaddrinfo(info);
    if (!run || is_closing)
        return;
    run->query = NULL;
    run_resolved(run, list, count,
                 status == ARES_SUCCESS ? "the name has no IPv4 address" : ares_strerror(status));
}

void resolver_ask(struct resolver *resolver, const char *name, struct health_run *run)
{
    struct ares_addrinfo_hints hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct resolver_query *query = NULL;

    if ((resolver->channel || open_channel(resolver) == 0) && resolver->query_count < QUERIES_MAX)
        query = malloc(sizeof(*query));
    if (!query) {
        run_resolved(run, NULL, 0, "no room for another question");
        return;
    }
    *query = (struct resolver_query){resolver, run};
    run->query = query;
    resolver->query_count++;
    if (!uv_is_active((uv_handle_t *)resolver->checker->resolver_timer))
        uv_timer_start(resolver->checker->resolver_timer, on_tick, TICK_MS, TICK_MS);
    ares_getaddrinfo(resolver->channel, name, NULL, &hints, on_answer, query); /* may end at once */
}

void resolver_forget(struct resolver_query *query)
{
    if (query)
        query->run = NULL;
}

void resolver_event(struct resolver *resolver, int fd, uint32_t events)
{
    ares_process_fd(resolver->channel,
                    events & (EPOLLIN | EPOLLERR | EPOLLHUP) ? fd : ARES_SOCKET_BAD,
                    events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
}
