#include "base/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"

static int read_rollup(struct process_memory *out)
{
    FILE *file = fopen("/proc/self/smaps_rollup", "re");
    char line[256];
    uint64_t kib;
    unsigned found = 0;

    if (!file)
        return ERR_IO;
    while (fgets(line, sizeof(line), file)) {
        if (sscanf(line, "Rss: %" SCNu64, &kib) == 1)
            out->resident_octets = kib * 1024, found |= 1;
        else if (sscanf(line, "Pss: %" SCNu64, &kib) == 1)
            out->proportional_octets = kib * 1024, found |= 2;
        else if (sscanf(line, "Anonymous: %" SCNu64, &kib) == 1)
            out->anonymous_octets = kib * 1024, found |= 4;
    }
    fclose(file);
    return found == 7 ? 0 : ERR_IO;
}

static void add_socket(struct process_memory *out, int fd)
{
    uint32_t figures[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof(figures);

    if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, figures, &len) != 0)
        return; /* no socket */
    out->socket_count++;
    out->socket_octets += (uint64_t)figures[SK_MEMINFO_RMEM_ALLOC] +
                          figures[SK_MEMINFO_WMEM_ALLOC] + figures[SK_MEMINFO_FWD_ALLOC] +
                          figures[SK_MEMINFO_OPTMEM];
}

static int read_sockets(struct process_memory *out)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;

    if (!folder)
        return ERR_IO;
    while ((entry = readdir(folder))) {
        char *end;
        long fd = strtol(entry->d_name, &end, 10);
        if (end != entry->d_name && *end == '\0')
            add_socket(out, (int)fd);
    }
    closedir(folder);
    return 0;
}

int process_memory_read(struct process_memory *out)
{
    struct process_memory memory = {0};
    int rc = read_rollup(&memory);

    if (rc == 0)
        rc = read_sockets(&memory);
    if (rc == 0)
        *out = memory;
    return rc;
}

static int read_resident(uint64_t *out)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t pages = 0;

    if (!file)
        return ERR_IO;
    bool is_read = fscanf(file, "%*u %" SCNu64, &pages) == 1;
    fclose(file);
    if (!is_read)
        return ERR_IO;
    *out = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return 0;
}

static int count_open_files(uint64_t *out)
{
    DIR *folder = opendir("/proc/self/fd");
    const struct dirent *entry;
    uint64_t count = 0;

    if (!folder)
        return ERR_IO;
    while ((entry = readdir(folder)))
        count += entry->d_name[0] != '.';
    closedir(folder);
    *out = count - 1; /* without that of the folder */
    return 0;
}

static double seconds_of(const struct timeval *time)
{
    return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

int process_usage_read(struct process_usage *out)
{
    struct process_usage usage;
    struct rusage spent;
    struct rlimit files;

    if (read_resident(&usage.resident_octets) != 0 || count_open_files(&usage.open_files) != 0 ||
        getrusage(RUSAGE_SELF, &spent) != 0 || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return ERR_IO;
    usage.open_files_max = files.rlim_cur;
    usage.cpu_s = seconds_of(&spent.ru_utime) + seconds_of(&spent.ru_stime);
    *out = usage;
    return 0;
}
