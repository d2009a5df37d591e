#include "control/host_judge.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cluster/host_probe.h"
#include "proto/control.pb-c.h"

#define CLOCK_OFF_MS 500u /* clocks further apart: health, tokens and journals mislead */
#define CLOCK_WRONG_MS 10000u
#define SYNC_SLOW_US 50000u /* each change waits for two of these */
#define SYNCS_MIN 20u       /* fewer say nothing */
#define DISK_LOW (1024u << 20)
#define DISK_FULL (192u << 20) /* near where a node takes no changes (raft/io/driver.h) */
#define CERTIFICATE_SOON_MS (UINT64_C(14) * 86400 * 1000)
#define FILES_FEW 4096u
#define RECEIVE_BUFFER_SMALL (1u << 20)

static void find(struct host_findings *out, bool is_error, const struct host_view *view,
                 const char *advice, const char *format, ...) __attribute__((format(printf, 5, 6)));
static void find(struct host_findings *out, bool is_error, const struct host_view *view,
                 const char *advice, const char *format, ...)
{
    va_list args;

    if (out->count == HOST_FINDINGS_MAX) {
        out->left_out++;
        return;
    }
    struct host_finding *item = &out->items[out->count++];
    item->is_error = is_error;
    snprintf(item->subject, sizeof(item->subject), "node %.80s", view->name);
    snprintf(item->advice, sizeof(item->advice), "%s", advice);
    va_start(args, format);
    vsnprintf(item->text, sizeof(item->text), format, args);
    va_end(args);
}

/* Its clock was read between begun and ended: so far it is surely off. */
static uint64_t clock_off_ms(const struct host_view *view, bool *is_ahead)
{
    uint64_t wall_ms = view->report->wall_ms;

    *is_ahead = wall_ms > view->ended_wall_ms;
    if (*is_ahead)
        return wall_ms - view->ended_wall_ms;
    return wall_ms < view->begun_wall_ms ? view->begun_wall_ms - wall_ms : 0;
}

static void judge_clock(const struct host_view *view, const char *asker, struct host_findings *out)
{
    bool is_ahead;
    uint64_t off_ms = clock_off_ms(view, &is_ahead);

    if (off_ms > CLOCK_OFF_MS)
        find(out, off_ms > CLOCK_WRONG_MS, view,
             "let NTP set it (timedatectl set-ntp true), on every node",
             "its clock is %" PRIu64 ".%" PRIu64 " s %s that of %s", off_ms / 1000,
             off_ms % 1000 / 100, is_ahead ? "ahead of" : "behind", asker);
    if (!view->report->is_clock_synchronised)
        find(out, false, view, "run an NTP client (systemd-timesyncd, chrony)",
             "its kernel's clock is not synchronised");
}

static void judge_disk(const struct host_view *view, struct host_findings *out)
{
    const Ctl__HostReportReply *report = view->report;

    if (report->sync_count >= SYNCS_MIN && report->sync_p99_us > SYNC_SLOW_US)
        find(out, false, view, "give the data folder a disk of its own, or a faster one",
             "one of a hundred writes to its log takes %" PRIu64 " ms or more",
             report->sync_p99_us / 1000);
    if (report->disk_free < DISK_LOW)
        find(out, report->disk_free < DISK_FULL, view,
             "make room on the disk of its data folder: without it takes no changes",
             "its disk has %" PRIu64 " MiB left", report->disk_free >> 20);
}

static void judge_certificate(const struct host_view *view, uint64_t now_wall_ms,
                              struct host_findings *out)
{
    uint64_t expires_wall_ms = view->report->certificate_expires_wall_ms;

    if (expires_wall_ms <= now_wall_ms)
        find(out, true, view,
             "see to its clock and its log: it renews by itself while it hears a "
             "leader",
             "its certificate has expired");
    else if (expires_wall_ms - now_wall_ms < CERTIFICATE_SOON_MS)
        find(out, false, view, "see its log for why it was not renewed",
             "its certificate expires in %" PRIu64 " days",
             (expires_wall_ms - now_wall_ms) / (UINT64_C(86400) * 1000));
}

static void judge_limits(const struct host_view *view, struct host_findings *out)
{
    const Ctl__HostReportReply *report = view->report;

    if (report->files_max != 0 && report->files_max < FILES_FEW)
        find(out, false, view,
             "raise it (LimitNOFILE= in the unit): TCP connections and RocksDB "
             "need them",
             "it may open %" PRIu64 " files", report->files_max);
    if (report->receive_buffer_max != 0 && report->receive_buffer_max < RECEIVE_BUFFER_SMALL)
        find(out, false, view, "sysctl net.core.rmem_max=4194304: bursts of queries overflow less",
             "a socket may hold %" PRIu64 " KiB of waiting queries (net.core.rmem_max)",
             report->receive_buffer_max >> 10);
    if (report->is_drained)
        find(out, false, view, "quartet node undrain, when the work on it is done",
             "it is drained");
}

static const char *advice_of(uint32_t kind)
{
    switch (kind) {
    case HOST_PROBE_MTU: return "set the MTU of the link or tunnel to 1280 or more";
    case HOST_PROBE_DNS:
        return "resolvers ask port 53: let it through, let dns_listen name it, and look whether "
               "public_addresses are right";
    case HOST_PROBE_DNS_LARGE: return "a firewall or a small MTU drops UDP of 1232 octets";
    default:
        return "let it through the firewalls in both directions; look at peer_address and its "
               "like";
    }
}

static void judge_reach(const struct host_view *view, struct host_findings *out)
{
    for (size_t i = 0; i < view->report->n_problems; i++) {
        const Ctl__HostProblem *problem = view->report->problems[i];
        bool is_error = problem->kind == HOST_PROBE_TCP || problem->kind == HOST_PROBE_DNS;
        find(out, is_error, view, advice_of(problem->kind), "from it, %s %s of %s (%s): %s",
             problem->what, problem->kind == HOST_PROBE_MTU ? "" : "port", problem->target,
             problem->address, problem->problem);
    }
}

static void judge_versions(const struct host_view *views, unsigned count, struct host_findings *out)
{
    const struct host_view *first = NULL;

    for (unsigned i = 0; i < count; i++) {
        if (!views[i].report)
            continue;
        if (first && strcmp(first->report->version, views[i].report->version) != 0)
            find(out, false, &views[i], "finish the upgrade: the same program on all nodes",
                 "it runs %.40s, and %.63s runs %.40s", views[i].report->version, first->name,
                 first->report->version);
        first = first ? first : &views[i];
    }
}

void host_judge(const struct host_view *views, unsigned count, struct host_findings *out)
{
    out->count = out->left_out = 0;
    for (unsigned i = 0; i < count; i++) {
        const struct host_view *view = &views[i];
        if (!view->report) {
            find(out, true, view, "start it; if it runs, let the port through",
                 "no report from its admin port (%.255s): %s", view->address, view->why);
            continue;
        }
        judge_clock(view, views[0].name, out);
        judge_disk(view, out);
        judge_certificate(view, views[0].ended_wall_ms, out);
        judge_limits(view, out);
        judge_reach(view, out);
    }
    judge_versions(views, count, out);
}
