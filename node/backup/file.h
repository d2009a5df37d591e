/* node/backup/file.h: a backup as a file: read in pieces, and written so that a name never stands
 * for half of one. Blocks; any thread. */
#pragma once

#include <limits.h>

#include "backup/backup.h"

/* Open @path for reading; *@fd is the caller's to close. ERR_NOT_FOUND, ERR_IO; @problem says why.
 */
int backup_file_open(const char *path, int *fd, struct backup_source *out,
                     char problem[BACKUP_PROBLEM_LEN]);
/* The same of an open file, read from its start; it stays the caller's. ERR_IO. */
int backup_file_source(int *fd, struct backup_source *out);

struct backup_file {
    int fd;
    char path[PATH_MAX];
    char part[PATH_MAX]; /* PATH.part, while it is written */
};
/* Begin a file of mode 0600. ERR_EXISTS (there is @path already), ERR_IO, ERR_LIMIT (the path is
 * too long). */
int backup_file_begin(const char *path, struct backup_file *out, char problem[BACKUP_PROBLEM_LEN]);
/* A backup_sink_cb of it. ERR_IO (errno tells). */
int backup_file_put(void *file, const void *data, size_t len);
/* Make it last and give it its name. ERR_IO: then it is gone. */
int backup_file_end(struct backup_file *file, char problem[BACKUP_PROBLEM_LEN]);
/* Remove what there is of it. */
void backup_file_drop(struct backup_file *file);
