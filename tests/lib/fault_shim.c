/* tests/lib/fault_shim.c: loaded into a process by LD_PRELOAD, makes its disk fail or wait and its
 * wall clock jump, as the page says that the file named by QUARTET_FAULT_PAGE holds
 * (tests/lib/shim.py writes it; both are mapped, so a fault begins and ends at once). Without the
 * variable nothing is changed.
 *
 *   what          which calls
 *   syncs         fsync, fdatasync, sync_file_range, syncfs
 *   writes        write, writev, pwrite, pwritev, fallocate: of regular files above standard error
 *   wall clock    CLOCK_REALTIME (coarse, too), gettimeofday, time; never the monotonic clock.
 *                 pthread_cond_timedwait to a wall-clock time waits as long as without the jump. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Later than any monotonic clock says, earlier than any wall clock. */
#define WALL_LEAST_S 1000000000

/* shim.py knows this layout. */
struct fault_page {
    _Atomic int32_t sync_errno; /* 0: syncs go through */
    _Atomic int32_t write_errno;
    _Atomic uint32_t sync_delay_us;
    _Atomic uint32_t write_delay_us;
    _Atomic int64_t wall_offset_s;
    _Atomic uint64_t syncs_failed, writes_failed, syncs_delayed, writes_delayed;
};

static struct fault_page quiet;
static struct fault_page *page = &quiet;

__attribute__((constructor)) static void map_page(void)
{
    const char *path = getenv("QUARTET_FAULT_PAGE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *mapped = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped != MAP_FAILED)
        page = mapped;
}

/* The function of this name that would have been called without us. */
static void *next(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);
    if (!found)
        abort();
    return found;
}

static void wait_us(uint32_t us)
{
    struct timespec left = {.tv_sec = us / 1000000, .tv_nsec = (long)(us % 1000000) * 1000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* ---- the disk ---- */

/* True: the sync fails, errno is set. */
static bool spoil_sync(void)
{
    int32_t error = page->sync_errno;
    uint32_t delay_us = page->sync_delay_us;
    if (delay_us > 0) {
        page->syncs_delayed++;
        wait_us(delay_us);
    }
    if (error == 0)
        return false;
    page->syncs_failed++;
    errno = error;
    return true;
}

/* The same for a write to @fd. */
static bool spoil_write(int fd)
{
    struct stat about;
    int32_t error = page->write_errno;
    uint32_t delay_us = page->write_delay_us;
    if ((error == 0 && delay_us == 0) || fd <= STDERR_FILENO || fstat(fd, &about) != 0 ||
        !S_ISREG(about.st_mode))
        return false;
    if (delay_us > 0) {
        page->writes_delayed++;
        wait_us(delay_us);
    }
    if (error == 0)
        return false;
    page->writes_failed++;
    errno = error;
    return true;
}

#define SHIM(SPOILED, TYPE, NAME, PARAMETERS, ...)                                                 \
    TYPE NAME PARAMETERS                                                                           \
    {                                                                                              \
        static _Atomic(void *) found;                                                              \
        if (!found)                                                                                \
            found = next(#NAME);                                                                   \
        TYPE(*real) PARAMETERS = (TYPE(*) PARAMETERS)found;                                        \
        return SPOILED ? -1 : real(__VA_ARGS__);                                                   \
    }

SHIM(spoil_sync(), int, fsync, (int fd), fd)
SHIM(spoil_sync(), int, fdatasync, (int fd), fd)
SHIM(spoil_sync(), int, syncfs, (int fd), fd)
/* Without flags it is a question whether there is such a call, which a bad disk answers as well. */
SHIM(flags != 0 && spoil_sync(), int, sync_file_range,
     (int fd, off64_t at, off64_t len, unsigned flags), fd, at, len, flags)
SHIM(spoil_write(fd), ssize_t, write, (int fd, const void *data, size_t len), fd, data, len)
SHIM(spoil_write(fd), ssize_t, writev, (int fd, const struct iovec *parts, int count), fd, parts,
     count)
SHIM(spoil_write(fd), ssize_t, pwrite, (int fd, const void *data, size_t len, off_t at), fd, data,
     len, at)
SHIM(spoil_write(fd), ssize_t, pwrite64, (int fd, const void *data, size_t len, off64_t at), fd,
     data, len, at)
SHIM(spoil_write(fd), ssize_t, pwritev, (int fd, const struct iovec *parts, int count, off_t at),
     fd, parts, count, at)
SHIM(spoil_write(fd), ssize_t, pwritev64,
     (int fd, const struct iovec *parts, int count, off64_t at), fd, parts, count, at)
SHIM(spoil_write(fd), int, fallocate, (int fd, int mode, off_t at, off_t len), fd, mode, at, len)
SHIM(spoil_write(fd), int, fallocate64, (int fd, int mode, off64_t at, off64_t len), fd, mode, at,
     len)

/* ---- the wall clock ---- */

int clock_gettime(clockid_t clock, struct timespec *now)
{
    static _Atomic(void *) found;
    if (!found)
        found = next("clock_gettime");
    int (*real)(clockid_t, struct timespec *) = (int (*)(clockid_t, struct timespec *))found;
    int rc = real(clock, now);
    if (rc == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        now->tv_sec += page->wall_offset_s;
    return rc;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec real;
    (void)zone;                                 /* obsolete, and nobody asks for it */
    (void)clock_gettime(CLOCK_REALTIME, &real); /* cannot fail */
    *now = (struct timeval){.tv_sec = real.tv_sec, .tv_usec = real.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME_COARSE, &now); /* cannot fail */
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

/* The kernel knows nothing of the jump. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static _Atomic(void *) found;
    struct timespec true_until = *until;
    if (!found) {
        void *newest = dlvsym(RTLD_NEXT, "pthread_cond_timedwait", "GLIBC_2.3.2");
        found = newest ? newest : next("pthread_cond_timedwait");
    }
    int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *) =
        (int (*)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *))found;
    if (until->tv_sec >= WALL_LEAST_S)
        true_until.tv_sec -= page->wall_offset_s;
    return real(cond, mutex, &true_until);
}
