/* Messages with descriptors over a UNIX socket, and what the kernel says of their sender. Every function here returns a
 * value, or -errno, and none of them waits. */
#ifndef CTUNNELCONTROL_H
#define CTUNNELCONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Descriptors of one message: as many as it can carry (SCM_MAX_FD of the kernel). What there is no room for, the kernel closes
 * before recvmsg(2) returns, which takes as long as whoever passed it likes. */
#define TUNNELCONTROL_DESCRIPTORS 253

/* Who made the connection, as the kernel saw it then (SO_PEERCRED). */
struct tunnelcontrol_peer {
    uint32_t user;
    uint32_t group;
    int32_t process;
};

/* One received message. Its descriptors belong to the caller. */
struct tunnelcontrol_message {
    size_t length;
    int descriptors[TUNNELCONTROL_DESCRIPTORS];
    int descriptor_count;
    /* The message or its descriptors were more than there was room for. */
    bool is_truncated;
};

/* A SOCK_SEQPACKET socket, not blocking and closed on exec, that listens at `path`; only its owner can connect.
 * `path` must not exist. */
int tunnelcontrol_listen(const char *path, int backlog);

/* A connected socket, not blocking and closed on exec. */
int tunnelcontrol_accept(int listener);

/* A blocking socket, closed on exec, connected to `path`; every wait on it ends after so many seconds with -EAGAIN. */
int tunnelcontrol_connect(const char *path, int seconds);

/* Waits at most so long for a message in either direction on a blocking socket; 0 is for ever. */
int tunnelcontrol_set_timeout(int socket, int seconds);

int tunnelcontrol_get_peer(int socket, struct tunnelcontrol_peer *peer);

/* Sends one message; 0 is success. */
int tunnelcontrol_send(int socket, const void *bytes, size_t length, const int *descriptors, int descriptor_count);

/* Receives one message into `buffer`; 0 is success, with a length of 0 at the end of the connection. */
int tunnelcontrol_receive(int socket, void *buffer, size_t capacity, struct tunnelcontrol_message *message);

/* True for a UNIX stream socket. Asks no file system, which might be a hostile one that does not answer. */
bool tunnelcontrol_is_stream_socket(int descriptor);

/* Opens an anonymous pipe's end anew, not blocking and closed on exec: nobody else can change the flags of what is
 * returned, as they could with a descriptor that they have passed. Asks no file system either.
 * -ENOTSUP for anything else than a pipe that is open for this direction. */
int tunnelcontrol_reopen_pipe(int descriptor, bool for_writing);

#endif
