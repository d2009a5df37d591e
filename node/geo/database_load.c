/* node/geo/database_load.c: reads a file. It is copied into memory first, so that who overwrites it
 * meanwhile takes nothing from under us; its metadata is checked before libmaxminddb decodes it;
 * libmaxminddb then reads the search tree, node by node, and we the records. */
#include "geo/database.h"

#include "base/err.h"
#include "base/text.h"
#include "geo/database_internal.h"
#include "geo/mmdb_data.h"
#include "geo/places_found.h"
#include "geo/record.h"

#include <errno.h>
#include <fcntl.h>
#include <maxminddb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_OCTETS_MAX (1ll << 30)
#define METADATA_OCTETS_MAX (128u * 1024u) /* by the specification */
#define METADATA_VALUES_MAX 10000u
#define RECORD_VALUES_MAX 4096u
#define ALL_VALUES_MAX (1ull << 28)
#define STEPS_PER_NODE 4u /* some makers let equal parts of the tree be one */
#define STEPS_MORE 1024u
#define IPV4_DEPTH 32u
#define IPV6_DEPTH 128u
#define IPV4_ROOT_DEPTH 96u
#define NO_NODE UINT32_MAX

static const char METADATA_MARK[] = "\xab\xcd\xefMaxMind.com";
#define METADATA_MARK_LEN (sizeof METADATA_MARK - 1)

struct load {
    const char *path;
    char *error; /* GEO_ERROR_SIZE */
    int fd;      /* of the copy in memory, or -1 */
    bool is_open;
    MMDB_s mmdb;
    struct mmdb_data data;
    uint64_t values_left; /* to read of all records */
    uint64_t steps_left;  /* through the search tree */
    uint32_t ipv4_root;   /* node, or NO_NODE */
    struct geo__places places;
    struct geo_table_builder *builder;
    struct geo_database *database;
};

__attribute__((format(printf, 3, 4))) static int refuse(const struct load *load, int err,
                                                        const char *format, ...)
{
    va_list args;
    const int len = snprintf(load->error, GEO_ERROR_SIZE, "%.256s: ", load->path);
    va_start(args, format);
    vsnprintf(load->error + len, GEO_ERROR_SIZE - (size_t)len, format, args);
    va_end(args);
    return err;
}

static int refuse_nomem(const struct load *load)
{
    return refuse(load, ERR_NOMEM, "not enough memory to load it");
}

static int copy_octets(const struct load *load, int from, off_t size)
{
    off_t copied = 0;
    while (copied < size) {
        const ssize_t count = sendfile(load->fd, from, NULL, (size_t)(size - copied));
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return refuse(load, ERR_IO, "cannot be read: %s", strerror(errno));
        if (count == 0)
            return refuse(load, ERR_IO, "got shorter while it was read: load it again");
        copied += count;
    }
    return 0;
}

static int copy_file(struct load *load, int from)
{
    struct stat about;
    if (fstat(from, &about) != 0)
        return refuse(load, ERR_IO, "cannot be read: %s", strerror(errno));
    if (!S_ISREG(about.st_mode))
        return refuse(load, ERR_INVALID, "is not a file");
    if (about.st_size > FILE_OCTETS_MAX)
        return refuse(load, ERR_LIMIT, "is larger than 1 GiB");
    if (about.st_size == 0)
        return refuse(load, ERR_INVALID, "is empty");
    load->fd = memfd_create("quartet-geo", MFD_CLOEXEC);
    if (load->fd < 0)
        return refuse_nomem(load);
    return copy_octets(load, from, about.st_size);
}

