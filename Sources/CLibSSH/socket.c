#define _GNU_SOURCE
#include "CLibSSH.h"

#include <netinet/in.h>
#include <netinet/tcp.h>

int libssh_shim_accept(int listener, struct sockaddr *name, socklen_t *length)
{
    return accept4(listener, name, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

void libssh_shim_set_tcp_options(int descriptor, int not_sent_low_water)
{
    const int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent_low_water, sizeof not_sent_low_water);
}
