/* node/base/frame.h: what travels on the control socket, both ways: a header of eight octets (the
 * length of what follows, then the asker's number for the request, both big-endian), then one
 * ctl.Request or ctl.Reply. Replies come in any order and carry their request's number. */
#pragma once

#include <stdint.h>

#define FRAME_HEADER_LEN 8
#define FRAME_REQUEST_LEN_MAX (4u << 20) /* a longer request ends the connection */
#define FRAME_REPLY_LEN_MAX (16u << 20)

static inline void frame_put_u32(uint8_t *out, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        out[i] = (uint8_t)(value >> (24 - 8 * i));
}

static inline uint32_t frame_get_u32(const uint8_t *in)
{
    return (uint32_t)in[0] << 24 | (uint32_t)in[1] << 16 | (uint32_t)in[2] << 8 | in[3];
}

/* @out holds FRAME_HEADER_LEN octets. */
static inline void frame_encode(uint8_t *out, uint32_t len, uint32_t number)
{
    frame_put_u32(out, len);
    frame_put_u32(out + 4, number);
}

static inline void frame_decode(const uint8_t *in, uint32_t *len, uint32_t *number)
{
    *len = frame_get_u32(in);
    *number = frame_get_u32(in + 4);
}