static int read_file(struct load *load)
{
    const int from = open(load->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (from < 0) {
        const bool is_missing = errno == ENOENT || errno == ENOTDIR;
        return refuse(load, is_missing ? ERR_NOT_FOUND : ERR_IO, "cannot be opened: %s",
                      strerror(errno));
    }
    int err = copy_file(load, from);
    close(from);
    return err;
}

/* Where the last mark ends, or NULL. */
static const uint8_t *find_metadata(const uint8_t *octets, size_t len)
{
    const size_t tail = len < METADATA_OCTETS_MAX ? len : METADATA_OCTETS_MAX;
    const uint8_t *at = octets + len - tail, *found = NULL;
    while ((at = memmem(at, (size_t)(octets + len - at), METADATA_MARK, METADATA_MARK_LEN)) != NULL)
        found = at += METADATA_MARK_LEN;
    return found;
}

/* Is @name a map (or else an array) of texts, or not there? libmaxminddb leaks memory where it is
 * something else. */
static bool has_texts(struct mmdb_data *data, const struct mmdb_value *metadata, const char *name,
                      bool is_map)
{
    struct mmdb_value list, key, text;
    const int err = mmdb_get(data, metadata, name, &list);
    if (err != 0)
        return err == ERR_NOT_FOUND;
    if (list.type != (is_map ? MMDB_MAP : MMDB_ARRAY))
        return false;
    uint32_t at = list.inside;
    for (uint32_t i = 0; i < list.size; i++) {
        const int read =
            is_map ? mmdb_next(data, &at, &key, &text) : mmdb_next_item(data, &at, &text);
        if (read != 0 || text.type != MMDB_STRING)
            return false;
    }
    return true;
}

static bool is_metadata(const uint8_t *octets, size_t len)
{
    struct mmdb_data data = {.octets = octets, .len = (uint32_t)len, .budget = METADATA_VALUES_MAX};
    struct mmdb_value metadata;
    return mmdb_check(&data, 0) == 0 && mmdb_read(&data, 0, &metadata) == 0 &&
           has_texts(&data, &metadata, "languages", false) &&
           has_texts(&data, &metadata, "description", true);
}

static int check_metadata(const struct load *load)
{
    struct stat about;
    if (fstat(load->fd, &about) != 0)
        return refuse(load, ERR_IO, "cannot be read: %s", strerror(errno));
    const size_t len = (size_t)about.st_size;
    uint8_t *octets = mmap(NULL, len, PROT_READ, MAP_SHARED, load->fd, 0);
    if (octets == MAP_FAILED)
        return refuse_nomem(load);
    const uint8_t *metadata = find_metadata(octets, len);
    int err = 0;
    if (metadata == NULL)
        err = refuse(load, ERR_INVALID, "is not a MaxMind-format database");
    else if (!is_metadata(metadata, (size_t)(octets + len - metadata)))
        err = refuse(load, ERR_INVALID, "its metadata is broken");
    munmap(octets, len);
    return err;
}

static int open_copy(struct load *load)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", load->fd);
    const int status = MMDB_open(path, MMDB_MODE_MMAP, &load->mmdb);
    if (status == MMDB_OUT_OF_MEMORY_ERROR)
        return refuse_nomem(load);
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return refuse(load, ERR_IO, "cannot be read: %s", MMDB_strerror(status));
    if (status != MMDB_SUCCESS)
        return refuse(load, ERR_INVALID, "is broken: %s", MMDB_strerror(status));
    load->is_open = true;
    const MMDB_s *mmdb = &load->mmdb;
    if (mmdb->metadata.ip_version != 4 && mmdb->metadata.ip_version != 6)
        return refuse(load, ERR_INVALID, "is neither for IPv4 nor for IPv6");
    load->data.octets = mmdb->data_section;
    load->data.len = mmdb->data_section_size;
    load->values_left = ALL_VALUES_MAX;
    load->steps_left = (uint64_t)mmdb->metadata.node_count * STEPS_PER_NODE + STEPS_MORE;
    load->ipv4_root = NO_NODE;
    if (mmdb->metadata.ip_version == 4)
        load->ipv4_root = 0;
    else if (mmdb->ipv4_start_node.netmask == IPV4_ROOT_DEPTH &&
             mmdb->ipv4_start_node.node_value < mmdb->metadata.node_count)
        load->ipv4_root = mmdb->ipv4_start_node.node_value;
    return 0;
}

