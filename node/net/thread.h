/* node/net/thread.h: starting the DNS threads. Internal to net/. */
#pragma once

#include <pthread.h>

/* Start @run(@argument) as a thread called @name (15 characters at most) that takes none of the
 * process's signals: they are the main thread's, and a write to a closed connection is EPIPE. Those
 * of a fault in the thread itself stay. 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);
