/* links: backup */
/* Any octets as a backup: loaded or refused with a sentence, never a crash. The first octet
 * chooses: even, what follows is a whole file; odd, it is the content of parts whose hashes are
 * made here, as chance never meets one: each a kind, a family, two lengths of two octets, and the
 * content. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backup/frame.h"
#include "backup/load.h"
#include "backup/memory.h"
#include "base/assert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct octets {
    uint8_t *data;
    size_t len;
};

static int append(void *user, const void *data, size_t len)
{
    struct octets *octets = user;

    if (len == 0)
        return 0;
    octets->data = realloc(octets->data, octets->len + len + 1);
    ASSERT(octets->data);
    memcpy(octets->data + octets->len, data, len);
    octets->len += len;
    return 0;
}

static int read_octets(void *user, uint64_t offset, void *out, size_t len)
{
    const struct octets *octets = user;

    ASSERT(offset <= octets->len && len <= octets->len - offset);
    memcpy(out, octets->data + offset, len);
    return 0;
}

static void make_parts(const uint8_t *data, size_t len, struct octets *out)
{
    struct frame_writer writer;

    frame_begin(&writer, append, out);
    while (len >= 6) {
        size_t plain_len = (size_t)data[2] << 8 | data[3];
        size_t stored_len = (size_t)data[4] << 8 | data[5];
        if (stored_len > len - 6)
            stored_len = len - 6;
        frame_put(&writer, (enum frame_kind)data[0], data[1], plain_len, data + 6, stored_len);
        data += 6 + stored_len;
        len -= 6 + stored_len;
    }
}

static void try_it(struct octets *octets)
{
    const struct backup_source source = {read_octets, octets, octets->len};
    char problem[BACKUP_PROBLEM_LEN];
    struct backup_about about;
    struct kv kv;

    ASSERT(backup_memory_new(UINT64_C(1) << 30, &kv) == 0);
    int rc = backup_load(&source, &kv, NULL, &about, problem);
    ASSERT(rc == 0 || problem[0] != '\0');
    ASSERT(strlen(problem) < sizeof(problem));
    kv_close(&kv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct octets octets = {0};

    if (len == 0)
        return 0;
    if (data[0] & 1)
        make_parts(data + 1, len - 1, &octets);
    else
        append(&octets, data + 1, len - 1);
    try_it(&octets);
    free(octets.data);
    return 0;
}
