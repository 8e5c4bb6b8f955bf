/* Sockets (socket.c, path.c): what Swift's Glibc module leaves out. Part of CLibSSH.h. */
#ifndef CLIBSSH_SOCKETS_H
#define CLIBSSH_SOCKETS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* accept4(2), non-blocking and closed on exec. */
int libssh_shim_accept(int listener, struct sockaddr *name, socklen_t *length);

/* Runs a command by a shell, with a socket as its standard input and output, none of our other descriptors but standard error,
 * and no signal blocked or ignored. Returns 0 or an errno value. */
int libssh_shim_spawn(pid_t *identifier, const char *shell, const char *command, int descriptor);

/* What the kernel knows of a TCP connection (TCP_INFO). */
struct libssh_shim_line {
    /* Segments that were sent and are not acknowledged. */
    uint32_t unacknowledged;
    /* Milliseconds since the last acknowledgement. */
    uint32_t since_acknowledgement_ms;
    /* Microseconds of the smoothed round trip. */
    uint32_t round_trip_us;
    /* How often in a row the oldest segment has been sent again because its time had run out. */
    uint32_t retransmissions;
};

/* Fills in *line. Returns 0, or -errno for what is no TCP socket. */
int libssh_shim_line_state(int descriptor, struct libssh_shim_line *line);

/* What the kernel has measured of a TCP connection's path (TCP_INFO), from this end (path.c). */
struct libssh_shim_path {
    /* Microseconds of the shortest round trip lately, and of the usual one; 0 before the first. */
    uint32_t round_trip_us, smoothed_round_trip_us;
    /* Bytes sent, those sent again among them, and these alone. 0 before Linux 4.19. */
    uint64_t bytes_sent, bytes_sent_again;
    /* Bytes that the other end has acknowledged. 0 before Linux 4.1. */
    uint64_t bytes_acknowledged;
    /* Bytes that arrived, per second of sending: as last measured (0 before Linux 4.9), and what the window permits. */
    uint64_t bytes_per_second, window_per_second;
    /* Segments that have left and are not acknowledged. */
    uint32_t segments_under_way;
    /* Bytes that have not left yet. 0 before Linux 4.6. */
    uint32_t bytes_unsent;
    /* True while the window grows by all that arrives: slow start (RFC 5681 section 3.1). */
    bool is_in_slow_start;
    /* The rate that BBR has found, per second, and whether it sends far more than that to find it (STARTUP). 0 and false without BBR. */
    uint64_t bbr_bytes_per_second;
    bool is_bbr_starting;
};

/* Fills in *path. Returns 0, or -errno for what is no TCP socket. */
int libssh_shim_measure_path(int descriptor, struct libssh_shim_path *path);

/* Sets TCP_NODELAY and TCP_NOTSENT_LOWAT, and limits the receive buffer where the peer is near. Fails, harmlessly, on what
 * is no TCP socket. */
void libssh_shim_set_tcp_options(int descriptor, int not_sent_low_water);

/* Sends the TCP acknowledgement that the kernel keeps back for up to 40 ms, if any: a peer that uses Nagle's algorithm
 * (RFC 1122 section 4.2.3.4), as sshd does for a connection without a command, keeps its grants back for it. */
void libssh_shim_acknowledge(int descriptor);

#endif
