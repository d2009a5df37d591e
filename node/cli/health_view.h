/* node/cli/health_view.h: health checks and overrides for people and as JSON. */
#pragma once

#include "cli/cli.h"

struct Ctl__HealthReply;
struct Ctl__Override;
struct Ctl__RecordSetKey;
struct json_t;
struct table;

void health_view_print(const struct Ctl__HealthReply *check);
void health_view_print_status(const struct Ctl__HealthReply *check);
/* One row under "ID|TYPE|CHECKS|STATUS|SINCE|CHECKERS". */
void health_view_row(const struct Ctl__HealthReply *check, struct table *table);
struct json_t *health_view_json(const struct Ctl__HealthReply *check);
struct json_t *health_key_json(const struct Ctl__RecordSetKey *key);

/* "forced down by cli:anna: moving racks; clears itself in 1 h 59 min" */
#define HEALTH_OVERRIDE_TEXT_SIZE 700u
void health_override_text(const struct Ctl__Override *override,
                          char out[HEALTH_OVERRIDE_TEXT_SIZE]);
struct json_t *health_override_json(const struct Ctl__Override *override);

/* health_override_commands.c */
extern const enum cli_option health_override_options[];
int health_override_run(struct cli *cli);
int health_overrides_run(struct cli *cli);
