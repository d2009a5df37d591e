/* links: store zone dns proto base
 *
 * tests/e2e/e2e_journal.c: what a stopped node's state says, read from its data folder.
 *
 *   e2e_journal DATA_DIR [FROM_INDEX]
 *
 * One line for each change in the journal: its index, its id and its comment. The last line is
 * "applied INDEX HASH". Exit status 1 when the state cannot be read. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "store/state.h"
#include "store/store.h"

static int print_change(void *user, const struct state_change *change)
{
    (void)user;
    printf("%" PRIu64 " %s %s\n", change->index, change->id, change->comment);
    return 0;
}

int main(int argc, char **argv)
{
    struct store *store;
    struct state_applied applied;

    if (argc < 2 || argc > 3) {
        fprintf(stderr, "usage: e2e_journal DATA_DIR [FROM_INDEX]\n");
        return 2;
    }
    uint64_t from = argc == 3 ? strtoull(argv[2], NULL, 10) : 0;
    int rc = store_open(argv[1], &store);
    if (rc == 0) {
        rc = state_list_changes(store_kv(store), from, print_change, NULL);
        if (rc == 0)
            rc = state_get_applied(store_kv(store), &applied);
        if (rc == 0)
            printf("applied %" PRIu64 " %016" PRIx64 "%016" PRIx64 "\n", applied.index,
                   applied.hash.high, applied.hash.low);
        store_close(store);
    }
    if (rc != 0)
        fprintf(stderr, "e2e_journal: %s: %s\n", argv[1], err_text(rc));
    return rc == 0 ? 0 : 1;
}
