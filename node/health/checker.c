#include "health/checker.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <uv.h>

#include "base/assert.h"
#include "health/internal.h"

struct health_handles {
    uv_loop_t loop;
    uv_async_t wake;
    uv_poll_t poll;
    uv_timer_t curl_timer, resolver_timer;
};
struct health_order {
    struct health_order *next;
    bool is_set;             /* else: remove */
    struct health_spec spec; /* remove: only the id */
};

/* ---- on the checker's thread ---- */

static void check_closed(uv_handle_t *handle)
{
    struct health_check *check = handle->data;

    free(check->timer);
    free(check->last_failure);
    free(check);
}

static void drop_check(struct health_check *check)
{
    schedule_end(check);
    if (check->run)
        run_cancel(check->run);
    uv_close((uv_handle_t *)check->timer, check_closed);
}

static bool is_same_endpoint(const struct health_spec *a, const struct health_spec *b)
{
    return a->type == b->type && a->port == b->port && a->enable_sni == b->enable_sni &&
           a->verify_certificate == b->verify_certificate &&
           strcmp(a->ip_address, b->ip_address) == 0 &&
           strcmp(a->domain_name, b->domain_name) == 0 &&
           strcmp(a->resource_path, b->resource_path) == 0 &&
           strcmp(a->search_string, b->search_string) == 0;
}

/* What was found out holds on while it is about the same endpoint. */
static void change_check(struct health_check *check, const struct health_spec *spec)
{
    struct health_checker *checker = check->checker;

    if (check->spec.version == spec->version)
        return;
    schedule_end(check);
    if (check->run)
        run_cancel(check->run);
    if (!is_same_endpoint(&check->spec, spec))
        check->state = HEALTH_NONE;
    check->streak = 0;
    check->spec = *spec;
    schedule_begin(check);
    schedule_next(checker); /* the run that was cancelled may have left room */
}

static void add_check(struct health_checker *checker, const struct health_spec *spec)
{
    struct health_check *check = calloc(1, sizeof(*check));

    if (check)
        check->timer = calloc(1, sizeof(*check->timer));
    /* health_set() counts them, too, but may be ahead of this. */
    if (!check || !check->timer || checker->checks.count == HEALTH_CHECKS_MAX) {
        free(check ? check->timer : NULL);
        free(check);
        return;
    }
    memcpy(check->id, spec->id, sizeof(check->id));
    check->checker = checker;
    check->spec = *spec;
    check->timer->data = check;
    if (health_index_add(&checker->checks, check) != 0) {
        free(check->timer);
        free(check);
        return;
    }
    ASSERT(uv_timer_init(checker->loop, check->timer) == 0);
    atomic_store(&checker->counters[HEALTH_COUNT_CHECKS], checker->checks.count);
    schedule_begin(check);
}

static void follow(struct health_checker *checker, const struct health_order *order)
{
    struct health_check *check = health_index_find(&checker->checks, order->spec.id);

    if (order->is_set && check) {
        change_check(check, &order->spec);
    } else if (order->is_set) {
        add_check(checker, &order->spec);
    } else if (check) {
        (void)health_index_take(&checker->checks, order->spec.id);
        atomic_store(&checker->counters[HEALTH_COUNT_CHECKS], checker->checks.count);
        drop_check(check);
        schedule_next(checker);
    }
}

static void close_runs(struct health_checker *checker)
{
    for (size_t i = 0; i < checker->checks.count; i++)
        drop_check(checker->checks.items[i]);
    for (uint32_t i = 0; checker->runs && i < checker->options.connections_max; i++)
        uv_close((uv_handle_t *)checker->runs[i].timer, NULL);
}

static void begin_end(struct health_checker *checker)
{
    checker->is_closing = true;
    close_runs(checker);
    uv_close((uv_handle_t *)checker->wake, NULL);
    uv_close((uv_handle_t *)checker->curl_timer, NULL);
    uv_close((uv_handle_t *)checker->resolver_timer, NULL);
    if (checker->poll->data)
        uv_close((uv_handle_t *)checker->poll, NULL);
}

static void on_wake(uv_async_t *wake)
{
    struct health_checker *checker = wake->data;

    pthread_mutex_lock(&checker->lock);
    struct health_order *order = checker->first_order;
    bool is_closing = checker->is_close_ordered;
    checker->first_order = checker->last_order = NULL;
    pthread_mutex_unlock(&checker->lock);
    while (order) {
        struct health_order *next = order->next;
        if (!is_closing)
            follow(checker, order);
        free(order);
        order = next;
    }
    if (is_closing && !checker->is_closing)
        begin_end(checker);
}

static void *run_thread(void *argument)
{
    struct health_checker *checker = argument;

    (void)uv_run(checker->loop, UV_RUN_DEFAULT); /* until all is closed */
    return NULL;
}

