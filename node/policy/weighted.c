#include "policy/internal.h"

#include "base/assert.h"

#include <stddef.h>

/* round(2^31 log2(1 + i / 256)); two more than the octave needs, as a parabola is laid through
 * three. */
static const uint32_t log2_table[258] = {
    0x00000000, 0x00b84e23, 0x016fe50b, 0x0226c623, 0x02dcf2d1, 0x03926c77, 0x04473475, 0x04fb4c25,
    0x05aeb4dd, 0x06616ff1, 0x07137eae, 0x07c4e261, 0x08759c50, 0x0925adbf, 0x09d517ef, 0x0a83dc1b,
    0x0b31fb7d, 0x0bdf774b, 0x0c8c50b7, 0x0d3888f0, 0x0de42120, 0x0e8f1a72, 0x0f397609, 0x0fe33508,
    0x108c588d, 0x1134e1b5, 0x11dcd197, 0x1284294b, 0x132ae9e2, 0x13d1146e, 0x1476a9fa, 0x151bab90,
    0x15c01a3a, 0x1663f6fb, 0x170742d5, 0x17a9fec8, 0x184c2bd0, 0x18edcae8, 0x198edd07, 0x1a2f6323,
    0x1acf5e2e, 0x1b6ecf17, 0x1c0db6ce, 0x1cac163c, 0x1d49ee4c, 0x1de73fe4, 0x1e840be7, 0x1f205339,
    0x1fbc16b9, 0x20575745, 0x20f215b7, 0x218c52eb, 0x22260fb6, 0x22bf4ced, 0x23580b65, 0x23f04bee,
    0x24880f56, 0x251f566b, 0x25b621f9, 0x264c72c7, 0x26e2499d, 0x2777a741, 0x280c8c76, 0x28a0f9fe,
    0x2934f098, 0x29c87102, 0x2a5b7bf9, 0x2aee1236, 0x2b803474, 0x2c11e368, 0x2ca31fc9, 0x2d33ea49,
    0x2dc4439b, 0x2e542c70, 0x2ee3a575, 0x2f72af59, 0x30014ac6, 0x308f7868, 0x311d38e6, 0x31aa8ce7,
    0x32377512, 0x32c3f20a, 0x33500472, 0x33dbaceb, 0x3466ec15, 0x34f1c28e, 0x357c30f3, 0x360637e0,
    0x368fd7ee, 0x371911b8, 0x37a1e5d4, 0x382a54d8, 0x38b25f5a, 0x393a05ee, 0x39c14924, 0x3a482990,
    0x3acea7c0, 0x3b54c444, 0x3bda7fa9, 0x3c5fda7a, 0x3ce4d544, 0x3d697090, 0x3dedace6, 0x3e718acf,
    0x3ef50ad2, 0x3f782d72, 0x3ffaf335, 0x407d5c9e, 0x40ff6a2e, 0x41811c68, 0x420273ca, 0x428370d4,
    0x43041403, 0x43845dd5, 0x44044ec5, 0x4483e74e, 0x450327eb, 0x45821112, 0x4600a33e, 0x467edee4,
    0x46fcc47a, 0x477a5476, 0x47f78f4c, 0x4874756f, 0x48f10751, 0x496d4563, 0x49e93016, 0x4a64c7da,
    0x4ae00d1d, 0x4b5b004d, 0x4bd5a1d8, 0x4c4ff228, 0x4cc9f1ab, 0x4d43a0c9, 0x4dbcffee, 0x4e360f81,
    0x4eaecfeb, 0x4f274192, 0x4f9f64de, 0x50173a35, 0x508ec1fa, 0x5105fc93, 0x517cea63, 0x51f38bcb,
    0x5269e12f, 0x52dfeaf0, 0x5355a96d, 0x53cb1d07, 0x5440461c, 0x54b5250c, 0x5529ba33, 0x559e05ee,
    0x5612089a, 0x5685c293, 0x56f93433, 0x576c5dd4, 0x57df3fd0, 0x5851da81, 0x58c42e3d, 0x59363b5e,
    0x59a80239, 0x5a198326, 0x5a8abe79, 0x5afbb489, 0x5b6c65aa, 0x5bdcd22f, 0x5c4cfa6c, 0x5cbcdeb4,
    0x5d2c7f59, 0x5d9bdcad, 0x5e0af6ff, 0x5e79cea2, 0x5ee863e5, 0x5f56b717, 0x5fc4c886, 0x60329882,
    0x60a02757, 0x610d7553, 0x617a82c3, 0x61e74ff2, 0x6253dd2c, 0x62c02abc, 0x632c38ed, 0x63980809,
    0x64039858, 0x646eea24, 0x64d9fdb7, 0x6544d356, 0x65af6b4b, 0x6619c5db, 0x6683e34f, 0x66edc3eb,
    0x675767f5, 0x67c0cfb3, 0x6829fb69, 0x6892eb5c, 0x68fb9fce, 0x69641904, 0x69cc5741, 0x6a345ac6,
    0x6a9c23d6, 0x6b03b2b2, 0x6b6b079c, 0x6bd222d4, 0x6c39049b, 0x6c9fad30, 0x6d061cd3, 0x6d6c53c2,
    0x6dd2523d, 0x6e381882, 0x6e9da6ce, 0x6f02fd60, 0x6f681c73, 0x6fcd0445, 0x7031b512, 0x70962f16,
    0x70fa728c, 0x715e7faf, 0x71c256ba, 0x7225f7e8, 0x72896373, 0x72ec9993, 0x734f9a83, 0x73b2667b,
    0x7414fdb5, 0x74776067, 0x74d98eca, 0x753b8916, 0x759d4f81, 0x75fee242, 0x76604191, 0x76c16da3,
    0x772266ad, 0x77832ce6, 0x77e3c082, 0x784421b7, 0x78a450b8, 0x79044dbb, 0x796418f2, 0x79c3b292,
    0x7a231ace, 0x7a8251d8, 0x7ae157e3, 0x7b402d22, 0x7b9ed1c7, 0x7bfd4603, 0x7c5b8a07, 0x7cb99e06,
    0x7d17822f, 0x7d7536b4, 0x7dd2bbc4, 0x7e30118f, 0x7e8d3846, 0x7eea3017, 0x7f46f932, 0x7fa393c5,
    0x80000000, 0x805c3e10,
};

