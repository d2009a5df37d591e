/* node/store/state_certificate.h: what a member's ports show and trust, as it told. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define STATE_SERIAL_LEN 16u

struct state_certificate {
    uint8_t serial[STATE_SERIAL_LEN];
    uint64_t from_wall_ms, until_wall_ms; /* 0: not told yet */
    uint32_t generation;                  /* of the CA that signed it */
    uint32_t trusted_generation;          /* newest CA that is trusted, */
    uint32_t oldest_trusted_generation;   /* and oldest */
    bool is_renewal_due;                  /* another one was asked for in place of this */
};
