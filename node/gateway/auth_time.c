#include "gateway/auth_time.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define LAST_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

/* false: no such day or time. */
static bool to_wall_ms(const struct tm *parts, uint64_t *out)
{
    struct tm again = *parts;
    int64_t seconds = timegm(&again); /* puts days such as 31 April right: then it was none */

    if (again.tm_mday != parts->tm_mday || again.tm_mon != parts->tm_mon ||
        again.tm_hour != parts->tm_hour || again.tm_min != parts->tm_min || seconds < 0 ||
        seconds > LAST_S)
        return false;
    *out = (uint64_t)seconds * 1000;
    return true;
}

static bool take_number(const char *text, unsigned len, int *out)
{
    *out = 0;
    for (unsigned i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = *out * 10 + (text[i] - '0');
    }
    return true;
}

bool auth_time_parse(const char *text, uint64_t *out_wall_ms)
{
    struct tm parts = {0};

    if (strnlen(text, AUTH_TIME_SIZE) != AUTH_TIME_SIZE - 1 || text[8] != 'T' || text[15] != 'Z')
        return false;
    if (!take_number(text, 4, &parts.tm_year) || !take_number(text + 4, 2, &parts.tm_mon) ||
        !take_number(text + 6, 2, &parts.tm_mday) || !take_number(text + 9, 2, &parts.tm_hour) ||
        !take_number(text + 11, 2, &parts.tm_min) || !take_number(text + 13, 2, &parts.tm_sec))
        return false;
    parts.tm_year -= 1900;
    parts.tm_mon -= 1;
    return to_wall_ms(&parts, out_wall_ms);
}

bool auth_time_parse_http(const char *text, uint64_t *out_wall_ms)
{
    struct tm parts = {0};
    const char *end = strptime(text, "%a, %d %b %Y %H:%M:%S", &parts);

    return end && strcmp(end, " GMT") == 0 && to_wall_ms(&parts, out_wall_ms);
}

void auth_time_format(uint64_t wall_ms, char out[AUTH_TIME_SIZE])
{
    int64_t seconds = (int64_t)(wall_ms / 1000);
    struct tm parts = {0};
    time_t value = (time_t)(seconds > LAST_S ? LAST_S : seconds);

    gmtime_r(&value, &parts);
    strftime(out, AUTH_TIME_SIZE, "%Y%m%dT%H%M%SZ", &parts);
}
