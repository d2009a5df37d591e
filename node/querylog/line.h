/* node/querylog/line.h: one logged query as a line of Route 53's format, version 1.0:
 *
 *   1.0 2017-12-13T08:16:02.130Z Z123412341234 example.com A NOERROR UDP FRA6 192.0.2.1 -
 *
 * version, time, zone id, name asked (no dot behind it), type, response code, protocol, edge
 * location, who asked, the client subnet that he told or "-". Octets of the name that would break
 * the line or a label (all but visible ASCII, the backslash, dots inside of labels) are \ooo in
 * octal, as Route 53 escapes names. Pure. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct querylog_record;

#define QUERYLOG_EDGE_MAX 64u
#define QUERYLOG_ID_SIZE 24u
#define QUERYLOG_LINE_MAX 1500u /* octets, with its newline */

struct querylog_day { /* the second that was formatted last; zeroed at first */
    uint64_t second;
    char text[24]; /* 2017-12-13T08:16:02 */
};

/* Write the line with its newline (no NUL) to @out; its octets. @edge: at most QUERYLOG_EDGE_MAX.
 */
size_t querylog_line_format(const struct querylog_record *record, const char *zone_id,
                            const char *edge, struct querylog_day *day,
                            char out[QUERYLOG_LINE_MAX]);
