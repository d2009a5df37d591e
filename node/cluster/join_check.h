/* node/cluster/join_check.h: the form of a Join request, before anything is looked up. Pure. */
#pragma once

#include <stdbool.h>

struct Adm__Join;

/* Hostile contents. 0; ERR_INVALID with *@why (static). */
int join_check(const struct Adm__Join *join, const char **why);
/* One DNS label of lower-case letters, digits and inner hyphens. */
bool join_is_name(const char *text);
