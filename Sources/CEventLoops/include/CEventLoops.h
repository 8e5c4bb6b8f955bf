/* Linux interfaces that the Glibc module of Swift leaves out. */
#ifndef CEVENTLOOPS_H
#define CEVENTLOOPS_H

#include <stdint.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Names the calling thread; the kernel keeps 15 bytes. */
void eventloop_set_thread_name(const char *name);

/* Asks the scheduler for turns of that length for the calling thread (sched_setattr(2) since Linux 6.12): shorter ones
 * come sooner. Needs no privilege; without effect on older kernels. */
void eventloop_set_time_slice(uint64_t nanoseconds);

#endif
