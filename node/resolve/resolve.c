#include "resolve/resolve.h"

#include <stdlib.h>
#include <string.h>

#include <ares.h>
#include <uv.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/random.h"
#include "dns/name.h"
#include "dns/type.h"
#include "dns/wire.h"
#include "resolve/targets.h"
#include "zone/record_set.h"

#define ASK_TIMEOUT_MS 2000 /* for one server; the library doubles it in the second round */
#define ASK_ROUNDS 2

/* One socket of the library; freed when the loop has let go of it. */
struct watch {
    uv_poll_t handle;
    struct resolve *resolve;
    ares_socket_t fd;
    struct watch *next;
};
struct question {
    struct resolve *resolve;
    struct resolve__target *target;
};
struct resolve {
    uv_timer_t timer;
    ares_channel channel;
    struct watch *watches; /* open ones */
    unsigned handles;      /* of the loop, closing ones too */
    unsigned asking;
    bool is_busy; /* inside the library, or asking: whoever is there goes on itself */
    bool is_closing;
    struct resolve__targets targets;
    resolve_changed_cb changed;
    resolve_close_cb close_cb;
    void *user, *close_user;
};

static void go_on(struct resolve *resolve);

/* ---- sockets ---- */

static void handle_closed(struct resolve *resolve)
{
    if (--resolve->handles > 0 || !resolve->is_closing)
        return;
    resolve_close_cb cb = resolve->close_cb;
    void *user = resolve->close_user;
    free(resolve);
    ares_library_cleanup();
    cb(user);
}

static void watch_closed(uv_handle_t *handle)
{
    struct watch *watch = handle->data;
    struct resolve *resolve = watch->resolve;

    free(watch);
    handle_closed(resolve);
}

static void timer_closed(uv_handle_t *handle)
{
    handle_closed(handle->data);
}

/* A failed poll is told as "readable": the library then sees the socket's error itself. */
static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct watch *watch = handle->data;
    struct resolve *resolve = watch->resolve;
    const ares_socket_t fd = watch->fd;
    const bool is_readable = status < 0 || (events & UV_READABLE);

    ASSERT(!resolve->is_busy);
    resolve->is_busy = true;
    ares_process_fd(resolve->channel, is_readable ? fd : ARES_SOCKET_BAD,
                    (events & UV_WRITABLE) ? fd : ARES_SOCKET_BAD);
    resolve->is_busy = false;
    go_on(resolve);
}

static struct watch *open_watch(struct resolve *resolve, ares_socket_t fd)
{
    struct watch *watch = calloc(1, sizeof(*watch));

    if (!watch || uv_poll_init(resolve->timer.loop, &watch->handle, fd) != 0) {
        free(watch); /* nobody hears the answer: the question runs into its timeout */
        return NULL;
    }
    watch->handle.data = watch;
    watch->resolve = resolve;
    watch->fd = fd;
    watch->next = resolve->watches;
    resolve->watches = watch;
    resolve->handles++;
    return watch;
}

/* The library closes the socket after this; the loop must have forgotten it by then. */
static void close_watch(struct watch **link)
{
    struct watch *watch = *link;

    *link = watch->next;
    uv_close((uv_handle_t *)&watch->handle, watch_closed);
}

static void on_socket(void *user, ares_socket_t fd, int is_reading, int is_writing)
{
    struct resolve *resolve = user;
    struct watch **link = &resolve->watches;

    while (*link && (*link)->fd != fd)
        link = &(*link)->next;
    if (!is_reading && !is_writing) {
        if (*link)
            close_watch(link);
        return;
    }
    struct watch *watch = *link ? *link : open_watch(resolve, fd);
    if (watch)
        uv_poll_start(&watch->handle,
                      (is_reading ? UV_READABLE : 0) | (is_writing ? UV_WRITABLE : 0), on_poll);
}

/* ---- questions ---- */

static const char *problem_text(int status)
{
    switch (status) {
    case ARES_ETIMEOUT: return "the resolvers do not answer";
    case ARES_ECONNREFUSED: return "no resolver can be reached, or each has refused";
    case ARES_ESERVFAIL: return "the resolvers say SERVFAIL";
    case ARES_ENOMEM: return "out of memory";
    default: return ares_strerror(status);
    }
}