static void note_location(struct load *load, const struct geo_location *location)
{
    struct geo_database_about *about = &load->database->about;
    about->has_country |= location->country_key != GEO_KEY_NONE;
    about->has_subdivision |= location->subdivision_key != GEO_KEY_NONE;
    about->has_coordinates |=
        location->latitude_cdeg != GEO_COORDINATE_NONE && !location->is_centroid;
}

/* The index of the location that the record at @offset stands for, or GEO_TABLE_NONE. */
static int read_record(struct load *load, uint32_t offset, uint32_t *index)
{
    struct geo_location location;
    bool is_somewhere = false;

    if (geo__places_known(&load->places, offset, index))
        return 0;
    load->data.budget =
        load->values_left < RECORD_VALUES_MAX ? load->values_left : RECORD_VALUES_MAX;
    const uint64_t budget = load->data.budget;
    if (geo__record_read(&load->data, offset, &location, &is_somewhere) != 0)
        return refuse(load, ERR_INVALID, "the record at %u of its data is broken, or too large",
                      (unsigned)offset);
    load->values_left -= budget - load->data.budget;
    if (is_somewhere)
        note_location(load, &location);
    int err = geo__places_add(&load->places, offset, is_somewhere ? &location : NULL, index);
    if (err == ERR_LIMIT)
        return refuse(load, err, "has more than %u different locations", GEO__LOCATIONS_MAX);
    return err == 0 ? 0 : refuse_nomem(load);
}

struct branch { /* what remains to be walked */
    geo__number start;
    uint32_t node; /* of a node */
    uint32_t data; /* offset, of a record */
    uint8_t type;  /* MMDB_RECORD_TYPE_… */
    uint8_t depth;
};

struct walk {
    struct load *load;
    bool is_ipv6;
    unsigned depth_max;
    struct branch branches[IPV6_DEPTH + 2]; /* left ones on top */
    unsigned count;
};

static int walk_leaf(const struct walk *walk, const struct branch *branch)
{
    uint32_t index = GEO_TABLE_NONE;
    if (branch->type == MMDB_RECORD_TYPE_DATA) {
        int err = read_record(walk->load, branch->data, &index);
        if (err != 0)
            return err;
        walk->load->database->about.prefixes++;
    }
    geo__table_add(walk->load->builder, walk->is_ipv6, branch->start, index);
    return 0;
}

static void push(struct walk *walk, const struct branch *parent, bool is_right,
                 const MMDB_search_node_s *node)
{
    struct branch *branch = &walk->branches[walk->count++];
    *branch = (struct branch){
        .start = parent->start,
        .node = (uint32_t)(is_right ? node->right_record : node->left_record),
        .data = is_right ? node->right_record_entry.offset : node->left_record_entry.offset,
        .type = is_right ? node->right_record_type : node->left_record_type,
        .depth = (uint8_t)(parent->depth + 1),
    };
    if (is_right)
        branch->start |= (geo__number)1 << (127u - parent->depth);
}

static int walk_node(struct walk *walk, const struct branch *branch)
{
    struct load *load = walk->load;
    MMDB_search_node_s node;

    if (load->steps_left == 0 || branch->depth >= walk->depth_max)
        return refuse(load, ERR_INVALID, "its search tree goes round in circles");
    load->steps_left--;
    if (MMDB_read_node(&load->mmdb, branch->node, &node) != MMDB_SUCCESS ||
        node.left_record_type == MMDB_RECORD_TYPE_INVALID ||
        node.right_record_type == MMDB_RECORD_TYPE_INVALID)
        return refuse(load, ERR_INVALID, "node %u of its search tree is broken",
                      (unsigned)branch->node);
    push(walk, branch, true, &node);
    push(walk, branch, false, &node);
    return 0;
}

