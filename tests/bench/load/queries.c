/* tests/bench/load/queries.c: see queries.h. */
#include "bench/load/queries.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/type.h"
#include "zone/record_text.h"

#define OPT_LEN 11u

static const struct {
    const char *name;
    unsigned number;
} RCODES[] = {{"NOERROR", DNS_RCODE_NOERROR},
              {"NXDOMAIN", DNS_RCODE_NXDOMAIN},
              {"REFUSED", DNS_RCODE_REFUSED},
              {"SERVFAIL", DNS_RCODE_SERVFAIL}};

static void die_at(const char *path, size_t line, const char *what)
{
    fprintf(stderr, "bench_dns_load: %s:%zu: %s\n", path, line, what);
    exit(2);
}

static void *grown(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory) {
        fprintf(stderr, "bench_dns_load: out of memory\n");
        exit(2);
    }
    return memory;
}

static int rcode_number(const char *text)
{
    for (size_t i = 0; i < sizeof(RCODES) / sizeof(RCODES[0]); i++)
        if (strcmp(RCODES[i].name, text) == 0)
            return (int)RCODES[i].number;
    return -1;
}

static void add(struct load_queries *out, const uint8_t *name, uint16_t type, int rcode,
                int answers)
{
    unsigned len = dns_name_len(name);
    if (out->count == out->capacity) {
        out->capacity = out->capacity == 0 ? 1024 : 2 * out->capacity;
        out->items = grown(out->items, out->capacity * sizeof(*out->items));
    }
    if (out->octets_max - out->octets_len < DNS_NAME_MAX + 4) {
        out->octets_max = 2 * out->octets_max + 65536;
        out->octets = grown(out->octets, out->octets_max);
    }
    uint8_t *at = out->octets + out->octets_len;
    memcpy(at, name, len);
    const uint8_t rest[4] = {(uint8_t)(type >> 8), (uint8_t)type, 0, DNS_CLASS_IN};
    memcpy(at + len, rest, sizeof(rest));
    out->items[out->count++] = (struct load_query){(uint32_t)out->octets_len, (uint16_t)(len + 4),
                                                   (uint8_t)rcode, (uint8_t)answers};
    out->octets_len += len + 4;
}

void load_queries_read(struct load_queries *out, const char *path)
{
    char line[1200], name[1024], type[16], rcode[16];
    uint8_t wire[DNS_NAME_MAX];
    unsigned answers;
    uint16_t type_is = 0;
    size_t number = 0;

    FILE *file = fopen(path, "r");
    if (!file)
        die_at(path, 0, "cannot be opened");
    while (fgets(line, sizeof(line), file)) {
        number++;
        int fields = sscanf(line, "%1023s %15s %15s %3u", name, type, rcode, &answers);
        if (fields < 2)
            die_at(path, number, "is not NAME TYPE [RCODE [ANSWERS]]");
        int rcode_is = fields < 3 ? 0 : rcode_number(rcode);
        if (zone_type_parse(type, &type_is) < 0 || rcode_is < 0)
            die_at(path, number, "has an unknown TYPE or RCODE");
        if (fields < 4)
            answers = rcode_is == 0 ? 1 : 0;
        int len = dns_name_parse(name, NULL, wire);
        if (len < 0 || (unsigned)len + (out->prefix_len ? out->prefix_len + 1u : 0) > DNS_NAME_MAX)
            die_at(path, number, "has a bad name, or one too long with the prefix");
        add(out, wire, type_is, rcode_is, (int)(answers & 255u));
    }
    fclose(file);
    if (out->count == 0)
        die_at(path, 0, "is empty");
}

void load_queries_fini(struct load_queries *queries)
{
    free(queries->octets);
    free(queries->items);
}

/* A label of letters and digits that looks drawn by lot and follows from @key and @seq. */
static size_t write_prefix(uint64_t key, uint64_t seq, uint8_t len, uint8_t *out)
{
    static const char DIGITS[32] = "abcdefghijklmnopqrstuvwxyz234567";
    uint64_t state = key + seq * 0x9e3779b97f4a7c15u;

    out[0] = len;
    for (unsigned i = 1; i <= len; i++) {
        if (i % 8 == 1) {
            state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
            state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
            state ^= state >> 31;
        }
        out[i] = (uint8_t)DIGITS[state >> (5 * (i % 8)) & 31u];
    }
    return len + 1u;
}

size_t load_query_write(const struct load_queries *queries, uint64_t seq, uint16_t id,
                        uint8_t out[LOAD_QUERY_MAX])
{
    const struct load_query *query = load_query_at(queries, seq);
    const uint8_t header[DNS_HEADER_LEN] = {
        (uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 1, 0, 0, 0, 0, 0, queries->edns > 0};
    size_t len = sizeof(header);

    memcpy(out, header, sizeof(header));
    if (queries->prefix_len > 0)
        len += write_prefix(queries->prefix_key, seq, queries->prefix_len, out + len);
    memcpy(out + len, queries->octets + query->offset, query->len);
    len += query->len;
    if (queries->edns > 0) {
        const uint8_t opt[OPT_LEN] = {0, 0, DNS_TYPE_OPT, (uint8_t)(queries->edns >> 8),
                                      (uint8_t)queries->edns};
        memcpy(out + len, opt, sizeof(opt));
        len += sizeof(opt);
    }
    return len;
}
