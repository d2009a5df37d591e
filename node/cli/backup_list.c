#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/file.h"
#include "backup/read.h"
#include "base/clock.h"
#include "base/err.h"
#include "cli/backup_view.h"
#include "cli/cli.h"
#include "cli/output.h"
#include "cli/restore_command.h"

#define FILES_MAX 100000u

struct entry {
    char *name;
    uint64_t octets;
    bool is_whole;
    struct backup_about about; /* its first part can be read, or zeroes */
    char problem[BACKUP_PROBLEM_LEN];
};

/* false: it is no backup at all. */
static bool look(const char *path, struct entry *out)
{
    struct backup_source source;
    struct backup_found found;
    int fd;

    if (backup_file_open(path, &fd, &source, out->problem) != 0)
        return false;
    out->octets = source.len;
    int rc = backup_read_about(&source, &out->about, out->problem);
    bool is_one = rc != ERR_INVALID;
    if (rc == 0)
        rc = backup_read(&source, NULL, NULL, NULL, &found, out->problem);
    out->is_whole = rc == 0;
    close(fd);
    return is_one;
}

static int newest_first(const void *a, const void *b)
{
    const struct entry *one = *(struct entry *const *)a, *two = *(struct entry *const *)b;

    if (one->about.taken_wall_ms != two->about.taken_wall_ms)
        return one->about.taken_wall_ms < two->about.taken_wall_ms ? 1 : -1;
    return strcmp(one->name, two->name);
}

/* On 0 the entry is in the list; -1: no memory. */
static int add(struct entry ***list, size_t *count, const char *folder, const char *name)
{
    char path[PATH_MAX];
    struct entry *entry = calloc(1, sizeof(*entry));

    snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (!entry)
        return -1;
    if (!look(path, entry)) {
        free(entry);
        return 0;
    }
    struct entry **grown = realloc(*list, (*count + 1) * sizeof(**list));
    if (grown)
        *list = grown;
    entry->name = strdup(name);
    if (!grown || !entry->name) {
        free(entry->name);
        free(entry);
        return -1;
    }
    grown[(*count)++] = entry;
    return 0;
}

static void print_list(struct entry **list, size_t count)
{
    struct table table;

    table_init(&table, "FILE|TAKEN|CLUSTER|NODE|INDEX|ZONES|RECORD SETS|KEY|OCTETS|WHOLE");
    for (size_t i = 0; i < count; i++) {
        const struct backup_about *about = &list[i]->about;
        char taken[CLOCK_TEXT_LEN] = "-";
        if (about->taken_wall_ms != 0)
            clock_format(about->taken_wall_ms, taken);
        table_next_row(&table);
        table_cell(&table, 0, "%s", list[i]->name);
        table_cell(&table, 1, "%s", taken);
        table_cell(&table, 2, "%s", about->cluster.domain[0] ? about->cluster.domain : "-");
        table_cell(&table, 3, "%s", about->node_name[0] ? about->node_name : "-");
        table_cell(&table, 4, "%" PRIu64, about->applied.index);
        table_cell(&table, 5, "%" PRIu64, about->counts.zones);
        table_cell(&table, 6, "%" PRIu64, about->counts.record_sets);
        table_cell(&table, 7, "%s", backup_view_key(about));
        table_cell(&table, 8, "%" PRIu64, list[i]->octets);
        table_cell(&table, 9, "%s", list[i]->is_whole ? "yes" : "NO");
    }
    table_print(&table);
    for (size_t i = 0; i < count; i++) {
        if (!list[i]->is_whole)
            printf("%s: %s\n", list[i]->name, list[i]->problem);
    }
}

static void print_list_json(struct entry **list, size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        json_t *object = backup_view_json(list[i]->name, &list[i]->about, list[i]->octets);
        json_object_set_new(object, "is_whole", json_boolean(list[i]->is_whole));
        if (!list[i]->is_whole)
            json_object_set_new(object, "problem", json_string(list[i]->problem));
        json_array_append_new(array, object);
    }
    output_json(array);
}

int cli_backup_list(struct cli *cli)
{
    const char *folder = cli->word_count > 0 ? cli->words[0] : ".";
    DIR *stream = opendir(folder);
    const struct dirent *found;
    struct entry **list = NULL;
    size_t count = 0;
    bool is_whole = true;
    int rc = 0;

    if (!stream)
        return cli_fail(cli, CLI_REFUSED, "%s: %s", folder, strerror(errno));
    while (rc == 0 && count < FILES_MAX && (found = readdir(stream))) {
        if (found->d_name[0] != '.')
            rc = add(&list, &count, folder, found->d_name);
    }
    closedir(stream);
    if (count > 0)
        qsort(list, count, sizeof(*list), newest_first);
    if (rc == 0 && cli->is_json)
        print_list_json(list, count);
    else if (rc == 0)
        print_list(list, count);
    for (size_t i = 0; i < count; i++) {
        is_whole = is_whole && list[i]->is_whole;
        free(list[i]->name);
        free(list[i]);
    }
    free(list);
    if (rc != 0)
        return cli_fail(cli, CLI_REFUSED, "out of memory");
    return is_whole ? CLI_OK : CLI_REFUSED;
}
