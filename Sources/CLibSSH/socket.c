#define _GNU_SOURCE
#include "CLibSSH.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/syscall.h>
#include <unistd.h>

int libssh_shim_accept(int listener, struct sockaddr *name, socklen_t *length)
{
    return accept4(listener, name, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

enum {
    /* After the standard ones, and as many as an old kernel is asked for one by one. */
    FIRST_DESCRIPTOR = 3,
    MOST_DESCRIPTORS = 65536,
    /* Round trips of a near peer, in microseconds. */
    NEAR = 1000,
    /* What may wait unread for a busy reader. */
    LEAST_RECEIVE_BUFFER = 256 << 10,
    /* Fills a path of 10 Gbit/s. */
    BYTES_PER_MICROSECOND = 1250,
};

/* Left alone, the kernel lets megabytes from a near peer wait in front of a reader that has to wait for a processor, and
 * nothing can overtake them there. The buffer of a far one has to grow with its path. */
static void limit_receive_buffer(int descriptor)
{
    struct tcp_info info = {0};
    socklen_t length = sizeof info;
    int size;

    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0 || info.tcpi_state != TCP_ESTABLISHED ||
        info.tcpi_rtt == 0 || info.tcpi_rtt > NEAR)
        return; /* 0: not measured */
    size = LEAST_RECEIVE_BUFFER + (int)info.tcpi_rtt * BYTES_PER_MICROSECOND;
    /* Who may not ask for more than the system's limit gets about the least. */
    if (setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size) != 0 && size < 2 * LEAST_RECEIVE_BUFFER)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

void libssh_shim_close_on_exec(void)
{
    /* Kernels before 5.11 know no such flag. */
    if (syscall(SYS_close_range, FIRST_DESCRIPTOR, ~0U, CLOSE_RANGE_CLOEXEC) == 0)
        return;
    for (int descriptor = FIRST_DESCRIPTOR; descriptor < getdtablesize() && descriptor < MOST_DESCRIPTORS; descriptor++)
        fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

void libssh_shim_acknowledge(int descriptor)
{
    const int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

void libssh_shim_set_tcp_options(int descriptor, int not_sent_low_water)
{
    const int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent_low_water, sizeof not_sent_low_water);
    limit_receive_buffer(descriptor);
}
