/* node/cli/record_references.h: health checks and CIDR collections that were named otherwise than
 * by their ids. Each asks the node and returns an exit status; failures have been told. */
#pragma once

#include "zone/routing.h"

struct cli;
struct route53_file;

/* A collection by its name. */
int record_reference_collection(struct cli *cli, const char *name, char out[ZONE_UUID_SIZE]);
/* A check by the beginning of its id, or by its caller's reference. */
int record_reference_check(struct cli *cli, const char *text, char out[ZONE_UUID_SIZE]);
/* All of a file. */
int record_references_resolve(struct cli *cli, struct route53_file *file);
