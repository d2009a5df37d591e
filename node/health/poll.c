/* node/health/poll.c: the sockets of all runs in one epoll set, which the loop watches as one
 * handle: a handle of libuv for each of a thousand connections a second would have to be made and
 * closed again. */
#include <sys/epoll.h>

#include <uv.h>

#include "health/internal.h"

#define EVENTS_MAX 256
#define KIND_SHIFT 60
#define SLOT_SHIFT 32

static void dispatch(struct health_checker *checker, const struct epoll_event *event)
{
    enum poll_kind kind = (enum poll_kind)(event->data.u64 >> KIND_SHIFT);
    uint32_t slot = (uint32_t)(event->data.u64 >> SLOT_SHIFT) & 0xFFFFFFFu;
    int fd = (int)(uint32_t)event->data.u64;

    switch (kind) {
    case POLL_CURL: http_event(checker, fd, event->events); break;
    case POLL_RESOLVER: resolver_event(checker->resolver, fd, event->events); break;
    case POLL_TCP: run_connected(&checker->runs[slot], fd); break;
    }
}

/* A socket may be closed, and its number used again, by an event before its own: all who get one
 * that is not theirs find nothing to read, and go on. */
static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct health_checker *checker = poll->data;
    struct epoll_event list[EVENTS_MAX];

    (void)status;
    (void)events;
    int count = epoll_wait(checker->poll_fd, list, EVENTS_MAX, 0);
    for (int i = 0; i < count && !checker->is_closing; i++)
        dispatch(checker, &list[i]);
}

int poll_open(struct health_checker *checker)
{
    checker->poll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (checker->poll_fd < 0 || uv_poll_init(checker->loop, checker->poll, checker->poll_fd) != 0)
        return ERR_IO;
    checker->poll->data = checker;
    return uv_poll_start(checker->poll, UV_READABLE, on_readable) == 0 ? 0 : ERR_IO;
}

int poll_watch(struct health_checker *checker, enum poll_kind kind, uint32_t slot, int fd,
               uint32_t events)
{
    struct epoll_event event = {.events = events};

    event.data.u64 = (uint64_t)kind << KIND_SHIFT | (uint64_t)slot << SLOT_SHIFT | (uint32_t)fd;
    if (events == 0) {
        (void)epoll_ctl(checker->poll_fd, EPOLL_CTL_DEL, fd, NULL);
        return 0;
    }
    if (epoll_ctl(checker->poll_fd, EPOLL_CTL_ADD, fd, &event) == 0 ||
        epoll_ctl(checker->poll_fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return ERR_IO;
}
