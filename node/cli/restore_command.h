/* node/cli/restore_command.h: what is behind 'quartet restore' and 'quartet backup list'. */
#pragma once

struct cli;

/* Return enum cli_exit. */
int cli_restore(struct cli *cli);
int cli_backup_list(struct cli *cli);
