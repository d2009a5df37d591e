#include "serve/routing.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "dns/name.h"
#include "geo/cidr.h"
#include "geo/database.h"
#include "geo/region.h"
#include "geo/view.h"
#include "route53/route53.h"
#include "serve/serve.h"
#include "zone/image.h"
#include "zone/record_set.h"
#include "zone/routing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    const uint8_t *apex;
    const char *path;
    struct zone_record_set set;
    struct zone_routing routing; /* with its numbers */
};

struct serve_routing {
    struct route53_file *files[SERVE_ROUTING_FILES_MAX];
    unsigned file_count;
    const uint8_t **apexes; /* sorted */
    size_t apex_count;
    struct entry *entries; /* sorted by name and type */
    size_t count;
    struct geo_cidr *cidr;
    struct geo_database *database;
};

static int tell(const char *path, const char *text)
{
    fprintf(stderr, "%s: %s\n", path, text);
    return ERR_INVALID;
}

/* ---- which zone ---- */

static int compare_names(const void *a, const void *b)
{
    return dns_name_compare(*(const uint8_t *const *)a, *(const uint8_t *const *)b);
}

static int sort_apexes(const struct serve_options *options, struct serve_routing *routing)
{
    routing->apexes = malloc((options->zone_count + 1) * sizeof *routing->apexes);
    if (routing->apexes == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < options->zone_count; i++)
        routing->apexes[i] = options->zones[i].apex;
    routing->apex_count = options->zone_count;
    qsort(routing->apexes, routing->apex_count, sizeof *routing->apexes, compare_names);
    return 0;
}

/* The zone that @name lies in, or NULL. */
static const uint8_t *find_apex(const struct serve_routing *routing, const uint8_t *name)
{
    for (;; name = dns_name_skip(name, 1)) {
        const uint8_t **found = bsearch(&name, routing->apexes, routing->apex_count,
                                        sizeof *routing->apexes, compare_names);
        if (found != NULL)
            return *found;
        if (dns_name_is_root(name))
            return NULL;
    }
}

/* ---- CIDR collections: numbered from 1 in the order of files ---- */

/* The number of a collection; 0: there is none of that id. */
static uint32_t find_collection(const struct serve_routing *routing, const char *id)
{
    uint32_t slot = 0;
    for (unsigned i = 0; i < routing->file_count; i++) {
        size_t count;
        const struct route53_collection *collections =
            route53_collections(routing->files[i], &count);
        for (size_t j = 0; j < count; j++) {
            slot++;
            if (strcmp(collections[j].id, id) == 0)
                return slot;
        }
    }
    return 0;
}

static int compile_collection(const struct route53_collection *collection,
                              struct geo_cidr_collection **out)
{
    struct geo_cidr_block *blocks = malloc((collection->block_count + 1) * sizeof *blocks);
    if (blocks == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < collection->block_count; i++)
        blocks[i] = (struct geo_cidr_block){collection->blocks[i].prefix,
                                            geo_cidr_location_hash(collection->blocks[i].location)};
    int code = geo_cidr_collection_new(blocks, collection->block_count, out);
    free(blocks);
    return code;
}

static int add_collection(struct serve_routing *routing, uint32_t slot,
                          const struct route53_collection *collection)
{
    struct geo_cidr_collection *compiled;
    struct geo_cidr *larger;
    int code = compile_collection(collection, &compiled);
    if (code != 0)
        return code;
    code = geo_cidr_with(routing->cidr, slot, compiled, &larger);
    geo_cidr_collection_unref(compiled);
    if (code != 0)
        return code;
    geo_cidr_unref(routing->cidr);
    routing->cidr = larger;
    return 0;
}

static int compile_collections(const struct serve_options *options, struct serve_routing *routing)
{
    uint32_t slot = 0;
    for (unsigned i = 0; i < routing->file_count; i++) {
        size_t count;
        const struct route53_collection *collections =
            route53_collections(routing->files[i], &count);
        for (size_t j = 0; j < count; j++) {
            char text[160];
            int code = add_collection(routing, ++slot, &collections[j]);
            if (code == ERR_NOMEM)
                return code;
            snprintf(text, sizeof text, "CidrCollections: %.40s: %s", collections[j].id,
                     code == ERR_EXISTS ? "a block is there twice" : err_text(code));
            if (code != 0)
                return tell(options->routing_files[i], text);
        }
    }
    return 0;
}

