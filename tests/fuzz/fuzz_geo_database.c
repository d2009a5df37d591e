/* links: geo base */
/* A location database of any octets: refused with a reason, or loaded and asked. */
#include "base/assert.h"
#include "geo/database.h"
#include "geo/view.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look_up(const struct geo_database *database, const uint8_t *data, size_t len)
{
    for (unsigned family = 0; family < 2; family++) {
        struct geo_address address = {.bits = family == 0 ? 32 : 128, .is_ipv6 = family == 1};
        unsigned scope = 999;
        memcpy(address.octets, data + len / 2, family == 0 ? 4 : 16);
        geo_database_find(database, &address, &scope);
        ASSERT(scope <= address.bits);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static int fd = -1;
    char path[64], error[GEO_ERROR_SIZE];
    struct geo_database *database = NULL;

    if (fd < 0)
        fd = memfd_create("fuzz", MFD_CLOEXEC);
    ASSERT(fd >= 0 && ftruncate(fd, 0) == 0);
    ASSERT(pwrite(fd, data, len, 0) == (ssize_t)len);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const int err = geo_database_load(path, 0, &database, error);
    ASSERT((err == 0) == (database != NULL) && (err == 0) == (error[0] == '\0'));
    if (err == 0 && len >= 32)
        look_up(database, data, len);
    geo_database_unref(database);
    return 0;
}
