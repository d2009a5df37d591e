/* tests/bench/load/queries.h: the questions that a load asks, and what must come back. A file has a
 * question a line: NAME TYPE [RCODE [ANSWERS]], by default NOERROR and at least one answer (none
 * with another RCODE). */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define LOAD_QUERY_MAX 300u /* octets of a query message */
#define LOAD_CLASSES 64u    /* kinds of reply: TC, RCODE, has answers */

struct load_query {
    uint32_t offset; /* of name, type and class within the octets */
    uint16_t len;
    uint8_t rcode, answers_min;
};
struct load_queries {
    uint8_t *octets;
    size_t octets_len, octets_max;
    struct load_query *items;
    size_t count, capacity;
    uint16_t edns;      /* the size that queries offer; 0: no EDNS */
    uint8_t prefix_len; /* characters of a label put before each name, new in each query; 0: none */
    uint64_t prefix_key; /* makes the labels of one run differ from those of another */
};

/* Read @path into @out, zeroed but for the last three members; ends the program with a message when
 * the file is wrong. load_queries_fini frees. */
void load_queries_read(struct load_queries *out, const char *path);
void load_queries_fini(struct load_queries *queries);

/* The @seq-th query (from 0, the file goes round) with @id to @out; its length. The same arguments
 * make the same octets. */
size_t load_query_write(const struct load_queries *queries, uint64_t seq, uint16_t id,
                        uint8_t out[LOAD_QUERY_MAX]);
static inline const struct load_query *load_query_at(const struct load_queries *queries,
                                                     uint64_t seq)
{
    return &queries->items[seq % queries->count];
}

/* The kind of a reply by its header, and the kind that a query must get. */
static inline unsigned load_class(unsigned is_truncated, unsigned rcode, unsigned answers)
{
    return (is_truncated ? 32u : 0) + 2 * (rcode & 15u) + (answers > 0 ? 1u : 0);
}
