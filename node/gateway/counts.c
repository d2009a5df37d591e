#include "gateway/counts.h"

#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/histogram.h"
#include "base/metrics.h"
#include "base/process.h"
#include "gateway/internal.h"
#include "gateway/node_client.h"

#define OPERATIONS_MAX 96u /* the API's, and one more for the rest */

static const uint16_t statuses[] = {200, 201, 400, 401, 403, 404, 409, 413, 429, 500, 503};
#define STATUS_COUNT (sizeof(statuses) / sizeof(statuses[0]) + 1) /* the last: others */

struct operation_counts {
    uint64_t statuses[STATUS_COUNT];
    struct histogram times;
};

struct gateway_counts {
    struct operation_counts operations[OPERATIONS_MAX];
};

struct gateway_counts *gateway_counts_new(void)
{
    return calloc(1, sizeof(struct gateway_counts));
}

void gateway_counts_free(struct gateway_counts *counts)
{
    free(counts);
}

static unsigned status_index(uint16_t status)
{
    unsigned i = 0;

    while (i < STATUS_COUNT - 1 && statuses[i] != status)
        i++;
    return i;
}

void gateway_counts_add(struct gateway_counts *counts, const struct gateway_call *call)
{
    unsigned index = api_operation_index(call->match.operation);

    ASSERT(index < OPERATIONS_MAX);
    struct operation_counts *operation = &counts->operations[index];
    operation->statuses[status_index(call->status)]++;
    histogram_add(&operation->times, clock_mono_ns() - call->began_mono_ns);
}

/* ---- showing ---- */

static const char *operation_name(unsigned index)
{
    const struct gateway_operation *operation = api_operation(index);

    return operation ? operation->name : "other";
}

static void write_requests(struct metrics *metrics, const struct gateway_counts *counts)
{
    char status[8];

    metrics_family(
        metrics, METRICS_COUNTER, "quartet_gateway_requests_total",
        "Requests of the API by operation and HTTP status; other: what is no operation.");
    for (unsigned i = 0; i <= api_operation_index(NULL); i++) {
        for (unsigned s = 0; s < STATUS_COUNT; s++) {
            const struct metrics_label labels[] = {{"operation", operation_name(i)},
                                                   {"status", status}};
            if (s < STATUS_COUNT - 1)
                snprintf(status, sizeof(status), "%u", statuses[s]);
            else
                snprintf(status, sizeof(status), "other");
            if (counts->operations[i].statuses[s] > 0)
                metrics_add_count(metrics, labels, 2, counts->operations[i].statuses[s]);
        }
    }
}

static void write_times(struct metrics *metrics, const struct gateway_counts *counts)
{
    metrics_family(metrics, METRICS_HISTOGRAM, "quartet_gateway_request_duration_seconds",
                   "From a request's first line to the end of its answer, by operation.");
    for (unsigned i = 0; i <= api_operation_index(NULL); i++) {
        const struct metrics_label labels[] = {{"operation", operation_name(i)}};
        struct histogram_reading reading = {{0}, 0};
        histogram_read(&counts->operations[i].times, &reading);
        if (reading.sum_ns > 0)
            metrics_add_histogram(metrics, labels, 1, &reading);
    }
}

static void write_connections(const struct gateway *gateway, struct metrics *metrics)
{
    static const char *const kinds[HTTP_KIND_COUNT] = {
        [HTTP_API] = "http", [HTTP_API_TLS] = "https", [HTTP_OPERATOR] = "metrics"};

    metrics_family(metrics, METRICS_GAUGE, "quartet_gateway_connections",
                   "Connections that are open, by listener.");
    for (unsigned kind = 0; kind < HTTP_KIND_COUNT; kind++) {
        const struct metrics_label labels[] = {{"listener", kinds[kind]}};
        metrics_add_count(metrics, labels, 1, http_connections(gateway, (enum http_kind)kind));
    }
    metrics_one(metrics, METRICS_GAUGE, "quartet_gateway_requests_in_flight",
                "Requests at work, this one included.", gateway->call_count);
}

static void write_process(struct metrics *metrics)
{
    struct process_usage usage;

    if (process_usage_read(&usage) != 0)
        return;
    metrics_one(metrics, METRICS_GAUGE, "quartet_gateway_resident_memory_bytes",
                "Memory of the gateway's process.", usage.resident_octets);
    metrics_one(metrics, METRICS_GAUGE, "quartet_gateway_open_files",
                "Open files and sockets of the process.", usage.open_files);
    metrics_one(metrics, METRICS_GAUGE, "quartet_gateway_open_files_max", "How many it may have.",
                usage.open_files_max);
    metrics_family(metrics, METRICS_COUNTER, "quartet_gateway_cpu_seconds_total",
                   "Processor time of the process.");
    metrics_add(metrics, NULL, 0, usage.cpu_s);
}

/* When the first certificate of @pem ends, in seconds since 1970; -1: it cannot be read. */
static int64_t certificate_end(const char *pem)
{
    gnutls_datum_t text = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    gnutls_x509_crt_t certificate;
    int64_t end = -1;

    if (gnutls_x509_crt_init(&certificate) != GNUTLS_E_SUCCESS)
        return -1;
    if (gnutls_x509_crt_import(certificate, &text, GNUTLS_X509_FMT_PEM) == GNUTLS_E_SUCCESS)
        end = gnutls_x509_crt_get_expiration_time(certificate);
    gnutls_x509_crt_deinit(certificate);
    return end;
}

static void write_certificate(const struct gateway *gateway, struct metrics *metrics)
{
    int64_t end = gateway->options.certificate ? certificate_end(gateway->options.certificate) : -1;

    metrics_family(metrics, METRICS_GAUGE, "quartet_gateway_certificate_expiry_timestamp_seconds",
                   "When the certificate of the API's HTTPS ends, since 1970.");
    if (end >= 0)
        metrics_add_count(metrics, NULL, 0, (uint64_t)end);
}

void gateway_counts_write(const struct gateway *gateway, struct metrics *metrics)
{
    const struct metrics_label version = {"version", QUARTET_VERSION};

    metrics_family(metrics, METRICS_GAUGE, "quartet_gateway_info", "The gateway: always 1.");
    metrics_add_count(metrics, &version, 1, 1);
    write_requests(metrics, gateway->counts);
    write_times(metrics, gateway->counts);
    write_connections(gateway, metrics);
    write_process(metrics);
    write_certificate(gateway, metrics);
}
