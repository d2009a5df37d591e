#include "net/latency_samples.h"

#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/mix.h"
#include "base/random.h"

#define SLOTS (2u * LATENCY_NETWORKS_MAX) /* a power of two */
#define IPV4_BITS 24
#define IPV6_BITS 48
#define IPV6_MARK (1ull << 63) /* in a key; IPv4 and IPv6 networks need 24 and 48 bits */
#define USED_MARK (1ull << 62)

struct slot {
    uint64_t key; /* 0: free */
    uint32_t count;
    uint16_t ms[LATENCY_RESERVOIR];
};
struct table {
    struct slot *slots;
    uint32_t used_count;
    uint64_t left_out;
};
struct latency_samples {
    pthread_mutex_t lock; /* of `current` and `draw` */
    struct table *current, *spare;
    struct table tables[2];
    uint64_t seed, draw;
    bool with_private;
};

int latency_samples_new(bool with_private, struct latency_samples **out)
{
    struct latency_samples *samples = calloc(1, sizeof(*samples));

    if (!samples)
        return ERR_NOMEM;
    pthread_mutex_init(&samples->lock, NULL);
    samples->with_private = with_private;
    samples->seed = random_id();
    samples->draw = random_id();
    samples->current = &samples->tables[0];
    samples->spare = &samples->tables[1];
    samples->current->slots = calloc(SLOTS, sizeof(struct slot));
    samples->spare->slots = calloc(SLOTS, sizeof(struct slot));
    if (samples->current->slots && samples->spare->slots) {
        *out = samples;
        return 0;
    }
    latency_samples_free(samples);
    return ERR_NOMEM;
}

void latency_samples_free(struct latency_samples *samples)
{
    if (!samples)
        return;
    free(samples->tables[0].slots);
    free(samples->tables[1].slots);
    pthread_mutex_destroy(&samples->lock);
    free(samples);
}

static uint32_t next_draw(struct latency_samples *samples)
{
    samples->draw += MIX64_STEP;
    return (uint32_t)(mix64(samples->draw) >> 32);
}

/* RFC 1122 3.2.1.3, 1918, 3927, 6598. */
static bool is_private_ipv4(const uint8_t *octets)
{
    return octets[0] == 0 || octets[0] == 10 || octets[0] == 127 ||
           (octets[0] == 100 && octets[1] >= 64 && octets[1] < 128) ||
           (octets[0] == 169 && octets[1] == 254) ||
           (octets[0] == 172 && octets[1] >= 16 && octets[1] < 32) ||
           (octets[0] == 192 && octets[1] == 168);
}

/* RFC 4291 2.5.2, 2.5.3, 2.5.6, RFC 4193. */
static bool is_private_ipv6(const uint8_t *octets)
{
    static const uint8_t zeroes[15] = {0};

    return (octets[0] & 0xfe) == 0xfc || (octets[0] == 0xfe && (octets[1] & 0xc0) == 0x80) ||
           (memcmp(octets, zeroes, sizeof(zeroes)) == 0 && octets[15] <= 1);
}

/* The client's network as a key; 0: not measured. */
static uint64_t key_of(const struct sockaddr *client, bool with_private)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    const uint8_t *octets;
    uint64_t key = USED_MARK;

    if (client->sa_family == AF_INET) {
        octets = (const uint8_t *)&((const struct sockaddr_in *)client)->sin_addr;
    } else if (client->sa_family == AF_INET6) {
        octets = (const uint8_t *)&((const struct sockaddr_in6 *)client)->sin6_addr;
        if (memcmp(octets, mapped, sizeof(mapped)) == 0)
            octets += sizeof(mapped);
        else
            key |= IPV6_MARK;
    } else {
        return 0;
    }
    const bool is_ipv6 = (key & IPV6_MARK) != 0;
    if (!with_private && (is_ipv6 ? is_private_ipv6(octets) : is_private_ipv4(octets)))
        return 0;
    for (unsigned i = 0; i < (is_ipv6 ? IPV6_BITS : IPV4_BITS) / 8u; i++)
        key |= (uint64_t)octets[i] << (40 - 8 * i);
    return key;
}

