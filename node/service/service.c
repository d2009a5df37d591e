#include "service/service.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <uv.h>

#include "base/assert.h"
#include "base/err.h"

#define BEAT_MS 5000u
#define BEATS_IN_WATCHDOG 4u /* so many in its time, that one late turn of the loop is no alarm */
#define LINE_LEN (SERVICE_STATUS_LEN + 64)

struct service {
    uv_timer_t timer;
    service_describe_cb describe;
    void *user;
    bool has_watchdog, is_stopping;
    char told[SERVICE_STATUS_LEN];
};

/* A message to the manager that is lost is not worth a line in the log: the next one follows. */
static void tell(struct service *service, const char *news)
{
    char status[SERVICE_STATUS_LEN] = "", line[LINE_LEN];

    if (!service->is_stopping)
        service->describe(service->user, status);
    status[strcspn(status, "\n")] = '\0';
    bool is_new = status[0] != '\0' && strcmp(status, service->told) != 0;
    int len =
        snprintf(line, sizeof(line), "%s%s%s%s", news, service->has_watchdog ? "WATCHDOG=1\n" : "",
                 is_new ? "STATUS=" : "", is_new ? status : "");
    ASSERT(len >= 0 && (size_t)len < sizeof(line));
    if (len == 0)
        return;
    (void)sd_notify(0, line);
    memcpy(service->told, is_new ? status : service->told, sizeof(status));
}

static void on_beat(uv_timer_t *timer)
{
    tell(timer->data, "");
}

int service_open(struct uv_loop_s *loop, service_describe_cb describe, void *user,
                 struct service **out)
{
    uint64_t watchdog_us = 0, beat_ms = BEAT_MS;
    struct service *service = calloc(1, sizeof(*service));

    if (!service)
        return ERR_NOMEM;
    service->describe = describe;
    service->user = user;
    service->timer.data = service;
    ASSERT(uv_timer_init(loop, &service->timer) == 0);
    service->has_watchdog = sd_watchdog_enabled(0, &watchdog_us) > 0;
    if (service->has_watchdog && watchdog_us / 1000 / BEATS_IN_WATCHDOG < beat_ms)
        beat_ms = watchdog_us / 1000 / BEATS_IN_WATCHDOG + 1;
    if (getenv("NOTIFY_SOCKET") != NULL)
        uv_timer_start(&service->timer, on_beat, beat_ms, beat_ms);
    uv_unref((uv_handle_t *)&service->timer);
    *out = service;
    return 0;
}

void service_ready(struct service *service)
{
    tell(service, "READY=1\n");
}

void service_reloading(struct service *service)
{
    tell(service, "RELOADING=1\n");
}

void service_stopping(struct service *service)
{
    if (service->is_stopping)
        return;
    service->is_stopping = true;
    tell(service, "STOPPING=1\nSTATUS=stopping\n");
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void service_close(struct service *service)
{
    if (service)
        uv_close((uv_handle_t *)&service->timer, on_closed);
}
