#include "cluster/opinions.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "cluster/health_status.h"
#include "cluster/health_view.h"
#include "cluster/verdicts.h"
#include "health/checker.h"
#include "health/index.h"
#include "health/verdict.h"
#include "proto/cluster.pb-c.h"
#include "store/state_health.h"
#include "store/store.h"

#define MESSAGE_OPINIONS 500u   /* in one message: about 80 KiB */
#define TURN_OPINIONS_MAX 2000u /* in one turn of the loop */
#define BEAT_MS 200u            /* between parts of a heartbeat */

struct own {
    char id[HEALTH_ID_SIZE]; /* first: health/index.h */
    uint64_t round;          /* of the look in which it was seen */
    struct health_opinion opinion;
    bool has_opinion, is_news; /* `news`: not yet told to the leader */
};
struct opinions {
    struct cluster *cluster;
    struct health_checker *checker;
    struct health_index list; /* written by the loop thread alone; its items under the lock */
    pthread_mutex_t lock;
    size_t news_count; /* under the lock */
    size_t cursor;     /* of the heartbeat */
    uint64_t beat_mono_ms, round;
    bool is_stale; /* look at all checks again */
};

/* On the checker's thread. */
static void on_opinion(void *user, const struct health_opinion *opinion)
{
    struct opinions *opinions = user;

    pthread_mutex_lock(&opinions->lock);
    struct own *own = health_index_find(&opinions->list, opinion->id);
    bool is_news = own && (opinion->is_changed || !own->has_opinion ||
                           own->opinion.version != opinion->version);
    if (own) {
        own->opinion = *opinion;
        own->has_opinion = true;
    }
    if (is_news && !own->is_news) {
        own->is_news = true;
        opinions->news_count++;
    }
    pthread_mutex_unlock(&opinions->lock);
    if (is_news)
        cluster__wake(opinions->cluster);
}

int opinions_open(struct cluster *cluster, struct opinions **out)
{
    struct opinions *opinions = calloc(1, sizeof(*opinions));
    struct health_options options = {.node = cluster->identity.id,
                                     .connections_max = cluster->health_connections,
                                     .on_opinion = on_opinion,
                                     .user = opinions};

    if (!opinions)
        return ERR_NOMEM;
    opinions->cluster = cluster;
    opinions->is_stale = true;
    pthread_mutex_init(&opinions->lock, NULL);
    int rc = cluster->is_health_off ? 0 : health_open(&options, &opinions->checker);
    if (rc != 0) {
        opinions_close(opinions);
        return rc;
    }
    *out = opinions;
    return 0;
}

void opinions_close(struct opinions *opinions)
{
    if (!opinions)
        return;
    health_close(opinions->checker);
    for (size_t i = 0; i < opinions->list.count; i++)
        free(opinions->list.items[i]);
    health_index_fini(&opinions->list);
    pthread_mutex_destroy(&opinions->lock);
    free(opinions);
}

/* ---- which checks ---- */

static bool is_in(const struct state_check_config *config, const char *region)
{
    for (uint32_t i = 0; i < config->region_count; i++) {
        if (strcmp(config->regions[i], region) == 0)
            return true;
    }
    return false;
}

bool opinions_is_for(const struct cluster *cluster, const struct state_check_config *config,
                     const char *region)
{
    if (config->type == STATE_CHECK_CALCULATED || config->is_disabled)
        return false;
    if (health_view_is_checked(config, region))
        return true;
    for (unsigned i = 0; i < cluster->members.count; i++) {
        if (is_in(config, cluster->members.list[i].about.region))
            return false;
    }
    return true; /* or nobody would */
}

static enum health_type type_of(enum state_check_type type)
{
    switch (type) {
    case STATE_CHECK_HTTPS: return HEALTH_HTTPS;
    case STATE_CHECK_HTTP_STR_MATCH: return HEALTH_HTTP_STR_MATCH;
    case STATE_CHECK_HTTPS_STR_MATCH: return HEALTH_HTTPS_STR_MATCH;
    case STATE_CHECK_TCP: return HEALTH_TCP;
    default: return HEALTH_HTTP;
    }
}

static void fill_spec(const struct state_check *check, struct health_spec *out)
{
    const struct state_check_config *config = &check->config;

    *out = (struct health_spec){.version = check->version,
                                .type = type_of(config->type),
                                .port = config->port,
                                .interval_s = config->request_interval_s,
                                .failure_threshold = config->failure_threshold,
                                .enable_sni = config->enable_sni,
                                .verify_certificate = config->verify_certificate};
    snprintf(out->id, sizeof(out->id), "%s", check->id);
    snprintf(out->ip_address, sizeof(out->ip_address), "%s", config->ip_address);
    snprintf(out->domain_name, sizeof(out->domain_name), "%s", config->fully_qualified_domain_name);
    snprintf(out->resource_path, sizeof(out->resource_path), "%s", config->resource_path);
    snprintf(out->search_string, sizeof(out->search_string), "%s", config->search_string);
}

