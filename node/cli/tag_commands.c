/* node/cli/tag_commands.c: tags of zones and health checks. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/output.h"
#include "proto/control.pb-c.h"

#define TAGS_MAX 100u /* of one command */
#define TEXT_SIZE 2048u

/* The first word: what has the tags. false: told. */
static bool take_resource(const struct cli *cli, Cmd__TagResource *out)
{
    if (strcmp(cli->words[0], "zone") == 0)
        *out = CMD__TAG_RESOURCE__TAG_RESOURCE_ZONE;
    else if (strcmp(cli->words[0], "check") == 0)
        *out = CMD__TAG_RESOURCE__TAG_RESOURCE_HEALTH_CHECK;
    else {
        cli_fail(cli, CLI_USAGE, "'%s' is neither zone nor check: write zone ZONE or check CHECK",
                 cli->words[0]);
        return false;
    }
    return true;
}

static int ask_change(struct cli *cli, Ctl__TagsChange *change)
{
    Ctl__Request request = CTL__REQUEST__INIT;

    change->resource_id = (char *)cli->words[1];
    request.kind_case = CTL__REQUEST__KIND_TAGS_CHANGE;
    request.tags_change = change;
    return cli_ask_and_say(cli, &request);
}

/* "KEY=VALUE" into @storage; the value may hold '=' too. false: told. */
static bool take_tag(const struct cli *cli, const char *word, char storage[TEXT_SIZE],
                     Cmd__Tag *out)
{
    const char *sign = strchr(word, '=');

    if (!sign || sign == word || strlen(word) >= TEXT_SIZE) {
        cli_fail(cli, CLI_USAGE, "'%.100s' is no tag: write KEY=VALUE", word);
        return false;
    }
    memcpy(storage, word, strlen(word) + 1);
    storage[sign - word] = '\0';
    cmd__tag__init(out);
    out->key = storage;
    out->value = storage + (sign - word) + 1;
    return true;
}

static int run_set(struct cli *cli)
{
    static char texts[TAGS_MAX][TEXT_SIZE];
    Ctl__TagsChange change = CTL__TAGS_CHANGE__INIT;
    Cmd__Tag tags[TAGS_MAX], *pointers[TAGS_MAX];

    if (!take_resource(cli, &change.resource))
        return CLI_USAGE;
    for (unsigned i = 2; i < cli->word_count; i++) {
        if (!take_tag(cli, cli->words[i], texts[change.n_add], &tags[change.n_add]))
            return CLI_USAGE;
        pointers[change.n_add] = &tags[change.n_add];
        change.n_add++;
    }
    change.add = pointers;
    return ask_change(cli, &change);
}

static int run_remove(struct cli *cli)
{
    Ctl__TagsChange change = CTL__TAGS_CHANGE__INIT;
    char *keys[TAGS_MAX];

    if (!take_resource(cli, &change.resource))
        return CLI_USAGE;
    for (unsigned i = 2; i < cli->word_count; i++)
        keys[change.n_remove++] = (char *)cli->words[i];
    change.remove = keys;
    return ask_change(cli, &change);
}

static void show(const struct cli *cli, const Ctl__TagSet *set)
{
    json_t *object = cli->is_json ? json_object() : NULL;
    struct table table;

    table_init(&table, "KEY|VALUE");
    for (size_t i = 0; i < set->n_tags; i++) {
        if (object) {
            json_object_set_new(object, set->tags[i]->key, json_string(set->tags[i]->value));
            continue;
        }
        table_next_row(&table);
        table_cell(&table, 0, "%s", set->tags[i]->key);
        table_cell(&table, 1, "%s", set->tags[i]->value);
    }
    if (object)
        output_json(json_pack("{s:s, s:o}", "id", set->resource_id, "tags", object));
    else
        table_print(&table);
}

static int run_list(struct cli *cli)
{
    Ctl__Request request = CTL__REQUEST__INIT;
    Ctl__TagsGet get = CTL__TAGS_GET__INIT;
    char *id = (char *)cli->words[1];
    struct Ctl__Reply *reply;

    if (!take_resource(cli, &get.resource))
        return CLI_USAGE;
    get.n_resource_ids = 1;
    get.resource_ids = &id;
    request.kind_case = CTL__REQUEST__KIND_TAGS_GET;
    request.tags_get = &get;
    int status = cli_ask(cli, &request, &reply);
    if (status != CLI_OK)
        return status;
    if (!reply->tags || reply->tags->n_sets != 1)
        status = cli_fail(cli, CLI_REFUSED, "%s sent no tags", cli->node);
    else
        show(cli, reply->tags->sets[0]);
    cli_free_reply(reply);
    return status;
}

const struct cli_command cli_tag_commands[] = {
    {"tag", "set", "zone|check RESOURCE KEY=VALUE...", 3, 2 + TAGS_MAX,
     "give tags to a zone or a health check",
     "A tag of a key that is there gets the new value. A zone or check has at most 50.\n\n"
     "  quartet tag set zone example.com team=web stage=production",
     NULL, false, run_set},
    {"tag", "remove", "zone|check RESOURCE KEY...", 3, 2 + TAGS_MAX,
     "take tags from a zone or a health check", NULL, NULL, false, run_remove},
    {"tag", "list", "zone|check RESOURCE", 2, 2, "list the tags of a zone or a health check", NULL,
     NULL, false, run_list},
    {0},
};
