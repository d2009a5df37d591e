/* tests/sim/command_health.h: commands about health checks, for command.c. */
#pragma once

#include <stdint.h>

struct Cmd__Command;
struct raft_buf;

/* A batch of @command alone. The caller owns it. */
struct raft_buf *machine_pack(struct Cmd__Command *command);
/* What client and sequence of @command stand for: a check is created, changed, judged, overridden
 * or deleted, or a record set of the zone is overridden. Many are refused, on all nodes alike. */
struct raft_buf *machine_health_command(struct Cmd__Command *command, char *zone_id,
                                        uint8_t letter);
