/* node/cli/admin_file.h: reads DATADIR/admin.conf, which lets administrators' programs reach any
 * node's admin port: lines "quartet-admin 1", "secret <64 hex digits>", "node HOST:PORT" for each
 * member known when it was written, then the cluster's CA as PEM. */
#pragma once

#include <stdint.h>

#define ADMIN_SECRET_LEN 32

struct admin_file {
    uint8_t secret[ADMIN_SECRET_LEN];
    char *ca_pem; /* owned */
};

/* 0: release by admin_file_fini(). ERR_NOT_FOUND, ERR_DENIED (not readable), ERR_INVALID (not such
 * a file), ERR_VERSION, ERR_IO, ERR_NOMEM. */
int admin_file_read(const char *path, struct admin_file *out);
void admin_file_fini(struct admin_file *file); /* wipes; a zeroed one is legal */
