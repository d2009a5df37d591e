/* node/net/thread.h: starting the DNS threads. Internal to net/. */
#pragma once

#include <pthread.h>

/* Start @run(@argument) as a thread called @name (15 characters at most) that takes none of the
 * process's signals: they are the main thread's, and a write to a closed connection is EPIPE. Those
 * of a fault in the thread itself stay. 0 or an errno. */
int thread_start(pthread_t *thread, const char *name, void *(*run)(void *), void *argument);

/* Processors that this process may use: at least 1. */
unsigned thread_count_cpus(void);
/* Keep @thread on the @index-th of them, if the system lets us: a wish, not a need. */
void thread_pin(pthread_t thread, unsigned index);
