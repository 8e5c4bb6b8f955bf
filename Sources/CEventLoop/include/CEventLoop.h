/* Linux interfaces that the Glibc module of Swift leaves out. */
#ifndef CEVENTLOOP_H
#define CEVENTLOOP_H

#include <sys/epoll.h>
#include <sys/eventfd.h>

/* Names the calling thread; the kernel keeps 15 bytes. */
void eventloop_set_thread_name(const char *name);

#endif
