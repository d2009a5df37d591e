/* node/control/explain_answer.h: a reply of ours in words: its code, its records, and how many
 * clients it is for. */
#pragma once

#include <stdint.h>

struct dns_writer;
struct explain_tree;

/* Steps of kind answer and, below it, record. @reply is finished. ERR_NOMEM. */
int explain_answer_tell(struct explain_tree *tree, const struct dns_writer *reply);
