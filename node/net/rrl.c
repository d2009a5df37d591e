/* node/net/rrl.c: a bucket is one word:
 *
 *   63      48 47      40 39                                     0
 *   | tag     | limited  | when it is empty again, in ticks      |
 *
 * `tag` tells the keys of a set apart, `limited` counts limited replies for slip. The time wraps
 * after about three days; one that is not within the longest debt from now has passed. So a word of
 * zeros is an empty bucket, and nothing has to be swept. */
#include "net/rrl.h"

#include "base/assert.h"
#include "base/err.h"
#include "base/prefix.h"

#include <endian.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define WAYS 8u /* buckets in a cache line */
#define TICKS_A_MS 4096u
#define TIME_BITS 40u
#define TIME_MASK (((uint64_t)1 << TIME_BITS) - 1)
#define LIMITED_BITS 8u
#define LIMITED_MASK ((1u << LIMITED_BITS) - 1)
#define TAG_SHIFT (TIME_BITS + LIMITED_BITS)
/* Workers read their clocks at different times; a debt may look larger by that much. */
#define CLOCK_SLACK ((uint64_t)1000 * TICKS_A_MS)
#define TRIES_MAX 4u       /* to swap a word that other threads change too */
#define CLASS_PREFIX 0xffu /* the class of all replies together, in hashes */
#define MAPPED_LEN 12u

__extension__ typedef unsigned __int128 uint128;

struct limit {
    uint64_t interval; /* ticks a reply costs; 0: no limit */
    uint64_t debt_max; /* ticks */
};

struct set {
    _Alignas(64) _Atomic uint64_t words[WAYS];
};

struct rrl {
    struct set *sets;
    uint64_t set_mask;
    struct limit limits[RRL_CLASS_COUNT];
    struct limit prefix_limit;
    uint64_t debt_seen_max; /* larger ones are times that have wrapped */
    uint32_t slip;
    uint32_t ipv4_mask;
    uint64_t ipv6_mask;
    struct prefix_set *exempt;
    struct rrl_secret secret;
};

void rrl_options_default(struct rrl_options *out)
{
    static const struct prefix loopback[] = {
        {.octets = {127}, .len = 8},
        {.octets = {[15] = 1}, .len = 128, .is_ipv6 = true},
    };
    *out = (struct rrl_options){
        .prefix_rate_s = 5000,
        .burst_ms = 1000,
        .slip = 2,
        .ipv4_len = 24,
        .ipv6_len = 56,
        .bucket_count = 1u << 17,
        .exempt = loopback,
        .exempt_count = sizeof loopback / sizeof *loopback,
    };
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        out->rates_s[i] = 200;
}

static bool is_valid(const struct rrl_options *options)
{
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++)
        if (options->rates_s[i] > RRL_RATE_MAX)
            return false;
    uint32_t buckets = options->bucket_count;
    return options->prefix_rate_s <= RRL_RATE_MAX && options->burst_ms <= RRL_BURST_MAX_MS &&
           options->slip <= RRL_SLIP_MAX && options->ipv4_len > 0 &&
           options->ipv4_len <= RRL_IPV4_LEN_MAX && options->ipv6_len > 0 &&
           options->ipv6_len <= RRL_IPV6_LEN_MAX && buckets >= RRL_BUCKETS_MIN &&
           buckets <= RRL_BUCKETS_MAX && (buckets & (buckets - 1)) == 0;
}

static struct limit limit_of(uint32_t rate_s, uint32_t burst_ms)
{
    struct limit limit = {0};
    if (rate_s == 0)
        return limit;
    uint64_t replies = (uint64_t)burst_ms * rate_s / 1000;
    limit.interval = (1000u * TICKS_A_MS + rate_s / 2) / rate_s;
    limit.debt_max = limit.interval * (replies > 0 ? replies : 1);
    return limit;
}

static void set_limits(struct rrl *rrl, const struct rrl_options *options)
{
    rrl->prefix_limit = limit_of(options->prefix_rate_s, options->burst_ms);
    rrl->debt_seen_max = rrl->prefix_limit.debt_max;
    for (unsigned i = 0; i < RRL_CLASS_COUNT; i++) {
        rrl->limits[i] = limit_of(options->rates_s[i], options->burst_ms);
        if (rrl->limits[i].debt_max > rrl->debt_seen_max)
            rrl->debt_seen_max = rrl->limits[i].debt_max;
    }
    rrl->debt_seen_max += CLOCK_SLACK;
    rrl->slip = options->slip;
    rrl->ipv4_mask = UINT32_MAX << (32 - options->ipv4_len);
    rrl->ipv6_mask = UINT64_MAX << (64 - options->ipv6_len);
}

