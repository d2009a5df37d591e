/* raft/io/driver_files.h: the driver's folders. Any thread. */
#pragma once

/* Remove @path and all below it; 0 also when it is not there. RAFT_EIO. */
int driver__remove_tree(const char *path);
/* Make folder @path unless it is there. RAFT_EIO. */
int driver__make_dir(const char *path);
