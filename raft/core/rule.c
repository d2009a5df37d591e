/* raft/core/rule.c: which rule a mutation build breaks. Empty in production. */
#include "raft/core/rule.h"

#ifdef RAFT_MUTATIONS
unsigned raft_mutation;
const char *const raft_rule_names[RAFT_RULE_COUNT] = {"none",
#define RAFT_RULE_NAME(name) #name,
                                                      RAFT_RULES(RAFT_RULE_NAME)
#undef RAFT_RULE_NAME
};
#else
typedef int raft_rule_unit_is_not_empty;
#endif
