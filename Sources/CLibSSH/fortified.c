/* What recv() and poll() become in code that is compiled with _FORTIFY_SOURCE and knows the size of its buffer. Whether libssh's
 * does is up to its compiler; they must not be a way round receive.c. */
#include "CLibSSH.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>

extern ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags);
extern int __wrap_poll(struct pollfd *descriptors, nfds_t count, int timeout);
ssize_t __wrap___recv_chk(int descriptor, void *buffer, size_t size, size_t capacity, int flags);
int __wrap___poll_chk(struct pollfd *descriptors, nfds_t count, int timeout, size_t capacity);

ssize_t __wrap___recv_chk(int descriptor, void *buffer, size_t size, size_t capacity, int flags)
{
    if (size > capacity)
        abort();
    return __wrap_recv(descriptor, buffer, size, flags);
}

int __wrap___poll_chk(struct pollfd *descriptors, nfds_t count, int timeout, size_t capacity)
{
    if (capacity / sizeof *descriptors < count)
        abort();
    return __wrap_poll(descriptors, count, timeout);
}
