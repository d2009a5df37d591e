#include "control/explain_tree.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "proto/control.pb-c.h"

enum {
    CLIENT_STEPS_MAX = 64,
    ANSWER_STEPS_MAX = 500,
    FIELDS_MAX = 24, /* of one step */
    MEMORY_MAX = 15 << 20,
};

struct explain_tree {
    struct arena *arena;
    Ctl__ExplainStep *client[CLIENT_STEPS_MAX];
    Ctl__ExplainStep *walk[EXPLAIN_STEPS_MAX + ANSWER_STEPS_MAX + 1];
    Ctl__ExplainStep *all[CLIENT_STEPS_MAX + EXPLAIN_STEPS_MAX + ANSWER_STEPS_MAX + 1];
    size_t client_count, walk_count, walk_max;
    size_t left_out;
    bool is_short; /* of memory */
};

void explain_text_add(struct explain_text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int len = vsnprintf(text->octets + text->len, sizeof(text->octets) - text->len, format, args);
    va_end(args);
    if (len > 0)
        text->len += (size_t)len;
    if (text->len >= sizeof(text->octets))
        text->len = sizeof(text->octets) - 1;
}

struct explain_tree *explain_tree_new(void)
{
    struct explain_tree *tree = calloc(1, sizeof(*tree));

    if (!tree)
        return NULL;
    tree->walk_max = EXPLAIN_STEPS_MAX;
    tree->arena = arena_new(MEMORY_MAX);
    if (!tree->arena) {
        free(tree);
        return NULL;
    }
    return tree;
}

void explain_tree_free(struct explain_tree *tree)
{
    if (tree)
        arena_free(tree->arena);
    free(tree);
}

static Ctl__ExplainStep *step_new(struct explain_tree *tree, unsigned depth, const char *kind)
{
    Ctl__ExplainStep *step = arena_alloc(tree->arena, sizeof(*step));

    if (!step) {
        tree->is_short = true;
        return NULL;
    }
    ctl__explain_step__init(step);
    step->depth = depth;
    step->kind = (char *)(uintptr_t)kind;
    return step;
}

struct Ctl__ExplainStep *explain_tree_add(struct explain_tree *tree, unsigned depth,
                                          const char *kind)
{
    if (tree->walk_count >= tree->walk_max) {
        tree->left_out++;
        return NULL;
    }
    Ctl__ExplainStep *step = step_new(tree, depth, kind);
    if (step)
        tree->walk[tree->walk_count++] = step;
    return step;
}

struct Ctl__ExplainStep *explain_tree_add_client(struct explain_tree *tree, unsigned depth,
                                                 const char *kind)
{
    if (tree->client_count >= CLIENT_STEPS_MAX)
        return NULL;
    Ctl__ExplainStep *step = step_new(tree, depth, kind);
    if (step)
        tree->client[tree->client_count++] = step;
    return step;
}

static char *keep_text(struct explain_tree *tree, const char *format, va_list args)
{
    char text[EXPLAIN_TEXT_SIZE];

    vsnprintf(text, sizeof(text), format, args);
    char *kept = arena_copy(tree->arena, text, strlen(text));
    if (!kept)
        tree->is_short = true;
    return kept;
}

void explain_tree_text(struct explain_tree *tree, struct Ctl__ExplainStep *step, const char *format,
                       ...)
{
    va_list args;

    if (!step)
        return;
    va_start(args, format);
    char *text = keep_text(tree, format, args);
    va_end(args);
    if (text)
        step->text = text;
}

void explain_tree_field(struct explain_tree *tree, struct Ctl__ExplainStep *step, const char *name,
                        const char *format, ...)
{
    va_list args;

    if (!step || step->n_fields == FIELDS_MAX)
        return;
    if (!step->fields)
        step->fields = arena_alloc(tree->arena, FIELDS_MAX * sizeof(Ctl__ExplainField *));
    Ctl__ExplainField *field = arena_alloc(tree->arena, sizeof(*field));
    va_start(args, format);
    char *value = keep_text(tree, format, args);
    va_end(args);
    if (!step->fields || !field || !value) {
        tree->is_short = true;
        return;
    }
    ctl__explain_field__init(field);
    field->name = (char *)(uintptr_t)name;
    field->value = value;
    step->fields[step->n_fields++] = field;
}

void explain_tree_begin_answer(struct explain_tree *tree)
{
    tree->walk_max = tree->walk_count + ANSWER_STEPS_MAX;
    if (tree->left_out == 0)
        return;
    Ctl__ExplainStep *step = explain_tree_add(tree, 0, "left-out");
    explain_tree_text(tree, step, "%zu more steps, which are left out here", tree->left_out);
    explain_tree_field(tree, step, "count", "%zu", tree->left_out);
    tree->left_out = 0;
}

int explain_tree_fill(struct explain_tree *tree, struct Ctl__ExplainReply *reply)
{
    if (tree->is_short)
        return ERR_NOMEM;
    memcpy(tree->all, tree->client, tree->client_count * sizeof(tree->all[0]));
    memcpy(tree->all + tree->client_count, tree->walk, tree->walk_count * sizeof(tree->all[0]));
    reply->steps = tree->all;
    reply->n_steps = tree->client_count + tree->walk_count;
    return 0;
}
