/* tests/lib/log_folder.c: direct access to a log store's RocksDB files. */
#include "lib/log_folder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "raft/io/log_store_record.h"

static uint64_t total_len;

void log_folder_make(char *dir, size_t dir_len)
{
    snprintf(dir, dir_len, "/tmp/quartet-log-XXXXXX");
    assert_non_null(mkdtemp(dir));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

void log_folder_remove(const char *dir)
{
    assert_int_equal(nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static int add_len(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)path;
    (void)walk;
    if (kind == FTW_F)
        total_len += (uint64_t)info->st_blocks * 512;
    return 0;
}

uint64_t log_folder_len(const char *dir)
{
    total_len = 0;
    nftw(dir, add_len, 8, FTW_PHYS); /* files may vanish under it */
    return total_len;
}

static rocksdb_t *open_folder(const char *dir)
{
    char *error = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_t *db = rocksdb_open(options, dir, &error);
    assert_null(error);
    rocksdb_options_destroy(options);
    return db;
}

static char *get(rocksdb_t *db, const void *key, size_t key_len, size_t *len)
{
    char *error = NULL;
    rocksdb_readoptions_t *options = rocksdb_readoptions_create();
    char *value = rocksdb_get(db, options, key, key_len, len, &error);
    assert_null(error);
    assert_non_null(value);
    rocksdb_readoptions_destroy(options);
    return value;
}

static void put(rocksdb_t *db, const void *key, size_t key_len, const char *value, size_t len)
{
    char *error = NULL;
    rocksdb_writeoptions_t *options = rocksdb_writeoptions_create();
    if (value != NULL)
        rocksdb_put(db, options, key, key_len, value, len, &error);
    else
        rocksdb_delete(db, options, key, key_len, &error);
    assert_null(error);
    rocksdb_writeoptions_destroy(options);
}

void log_folder_flip(const char *dir, const void *key, size_t key_len, size_t at)
{
    size_t len = 0;
    rocksdb_t *db = open_folder(dir);
    char *value = get(db, key, key_len, &len);
    assert_true(at < len);
    value[at] = (char)(value[at] ^ 1);
    put(db, key, key_len, value, len);
    rocksdb_free(value);
    rocksdb_close(db);
}

void log_folder_delete(const char *dir, const void *key, size_t key_len)
{
    rocksdb_t *db = open_folder(dir);
    put(db, key, key_len, NULL, 0);
    rocksdb_close(db);
}

void log_folder_copy(const char *dir, uint64_t from, uint64_t to)
{
    uint8_t from_key[LOG_RECORD_KEY_LEN], to_key[LOG_RECORD_KEY_LEN];
    size_t len = 0;
    rocksdb_t *db = open_folder(dir);
    log_record_key(from, from_key);
    log_record_key(to, to_key);
    char *value = get(db, from_key, sizeof(from_key), &len);
    put(db, to_key, sizeof(to_key), value, len);
    rocksdb_free(value);
    rocksdb_close(db);
}

/* The path of the newest *.log. */
static void newest_wal(const char *dir, char *out, size_t out_len)
{
    char best[256] = "";
    DIR *folder = opendir(dir);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && strcmp(entry->d_name + len - 4, ".log") == 0 &&
            strcmp(entry->d_name, best) > 0)
            snprintf(best, sizeof(best), "%s", entry->d_name);
    }
    closedir(folder);
    snprintf(out, out_len, "%s/%s", dir, best);
}

void log_folder_truncate_wal(const char *dir, size_t len)
{
    char path[512];
    struct stat info;
    newest_wal(dir, path, sizeof(path));
    assert_int_equal(stat(path, &info), 0);
    assert_true((size_t)info.st_size > len);
    assert_int_equal(truncate(path, info.st_size - (off_t)len), 0);
}

void log_folder_flip_wal(const char *dir, size_t at)
{
    char path[512];
    uint8_t octet = 0;
    newest_wal(dir, path, sizeof(path));
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &octet, 1, (off_t)at), 1);
    octet ^= 1;
    assert_int_equal(pwrite(fd, &octet, 1, (off_t)at), 1);
    close(fd);
}
