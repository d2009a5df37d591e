/* raft/io/driver_loop.c: the driver's handles on the uv loop. */
#include "raft/io/driver_internal.h"

#include <stdlib.h>
#include <uv.h>

struct driver_loop {
    struct raft_driver *driver;
    uv_timer_t tick;
    uv_async_t wake;
    void (*closed)(struct raft_driver *);
};

struct work {
    uv_work_t request;
    struct raft_driver *driver;
    void (*run)(struct raft_driver *);
    void (*done)(struct raft_driver *);
};

static void on_tick(uv_timer_t *timer)
{
    struct driver_loop *loop = timer->data;
    driver__on_tick(loop->driver);
}

static void on_wake(uv_async_t *wake)
{
    struct driver_loop *loop = wake->data;
    driver__on_wake(loop->driver);
}

int driver__loop_open(struct raft_driver *driver)
{
    struct driver_loop *loop = calloc(1, sizeof(*loop));
    if (loop == NULL)
        return RAFT_ENOMEM;
    loop->driver = driver;
    loop->tick.data = loop->wake.data = loop;
    if (uv_async_init(driver->options.loop, &loop->wake, on_wake) != 0) {
        free(loop);
        return RAFT_ENOMEM;
    }
    uv_timer_init(driver->options.loop, &loop->tick);
    uv_timer_start(&loop->tick, on_tick, driver->options.tick_ms, driver->options.tick_ms);
    driver->loop = loop;
    return 0;
}

void driver__loop_stop(struct raft_driver *driver)
{
    uv_timer_stop(&driver->loop->tick);
}

static void on_wake_closed(uv_handle_t *handle)
{
    struct driver_loop *loop = handle->data;
    struct raft_driver *driver = loop->driver;
    void (*closed)(struct raft_driver *) = loop->closed;
    free(loop);
    closed(driver);
}

static void on_tick_closed(uv_handle_t *handle)
{
    struct driver_loop *loop = handle->data;
    uv_close((uv_handle_t *)&loop->wake, on_wake_closed);
}

void driver__loop_close(struct raft_driver *driver, void (*closed)(struct raft_driver *))
{
    driver->loop->closed = closed;
    uv_close((uv_handle_t *)&driver->loop->tick, on_tick_closed);
}

void driver__wake(struct raft_driver *driver)
{
    uv_async_send(&driver->loop->wake);
}

static void on_run(uv_work_t *request)
{
    struct work *work = request->data;
    work->run(work->driver);
}

static void on_done(uv_work_t *request, int status)
{
    struct work *work = request->data;
    struct raft_driver *driver = work->driver;
    RAFT_ASSERT(status == 0); /* never cancelled */
    work->done(driver);
    free(work);
    driver__release(driver);
}

int driver__work(struct raft_driver *driver, void (*run)(struct raft_driver *),
                 void (*done)(struct raft_driver *))
{
    struct work *work = calloc(1, sizeof(*work));
    if (work == NULL)
        return RAFT_ENOMEM;
    *work = (struct work){.driver = driver, .run = run, .done = done};
    work->request.data = work;
    if (uv_queue_work(driver->options.loop, &work->request, on_run, on_done) != 0) {
        free(work);
        return RAFT_ENOMEM;
    }
    driver->pending++;
    return 0;
}