static void tell(struct resolve *resolve, const struct resolve__target *target)
{
    const struct resolve_addresses *addresses = target->addresses;
    struct zone_rdata rdatas[RESOLVE_ADDRESSES_MAX];
    struct zone_record_set set = {.name = target->name, .type = target->type, .rdatas = rdatas};

    for (unsigned i = 0; addresses && i < addresses->count; i++)
        rdatas[i] = (struct zone_rdata){addresses->octets[i], target->type == DNS_TYPE_A ? 4 : 16};
    if (addresses) {
        set.rdata_count = addresses->count;
        set.ttl_s = target->served_ttl_s;
    }
    resolve->changed(resolve->user, &set);
}

static struct resolve__moment moment(const struct resolve *resolve)
{
    struct resolve__moment now = {uv_now(resolve->timer.loop), clock_wall_ms(), 0};

    random_bytes(&now.draw, sizeof(now.draw));
    return now;
}

static void on_answer(void *user, int status, int timeouts, unsigned char *reply, int len)
{
    struct question *question = user;
    struct resolve *resolve = question->resolve;
    struct resolve__target *target = question->target;
    const struct resolve__moment now = moment(resolve);
    struct resolve_addresses answer;
    const char *problem = status == ARES_SUCCESS ? "" : problem_text(status);
    bool is_changed;

    (void)timeouts;
    free(question);
    resolve->asking--;
    if (status == ARES_SUCCESS && !target->is_dropped &&
        resolve_reply_read(reply, (size_t)len, target->name, target->type, &answer, &problem) == 0)
        is_changed = resolve__answered(&resolve->targets, target, &answer, &now);
    else
        is_changed = resolve__failed(&resolve->targets, target, problem, &now);
    if (is_changed)
        tell(resolve, target);
}

/* The library finds the reply by id and question, and takes it from the server's address alone. */
static void ask(struct resolve *resolve, struct resolve__target *target)
{
    uint8_t message[DNS_HEADER_LEN + DNS_NAME_MAX + 4] = {0};
    const unsigned name_len = dns_name_len(target->name);
    struct question *question = malloc(sizeof(*question));

    if (!question) {
        const struct resolve__moment now = moment(resolve);
        if (resolve__failed(&resolve->targets, target, "out of memory", &now))
            tell(resolve, target);
        return;
    }
    *question = (struct question){resolve, target};
    random_bytes(message, 2);
    dns_wire_put16(message + 2, DNS_FLAG_RD);
    dns_wire_put16(message + 4, 1);
    memcpy(message + DNS_HEADER_LEN, target->name, name_len);
    dns_wire_put16(message + DNS_HEADER_LEN + name_len, target->type);
    dns_wire_put16(message + DNS_HEADER_LEN + name_len + 2, DNS_CLASS_IN);
    resolve->asking++;
    ares_send(resolve->channel, message, (int)(DNS_HEADER_LEN + name_len + 4), on_answer, question);
}

