#define _GNU_SOURCE
#include "CLibSSH.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

int libssh_shim_accept(int listener, struct sockaddr *name, socklen_t *length)
{
    return accept4(listener, name, length, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

enum {
    /* After the standard ones. */
    FIRST_DESCRIPTOR = 3,
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

int libssh_shim_spawn(pid_t *identifier, const char *shell, const char *command, int descriptor)
{
    char *const words[] = {(char *)shell, "-c", (char *)command, NULL};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int code;

    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, descriptor, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, descriptor, STDOUT_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions, FIRST_DESCRIPTOR);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    code = posix_spawn(identifier, shell, &actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return code;
}

void libssh_shim_acknowledge(int descriptor)
{
    const int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

int libssh_shim_line_state(int descriptor, struct libssh_shim_line *line)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &length) != 0) { return -errno; }
    line->unacknowledged = info.tcpi_unacked;
    line->since_acknowledgement_ms = info.tcpi_last_ack_recv;
    line->round_trip_us = info.tcpi_rtt;
    line->retransmissions = info.tcpi_retransmits;
    return 0;
}

void libssh_shim_set_tcp_options(int descriptor, int not_sent_low_water)
{
    const int one = 1;

    setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(descriptor, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &not_sent_low_water, sizeof not_sent_low_water);
    limit_receive_buffer(descriptor);
}
