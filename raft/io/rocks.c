/* raft/io/rocks.c: the fence around opening RocksDB. */
#include "raft/io/rocks.h"

#include <rocksdb/c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raft/core/error.h"

#define WRITE_BUFFER_LEN (16u << 20)
#define WRITE_BUFFERS_MAX 3
#define BLOCK_CACHE_LEN (8u << 20)
#define WAL_TOTAL_LEN (64u << 20)
#define INFO_LOG_LEN (1u << 20)
#define INFO_LOG_FATAL 4 /* rocksdb's InfoLogLevel, not named in its C header */
#define INFO_LOGS_KEPT 2
#define OPEN_FILES_MAX 64

static void set_table(rocksdb_options_t *options)
{
    rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
    rocksdb_cache_t *cache = rocksdb_cache_create_lru(BLOCK_CACHE_LEN);
    rocksdb_block_based_options_set_block_cache(table, cache);
    rocksdb_options_set_block_based_table_factory(options, table);
    rocksdb_cache_destroy(cache); /* the table holds it from here on */
    rocksdb_block_based_options_destroy(table);
}

rocksdb_options_t *rocks_log_options(void)
{
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    rocksdb_options_set_paranoid_checks(options, 1);
    /* What a crash can leave behind is a torn record at the very end of the newest file, and that
     * was never acknowledged: every write here is synced. So that alone is tolerated. "Absolute
     * consistency" would refuse to start after a power cut; "point in time" would also take a bad
     * record in the middle for the end, and silently drop acknowledged writes behind it. */
    rocksdb_options_set_wal_recovery_mode(options,
                                          rocksdb_tolerate_corrupted_tail_records_recovery);
    rocksdb_options_set_write_buffer_size(options, WRITE_BUFFER_LEN);
    rocksdb_options_set_max_write_buffer_number(options, WRITE_BUFFERS_MAX);
    rocksdb_options_set_max_total_wal_size(options, WAL_TOTAL_LEN);
    rocksdb_options_set_target_file_size_base(options, WRITE_BUFFER_LEN);
    rocksdb_options_set_compression(options, rocksdb_no_compression);
    rocksdb_options_set_max_background_jobs(options, 2);
    rocksdb_options_set_max_open_files(options, OPEN_FILES_MAX);
    /* RocksDB 7.8 as Debian builds it aborts at the second line that its information log cannot
     * write, so on a full disk before we can say why: only its header, at open, is written. */
    rocksdb_options_set_info_log_level(options, INFO_LOG_FATAL);
    rocksdb_options_set_max_log_file_size(options, INFO_LOG_LEN);
    rocksdb_options_set_keep_log_file_num(options, INFO_LOGS_KEPT);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_stats_persist_period_sec(options, 0);
    set_table(options);
    return options;
}

int rocks_error_take(char *text, char *error, size_t error_len)
{
    int code = RAFT_EIO;
    if (strncmp(text, "Corruption", strlen("Corruption")) == 0)
        code = RAFT_ECORRUPT;
    else if (strstr(text, "/LOCK") != NULL)
        code = RAFT_EBUSY;
    snprintf(error, error_len, "%s", text);
    rocksdb_free(text);
    return code;
}

int rocks_open(const rocksdb_options_t *options, const char *dir, rocksdb_t **out, char *error,
               size_t error_len)
{
    char *text = NULL;
    rocksdb_t *db = rocksdb_open(options, dir, &text);
    if (text != NULL)
        return rocks_error_take(text, error, error_len);
    *out = db;
    return 0;
}
