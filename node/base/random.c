#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/assert.h"

#define RANDOM_TEXT_DRAW 32

void random_bytes(void *out, size_t len)
{
    uint8_t *next = out;

    while (len > 0) {
        ssize_t got = getrandom(next, len, 0);
        if (got < 0) {
            ASSERT(errno == EINTR);
            continue;
        }
        next += got;
        len -= (size_t)got;
    }
}

uint64_t random_id(void)
{
    uint64_t id = 0;

    while (id == 0)
        random_bytes(&id, sizeof(id));
    return id;
}

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"; /* as octets sort */
enum { ALPHABET_LEN = sizeof(alphabet) - 1, EVEN_MAX = 256 - 256 % ALPHABET_LEN };

void random_text(char *out, size_t len)
{
    uint8_t drawn[RANDOM_TEXT_DRAW];
    size_t used = sizeof(drawn);

    for (size_t i = 0; i < len;) {
        if (used == sizeof(drawn)) { /* a system call for many octets costs as much as for one */
            random_bytes(drawn, sizeof(drawn));
            used = 0;
        }
        uint8_t octet = drawn[used++];
        if (octet < EVEN_MAX) /* the rest would favour the first letters */
            out[i++] = alphabet[octet % ALPHABET_LEN];
    }
    out[len] = '\0';
}

void random_text_at(uint64_t now_wall_ms, char *out, size_t len)
{
    ASSERT(len > RANDOM_TIME_LEN);
    for (size_t i = RANDOM_TIME_LEN; i > 0; i--) {
        out[i - 1] = alphabet[now_wall_ms % ALPHABET_LEN];
        now_wall_ms /= ALPHABET_LEN;
    }
    random_text(out + RANDOM_TIME_LEN, len - RANDOM_TIME_LEN);
}

void random_uuid(char out[RANDOM_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[16];
    size_t at = 0;

    random_bytes(octets, sizeof(octets));
    octets[6] = (uint8_t)((octets[6] & 0x0f) | 0x40); /* version 4 */
    octets[8] = (uint8_t)((octets[8] & 0x3f) | 0x80); /* variant */
    for (unsigned i = 0; i < sizeof(octets); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            out[at++] = '-';
        out[at++] = digits[octets[i] >> 4];
        out[at++] = digits[octets[i] & 15];
    }
    out[at] = '\0';
}
