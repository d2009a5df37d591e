/* node/route53/route53.h: record sets in the JSON of Route 53's command line (the members of
 * ResourceRecordSet in its API), both ways. A file from outside is hostile: bounded, and checked
 * member by member; what is wrong is told with its JSON path. Whether sets obey the rules of a zone
 * (zone/record_set.h) is for whoever takes them. Any thread.
 *
 * Two members of ours: "Quartet" in a record set, for what Route 53 does not have ({"Sticky": true,
 * "Answers": 4, "AllDown": "open" | "closed" | "last-good", "Fallback": "name."}); and, for a node
 * that serves files, "HostedZone" and "CidrCollections" beside the record sets. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/prefix.h"
#include "dns/name.h"
#include "zone/record_set.h"
#include "zone/routing.h"

struct json_t;
struct route53_file; /* what was read, with all its memory */

#define ROUTE53_ERROR_SIZE 1600u
#define ROUTE53_LEN_MAX (256u << 20) /* octets of a file */

enum route53_action { ROUTE53_CREATE, ROUTE53_DELETE, ROUTE53_UPSERT };
struct route53_change {
    enum route53_action action;
    struct zone_record_set set; /* routing NULL: a simple set without health check */
};
struct route53_block {
    struct prefix prefix;
    const char *location;
};
struct route53_collection {
    const char *id, *name;
    const struct route53_block *blocks;
    size_t block_count;
};

/* Read a change batch ({"Changes": […]}, also within {"ChangeBatch": …}), or a list
 * ({"ResourceRecordSets": […]}), whose sets are all to be there: UPSERT. On 0 the caller owns
 * *@out. ERR_INVALID, ERR_LIMIT, ERR_NOMEM: @error says where and what. */
int route53_read(const char *text, size_t len, struct route53_file **out,
                 char error[ROUTE53_ERROR_SIZE]);
/* The same for a file; ERR_NOT_FOUND, ERR_IO too. */
int route53_load(const char *path, struct route53_file **out, char error[ROUTE53_ERROR_SIZE]);
void route53_free(struct route53_file *file); /* accepts NULL */
/* In the order of the file. These and what follows: borrowed from @file. */
const struct route53_change *route53_changes(const struct route53_file *file, size_t *count);
/* It was a list: it has the apex's SOA and NS too, which are the zone's own business. */
bool route53_is_list(const struct route53_file *file);
const char *route53_comment(const struct route53_file *file);        /* "": none */
const uint8_t *route53_hosted_zone(const struct route53_file *file); /* wire form; NULL: none */
const struct route53_collection *route53_collections(const struct route53_file *file,
                                                     size_t *count);

/* Files may name health checks and collections otherwise than by their ids: give each of these
 * texts that has not the length of an id to @cb, which may write the id into its place. Ends with
 * the first code other than 0, and returns it. */
typedef int (*route53_name_cb)(void *user, bool is_collection, char text[ZONE_UUID_SIZE]);
int route53_each_name(struct route53_file *file, route53_name_cb cb, void *user);

/* A record set as Route 53 lists it, which route53_read() takes back; NULL: no memory, or data that
 * is not of its type. The caller owns a reference. */
struct json_t *route53_write_set(const struct zone_record_set *set);
/* A domain name as Route 53 takes it, with octal escapes ("\\052"), to wire form in lower case: its
 * length, or ERR_INVALID. Absolute with or without a final dot. */
int route53_parse_name(const char *text, uint8_t out[DNS_NAME_MAX]);
