/* node/route53/internal.h: what the files of the room share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "route53/route53.h"

struct arena;
struct json_t;

#define ROUTE53__PATH_SIZE 256u

struct route53__reader {
    struct arena *arena; /* of the file */
    char path[ROUTE53__PATH_SIZE];
    size_t path_len;
    char *error; /* ROUTE53_ERROR_SIZE */
};

/* Note what is wrong with the member @key (NULL: what the path leads to); returns @code. */
int route53__fail(struct route53__reader *reader, int code, const char *key, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));
/* The path into a member, or an element; and back to what it was. */
size_t route53__enter(struct route53__reader *reader, const char *key);
size_t route53__enter_index(struct route53__reader *reader, size_t index);
void route53__leave(struct route53__reader *reader, size_t mark);

/* @value is an object with no members but @keys (ended by NULL). */
int route53__check_keys(struct route53__reader *reader, const struct json_t *value,
                        const char *const *keys);
/* The member @key, if it is there (null counts as not): *@out stays what it was if not. Texts have
 * 1 to @len_max octets. */
int route53__get_text(struct route53__reader *reader, const struct json_t *object, const char *key,
                      size_t len_max, const char **out);
int route53__get_integer(struct route53__reader *reader, const struct json_t *object,
                         const char *key, const int64_t bounds[2], int64_t *out);
int route53__get_bool(struct route53__reader *reader, const struct json_t *object, const char *key,
                      bool *out);
/* A name, wire form in lower case, in the arena. */
int route53__get_name(struct route53__reader *reader, const struct json_t *object, const char *key,
                      const uint8_t **out);
bool route53__has(const struct json_t *object, const char *key);

/* read_set.c, read_routing.c */
int route53__read_set(struct route53__reader *reader, const struct json_t *object,
                      struct zone_record_set *out);
/* NULL in *@out: simple, without health check. */
int route53__read_routing(struct route53__reader *reader, const struct json_t *object,
                          const struct zone_routing **out);

/* Escapes: \ooo (Route 53, octal) to \ddd (zone files, decimal); @out has room for as many octets
 * as
 * @in. And back; @out has room for four times as many. */
void route53__to_zone_text(const char *in, char *out);
void route53__from_zone_text(const char *in, char *out);
