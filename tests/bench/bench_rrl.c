/* links: net base */
/* bench_rrl [KEYS [BUCKETS]]: cost of response rate limiting for each reply on one thread, over so
 * many random client networks and names, in batches of 64 as the UDP workers have them. */
#include "net/rrl.h"

#include "base/prefix.h"
#include "base/random.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define BATCH 64u
#define ROUNDS 5u /* the fastest counts */
#define REPLIES 4000000u
#define REPLIES_A_MS 1000u
#define NAME_LEN 24u

struct reply {
    struct sockaddr_in client;
    uint8_t name[NAME_LEN];
};

/* Of this thread alone, as other processes may run. */
static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct reply *replies_new(unsigned count)
{
    struct reply *replies = calloc(count, sizeof *replies);
    if (replies == NULL)
        exit(1);
    for (unsigned i = 0; i < count; i++) {
        random_bytes(&replies[i], sizeof replies[i]);
        replies[i].client.sin_family = AF_INET;
        replies[i].name[0] = NAME_LEN - 2;
        replies[i].name[NAME_LEN - 1] = 0;
    }
    return replies;
}

static void keys_make(const struct rrl *rrl, const struct reply *replies, struct rrl_key *keys)
{
    for (unsigned i = 0; i < BATCH; i++)
        rrl_key_make(rrl, (const struct sockaddr *)&replies[i].client, RRL_ANSWER, replies[i].name,
                     NAME_LEN, &keys[i]);
}

enum part { PART_EXEMPT, PART_KEY, PART_ACCOUNT, PART_PREFETCH };

/* One round; returns the replies that passed. */
static uint64_t run(struct rrl *rrl, const struct reply *replies, unsigned count, enum part part,
                    uint64_t now_ms)
{
    uint64_t passed = 0;
    bool is_exempt = false;
    unsigned at = 0;
    for (unsigned done = 0; done < REPLIES; done += BATCH) {
        const struct reply *batch = replies + at;
        struct rrl_key keys[BATCH];
        at = at + BATCH == count ? 0 : at + BATCH;
        for (unsigned i = 0; i < BATCH; i++)
            is_exempt |= rrl_is_exempt(rrl, (const struct sockaddr *)&batch[i].client);
        if (part >= PART_KEY)
            keys_make(rrl, batch, keys);
        __asm__ volatile("" : : "r"(keys), "r"(is_exempt) : "memory"); /* keys count as used */
        for (unsigned i = 0; i < BATCH && part == PART_PREFETCH; i++)
            rrl_prefetch(rrl, &keys[i]);
        for (unsigned i = 0; i < BATCH && part >= PART_ACCOUNT; i++)
            passed += rrl_account(rrl, &keys[i], now_ms + done / REPLIES_A_MS) == RRL_PASS;
    }
    return passed;
}

static void measure(struct rrl *rrl, const struct reply *replies, unsigned count, enum part part)
{
    static const char *const names[] = {"exempt", "exempt, key", "exempt, key, account",
                                        "exempt, key, prefetch, account"};
    static uint64_t now_ms = 1000000;
    double best_s = 1e9;
    uint64_t passed = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        double start = now_s();
        passed = run(rrl, replies, count, part, now_ms);
        double taken = now_s() - start;
        best_s = taken < best_s ? taken : best_s;
        now_ms += 10 * REPLIES / REPLIES_A_MS;
    }
    printf("%-32s %6.1f ns a reply", names[part], best_s * 1e9 / REPLIES);
    if (part >= PART_ACCOUNT)
        printf(", %.2f %% passed", 100.0 * (double)passed / REPLIES);
    printf("\n");
}

static void measure_all(const struct rrl_options *options, unsigned count)
{
    struct rrl_secret secret;
    struct rrl *rrl;
    struct reply *replies = replies_new(count);
    random_bytes(&secret, sizeof secret);
    if (rrl_new(options, &secret, &rrl) != 0)
        exit(1);
    for (enum part part = PART_EXEMPT; part <= PART_PREFETCH; part++)
        measure(rrl, replies, count, part);
    rrl_free(rrl);
    free(replies);
}

int main(int argc, char **argv)
{
    unsigned count = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    struct rrl_options options;
    rrl_options_default(&options);
    if (argc > 2)
        options.bucket_count = (uint32_t)strtoul(argv[2], NULL, 10);
    count = (count + BATCH - 1) / BATCH * BATCH; /* whole batches */
    if (count == 0)
        return 1;
    printf("%u keys, %u buckets, a million replies a second\n", count, options.bucket_count);
    measure_all(&options, count);
    printf("without a limit for networks:\n");
    options.prefix_rate_s = 0;
    measure_all(&options, count);
    return 0;
}
