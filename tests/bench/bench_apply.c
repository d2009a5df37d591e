/* links: cluster store test_apply */
/* bench_apply [RECORD_SETS]: processor time of applying entries over RocksDB: an import in chunks
 * of 3,000 record sets (names in order, then shuffled), and single changes in batches. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/file.h"
#include "lib/test_apply.h"
#include "store/store.h"

#define CHUNK_SETS 3000u
#define BATCH_COMMANDS 1000u
#define BATCHES 40u

/* Processor time of this thread: RocksDB compacts on others, and machines are shared. */
static uint64_t spent_now_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void fill_set(struct test_apply *test, Cmd__RecordSet **out, uint64_t number)
{
    char name[64];
    uint32_t address = (uint32_t)number;
    char rdata[16];

    snprintf(name, sizeof(name), "host-%08" PRIu64 ".example.", number);
    snprintf(rdata, sizeof(rdata), "%08x", address);
    *out = test_set(test, name, 1, 300, rdata);
}

static void forget(struct test_apply *test, unsigned piece_count)
{
    while (test->piece_count > piece_count)
        free(test->pieces[--test->piece_count]);
}

/* A chunk of sets built without the fixture's bounded list: one block for all. */
struct block {
    Cmd__RecordSet sets[CHUNK_SETS];
    Cmd__RecordSet *pointers[CHUNK_SETS];
    uint8_t names[CHUNK_SETS][32];
    uint8_t rdata[CHUNK_SETS][4];
    ProtobufCBinaryData views[CHUNK_SETS];
};

static void fill_block(struct block *block, uint64_t first, uint64_t stride, uint64_t total)
{
    for (unsigned i = 0; i < CHUNK_SETS; i++) {
        uint64_t number = (first + i) * stride % total;
        char label[32];
        snprintf(label, sizeof(label), "host-%08" PRIu64, number);
        uint8_t *name = block->names[i];
        name[0] = 13;
        memcpy(name + 1, label, 13);
        memcpy(name + 14, "\7example", 9);
        memcpy(block->rdata[i], &number, 4);
        block->views[i] = (ProtobufCBinaryData){4, block->rdata[i]};
        cmd__record_set__init(&block->sets[i]);
        block->sets[i].name = (ProtobufCBinaryData){23, name};
        block->sets[i].type = 1;
        block->sets[i].ttl_s = 300;
        block->sets[i].rdata = &block->views[i];
        block->sets[i].n_rdata = 1;
        block->pointers[i] = &block->sets[i];
    }
}

static void bench_import(struct test_apply *test, const char *what, uint64_t change,
                         uint64_t stride, uint64_t total)
{
    static struct block block;
    unsigned piece_count = test->piece_count;
    uint64_t spent_ns = 0, chunks = total / CHUNK_SETS;

    ASSERT(test_apply_one(test, test_import_begin(test, 1, change))->code == 0);
    for (uint64_t i = 0; i < chunks; i++) {
        fill_block(&block, i * CHUNK_SETS, stride, total);
        Cmd__Command *command = test_import_chunk(test, change, 0);
        command->done_below = command->sequence;
        command->import_chunk->record_sets = block.pointers;
        command->import_chunk->n_record_sets = CHUNK_SETS;
        struct raft_entry entry = test_entry(test->index + 1, &command, 1);
        test->result_count = test->effect_count = 0;
        uint64_t start_ns = spent_now_ns();
        ASSERT(apply_entry(test->apply, &entry) == 0);
        spent_ns += spent_now_ns() - start_ns;
        test->index++;
        ASSERT(test->results[0].code == 0);
        raft_buf_unref(entry.data);
        forget(test, piece_count);
    }
    printf("%s: %" PRIu64 " record sets, %.2f us each, %.0f/s\n", what, chunks * CHUNK_SETS,
           (double)spent_ns / 1000 / (double)(chunks * CHUNK_SETS),
           (double)(chunks * CHUNK_SETS) * 1e9 / (double)spent_ns);
    Cmd__RecordSet *soa = test_set(test, "example.", 6, 900, test_soa);
    Cmd__RecordSet *ns = test_set(test, "example.", 2, 900, test_ns);
    ASSERT(test_apply_one(test, test_import_chunk(test, change, 2, soa, ns))->code == 0);
    uint64_t start_ns = spent_now_ns();
    ASSERT(test_apply_one(test, test_import_commit(test, change, chunks + 1))->code == 0);
    printf("%s: commit %.2f ms\n", what, (double)(spent_now_ns() - start_ns) / 1e6);
}