static int add_own(struct opinions *opinions, const char *id, struct own **out)
{
    struct own *own = calloc(1, sizeof(*own));

    if (!own)
        return ERR_NOMEM;
    snprintf(own->id, sizeof(own->id), "%s", id);
    pthread_mutex_lock(&opinions->lock);
    int rc = health_index_add(&opinions->list, own);
    pthread_mutex_unlock(&opinions->lock);
    if (rc != 0)
        free(own);
    else
        *out = own;
    return rc;
}

static void drop(struct opinions *opinions, const char *id)
{
    pthread_mutex_lock(&opinions->lock);
    struct own *own = health_index_take(&opinions->list, id);
    if (own && own->is_news)
        opinions->news_count--;
    pthread_mutex_unlock(&opinions->lock);
    if (!own)
        return;
    if (health_remove(opinions->checker, own->id) != 0)
        opinions->is_stale = true; /* it goes on for a while, unheard */
    free(own);
}

/* 0, or ERR_NOMEM: to be tried again. */
static int take_check(struct opinions *opinions, const struct state_check *check)
{
    struct own *own = health_index_find(&opinions->list, check->id);
    struct health_spec spec;
    int rc = 0;

    if (!opinions_is_for(opinions->cluster, &check->config, opinions->cluster->region)) {
        drop(opinions, check->id);
        return 0;
    }
    if (!own)
        rc = add_own(opinions, check->id, &own);
    if (rc != 0)
        return rc;
    own->round = opinions->round;
    fill_spec(check, &spec);
    rc = health_set(opinions->checker, &spec);
    if (rc == 0 || rc == ERR_NOMEM)
        return rc;
    log_warn("cluster", "check_not_run id=%s why=\"%s\"", check->id, err_text(rc));
    drop(opinions, check->id);
    return 0;
}

static int on_check(void *user, const struct state_check *check)
{
    return take_check(user, check);
}

/* Those that the look at all checks has not seen are gone. */
static void drop_unseen(struct opinions *opinions)
{
    for (size_t i = opinions->list.count; i-- > 0;) {
        struct own *own = opinions->list.items[i];
        if (own->round != opinions->round)
            drop(opinions, own->id);
    }
}

static void take_all(struct opinions *opinions)
{
    opinions->round++;
    opinions->is_stale = false;
    int rc = state_list_checks(store_kv(opinions->cluster->store), "", on_check, opinions);
    if (rc == 0)
        drop_unseen(opinions);
    else
        opinions->is_stale = true;
}

void opinions_check_changed(struct cluster *cluster, const char *id)
{
    struct opinions *opinions = cluster->opinions;
    struct state_check check;

    if (!opinions || !opinions->checker)
        return;
    int rc = id ? state_get_check(store_kv(cluster->store), id, &check) : ERR_INVALID;
    if (rc == 0)
        rc = take_check(opinions, &check);
    else if (rc == ERR_NOT_FOUND)
        drop(opinions, id);
    if (rc != 0 && rc != ERR_NOT_FOUND)
        opinions->is_stale = true;
}

void opinions_members_changed(struct cluster *cluster)
{
    if (cluster->opinions)
        cluster->opinions->is_stale = true;
}

/* ---- what the leader is told ---- */

struct message {
    Clu__Opinions body;
    Clu__Opinion items[MESSAGE_OPINIONS];
    Clu__Opinion *pointers[MESSAGE_OPINIONS];
    struct own copies[MESSAGE_OPINIONS]; /* the checker may write the true ones */
};

static void add(struct message *message, const struct own *own)
{
    size_t at = message->body.n_opinions++;
    struct own *copy = &message->copies[at];
    Clu__Opinion *item = &message->items[at];

    *copy = *own;
    clu__opinion__init(item);
    item->health_check_id = copy->id;
    item->version = copy->opinion.version;
    item->health = copy->opinion.state;
    item->status = copy->opinion.status;
    item->checked_wall_ms = copy->opinion.checked_wall_ms;
    item->last_failure = copy->opinion.last_failure;
    item->last_failure_wall_ms = copy->opinion.last_failure_wall_ms;
    message->pointers[at] = item;
}

static struct message *new_message(struct cluster *cluster)
{
    struct message *message = malloc(sizeof(*message));

    if (!message)
        return NULL;
    clu__opinions__init(&message->body);
    message->body.opinions = message->pointers;
    message->body.region = cluster->region;
    return message;
}

static int tell(struct cluster *cluster, struct message *message)
{
    Clu__Message envelope = CLU__MESSAGE__INIT;

    if (cluster->leader == 0)
        return ERR_UNAVAILABLE;
    if (cluster__leads(cluster)) {
        verdicts_take(cluster, cluster->identity.id, &message->body);
        return 0;
    }
    envelope.kind_case = CLU__MESSAGE__KIND_OPINIONS;
    envelope.opinions = &message->body;
    return message_send(cluster, cluster->leader, &envelope);
}

