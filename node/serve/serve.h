/* node/serve/serve.h: "quartetd --serve": zone files answered by one process in the foreground,
 * without cluster, storage or configuration file. For benches, tests, and people who just want to
 * serve a file. SIGHUP reads the files again; files with errors leave their zones as they were. */
#pragma once

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVE_ADDRESSES_MAX 16u
#define SERVE_ROUTING_FILES_MAX 64u
#define SERVE_ERROR_LEN 512u

struct serve_zone {
    uint8_t *apex; /* wire form, lower case */
    char *path;
};

struct serve_options { /* all zero is none; strings of the zones are owned */
    const char *addresses[SERVE_ADDRESSES_MAX];
    unsigned address_count;
    const char *xdp_interface; /* answers by AF_XDP, too; NULL: none */
    bool is_rate_limited;      /* response rate limits with their defaults (net/rrl.h) */
    unsigned threads;          /* UDP workers; 0: one for each processor */
    const char *version;       /* of this program, for dnstap */
    struct serve_zone *zones;
    size_t zone_count, zone_capacity;
    const char *routing_files[SERVE_ROUTING_FILES_MAX]; /* record sets in Route 53's JSON */
    unsigned routing_file_count;
    const char *geo_path;      /* location database; NULL: none */
    const char *dnstap_socket; /* of a dnstap reader; NULL: none */
};

/* Add one address to listen on; the text is kept. ERR_LIMIT, ERR_INVALID. */
int serve_add_address(struct serve_options *options, const char *text);
/* Add "NAME=FILE". ERR_INVALID, ERR_NOMEM; @error says what is wrong. */
int serve_add_zone(struct serve_options *options, const char *text, char error[SERVE_ERROR_LEN]);
/* Add a zone for each line of the file @path: name, blanks, file. Empty lines and lines that begin
 * with '#' are passed over. ERR_IO, ERR_INVALID, ERR_NOMEM; @error says what and where. */
int serve_add_list(struct serve_options *options, const char *path, char error[SERVE_ERROR_LEN]);
/* Add a file of record sets with routing; the text is kept. ERR_LIMIT. */
int serve_add_routing(struct serve_options *options, const char *path);
/* ERR_EXISTS: a zone was added twice, so that which file it has would be chance; ERR_NOMEM; @error
 * says which. */
int serve_check_zones(const struct serve_options *options, char error[SERVE_ERROR_LEN]);
void serve_options_fini(struct serve_options *options);

/* Read the files, answer until SIGTERM or SIGINT. Main thread. Returns an exit status of
 * sysexits.h: 0, EX_DATAERR (a zone file has errors, told one by one), EX_UNAVAILABLE (an address
 * is taken), EX_USAGE (the dnstap socket's path is too long), EX_OSERR. */
int serve_run(const struct serve_options *options);
