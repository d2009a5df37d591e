/* node/backup/about.h: what a backup says about itself, to and from its octets. Within the room. */
#pragma once

#include "backup/backup.h"

struct backup_end {
    uint64_t pairs[KV_FAMILIES];
    uint8_t content_sha256[32];
};

/* On 0 the caller owns *@out (free). ERR_NOMEM. */
int about_encode(const struct backup_about *about, uint8_t **out, size_t *len);
int about_encode_end(const struct backup_end *end, uint8_t **out, size_t *len);
/* Hostile octets. ERR_CORRUPT; ERR_VERSION (@out untouched: families that this program does not
 * know have pairs); ERR_NOMEM. */
int about_decode(const uint8_t *octets, size_t len, struct backup_about *out);
int about_decode_end(const uint8_t *octets, size_t len, struct backup_end *out);
