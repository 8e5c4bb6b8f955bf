/* Linux interfaces that the Glibc module of Swift leaves out. */
#ifndef CEVENTLOOPS_H
#define CEVENTLOOPS_H

/* Swift's module of the C library has what that declares, or this one would own whatever the compiler meets here first. */
#ifdef __swift__
#pragma clang module import SwiftGlibc
#endif

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Names the calling thread; the kernel keeps 15 bytes. */
void eventloop_set_thread_name(const char *name);

/* Asks the scheduler for turns of that length for the calling thread (sched_setattr(2) since Linux 6.12): shorter ones
 * come sooner. Needs no privilege; without effect on older kernels. */
void eventloop_set_time_slice(uint64_t nanoseconds);

/* As many as one message can carry (SCM_MAX_FD of the kernel). */
enum { EVENTLOOP_PASSED_DESCRIPTORS = 253 };

/* Descriptors that came with bytes, and belong to the caller now. */
struct eventloop_descriptors {
    int count;
    int descriptors[EVENTLOOP_PASSED_DESCRIPTORS];
};

/* recv(2) from a socket, without waiting. Where there is no room for passed descriptors the kernel closes them before the call
 * returns, which takes as long as whoever passed them likes. */
ssize_t eventloop_receive(int socket, void *buffer, size_t size, struct eventloop_descriptors *passed);

#endif