/* All of one family, in the order of addresses. */
static int walk_family(struct load *load, bool is_ipv6, uint32_t root)
{
    struct walk walk = {.load = load,
                        .is_ipv6 = is_ipv6,
                        .depth_max = is_ipv6 ? IPV6_DEPTH : IPV4_DEPTH,
                        .branches = {{.node = root, .type = MMDB_RECORD_TYPE_SEARCH_NODE}},
                        .count = 1};
    while (walk.count > 0) {
        struct branch branch = walk.branches[--walk.count];
        /* IPv4 within IPv6 was walked already, and its aliases lead there again (2002::/16). */
        if (is_ipv6 && branch.type == MMDB_RECORD_TYPE_SEARCH_NODE &&
            branch.node == load->ipv4_root)
            branch.type = MMDB_RECORD_TYPE_EMPTY;
        int err = branch.type == MMDB_RECORD_TYPE_SEARCH_NODE ? walk_node(&walk, &branch)
                                                              : walk_leaf(&walk, &branch);
        if (err == 0)
            err = geo__table_failure(load->builder);
        if (err != 0)
            return err;
    }
    return 0;
}

static int compile(struct load *load)
{
    struct geo_database *database = load->database;
    int err = 0;

    load->builder = geo__table_begin();
    if (load->builder == NULL)
        return refuse_nomem(load);
    if (load->ipv4_root != NO_NODE)
        err = walk_family(load, false, load->ipv4_root);
    if (err == 0 && load->mmdb.metadata.ip_version == 6)
        err = walk_family(load, true, 0);
    if (err == 0 && load->places.count == 0)
        return refuse(load, ERR_INVALID, "says nothing about places (database type '%s')",
                      database->about.type);
    if (err == 0) {
        err = geo__table_finish(load->builder, &database->table);
        load->builder = NULL;
    }
    if (err == ERR_LIMIT && load->error[0] == '\0')
        return refuse(load, err, "has too many prefixes");
    if (err != 0)
        return load->error[0] != '\0' ? err : refuse_nomem(load);
    struct geo_location *locations = load->places.locations;
    struct geo_location *trimmed = realloc(locations, load->places.count * sizeof *locations);
    database->locations = trimmed != NULL ? trimmed : locations;
    load->places.locations = NULL;
    return 0;
}

/* Text of a file, for terminals. */
static void copy_text(char *out, size_t size, const char *text)
{
    snprintf(out, size, "%s", text == NULL ? "" : text);
    if (!text_is_printable(out))
        text_make_printable(out);
}

static void describe(struct load *load, uint64_t now_wall_s)
{
    const MMDB_metadata_s *metadata = &load->mmdb.metadata;
    struct geo_database_about *about = &load->database->about;

    copy_text(about->path, sizeof about->path, load->path);
    copy_text(about->type, sizeof about->type, metadata->database_type);
    for (size_t i = 0; i < metadata->description.count; i++)
        if (i == 0 || strcmp(metadata->description.descriptions[i]->language, "en") == 0)
            copy_text(about->description, sizeof about->description,
                      metadata->description.descriptions[i]->description);
    about->built_wall_s = metadata->build_epoch;
    about->loaded_wall_s = now_wall_s;
}

static int run(struct load *load, uint64_t now_wall_s)
{
    int err = read_file(load);
    if (err == 0)
        err = check_metadata(load);
    if (err == 0)
        err = open_copy(load);
    if (err != 0)
        return err;
    describe(load, now_wall_s);
    err = compile(load);
    if (err != 0)
        return err;
    struct geo_database *database = load->database;
    database->about.locations = load->places.count;
    database->about.memory_octets = sizeof *database + geo__table_memory(database->table) +
                                    load->places.count * sizeof database->locations[0];
    return 0;
}

int geo_database_load(const char *path, uint64_t now_wall_s, struct geo_database **out,
                      char error[GEO_ERROR_SIZE])
{
    struct load load = {.path = path, .error = error, .fd = -1};
    error[0] = '\0';
    load.database = calloc(1, sizeof *load.database);
    if (load.database == NULL)
        return refuse_nomem(&load);
    load.database->references = 1;

    int err = run(&load, now_wall_s);
    geo__table_abandon(load.builder);
    geo__places_fini(&load.places);
    if (load.is_open)
        MMDB_close(&load.mmdb);
    if (load.fd >= 0)
        close(load.fd);
    if (err != 0) {
        geo_database_unref(load.database);
        return err;
    }
    *out = load.database;
    return 0;
}