/* ---- open and close ---- */

static void free_checker(struct health_checker *checker)
{
    for (uint32_t i = 0; checker->runs && i < checker->options.connections_max; i++)
        run_fini(&checker->runs[i]);
    http_close(checker);
    resolver_close(checker->resolver);
    ASSERT(uv_loop_close(checker->loop) == 0);
    if (checker->poll_fd >= 0)
        (void)close(checker->poll_fd);
    health_index_fini(&checker->checks);
    pthread_mutex_destroy(&checker->lock);
    free(checker->runs);
    free(checker->run_timers);
    free(checker->handles);
    free(checker->resolvers);
    free(checker->ca_file);
    free(checker);
}

/* The node has other uses for descriptors, too. */
static uint32_t bound_connections(uint32_t wanted)
{
    struct rlimit limit;

    if (wanted == 0)
        wanted = HEALTH_CONNECTIONS_DEFAULT;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return wanted;
    if (limit.rlim_cur < limit.rlim_max && limit.rlim_cur < 4 * (rlim_t)wanted) {
        limit.rlim_cur = limit.rlim_max < 4 * (rlim_t)wanted ? limit.rlim_max : 4 * (rlim_t)wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
        (void)getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur / 2 < wanted ? (uint32_t)(limit.rlim_cur / 2) : wanted;
}

static int copy_options(struct health_checker *checker, const struct health_options *options)
{
    checker->options = *options;
    checker->options.connections_max = bound_connections(options->connections_max);
    if (options->resolvers && !(checker->resolvers = strdup(options->resolvers)))
        return ERR_NOMEM;
    if (options->ca_file && !(checker->ca_file = strdup(options->ca_file)))
        return ERR_NOMEM;
    return 0;
}

static int make_runs(struct health_checker *checker)
{
    uint32_t count = checker->options.connections_max;

    checker->run_timers = calloc(count, sizeof(*checker->run_timers));
    if (checker->run_timers)
        checker->runs = calloc(count, sizeof(*checker->runs));
    if (!checker->runs)
        return ERR_NOMEM;
    for (uint32_t i = count; i-- > 0;) {
        struct health_run *run = &checker->runs[i];
        ASSERT(run_init(checker, run, i) == 0);
        run->next_free = checker->free_runs;
        checker->free_runs = run;
    }
    return 0;
}

static int start_thread(struct health_checker *checker)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int code = pthread_create(&checker->thread, NULL, run_thread, checker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (code == 0)
        (void)pthread_setname_np(checker->thread, "health");
    return code == 0 ? 0 : ERR_NOMEM;
}

static int open_parts(struct health_checker *checker, const struct health_options *options)
{
    int rc = copy_options(checker, options);

    if (rc == 0)
        rc = poll_open(checker);
    if (rc == 0)
        rc = http_open(checker);
    if (rc == 0)
        rc = resolver_open(checker, checker->resolvers, &checker->resolver);
    if (rc == 0)
        rc = make_runs(checker);
    return rc == 0 ? start_thread(checker) : rc;
}

static void point_to_handles(struct health_checker *checker)
{
    struct health_handles *handles = checker->handles;

    checker->loop = &handles->loop;
    checker->wake = &handles->wake;
    checker->poll = &handles->poll;
    checker->curl_timer = &handles->curl_timer;
    checker->resolver_timer = &handles->resolver_timer;
}

/* With a loop and the handles that cannot fail. */
static struct health_checker *new_checker(void)
{
    struct health_checker *checker = calloc(1, sizeof(*checker));

    if (checker)
        checker->handles = calloc(1, sizeof(*checker->handles));
    if (!checker || !checker->handles || uv_loop_init(&checker->handles->loop) != 0) {
        free(checker ? checker->handles : NULL);
        free(checker);
        return NULL;
    }
    point_to_handles(checker);
    checker->poll_fd = -1;
    if (uv_async_init(checker->loop, checker->wake, on_wake) != 0) {
        (void)uv_loop_close(checker->loop);
        free(checker->handles);
        free(checker);
        return NULL;
    }
    pthread_mutex_init(&checker->lock, NULL);
    uv_timer_init(checker->loop, checker->curl_timer);
    uv_timer_init(checker->loop, checker->resolver_timer);
    checker->wake->data = checker->curl_timer->data = checker->resolver_timer->data = checker;
    return checker;
}

int health_open(const struct health_options *options, struct health_checker **out)
{
    if (options->connections_max > HEALTH_CONNECTIONS_MAX)
        return ERR_LIMIT;
    struct health_checker *checker = new_checker();
    if (!checker)
        return ERR_NOMEM;
    int rc = open_parts(checker, options);
    if (rc != 0) {
        begin_end(checker);
        (void)uv_run(checker->loop, UV_RUN_DEFAULT);
        free_checker(checker);
        return rc;
    }
    *out = checker;
    return 0;
}

void health_close(struct health_checker *checker)
{
    if (!checker)
        return;
    pthread_mutex_lock(&checker->lock);
    checker->is_close_ordered = true;
    pthread_mutex_unlock(&checker->lock);
    uv_async_send(checker->wake);
    pthread_join(checker->thread, NULL);
    free_checker(checker);
}

/* ---- any thread ---- */

static bool is_id(const char *id)
{
    size_t len = strnlen(id, HEALTH_ID_SIZE);

    return len > 0 && len < HEALTH_ID_SIZE;
}

static bool is_address(const char *text)
{
    uint8_t octets[16];

    return inet_pton(AF_INET, text, octets) == 1 || inet_pton(AF_INET6, text, octets) == 1;
}

/* It gets into a URL and a header. */
static bool is_host_name(const char *text)
{
    size_t len = strnlen(text, HEALTH_TEXT_SIZE);

    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && !strchr("-._", text[i]))
            return false;
    }
    return len > 0 && len < HEALTH_TEXT_SIZE;
}

