/* tests/sim/command_vpc.h: commands about private zones and views, for command.c. */
#pragma once

struct Cmd__Command;
struct raft_buf;

/* What client and sequence of @command stand for: a private zone comes, goes, or is associated, or
 * a view does. Many are refused, on all nodes alike. */
struct raft_buf *machine_vpc_command(struct Cmd__Command *command, char *change_id);
