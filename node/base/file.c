#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define FILE_WALK_FDS_MAX 16

static int read_all(int fd, uint8_t *buffer, size_t len_max, size_t *len)
{
    size_t have = 0;

    while (have <= len_max) {
        ssize_t got = read(fd, buffer + have, len_max + 1 - have);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return ERR_IO;
        if (got == 0) {
            *len = have;
            return 0;
        }
        have += (size_t)got;
    }
    return ERR_LIMIT;
}

int file_read(const char *path, size_t len_max, uint8_t **out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;

    struct stat info;
    size_t bound = len_max;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (size_t)info.st_size < len_max)
        bound = (size_t)info.st_size;
    uint8_t *buffer = malloc(bound + 1);
    int rc = buffer ? read_all(fd, buffer, bound, len) : ERR_NOMEM;
    int saved = errno;
    close(fd);
    errno = saved;
    if (rc != 0) {
        free(buffer);
        return rc;
    }
    buffer[*len] = '\0';
    *out = buffer;
    return 0;
}

static int write_all(int fd, const uint8_t *data, size_t len)
{
    while (len > 0) {
        ssize_t put = write(fd, data, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ERR_IO;
        data += put;
        len -= (size_t)put;
    }
    return fsync(fd) == 0 ? 0 : ERR_IO;
}

int file_sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int rc = fsync(fd) == 0 ? 0 : ERR_IO;
    close(fd);
    return rc;
}

static int sync_parent(const char *path)
{
    char copy[PATH_MAX];

    snprintf(copy, sizeof(copy), "%s", path);
    return file_sync_folder(dirname(copy));
}

int file_write(const char *path, const void *data, size_t len, mode_t mode)
{
    char temporary[PATH_MAX];

    if (snprintf(temporary, sizeof(temporary), "%s.XXXXXX", path) >= (int)sizeof(temporary))
        return ERR_LIMIT;
    int fd = mkostemp(temporary, O_CLOEXEC);
    if (fd < 0)
        return ERR_IO;
    int rc = fchmod(fd, mode) == 0 ? write_all(fd, data, len) : ERR_IO;
    if (close(fd) != 0 && rc == 0)
        rc = ERR_IO;
    if (rc == 0 && rename(temporary, path) != 0)
        rc = ERR_IO;
    if (rc != 0) {
        int saved = errno;
        unlink(temporary);
        errno = saved;
        return rc;
    }
    return sync_parent(path);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info;
    (void)kind;
    (void)where;
    return remove(path);
}

int file_remove_tree(const char *path)
{
    if (nftw(path, remove_one, FILE_WALK_FDS_MAX, FTW_DEPTH | FTW_PHYS) != 0)
        return errno == ENOENT ? 0 : ERR_IO;
    return 0;
}