int rrl_new(const struct rrl_options *options, const struct rrl_secret *secret, struct rrl **out)
{
    if (!is_valid(options))
        return ERR_INVALID;
    struct rrl *rrl = calloc(1, sizeof *rrl);
    if (rrl == NULL)
        return ERR_NOMEM;
    size_t size = (size_t)options->bucket_count / WAYS * sizeof *rrl->sets;
    rrl->sets = aligned_alloc(_Alignof(struct set), size);
    if (rrl->sets == NULL ||
        prefix_set_new(options->exempt, options->exempt_count, &rrl->exempt) != 0) {
        rrl_free(rrl);
        return ERR_NOMEM;
    }
    memset(rrl->sets, 0, size);
    rrl->set_mask = options->bucket_count / WAYS - 1;
    rrl->secret = *secret;
    set_limits(rrl, options);
    *out = rrl;
    return 0;
}

void rrl_free(struct rrl *rrl)
{
    if (rrl == NULL)
        return;
    prefix_set_free(rrl->exempt);
    free(rrl->sets);
    free(rrl);
}

/* The octets of @client's address; one of IPv4 inside IPv6, as sockets of both families show it, is
 * taken for what it is. */
static const uint8_t *address_of(const struct sockaddr *client, bool *is_ipv6)
{
    *is_ipv6 = client->sa_family == AF_INET6;
    if (!*is_ipv6) {
        ASSERT(client->sa_family == AF_INET);
        return (const uint8_t *)&((const struct sockaddr_in *)client)->sin_addr;
    }
    const struct in6_addr *address = &((const struct sockaddr_in6 *)client)->sin6_addr;
    *is_ipv6 = !IN6_IS_ADDR_V4MAPPED(address);
    return address->s6_addr + (*is_ipv6 ? 0 : MAPPED_LEN);
}

bool rrl_is_exempt(const struct rrl *rrl, const struct sockaddr *client)
{
    bool is_ipv6;
    const uint8_t *octets = address_of(client, &is_ipv6);
    return prefix_set_has(rrl->exempt, octets, is_ipv6);
}

static uint64_t read_word(const uint8_t *octets)
{
    uint64_t word;
    memcpy(&word, octets, sizeof word);
    return word;
}

/* Letters of eight octets to lower case. The length octets of labels are below any letter. */
static uint64_t lower_word(uint64_t word)
{
    const uint64_t each = 0x0101010101010101u;
    uint64_t low_seven = word & (0x7f * each);
    uint64_t is_a_or_more = low_seven + (0x80 - 'A') * each;
    uint64_t is_past_z = low_seven + (0x7f - 'Z') * each;
    uint64_t is_upper = (is_a_or_more ^ is_past_z) & ~word & (0x80 * each);
    return word | is_upper >> 2;
}

/* One term of NH over 64-bit words (RFC 4418 5.2 has 32-bit ones): for two different messages the
 * sums are equal with a chance of 2^-64 over the choice of the secret, whatever the messages. */
static uint128 nh_term(const uint64_t *secret, uint64_t first, uint64_t second)
{
    return (uint128)(first + secret[0]) * (second + secret[1]);
}

/* Two words of the 0 to 16 octets at @octets; which octets go where depends on @len alone. */
static void read_tail(const uint8_t *octets, unsigned len, uint64_t words[2])
{
    uint32_t first = 0, last = 0;
    words[0] = words[1] = 0;
    if (len >= 8) {
        words[0] = read_word(octets);
        words[1] = read_word(octets + len - 8);
    } else if (len >= 4) {
        memcpy(&first, octets, 4);
        memcpy(&last, octets + len - 4, 4);
        words[0] = (uint64_t)first << 32 | last;
    } else if (len > 0) {
        words[0] = (uint64_t)octets[0] << 16 | (uint64_t)octets[len / 2] << 8 | octets[len - 1];
    }
}

static uint128 nh_name(const uint64_t *secret, const uint8_t *name, unsigned len)
{
    uint128 sum = 0;
    uint64_t tail[2];
    for (; len > 16; len -= 16, name += 16, secret += 2)
        sum += nh_term(secret, lower_word(read_word(name)), lower_word(read_word(name + 8)));
    read_tail(name, len, tail);
    return sum + nh_term(secret, lower_word(tail[0]), lower_word(tail[1]));
}