static void on_timer(uv_timer_t *timer)
{
    struct resolve *resolve = timer->data;

    resolve->is_busy = true;
    ares_process_fd(resolve->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    resolve->is_busy = false;
    go_on(resolve);
}

/* The library's next timeout, or the next question, whichever comes first. */
static void set_timer(struct resolve *resolve)
{
    const uint64_t now_mono_ms = uv_now(resolve->timer.loop);
    uint64_t next_mono_ms =
        resolve->asking < RESOLVE_ASKING_MAX ? resolve__next_ms(&resolve->targets) : UINT64_MAX;
    struct timeval left;

    if (resolve->asking > 0 && ares_timeout(resolve->channel, NULL, &left)) {
        const uint64_t timeout_mono_ms =
            now_mono_ms + (uint64_t)left.tv_sec * 1000 + (uint64_t)left.tv_usec / 1000 + 1;
        if (timeout_mono_ms < next_mono_ms)
            next_mono_ms = timeout_mono_ms;
    }
    if (next_mono_ms == UINT64_MAX)
        uv_timer_stop(&resolve->timer);
    else
        uv_timer_start(&resolve->timer, on_timer,
                       next_mono_ms > now_mono_ms ? next_mono_ms - now_mono_ms : 0, 0);
}

static void go_on(struct resolve *resolve)
{
    struct resolve__target *target;

    if (resolve->is_busy || resolve->is_closing)
        return;
    resolve->is_busy = true;
    while (resolve->asking < RESOLVE_ASKING_MAX &&
           (target = resolve__take_due(&resolve->targets, uv_now(resolve->timer.loop))))
        ask(resolve, target);
    resolve->is_busy = false;
    set_timer(resolve);
}

/* ---- from outside ---- */

static int open_channel(struct resolve *resolve, const char *servers)
{
    struct ares_options options = {.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
                                   .timeout = ASK_TIMEOUT_MS,
                                   .tries = ASK_ROUNDS,
                                   .sock_state_cb = on_socket,
                                   .sock_state_cb_data = resolve};
    int status = ares_init_options(&resolve->channel, &options,
                                   ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
                                       ARES_OPT_SOCK_STATE_CB);

    if (status != ARES_SUCCESS)
        return status == ARES_ENOMEM ? ERR_NOMEM : ERR_IO;
    if (servers && servers[0])
        status = ares_set_servers_ports_csv(resolve->channel, servers);
    if (status == ARES_SUCCESS)
        return 0;
    ares_destroy(resolve->channel);
    return status == ARES_ENOMEM ? ERR_NOMEM : ERR_INVALID;
}

int resolve_open(const struct resolve_options *options, struct resolve **out)
{
    struct resolve *resolve = calloc(1, sizeof(*resolve));

    if (!resolve)
        return ERR_NOMEM;
    resolve->changed = options->changed;
    resolve->user = options->user;
    resolve->targets.ttl_floor_s =
        options->ttl_floor_s > 0 ? options->ttl_floor_s : RESOLVE_TTL_FLOOR_S;
    resolve->targets.ttl_cap_s = options->ttl_cap_s > 0 ? options->ttl_cap_s : RESOLVE_TTL_CAP_S;
    int rc = resolve->targets.ttl_floor_s <= resolve->targets.ttl_cap_s ? 0 : ERR_INVALID;
    if (rc == 0 && ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        rc = ERR_IO;
    if (rc == 0 && (rc = open_channel(resolve, options->servers)) != 0)
        ares_library_cleanup();
    if (rc != 0) {
        free(resolve);
        return rc;
    }
    uv_timer_init(options->loop, &resolve->timer);
    resolve->timer.data = resolve;
    resolve->handles = 1;
    *out = resolve;
    return 0;
}

void resolve_close(struct resolve *resolve, resolve_close_cb cb, void *user)
{
    ASSERT(!resolve->is_closing && !resolve->is_busy);
    resolve->is_closing = resolve->is_busy = true;
    resolve->close_cb = cb;
    resolve->close_user = user;
    resolve__targets_fini(&resolve->targets); /* what is asked for is freed by its callback */
    ares_destroy(resolve->channel);
    ASSERT(resolve->asking == 0);
    while (resolve->watches)
        close_watch(&resolve->watches);
    uv_close((uv_handle_t *)&resolve->timer, timer_closed);
}

int resolve_add(struct resolve *resolve, const uint8_t *name, uint16_t type)
{
    if (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)
        return ERR_INVALID;
    if (resolve->targets.count >= RESOLVE_TARGETS_MAX)
        return ERR_LIMIT;
    int rc = resolve__add(&resolve->targets, name, type, uv_now(resolve->timer.loop));
    if (rc == 0 && !resolve->is_busy)
        set_timer(resolve); /* at once, but not from within this call */
    return rc;
}

int resolve_remove(struct resolve *resolve, const uint8_t *name, uint16_t type)
{
    struct resolve__target *target = resolve__find(&resolve->targets, name, type);

    if (!target)
        return ERR_NOT_FOUND;
    resolve__remove(&resolve->targets, target);
    return 0;
}

static enum resolve_state state_of(const struct resolve__target *target)
{
    if (target->has_answer)
        return target->is_stale ? RESOLVE_STALE : RESOLVE_GOOD;
    return target->failures > 0 ? RESOLVE_FAILED : RESOLVE_RESOLVING;
}

int resolve_get(struct resolve *resolve, const uint8_t *name, uint16_t type,
                struct resolve_target *out)
{
    const struct resolve__target *target = resolve__find(&resolve->targets, name, type);

    if (!target)
        return ERR_NOT_FOUND;
    const uint64_t now_mono_ms = uv_now(resolve->timer.loop);
    *out = (struct resolve_target){.state = state_of(target),
                                   .problem = target->problem,
                                   .ttl_s = target->served_ttl_s,
                                   .resolved_wall_ms = target->resolved_wall_ms};
    if (target->addresses) {
        out->addresses = (const uint8_t(*)[16])target->addresses->octets;
        out->address_count = target->addresses->count;
    }
    if (!target->is_asking && target->due_mono_ms > now_mono_ms)
        out->next_wall_ms = clock_wall_ms() + (target->due_mono_ms - now_mono_ms);
    return 0;
}
