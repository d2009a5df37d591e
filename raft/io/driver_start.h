/* raft/io/driver_start.h: what raft_driver_open() finds on disk becomes a core. */
#pragma once

struct raft_driver;

/* Open the log, bring it together with the application's state, build the core. Fills raft, store,
 * applied_index and the configuration points; on failure what was filled is freed with the driver.
 * Codes and @message of raft_driver_open(). */
int driver__load(struct raft_driver *driver, char *message);