/* missing(hash) of policy.h: below 2^37. Integers only, as the order must be the same on machines
 * whose libraries round differently. */
static uint64_t log2_missing(uint64_t hash)
{
    if (hash < 2)
        hash = 2; /* so that the worst of a set with a weight stays before those without */
    const unsigned zeros = (unsigned)__builtin_clzll(hash);
    const uint64_t mantissa = hash << zeros;
    const unsigned cell = (unsigned)(mantissa >> 55) & 255u;
    const uint64_t within = mantissa >> 23 & UINT32_MAX; /* in units of 2^-32 of a cell */
    const uint64_t at = log2_table[cell], next = log2_table[cell + 1];
    const uint64_t bend = 2 * next - at - log2_table[cell + 2];
    const uint64_t line = (next - at) * within >> 32;
    const uint64_t bulge = bend * (within * ((UINT64_C(1) << 32) - within) >> 32) >> 33;
    return ((uint64_t)(zeros + 1) << 31) - (at + line + bulge);
}

uint64_t policy__race(uint64_t hash, uint32_t weight)
{
    ASSERT(weight <= 255);
    if (weight == 0)
        return (UINT64_C(1) << (POLICY__RANK_BITS - 1)) + (hash >> (POLICY__INDEX_BITS + 1));
    return (log2_missing(hash) << 16) / weight;
}

static uint64_t race_key(const struct policy_ranking *ranking, unsigned index)
{
    const struct policy_set *set = &ranking->group->sets[index];
    const uint64_t hash = ranking->group->is_sticky
                              ? policy__hash(ranking->client->hash, set->id_hash)
                              : policy__hash(ranking->draw, index + 1u);
    return policy__key(policy__race(hash, set->key), index);
}

static unsigned sticky_first(const struct policy_ranking *ranking)
{
    uint64_t least = UINT64_MAX;
    for (unsigned i = 0; i < ranking->group->count; i++) {
        const uint64_t key = race_key(ranking, i);
        if (key < least)
            least = key;
    }
    return policy__key_index(least);
}

unsigned policy__weighted_first(const struct policy_ranking *ranking)
{
    const struct policy_group *group = ranking->group;
    if (group->is_sticky)
        return sticky_first(ranking);
    if (group->weight_sum == 0)
        return policy__part(ranking->draw, group->count);
    uint32_t left = policy__part(ranking->draw, group->weight_sum);
    unsigned index = 0;
    while (left >= group->sets[index].key) {
        left -= group->sets[index].key;
        index++;
        ASSERT(index < group->count);
    }
    return index;
}

void policy__weighted_rest(struct policy_ranking *ranking, unsigned first)
{
    unsigned count = 0;
    for (unsigned i = 0; i < ranking->group->count; i++) {
        if (i != first)
            ranking->order[count++] = race_key(ranking, i);
    }
    policy__keys_begin(ranking, count);
}
