/* tests/lib/log_folder.h: makes, damages and measures the folder of a log store, behind its back.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A new folder in /tmp; the store goes into it. Asserts (cmocka) on failure, like all here. */
void log_folder_make(char *dir, size_t dir_len);
void log_folder_remove(const char *dir);
uint64_t log_folder_len(const char *dir); /* octets of all files */

/* On a closed store: invert the lowest bit of one octet of a value; delete a key; put entry
 * @from's record under @to. */
void log_folder_flip(const char *dir, const void *key, size_t key_len, size_t at);
void log_folder_delete(const char *dir, const void *key, size_t key_len);
void log_folder_copy(const char *dir, uint64_t from, uint64_t to);
/* Cut @len octets off the newest write-ahead file; invert a bit in the octet at @at of it. */
void log_folder_truncate_wal(const char *dir, size_t len);
void log_folder_flip_wal(const char *dir, size_t at);
