/* node/zone/record_text.h: record data and types as people write them. For the edges (command line,
 * gateway); never part of apply. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct zone_problem;

#define ZONE_RDATA_LEN_MAX 65535
#define ZONE_TYPE_TEXT_LEN_MAX 32

/* "10 mail" and MX to wire form. Relative names end in @origin (wire form). @text is one record's
 * data in zone-file syntax, also \# of RFC 3597. @out has room for ZONE_RDATA_LEN_MAX octets.
 * 0 with *@out_len set; ERR_INVALID with *@problem filled; ERR_NOMEM. */
int zone_rdata_parse(const char *text, uint16_t type, const uint8_t *origin, uint8_t *out,
                     size_t *out_len, struct zone_problem *problem);
/* Wire form to text, which zone_rdata_parse reads back to the same octets. 0 with *@out_len set to
 * the length without NUL; ERR_LIMIT: @size_max is too small (262,400 always suffices);
 * ERR_INVALID: not data of that type. */
int zone_rdata_format(uint16_t type, const uint8_t *data, uint16_t len, char *out, size_t size_max,
                      size_t *out_len);

/* "mx", "MX", "TYPE15" → 15. 0 or ERR_INVALID. */
int zone_type_parse(const char *text, uint16_t *out);
/* 15 → "MX", 65280 → "TYPE65280". @out has room for ZONE_TYPE_TEXT_LEN_MAX. */
void zone_type_format(uint16_t type, char *out);

/* A name as zone files write it, final dot included: libzscanner wants more octets escaped than
 * RFC 1035 does. @out has room for DNS_NAME_TEXT_SIZE. */
void zone_name_format(const uint8_t *name, char *out);
