/* node/net/xdp_program.h: how long the program in an interface's driver stays there. libknot
 * attaches it for good: when the process is gone, it goes on redirecting our port to sockets that
 * are no more, and whatever listens there next gets nothing by UDP. Internal to net/. */
#pragma once

#include <stdbool.h>

/* Has @interface_index a program, be it a firewall's or another server's? libknot would put its own
 * in place of one that was attached as libknot does it. */
bool xdp_program_is_there(int interface_index);

/* Let the program that @interface_index has stay only as long as the returned descriptor is open,
 * that is, not longer than this process. Nobody can replace it meanwhile. The descriptor, 0 or
 * more, is the caller's; or -errno, with the program detached
 * where that is possible. */
int xdp_program_hold(int interface_index);

/* Take down the program that libknot attached to @interface_index before it failed. */
void xdp_program_drop(int interface_index);

/* Keep libbpf from writing to standard error: hundreds of lines about what codes tell. */
void xdp_program_hush(void);
