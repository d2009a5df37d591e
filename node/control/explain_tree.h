/* node/control/explain_tree.h: the steps of an explanation as they are found out, in memory of
 * their own that goes at once. There is a bound: what is past it is counted and left out. One
 * thread. */
#pragma once

#include <stddef.h>

#define EXPLAIN_STEPS_MAX 2000u
#define EXPLAIN_TEXT_SIZE                                                                          \
    800u /* octets of one line or value, NUL included; the rest is cut off                         \
          */

struct Ctl__ExplainReply;
struct Ctl__ExplainStep;
struct explain_tree;

/* A line under way. */
struct explain_text {
    size_t len;
    char octets[EXPLAIN_TEXT_SIZE];
};
void explain_text_add(struct explain_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* NULL: no memory. */
struct explain_tree *explain_tree_new(void);
void explain_tree_free(struct explain_tree *tree); /* accepts NULL */

/* A step at the end; @kind is static. NULL where no more fit, which all others accept. */
struct Ctl__ExplainStep *explain_tree_add(struct explain_tree *tree, unsigned depth,
                                          const char *kind);
/* The same for what is known about the client: all of it stands before the other steps, whenever it
 * was found out. */
struct Ctl__ExplainStep *explain_tree_add_client(struct explain_tree *tree, unsigned depth,
                                                 const char *kind);
/* The step's line for people. */
void explain_tree_text(struct explain_tree *tree, struct Ctl__ExplainStep *step, const char *format,
                       ...) __attribute__((format(printf, 3, 4)));
/* A field for programs; @name is static. */
void explain_tree_field(struct explain_tree *tree, struct Ctl__ExplainStep *step, const char *name,
                        const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The walk is over: what is added from now on is the answer, which always has room. */
void explain_tree_begin_answer(struct explain_tree *tree);
/* Put all steps into @reply, views into the tree. ERR_NOMEM: some memory was missing. */
int explain_tree_fill(struct explain_tree *tree, struct Ctl__ExplainReply *reply);