static void mark(struct opinions *opinions, const struct message *message, bool is_news)
{
    pthread_mutex_lock(&opinions->lock);
    for (size_t i = 0; i < message->body.n_opinions; i++) {
        struct own *own = health_index_find(&opinions->list, message->copies[i].id);
        if (own && own->is_news != is_news) {
            own->is_news = is_news;
            opinions->news_count += is_news ? 1 : (size_t)-1;
        }
    }
    pthread_mutex_unlock(&opinions->lock);
}

/* News are marked as told before they are sent: what the checker finds meanwhile is news again. */
static int send_news(struct opinions *opinions, struct message *message)
{
    message->body.n_opinions = 0;
    pthread_mutex_lock(&opinions->lock);
    for (size_t i = 0; opinions->news_count > 0 && i < opinions->list.count &&
                       message->body.n_opinions < MESSAGE_OPINIONS;
         i++) {
        struct own *own = opinions->list.items[i];
        if (!own->is_news)
            continue;
        add(message, own);
        own->is_news = false;
        opinions->news_count--;
    }
    pthread_mutex_unlock(&opinions->lock);
    if (message->body.n_opinions == 0)
        return ERR_NOT_FOUND;
    int rc = tell(opinions->cluster, message);
    if (rc != 0)
        mark(opinions, message, true);
    return rc;
}

static bool has_news(struct opinions *opinions)
{
    pthread_mutex_lock(&opinions->lock);
    bool has = opinions->news_count > 0;
    pthread_mutex_unlock(&opinions->lock);
    return has;
}

void opinions_flush(struct cluster *cluster)
{
    struct opinions *opinions = cluster->opinions;

    if (!opinions || !opinions->checker || cluster->leader == 0 || !has_news(opinions))
        return;
    struct message *message = new_message(cluster);
    unsigned count = 0;
    while (message && count < TURN_OPINIONS_MAX && send_news(opinions, message) == 0)
        count += MESSAGE_OPINIONS;
    free(message);
}

void opinions_leader_changed(struct cluster *cluster)
{
    struct opinions *opinions = cluster->opinions;

    if (!opinions)
        return;
    pthread_mutex_lock(&opinions->lock);
    opinions->news_count = 0;
    for (size_t i = 0; i < opinions->list.count; i++) {
        struct own *own = opinions->list.items[i];
        own->is_news = own->has_opinion;
        opinions->news_count += own->is_news;
    }
    pthread_mutex_unlock(&opinions->lock);
    opinions->beat_mono_ms = 0; /* at once, also without an opinion: this node checks */
}

/* The next @count opinions, around and around. */
static void send_part(struct opinions *opinions, struct message *message, size_t count)
{
    message->body.n_opinions = 0;
    pthread_mutex_lock(&opinions->lock);
    for (size_t i = 0; i < count && message->body.n_opinions < MESSAGE_OPINIONS; i++) {
        if (opinions->cursor >= opinions->list.count)
            opinions->cursor = 0;
        const struct own *own = opinions->list.items[opinions->cursor++];
        if (own->has_opinion)
            add(message, own);
    }
    pthread_mutex_unlock(&opinions->lock);
    (void)tell(opinions->cluster, message); /* the next time comes soon */
}

static void beat(struct opinions *opinions, uint64_t now_mono_ms)
{
    size_t all = opinions->list.count;
    uint64_t gap_ms = now_mono_ms - opinions->beat_mono_ms, period_ms = verdict_heartbeat_ms(all);
    bool is_first = opinions->beat_mono_ms == 0;

    if (!is_first && gap_ms < BEAT_MS)
        return;
    size_t count =
        is_first || gap_ms >= period_ms ? all : (all * gap_ms + period_ms - 1) / period_ms;
    struct message *message = new_message(opinions->cluster);
    if (!message)
        return;
    opinions->beat_mono_ms = now_mono_ms;
    send_part(opinions, message, count);
    free(message);
}

void opinions_tick(struct cluster *cluster, uint64_t now_mono_ms)
{
    struct opinions *opinions = cluster->opinions;

    if (!opinions || !opinions->checker)
        return;
    if (opinions->is_stale)
        take_all(opinions);
    opinions_flush(cluster);
    if (cluster->leader != 0)
        beat(opinions, now_mono_ms);
}

void cluster_health_counters(const struct cluster *cluster, cluster_counter_cb add_counter,
                             void *user)
{
    uint64_t counters[HEALTH_COUNTER_COUNT];

    if (!cluster->opinions || !cluster->opinions->checker)
        return;
    health_read_counters(cluster->opinions->checker, counters);
    for (unsigned i = 0; i < HEALTH_COUNTER_COUNT; i++)
        add_counter(user, health_counter_name((enum health_counter)i), counters[i]);
}
