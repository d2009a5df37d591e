#include "service/sockets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/err.h"

#define KEPT_NAME "dns"
#define BATCH_MAX 128u /* descriptors in one message; the kernel allows 253 */

static void free_names(char **names)
{
    for (char **name = names; name && *name; name++)
        free(*name);
    free(names);
}

unsigned service_take_sockets(int *out, unsigned max)
{
    char **names = NULL;
    unsigned count = 0;
    int passed = sd_listen_fds_with_names(1, &names);

    for (int i = 0; i < passed; i++) {
        int fd = SD_LISTEN_FDS_START + i;
        if (count < max && strcmp(names[i], KEPT_NAME) == 0)
            out[count++] = fd;
        else
            close(fd);
    }
    free_names(names);
    return count;
}

/* The manager works off its messages in order, and this process has the sockets open as well: what
 * it lets go of and takes again is never closed. FDPOLL=0: it is not to drop one for an error on
 * it.
 */
int service_keep_sockets(const int *fds, unsigned count)
{
    ASSERT(count <= SERVICE_SOCKETS_MAX);
    int rc = sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" KEPT_NAME);
    for (unsigned first = 0; rc > 0 && first < count; first += BATCH_MAX) {
        unsigned len = count - first < BATCH_MAX ? count - first : BATCH_MAX;
        rc = sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDPOLL=0\nFDNAME=" KEPT_NAME, fds + first,
                                    len);
    }
    if (rc == 0)
        return ERR_UNAVAILABLE;
    return rc < 0 ? ERR_IO : 0;
}
