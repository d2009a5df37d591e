/* raft/io/driver_files.c: the driver's folders. */
#include "raft/io/driver_files.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "raft/core/error.h"

#define OPEN_FOLDERS_MAX 8

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

int driver__remove_tree(const char *path)
{
    if (nftw(path, remove_one, OPEN_FOLDERS_MAX, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT)
        return 0;
    return RAFT_EIO;
}

int driver__make_dir(const char *path)
{
    return mkdir(path, 0700) == 0 || errno == EEXIST ? 0 : RAFT_EIO;
}
