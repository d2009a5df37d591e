/* node/gateway/auth_time.h: times as signed requests have them. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define AUTH_TIME_SIZE 17u /* "20260101T000000Z" and NUL */

/* ISO 8601 in the basic form, as X-Amz-Date has it, all of @text. false: it is none. */
bool auth_time_parse(const char *text, uint64_t *out_wall_ms);
/* A Date header (RFC 9110 5.6.7, the form that is to be sent): "Fri, 27 Nov 2026 01:02:03 GMT". */
bool auth_time_parse_http(const char *text, uint64_t *out_wall_ms);
/* The basic form. Years up to 9999. */
void auth_time_format(uint64_t wall_ms, char out[AUTH_TIME_SIZE]);