static bool can_run(const struct health_spec *spec)
{
    bool has_address = spec->ip_address[0] != 0, has_name = spec->domain_name[0] != 0;

    return is_id(spec->id) && spec->type >= HEALTH_HTTP && spec->type <= HEALTH_TCP &&
           spec->port != 0 && spec->interval_s >= 1 && spec->interval_s <= 86400 &&
           spec->failure_threshold >= 1 && (has_address || has_name) &&
           (!has_address || is_address(spec->ip_address)) &&
           (!has_name || is_host_name(spec->domain_name)) &&
           memchr(spec->resource_path, 0, HEALTH_TEXT_SIZE) &&
           memchr(spec->search_string, 0, HEALTH_TEXT_SIZE) &&
           (!health__is_match(spec->type) || spec->search_string[0]);
}

static void send_order(struct health_checker *checker, struct health_order *order)
{
    pthread_mutex_lock(&checker->lock);
    if (checker->last_order)
        checker->last_order->next = order;
    else
        checker->first_order = order;
    checker->last_order = order;
    pthread_mutex_unlock(&checker->lock);
    uv_async_send(checker->wake);
}

int health_set(struct health_checker *checker, const struct health_spec *spec)
{
    if (!can_run(spec))
        return ERR_INVALID;
    if (atomic_load(&checker->counters[HEALTH_COUNT_CHECKS]) >= HEALTH_CHECKS_MAX)
        return ERR_LIMIT;
    struct health_order *order = calloc(1, sizeof(*order));
    if (!order)
        return ERR_NOMEM;
    order->is_set = true;
    order->spec = *spec;
    size_t len = strlen(order->spec.domain_name);
    if (len > 1 && order->spec.domain_name[len - 1] == '.')
        order->spec.domain_name[len - 1] = 0;
    send_order(checker, order);
    return 0;
}

int health_remove(struct health_checker *checker, const char *id)
{
    if (!is_id(id))
        return 0;
    struct health_order *order = calloc(1, sizeof(*order));
    if (!order)
        return ERR_NOMEM;
    memcpy(order->spec.id, id, strlen(id) + 1);
    send_order(checker, order);
    return 0;
}

const char *health_counter_name(enum health_counter counter)
{
    static const char *const names[HEALTH_COUNTER_COUNT] = {
        [HEALTH_COUNT_CHECKS] = "health.checks",       [HEALTH_COUNT_RUNNING] = "health.running",
        [HEALTH_COUNT_WAITING] = "health.waiting",     [HEALTH_COUNT_STARTED] = "health.started",
        [HEALTH_COUNT_SUCCEEDED] = "health.succeeded", [HEALTH_COUNT_FAILED] = "health.failed",
        [HEALTH_COUNT_LATE] = "health.late",           [HEALTH_COUNT_SKIPPED] = "health.skipped",
    };

    return names[counter];
}

void health_read_counters(const struct health_checker *checker, uint64_t out[HEALTH_COUNTER_COUNT])
{
    for (unsigned i = 0; i < HEALTH_COUNTER_COUNT; i++)
        out[i] = atomic_load_explicit(&checker->counters[i], memory_order_relaxed);
}

void health_read_lateness(const struct health_checker *checker, uint64_t out[HEALTH_LATENESS_SIZE])
{
    for (unsigned i = 0; i < HEALTH_LATENESS_SIZE; i++)
        out[i] = atomic_load_explicit(&checker->lateness[i], memory_order_relaxed);
}
