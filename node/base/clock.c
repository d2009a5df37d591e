#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"

static uint64_t read_ns(clockid_t which)
{
    struct timespec now;

    ASSERT(clock_gettime(which, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t clock_mono_ns(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t clock_mono_ms(void)
{
    return clock_mono_ns() / 1000000u;
}

uint64_t clock_wall_ns(void)
{
    return read_ns(CLOCK_REALTIME);
}

uint64_t clock_wall_ms(void)
{
    return read_ns(CLOCK_REALTIME) / 1000000u;
}

uint64_t clock_wall_s(void)
{
    return read_ns(CLOCK_REALTIME_COARSE) / 1000000000u;
}

uint64_t clock_wall_coarse_ms(void)
{
    return read_ns(CLOCK_REALTIME_COARSE) / 1000000u;
}

void clock_format(uint64_t wall_ms, char out[CLOCK_TEXT_LEN])
{
    time_t seconds = (time_t)(wall_ms / 1000u);
    struct tm parts;
    char day[24]; /* a year of up to eight digits: garbage in must not overflow */

    if (!gmtime_r(&seconds, &parts) || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        snprintf(day, sizeof(day), "?");
    snprintf(out, CLOCK_TEXT_LEN, "%.19s.%03uZ", day, (unsigned)(wall_ms % 1000u));
}