static void prefix_of(uint64_t key, struct prefix *out)
{
    *out = (struct prefix){.is_ipv6 = (key & IPV6_MARK) != 0};
    out->len = out->is_ipv6 ? IPV6_BITS : IPV4_BITS;
    for (unsigned i = 0; i < out->len / 8u; i++)
        out->octets[i] = (uint8_t)(key >> (40 - 8 * i));
}

/* NULL: the table is full. */
static struct slot *slot_of(struct latency_samples *samples, uint64_t key)
{
    struct table *table = samples->current;
    uint32_t at = (uint32_t)(mix64(key ^ samples->seed) & (SLOTS - 1));

    while (table->slots[at].key != 0 && table->slots[at].key != key)
        at = (at + 1) & (SLOTS - 1);
    struct slot *slot = &table->slots[at];
    if (slot->key == key)
        return slot;
    if (table->used_count == LATENCY_NETWORKS_MAX)
        return NULL;
    table->used_count++;
    slot->key = key;
    return slot;
}

void latency_samples_add(struct latency_samples *samples, const struct sockaddr *client,
                         uint32_t rtt_us)
{
    const uint64_t key = rtt_us > 0 ? key_of(client, samples->with_private) : 0;
    uint32_t ms = rtt_us / 1000 + (rtt_us % 1000 >= 500);

    if (key == 0)
        return;
    ms = ms < 1 ? 1 : ms > LATENCY_MS_MAX ? LATENCY_MS_MAX : ms;
    pthread_mutex_lock(&samples->lock);
    struct slot *slot = slot_of(samples, key);
    if (!slot) {
        samples->current->left_out++; /* per handshake, not per network: those are not known */
    } else {
        /* Each of all so far is in the reservoir with the same chance (Vitter's R). */
        const uint32_t place =
            slot->count < LATENCY_RESERVOIR
                ? slot->count
                : (uint32_t)((uint64_t)next_draw(samples) * (slot->count + 1ull) >> 32);
        if (place < LATENCY_RESERVOIR)
            slot->ms[place] = (uint16_t)ms;
        if (slot->count < UINT32_MAX)
            slot->count++;
    }
    pthread_mutex_unlock(&samples->lock);
}

static int compare_ms(const void *a, const void *b)
{
    return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Of an even number of figures the lower one in the middle. */
static uint16_t median(struct slot *slot)
{
    const uint32_t count = slot->count < LATENCY_RESERVOIR ? slot->count : LATENCY_RESERVOIR;

    qsort(slot->ms, count, sizeof(slot->ms[0]), compare_ms);
    return slot->ms[(count - 1) / 2];
}

/* The busiest first; then by key, so that the order depends on what was measured alone. */
static int compare_slots(const void *a, const void *b)
{
    const struct slot *left = a, *right = b;

    if (left->count != right->count)
        return left->count > right->count ? -1 : 1;
    return (left->key > right->key) - (left->key < right->key);
}

size_t latency_samples_take(struct latency_samples *samples, struct latency_sample *out, size_t max,
                            uint64_t *left_out)
{
    pthread_mutex_lock(&samples->lock);
    struct table *taken = samples->current;
    samples->current = samples->spare;
    samples->spare = taken;
    pthread_mutex_unlock(&samples->lock);

    size_t used = 0;
    for (uint32_t i = 0; i < SLOTS && taken->used_count > 0; i++) {
        const struct slot slot = taken->slots[i];
        if (slot.key == 0)
            continue; /* pages that were never used are only read */
        memset(&taken->slots[i], 0, sizeof(slot));
        taken->slots[used++] = slot;
    }
    qsort(taken->slots, used, sizeof(struct slot), compare_slots);
    const size_t count = used < max ? used : max;
    for (size_t i = 0; i < count; i++) {
        prefix_of(taken->slots[i].key, &out[i].prefix);
        out[i].count = taken->slots[i].count;
        out[i].ms = median(&taken->slots[i]);
    }
    *left_out = taken->left_out;
    memset(taken->slots, 0, used * sizeof(struct slot));
    taken->used_count = 0;
    taken->left_out = 0;
    return count;
}