/* ---- record sets ---- */

/* What the routing names, by its numbers. Health checks have none: nobody checks here. */
static int resolve(const struct serve_routing *routing, const char *path, struct entry *entry)
{
    struct zone_routing *out = &entry->routing;
    char text[160];
    if (out->region[0] != '\0') {
        out->region_number = (uint8_t)geo_region_builtin(out->region);
        snprintf(text, sizeof text, "there is no region %s", out->region);
        if (out->region_number == GEO_REGION_NONE)
            return tell(path, text);
    }
    if (out->cidr_collection_id[0] != '\0') {
        out->cidr_slot = find_collection(routing, out->cidr_collection_id);
        snprintf(text, sizeof text, "there is no CIDR collection %s", out->cidr_collection_id);
        if (out->cidr_slot == 0)
            return tell(path, text);
    }
    return 0;
}

static int take_set(const struct serve_routing *routing, const char *path,
                    const struct route53_file *file, const struct route53_change *change,
                    struct entry *out)
{
    const uint8_t *zone = route53_hosted_zone(file);
    struct zone_problem problem;
    char name[DNS_NAME_TEXT_SIZE], text[DNS_NAME_TEXT_SIZE + 80];
    dns_name_format_octal(change->set.name, name);
    out->path = path;
    out->set = change->set;
    out->apex = find_apex(routing, change->set.name);
    snprintf(text, sizeof text, "%s: it lies in no zone that is served here", name);
    if (out->apex == NULL)
        return tell(path, text);
    snprintf(text, sizeof text, "%s: it does not lie in the zone that HostedZone names", name);
    if (zone != NULL && !dns_name_is_equal(zone, out->apex))
        return tell(path, text);
    snprintf(text, sizeof text, "%s: a file of record sets has nothing to delete", name);
    if (change->action == ROUTE53_DELETE)
        return tell(path, text);
    int code = zone_rules_check_set(out->apex, &out->set, &problem);
    if (code != 0)
        return tell(path, problem.text);
    if (change->set.routing != NULL)
        out->routing = *change->set.routing;
    return change->set.routing != NULL ? resolve(routing, path, out) : 0;
}

static int take_file(struct serve_routing *routing, const char *path,
                     const struct route53_file *file)
{
    size_t count;
    const struct route53_change *changes = route53_changes(file, &count);
    int outcome = 0;
    struct entry *entries =
        realloc(routing->entries, (routing->count + count + 1) * sizeof *entries);
    if (entries == NULL)
        return ERR_NOMEM;
    routing->entries = entries;
    for (size_t i = 0; i < count; i++) {
        int code = take_set(routing, path, file, &changes[i], &entries[routing->count]);
        if (code == 0)
            routing->count++;
        else
            outcome = code;
    }
    return outcome;
}

static int compare_entries(const void *a, const void *b)
{
    const struct zone_record_set *x = &((const struct entry *)a)->set;
    const struct zone_record_set *y = &((const struct entry *)b)->set;
    int order = dns_name_compare(x->name, y->name);
    if (order == 0)
        order = (x->type > y->type) - (x->type < y->type);
    return order;
}

/* The rules of one name and type, of which there are @count sets. */
static int check_group(const struct entry *entries, size_t count)
{
    const struct zone_record_set *sets[POLICY_SETS_MAX];
    struct zone_problem problem;
    if (count > POLICY_SETS_MAX)
        return tell(entries->path, "more than 1000 record sets of one name and type");
    for (size_t i = 0; i < count; i++)
        sets[i] = &entries[i].set;
    int code = zone_rules_check_group(sets, count, &problem);
    return code != 0 ? tell(entries->path, problem.text) : 0;
}

