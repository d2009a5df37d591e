/* node/gateway/record_internal.h: what the files that read record sets share. Names of elements are
 * kept as views of the body, which lives as long as the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gateway/request.h"
#include "gateway/xml_reader.h"

struct Cmd__Change;
struct Cmd__RecordSet;
struct Cmd__Routing;

/* The members of one ResourceRecordSet; NULL: not there. */
struct record__parts {
    const char *action, *name, *type, *set_identifier;
    const char *weight, *region, *failover, *ttl, *health_check_id, *instance_id;
    const struct xml_element *location, *records, *alias, *cidr, *proximity;
    bool is_multivalue;
};

/* One change being read. */
struct record__reading {
    struct gateway_call *call;
    struct arena *arena;
    unsigned number; /* of the change, from 1, for messages */
    struct record__parts parts;
    struct Cmd__Change *change;
    struct Cmd__RecordSet *set;
    struct Cmd__Routing *routing; /* NULL until something has to be said */
};

/* What is wrong with the batch as a whole. */
struct record__problems {
    struct arena *arena;
    const char **list;
    size_t count, capacity;
    bool is_out_of_memory;
};
void record__problem(struct record__problems *problems, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Note a breach of the model at "changeBatch.changes.N.member.resourceRecordSet.@member". */
void record__breach(struct record__reading *reading, const char *member, const char *value,
                    const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A member that must be there. */
bool record__require(struct record__reading *reading, const char *member, const char *value);
/* A text of @least to @most characters. */
void record__check_length(struct record__reading *reading, const char *member, const char *value,
                          size_t least, size_t most);
/* A number within bounds; 0 when it is not there or wrong. */
int64_t record__number(struct record__reading *reading, const char *member, const char *value,
                       int64_t least, int64_t most);
/* The routing under way, made when it is first asked for; NULL: no memory. */
struct Cmd__Routing *record__routing(struct record__reading *reading);

/* record_parts.c */
/* Find the members of a change, hold them against the model, and fill numbers and texts. */
bool record__read_parts(struct record__reading *reading, const struct xml_element *change);
/* record_routing.c */
bool record__read_routing(struct record__reading *reading);
/* record_shape.c: false: the call has been failed. */
bool record__check_shape(struct record__reading *reading);
/* record_values.c: the name and the values; what is wrong is collected. false: no memory. */
bool record__read_values(struct record__reading *reading, struct record__problems *problems);
