/* node/base/process.h: what the kernel says of this process. Any thread. */
#pragma once

#include <stdint.h>

struct process_memory {
    uint64_t resident_octets;
    uint64_t proportional_octets; /* PSS: pages that others map too count by their share */
    uint64_t anonymous_octets;
    uint32_t socket_count;
    uint64_t socket_octets; /* kernel memory for data that waits in the sockets */
};
/* Reads /proc and asks each socket: about a microsecond for each open file. ERR_IO. */
int process_memory_read(struct process_memory *out);

struct process_usage {
    uint64_t resident_octets;
    uint64_t open_files, open_files_max;
    double cpu_s; /* of all threads, so far */
};
/* The same, but cheap enough to be asked every few seconds. ERR_IO. */
int process_usage_read(struct process_usage *out);