static uint64_t fold(const uint64_t *secret, uint128 sum)
{
    uint128 product = nh_term(secret, (uint64_t)sum, (uint64_t)(sum >> 64));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t network_of(const struct rrl *rrl, const struct sockaddr *client, bool *is_ipv6)
{
    const uint8_t *octets = address_of(client, is_ipv6);
    uint32_t ipv4;
    if (*is_ipv6)
        return be64toh(read_word(octets)) & rrl->ipv6_mask;
    memcpy(&ipv4, octets, sizeof ipv4);
    return be32toh(ipv4) & rrl->ipv4_mask;
}

void rrl_key_make(const struct rrl *rrl, const struct sockaddr *client, enum rrl_class class,
                  const uint8_t *name, unsigned name_len, struct rrl_key *out)
{
    const uint64_t *words = rrl->secret.words; /* two each for: head, fold, each block of a name */
    bool is_ipv6;
    ASSERT(class < RRL_CLASS_COUNT && name_len <= 8 * (RRL_SECRET_WORDS - 4) - 1);
    uint64_t network = network_of(rrl, client, &is_ipv6);
    uint64_t head = (uint64_t)name_len << 16 | (is_ipv6 ? 0x100u : 0);
    uint128 sum = nh_term(words, network, head | class) + nh_name(words + 4, name, name_len);
    out->name_hash = fold(words + 2, sum);
    out->prefix_hash =
        fold(words + 2, nh_term(words, network, (is_ipv6 ? 0x100u : 0) | CLASS_PREFIX));
    out->class = class;
}

static struct set *set_of(const struct rrl *rrl, uint64_t hash)
{
    return &rrl->sets[hash & rrl->set_mask];
}

void rrl_prefetch(const struct rrl *rrl, const struct rrl_key *key)
{
    __builtin_prefetch(set_of(rrl, key->name_hash), 1);
    __builtin_prefetch(set_of(rrl, key->prefix_hash), 1);
}

/* Ticks until the bucket @word is empty; 0 when it is. */
static uint64_t debt_of(const struct rrl *rrl, uint64_t word, uint64_t now_ticks)
{
    uint64_t ahead = (word - now_ticks) & TIME_MASK;
    return ahead <= rrl->debt_seen_max ? ahead : 0;
}

/* The bucket of @tag in @set, else the emptiest one. *@word is what was seen there. Masks rather
 * than early exits: which bucket it will be cannot be predicted. */
static unsigned find_way(const struct rrl *rrl, struct set *set, uint64_t tag, uint64_t now_ticks,
                         uint64_t *word)
{
    uint64_t words[WAYS], debts[WAYS];
    unsigned is_tag = 0, is_empty = 0, way = 0;
    for (unsigned i = 0; i < WAYS; i++) {
        words[i] = atomic_load_explicit(&set->words[i], memory_order_relaxed);
        is_tag |= (unsigned)(words[i] >> TAG_SHIFT == tag) << i;
    }
    for (unsigned i = 0; i < WAYS && is_tag == 0; i++) {
        debts[i] = debt_of(rrl, words[i], now_ticks);
        is_empty |= (unsigned)(debts[i] == 0) << i;
    }
    if (is_tag != 0)
        way = (unsigned)__builtin_ctz(is_tag);
    else if (is_empty != 0)
        way = (unsigned)__builtin_ctz(is_empty);
    else
        for (unsigned i = 1; i < WAYS; i++)
            way = debts[i] < debts[way] ? i : way;
    *word = words[way];
    return way;
}

/* Which of each @slip limited replies in a row goes out: one, at a place that depends on the secret
 * (through @hash), so that a client whose queries alternate with an attacker's has its turn too. */
static bool is_slip_turn(uint32_t slip, uint64_t hash, unsigned limited)
{
    unsigned round = limited / slip;
    uint64_t mixed = (hash ^ round) * 0x9e3779b97f4a7c15u;
    return limited % slip == (mixed >> 32) % slip;
}

/* Take one reply out of the bucket of @hash. The word is swapped as a whole; when other threads
 * keep changing it, this reply goes unrecorded: they have recorded theirs. */
static enum rrl_verdict take(struct rrl *rrl, uint64_t hash, const struct limit *limit,
                             uint64_t now_ticks)
{
    struct set *set = set_of(rrl, hash);
    uint64_t tag = hash >> TAG_SHIFT;
    enum rrl_verdict verdict = RRL_PASS;
    for (unsigned tries = 0; tries < TRIES_MAX; tries++) {
        uint64_t word;
        unsigned way = find_way(rrl, set, tag, now_ticks, &word);
        bool is_mine = word >> TAG_SHIFT == tag;
        uint64_t debt = is_mine ? debt_of(rrl, word, now_ticks) : 0;
        unsigned limited = is_mine ? (unsigned)(word >> TIME_BITS) & LIMITED_MASK : 0;
        if (debt + limit->interval <= limit->debt_max) {
            verdict = RRL_PASS;
            debt += limit->interval;
        } else if (rrl->slip == 0) {
            return RRL_DROP;
        } else {
            verdict = is_slip_turn(rrl->slip, hash, limited) ? RRL_SLIP : RRL_DROP;
            /* Whole rounds only: the count starts again where one ends. */
            limited = (limited + 1) % (LIMITED_MASK / rrl->slip * rrl->slip);
        }
        uint64_t next =
            tag << TAG_SHIFT | (uint64_t)limited << TIME_BITS | ((now_ticks + debt) & TIME_MASK);
        if (atomic_compare_exchange_strong_explicit(&set->words[way], &word, next,
                                                    memory_order_relaxed, memory_order_relaxed))
            break;
    }
    return verdict;
}

enum rrl_verdict rrl_account(struct rrl *rrl, const struct rrl_key *key, uint64_t now_ms)
{
    const struct limit *limit = &rrl->limits[key->class];
    uint64_t now_ticks = now_ms * TICKS_A_MS;
    enum rrl_verdict verdict = RRL_PASS;
    if (limit->interval > 0)
        verdict = take(rrl, key->name_hash, limit, now_ticks);
    if (verdict == RRL_PASS && rrl->prefix_limit.interval > 0)
        verdict = take(rrl, key->prefix_hash, &rrl->prefix_limit, now_ticks);
    return verdict;
}
