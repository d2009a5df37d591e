/* node/control/host_judge.h: what is wrong with the members' hosts, by what each of them reports. A
 * pure function; its limits stand in host_judge.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define HOST_FINDINGS_MAX 300u /* more are only counted */

struct Ctl__HostReportReply;
struct host_view {
    const char *name, *address;                /* address: of its admin port */
    const char *why;                           /* there is no report; else NULL */
    const struct Ctl__HostReportReply *report; /* borrowed */
    uint64_t begun_wall_ms, ended_wall_ms;     /* the asker's clock before and after the exchange */
};
struct host_finding {
    bool is_error;
    char subject[96]; /* the node */
    char text[320];
    char advice[240];
};
struct host_findings {
    struct host_finding items[HOST_FINDINGS_MAX];
    unsigned count, left_out;
};
/* @views[0] is the asker. */
void host_judge(const struct host_view *views, unsigned count, struct host_findings *out);
