/* node/config_gateway.c: what the section of quartet-gateway may say. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "config_internal.h"

__attribute__((format(printf, 2, 3))) static int refuse(char *error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(error, CONFIG_ERROR_LEN, format, args);
    va_end(args);
    return ERR_INVALID;
}

static int check_address(const char *key, const char *text, char *error)
{
    char host[CONFIG_HOST_LEN_MAX + 1];
    unsigned port = 0;

    if (!text ||
        (config__split_address(text, host, &port) == 0 && port != 0 && config__is_ip_address(host)))
        return 0;
    return refuse(error, "gateway: %s: '%s' is not ADDRESS:PORT or [IPV6]:PORT", key, text);
}

static int check_path(const char *key, const char *text, char *error)
{
    if (!text || text[0] == '/')
        return 0;
    return refuse(error, "gateway: %s: '%s' is no whole path, which begins with /", key, text);
}

static int check_limits(const struct config_gateway *gateway, char *error)
{
    const struct {
        const char *key;
        uint32_t value, min, max;
    } bounds[] = {
        {"body_max", gateway->body_max, CONFIG_GATEWAY_BODY_MIN, CONFIG_GATEWAY_BODY_MAX},
        {"connections", gateway->connections, 1, CONFIG_GATEWAY_CONNECTIONS_MAX},
        {"connections_per_address", gateway->connections_per_address, 1,
         CONFIG_GATEWAY_CONNECTIONS_MAX},
        {"idle_ms", gateway->idle_ms, CONFIG_GATEWAY_MS_MIN, CONFIG_GATEWAY_MS_MAX},
        {"request_ms", gateway->request_ms, CONFIG_GATEWAY_MS_MIN, CONFIG_GATEWAY_MS_MAX},
        {"memory_max", gateway->memory_max, CONFIG_GATEWAY_MEMORY_MIN, CONFIG_GATEWAY_MEMORY_MAX},
    };

    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        if (bounds[i].value != 0 &&
            (bounds[i].value < bounds[i].min || bounds[i].value > bounds[i].max))
            return refuse(error, "gateway: %s: %u is not from %u to %u", bounds[i].key,
                          bounds[i].value, bounds[i].min, bounds[i].max);
    }
    return 0;
}

int config__check_gateway(const struct config_gateway *gateway, char *error)
{
    enum log_level level;
    int rc = check_address("listen", gateway->listen, error);
    if (rc == 0)
        rc = check_address("listen_tls", gateway->listen_tls, error);
    if (rc == 0 && gateway->listen_metrics && strcmp(gateway->listen_metrics, "none") != 0)
        rc = check_address("listen_metrics", gateway->listen_metrics, error);
    if (rc == 0)
        rc = check_path("certificate", gateway->certificate, error);
    if (rc == 0)
        rc = check_path("key", gateway->key, error);
    if (rc == 0 && gateway->listen_tls && (!gateway->certificate || !gateway->key))
        rc = refuse(error, "gateway: listen_tls needs certificate and key");
    if (rc == 0 && !gateway->listen_tls && (gateway->certificate || gateway->key))
        rc = refuse(error, "gateway: certificate and key go with listen_tls");
    if (rc == 0 && gateway->log_level && log_level_parse(gateway->log_level, &level) != 0)
        rc = refuse(error, "gateway: log_level: '%s' is none of error, warn, info, debug",
                    gateway->log_level);
    return rc == 0 ? check_limits(gateway, error) : rc;
}