static void bench_changes(struct test_apply *test, const char *what, Cmd__Action action,
                          uint64_t first)
{
    static Cmd__Command *commands[BATCH_COMMANDS];
    unsigned piece_count = test->piece_count;
    uint64_t spent_ns = 0;

    for (unsigned batch = 0; batch < BATCHES; batch++) {
        struct raft_entry entry;
        static uint8_t storage[1 << 20];
        struct command_batch packed;
        command_batch_init(&packed, storage, sizeof(storage));
        for (unsigned i = 0; i < BATCH_COMMANDS; i++) {
            uint64_t number = first + batch * BATCH_COMMANDS + i;
            uint8_t *octets;
            size_t len;
            Cmd__RecordSet *set;
            fill_set(test, &set, number);
            commands[i] = test_change(test, 1, 5000000 + test->sequence, 1, action, set);
            commands[i]->done_below = commands[i]->sequence > 64 ? commands[i]->sequence - 64 : 1;
            ASSERT(command_encode(commands[i], &octets, &len) == 0);
            ASSERT(command_batch_add(&packed, octets, len));
            free(octets);
            forget(test, piece_count);
        }
        struct raft_buf *data = raft_buf_new(packed.data, packed.len);
        entry = (struct raft_entry){test->index + 1, 1, RAFT_ENTRY_NORMAL, data};
        test->result_count = test->effect_count = 0;
        uint64_t start_ns = spent_now_ns();
        ASSERT(apply_entry(test->apply, &entry) == 0);
        spent_ns += spent_now_ns() - start_ns;
        test->index++;
        for (unsigned i = 0; i < BATCH_COMMANDS; i++)
            ASSERT(test->results[i].code == 0);
        raft_buf_unref(data);
    }
    printf("%s: %u commands, %.2f us each, %.0f/s\n", what, BATCHES * BATCH_COMMANDS,
           (double)spent_ns / 1000 / (BATCHES * BATCH_COMMANDS),
           BATCHES * BATCH_COMMANDS * 1e9 / (double)spent_ns);
}

static int on_set(void *user, const struct state_record_set *set)
{
    (void)set;
    ++*(uint64_t *)user;
    return 0;
}

static void bench_store(struct test_apply *test, struct store *store, const char *folder)
{
    struct state_zone zone;
    uint64_t count = 0, start_ns = spent_now_ns();
    char target[256];

    ASSERT(state_get_zone(&test->kv, test_id(test, 'Z', 1), &zone) == 0);
    ASSERT(state_list_record_sets(&test->kv, zone.content, NULL, on_set, &count) == 0);
    printf("read all: %" PRIu64 " record sets, %.0f/s\n", count,
           (double)count * 1e9 / (double)(spent_now_ns() - start_ns));
    start_ns = spent_now_ns();
    ASSERT(store_flush(store) == 0);
    printf("flush: %.2f ms\n", (double)(spent_now_ns() - start_ns) / 1e6);
    snprintf(target, sizeof(target), "%s/copy", folder);
    start_ns = spent_now_ns();
    ASSERT(store_checkpoint(store, target) == 0);
    printf("checkpoint: %.2f ms\n", (double)(spent_now_ns() - start_ns) / 1e6);
    start_ns = spent_now_ns();
    ASSERT(store_verify(store) == 0);
    printf("verify: %.2f ms\n", (double)(spent_now_ns() - start_ns) / 1e6);
}

int main(int argc, char **argv)
{
    static struct test_apply test;
    char folder[] = "/tmp/bench_apply.XXXXXX";
    uint64_t total = argc > 1 ? strtoull(argv[1], NULL, 10) : 300000;
    struct store *store;

    ASSERT(mkdtemp(folder) && store_open(folder, &store) == 0);
    test_apply_init(&test, *store_kv(store));
    ASSERT(test_apply_one(&test, test_create_zone(&test, 1, "example."))->code == 0);
    bench_import(&test, "import in order", 1, 1, total);
    bench_import(&test, "import shuffled", 2, 7919 * 7, total);
    bench_changes(&test, "upsert existing", CMD__ACTION__ACTION_UPSERT, 0);
    bench_changes(&test, "create new", CMD__ACTION__ACTION_CREATE, total + 1);
    bench_store(&test, store, folder);
    test.kv = (struct kv){0};
    test_apply_fini(&test);
    store_close(store);
    return file_remove_tree(folder) != 0;
}
