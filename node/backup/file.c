#include "backup/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"

static int read_file(void *user, uint64_t offset, void *out, size_t len)
{
    const int *fd = user;
    uint8_t *to = out;

    while (len > 0) {
        ssize_t got = pread(*fd, to, len, (off_t)offset);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return ERR_IO;
        to += got;
        len -= (size_t)got;
        offset += (uint64_t)got;
    }
    return 0;
}

int backup_file_source(int *fd, struct backup_source *out)
{
    struct stat info;

    if (fstat(*fd, &info) != 0 || !S_ISREG(info.st_mode))
        return ERR_IO;
    *out = (struct backup_source){read_file, fd, (uint64_t)info.st_size};
    return 0;
}

int backup_file_open(const char *path, int *fd, struct backup_source *out,
                     char problem[BACKUP_PROBLEM_LEN])
{
    /* A FIFO is refused below, not waited for. */
    int made = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (made < 0)
        return backup_problem(problem, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s",
                              strerror(errno));
    *fd = made;
    if (backup_file_source(fd, out) == 0)
        return 0;
    close(made);
    return backup_problem(problem, ERR_IO, "this is no plain file");
}

int backup_file_begin(const char *path, struct backup_file *out, char problem[BACKUP_PROBLEM_LEN])
{
    int len = snprintf(out->part, sizeof(out->part), "%s.part", path);

    if (len < 0 || (size_t)len >= sizeof(out->part))
        return backup_problem(problem, ERR_LIMIT, "its path is too long");
    snprintf(out->path, sizeof(out->path), "%.*s", PATH_MAX - 6, path);
    if (access(path, F_OK) == 0)
        return backup_problem(problem, ERR_EXISTS, "%.300s is there already", path);
    out->fd = open(out->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    return out->fd >= 0 ? 0
                        : backup_problem(problem, ERR_IO, "%.250s cannot be made: %s", out->part,
                                         strerror(errno));
}

int backup_file_put(void *user, const void *data, size_t len)
{
    const struct backup_file *file = user;
    const uint8_t *from = data;

    while (len > 0) {
        ssize_t put = write(file->fd, from, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return ERR_IO;
        from += put;
        len -= (size_t)put;
    }
    return 0;
}

void backup_file_drop(struct backup_file *file)
{
    close(file->fd);
    file->fd = -1;
    (void)unlink(file->part);
}

static int sync_folder_of(const char *path)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
             slash ? path : ".");
    return file_sync_folder(folder);
}

/* Nobody's file of that name is replaced, where the file system can promise that. */
static int give_name(const struct backup_file *file)
{
    if (renameat2(AT_FDCWD, file->part, AT_FDCWD, file->path, RENAME_NOREPLACE) == 0)
        return 0;
    return errno == EINVAL ? rename(file->part, file->path) : -1;
}

int backup_file_end(struct backup_file *file, char problem[BACKUP_PROBLEM_LEN])
{
    int rc = fsync(file->fd) == 0 && give_name(file) == 0 ? 0 : ERR_IO;
    int reason = errno;

    backup_file_drop(file);
    if (rc == 0) {
        rc = sync_folder_of(file->path);
        reason = errno;
    }
    return rc == 0 ? 0
                   : backup_problem(problem, rc, "%.250s cannot be written: %s", file->path,
                                    strerror(reason));
}
