/* node/store/state_set.h: record sets as stored, and their keys. A compact form by hand, not
 * protobuf, because there are millions: key = content number (8 octets, big-endian), reversed name
 * (state_key.h), type (3 octets), set identifier; value = version (1 octet), TTL (4), number of
 * records (2), then each record's length (2) and octets. Version 1 is that of sets without routing;
 * in version 2 the length of the routing (2) and its octets stand before the records. Version 3 is
 * that of sets which a traffic policy instance made: flags (1) and the instance's id (36), then as
 * version 2, where the routing may have no octets. Version 4 is that of sets with texts: as version
 * 2, where the routing may have no octets, and before the records the length of the texts (4) and,
 * for each record, the length of its text (2) and its octets. Pure; any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/kv.h"
#include "store/state_key.h"
#include "store/state_set_routing.h"

#define STATE_SET_IDENTIFIER_MAX 128u /* octets */
#define STATE_SET_RDATA_MAX 65000u    /* octets of one set's records with their lengths */
#define STATE_SET_HEADER_LEN 7u
#define STATE_SET_INSTANCE_LEN 36u /* of a traffic policy instance's id */
#define STATE_SET_TEXTS_MAX 60000u /* octets of one set's texts with their lengths */
#define STATE_SET_VALUE_MAX                                                                        \
    (STATE_SET_RDATA_MAX + STATE_SET_HEADER_LEN + 1u + STATE_SET_INSTANCE_LEN + 2u +               \
     STATE_ROUTING_MAX + 4u + STATE_SET_TEXTS_MAX)

/* All records of one name and type; a view. */
struct state_record_set {
    const uint8_t *name; /* wire octets, lower case */
    uint16_t type;
    uint16_t rdata_count;
    uint32_t ttl_s;
    const char *set_identifier; /* not NUL-terminated; NULL when empty */
    size_t set_identifier_len;
    const uint8_t *rdata; /* per record: length (2 octets, big-endian), wire octets */
    size_t rdata_len;
    const uint8_t *routing; /* state_routing_decode(); NULL: a simple set without health check */
    size_t routing_len;
    const char *instance_id; /* of the traffic policy instance that made it: STATE_SET_INSTANCE_LEN
                              * octets, not NUL-terminated; NULL: made by hand */
    bool is_hidden;          /* with that: an inner part of the instance's tree, never listed */
    const uint8_t *texts;    /* per record: length (2 octets), how its value was written ("": as
                              * the record is written out); NULL: all so, or made by an instance */
    size_t texts_len;
};

/* Did this instance (its id as text; NULL: people, by hand) make @set? */
bool state_set_is_of(const struct state_record_set *set, const char *instance_id);

/* Step through the records: start with *@offset 0; false at the end. */
bool state_set_next(const struct state_record_set *set, size_t *offset, const uint8_t **rdata,
                    uint16_t *rdata_len);
/* Same TTL, routing and maker, and the same records in any order, however they were written; both
 * of one type. */
bool state_set_is_equal(const struct state_record_set *a, const struct state_record_set *b);
/* Has @set this record (zone_rdata_is_same)? */
bool state_set_has(const struct state_record_set *set, const uint8_t *rdata, uint16_t rdata_len);

/* Length of the value form, and writing it to @out (STATE_SET_VALUE_MAX octets at most). */
size_t state_set_value_len(const struct state_record_set *set);
size_t state_set_encode(const struct state_record_set *set, uint8_t *out);
/* Fill TTL, routing and records of @out as a view into @value; name, type and identifier stay.
 * ERR_CORRUPT; ERR_VERSION. */
int state_set_decode(struct kv_slice value, struct state_record_set *out);

/* Key of @set in @content, to @out (STATE_KEY_SET_MAX octets); returns its length. */
size_t state_set_key(uint64_t content, const struct state_record_set *set, uint8_t *out);
/* Fill name (copied to @name, 255 octets), type and identifier of @out. ERR_CORRUPT. */
int state_set_key_decode(struct kv_slice key, uint8_t *name, struct state_record_set *out);
