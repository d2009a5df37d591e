/* node/base/file.h: small files, whole: read bounded, written atomically and durably. Any thread
 * that may block on a disk. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Read all of @path. On 0 the caller owns *@out (free), which has a NUL behind its *@len octets.
 * ERR_NOT_FOUND; ERR_LIMIT (over @len_max); ERR_IO (errno tells); ERR_NOMEM. */
int file_read(const char *path, size_t len_max, uint8_t **out, size_t *len);
/* Replace @path by @len octets with @mode: temporary file beside it, fsync, rename, fsync of the
 * folder. After a crash the old or the new content is there, never a mix. ERR_IO (errno tells). */
int file_write(const char *path, const void *data, size_t len, mode_t mode);
/* fsync a folder, so that names made or renamed in it last. ERR_IO. */
int file_sync_folder(const char *path);
/* Delete @path and all below it, without following links. 0 also when it is not there. ERR_IO. */
int file_remove_tree(const char *path);