static int check_groups(struct serve_routing *routing)
{
    int outcome = 0;
    if (routing->count > 0)
        qsort(routing->entries, routing->count, sizeof *routing->entries, compare_entries);
    for (size_t i = 0; i < routing->count; i++) /* they lie still from here on */
        if (routing->entries[i].set.routing != NULL)
            routing->entries[i].set.routing = &routing->entries[i].routing;
    for (size_t i = 0, same; i < routing->count; i += same) {
        for (same = 1; i + same < routing->count &&
                       compare_entries(&routing->entries[i], &routing->entries[i + same]) == 0;)
            same++;
        int code = check_group(&routing->entries[i], same);
        if (code != 0)
            outcome = code;
    }
    return outcome;
}

/* ---- the whole ---- */

static int load_files(const struct serve_options *options, struct serve_routing *routing)
{
    char error[ROUTE53_ERROR_SIZE];
    for (unsigned i = 0; i < options->routing_file_count; i++) {
        int code = route53_load(options->routing_files[i], &routing->files[i], error);
        if (code != 0)
            return code == ERR_NOMEM ? code : tell(options->routing_files[i], error);
        routing->file_count++;
    }
    return 0;
}

static int load_all(const struct serve_options *options, struct serve_routing *routing)
{
    char error[GEO_ERROR_SIZE];
    int code = sort_apexes(options, routing), outcome = 0;
    if (code == 0)
        code = load_files(options, routing);
    if (code == 0)
        code = compile_collections(options, routing);
    for (unsigned i = 0; code == 0 && i < routing->file_count; i++) {
        outcome = take_file(routing, options->routing_files[i], routing->files[i]);
        if (outcome != 0)
            code = outcome;
    }
    if (code == 0)
        code = check_groups(routing);
    if (code != 0 || options->geo_path == NULL)
        return code;
    code = geo_database_load(options->geo_path, clock_wall_s(), &routing->database, error);
    return code == 0 || code == ERR_NOMEM ? code : tell(options->geo_path, error);
}

int serve_routing_load(const struct serve_options *options, struct serve_routing **out)
{
    struct serve_routing *routing = calloc(1, sizeof *routing);
    if (routing == NULL)
        return ERR_NOMEM;
    int code = load_all(options, routing);
    if (code != 0)
        serve_routing_free(routing);
    else
        *out = routing;
    return code;
}

void serve_routing_free(struct serve_routing *routing)
{
    if (routing == NULL)
        return;
    for (unsigned i = 0; i < routing->file_count; i++)
        route53_free(routing->files[i]);
    free(routing->apexes);
    free(routing->entries);
    geo_cidr_unref(routing->cidr);
    geo_database_unref(routing->database);
    free(routing);
}

static int put_view(struct serve_routing *routing, struct zone_publisher *publisher)
{
    static const struct geo_region none[GEO_REGIONS_MAX - GEO_REGION_OWN_FIRST];
    struct geo_view parts = {.database = routing->database, .cidr = routing->cidr};
    int code = geo_regions_new(none, &parts.regions);
    if (code != 0)
        return code;
    struct geo_view *view = geo_view_new(&parts);
    if (view == NULL) {
        geo_regions_unref(parts.regions);
        return ERR_NOMEM;
    }
    routing->database = NULL; /* the view's now */
    routing->cidr = NULL;
    zone_change_geo(publisher, view);
    return 0;
}

int serve_routing_put(struct serve_routing *routing, struct zone_publisher *publisher,
                      size_t *failed_count)
{
    *failed_count = 0;
    for (size_t i = 0; i < routing->count; i++) {
        const struct entry *entry = &routing->entries[i];
        char text[DNS_NAME_TEXT_SIZE], name[DNS_NAME_TEXT_SIZE];
        int code = zone_change_put(publisher, entry->apex, &entry->set);
        if (code == ERR_NOMEM)
            return code;
        if (code == 0)
            continue;
        ++*failed_count;
        dns_name_format_octal(entry->set.name, name);
        snprintf(text, sizeof text, "%.900s: %s", name, err_text(code));
        (void)tell(entry->path, text);
    }
    return put_view(routing, publisher);
}

size_t serve_routing_count(const struct serve_routing *routing)
{
    return routing->count;
}
