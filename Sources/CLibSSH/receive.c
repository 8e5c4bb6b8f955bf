/* One recv(2) for many of libssh's reads, and few poll(2)s: see CLibSSH.h.
 *
 * libssh polls, reserves 4096 bytes at the end of its input, has recv() fill them, and gives back with
 * ssh_buffer_pass_bytes_end() what was not. The poll receives already; the rest of a larger read is appended when bytes are
 * given back. */
#include "arena.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

extern ssize_t __real_recv(int descriptor, void *buffer, size_t size, int flags);
extern ssize_t __real_send(int descriptor, const void *buffer, size_t size, int flags);
extern int __real_poll(struct pollfd *descriptors, nfds_t count, int timeout);
extern int __real_ssh_send_rekex(ssh_session session);
extern uint32_t __real_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length);
/* libssh keeps errno also where recv(2) or send(2) has not failed, and gives it as the reason for the end of a connection. */
static ssize_t without_errno(ssize_t count)
{
    if (count >= 0)
        errno = 0;
    return count;
}

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void *buffer, size_t size, int flags);
int __wrap_poll(struct pollfd *descriptors, nfds_t count, int timeout);
int __wrap_ssh_send_rekex(ssh_session session);
uint32_t __wrap_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length);

enum {
    /* What may be sent on the strength of one poll(2) for room. */
    ROOM = 64 << 10,
    /* Of most ciphers. */
    MAC_SIZE = 16,
};

/* How many logins block the calling thread: those of jump hosts nest. */
static _Thread_local unsigned blocking;

void libssh_shim_begin_blocking(void)
{
    blocking += 1;
}

void libssh_shim_end_blocking(void)
{
    blocking -= 1;
}

/* The peer has gone, and may have said why: what it said is still to be read. */
static bool has_left(ssize_t sent)
{
    return sent < 0 && (errno == EPIPE || errno == ECONNRESET);
}

size_t libssh_shim_receive_pending(const libssh_shim_receiver *receiver)
{
    return receiver->tail - receiver->head;
}

void libssh_shim_note_output(ssh_session session, size_t length)
{
    libssh_shim_receiver *receiver = libssh_shim_arena_find(ssh_get_fd(session));

    if (receiver != NULL)
        receiver->unsent += length + MAC_SIZE;
}

/* Seen here, and not among the packets that leave: those may be compressed. */
int __wrap_ssh_send_rekex(ssh_session session)
{
    libssh_shim_receiver *receiver = libssh_shim_arena_find(ssh_get_fd(session));

    if (receiver != NULL)
        receiver->peer->is_rekeying = true;
    return __real_ssh_send_rekex(session);
}

size_t libssh_shim_unsent(libssh_shim_receiver *receiver)
{
    /* The sizes of message authentication codes are guessed: begin anew whenever libssh says that it holds nothing. */
    if ((ssh_get_status(receiver->session) & SSH_WRITE_PENDING) == 0)
        receiver->unsent = 0;
    return receiver->unsent;
}

libssh_shim_passed libssh_shim_receive_passed(const libssh_shim_receiver *receiver)
{
    return receiver->passed;
}

void libssh_shim_receive_hold(libssh_shim_receiver *receiver, enum libssh_shim_hold hold)
{
    receiver->hold = hold;
}

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags)
{
    libssh_shim_receiver *receiver = libssh_shim_arena_find(descriptor);
    const uint8_t *end;
    size_t part;

    libssh_shim_arena_end_read(&end);
    if (receiver == NULL || flags != 0)
        return __real_recv(descriptor, buffer, size, flags);
    if (receiver->failure != 0) {
        errno = receiver->failure;
        receiver->failure = 0;
        return -1;
    }
    if (receiver->head == receiver->tail)
        return without_errno(__real_recv(descriptor, buffer, size, flags));
    part = libssh_shim_arena_available(receiver, size);
    receiver->passed.read += part;
    memcpy(buffer, receiver->bytes + receiver->head, part);
    libssh_shim_arena_consume(receiver, part);
    if (receiver->bytes != NULL)
        libssh_shim_arena_begin_read(receiver, (const uint8_t *)buffer + part);
    return without_errno((ssize_t)part);
}

uint32_t __wrap_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length)
{
    const uint8_t *end;
    libssh_shim_receiver *receiver = libssh_shim_arena_end_read(&end);
    uint32_t passed = __real_ssh_buffer_pass_bytes_end(buffer, length);
    size_t part;

    if (receiver == NULL || (const uint8_t *)ssh_buffer_get(buffer) + ssh_buffer_get_len(buffer) != end)
        return passed;
    part = libssh_shim_arena_available(receiver, LIBSSH_SHIM_READ_SIZE);
    if (ssh_buffer_add_data(buffer, receiver->bytes + receiver->head, (uint32_t)part) == SSH_OK) {
        receiver->passed.appended += part;
        libssh_shim_arena_consume(receiver, part);
    }
    return passed;
}

static bool would_block(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

static short ask(int descriptor, short events)
{
    struct pollfd single = {.fd = descriptor, .events = events};

    return __real_poll(&single, 1, 0) > 0 ? single.revents & events : 0;
}

/* No room is no failure: libssh keeps what was not sent, and asks for room. */
ssize_t __wrap_send(int descriptor, const void *buffer, size_t size, int flags)
{
    libssh_shim_receiver *receiver = libssh_shim_arena_find(descriptor);
    /* libssh does not say so: a peer that has gone would end the program by SIGPIPE. */
    ssize_t sent = __real_send(descriptor, buffer, size, flags | MSG_NOSIGNAL);

    if (receiver == NULL)
        return blocking != 0 && has_left(sent) ? (ssize_t)size : sent;
    if (sent < 0 && would_block()) {
        receiver->room = 0;
        return without_errno(0);
    }
    if (sent > 0)
        receiver->unsent -= (size_t)sent < receiver->unsent ? (size_t)sent : receiver->unsent;
    receiver->passed.sent += sent > 0 ? (uint64_t)sent : 0;
    receiver->room -= sent > 0 && (size_t)sent < receiver->room ? (size_t)sent : receiver->room;
    return without_errno(sent);
}

/* Receives at once instead of asking whether that is possible. */
static short poll_input(libssh_shim_receiver *receiver)
{
    ssize_t received;
    uint8_t *block;
    size_t size;

    if (receiver->head != receiver->tail || receiver->failure != 0)
        return POLLIN;
    if ((block = libssh_shim_arena_block(&size)) == NULL)
        return ask(receiver->descriptor, POLLIN);
    received = __real_recv(receiver->descriptor, block, size, MSG_DONTWAIT);
    if (received < 0 && would_block())
        return 0;
    if (received < 0)
        receiver->failure = errno;
    if (received > 0) {
        libssh_shim_arena_received(receiver, (size_t)received);
        receiver->passed.polled += (uint64_t)received;
    }
    return POLLIN;
}

static short poll_output(libssh_shim_receiver *receiver)
{
    if (receiver->room == 0 && ask(receiver->descriptor, POLLOUT))
        receiver->room = ROOM;
    return receiver->room != 0 ? POLLOUT : 0;
}

int __wrap_poll(struct pollfd *descriptors, nfds_t number, int timeout)
{
    libssh_shim_receiver *receiver = number == 1 ? libssh_shim_arena_find(descriptors->fd) : NULL;

    if (receiver == NULL && blocking != 0 && number == 1 && descriptors->fd < 0) {
        errno = EBADF;
        return -1;
    }
    if (receiver == NULL)
        return __real_poll(descriptors, number, timeout);
    descriptors->revents = 0;
    if ((descriptors->events & POLLIN) && receiver->hold == LIBSSH_SHIM_HOLD_NOTHING)
        descriptors->revents |= poll_input(receiver);
    if ((descriptors->events & POLLOUT) && receiver->hold != LIBSSH_SHIM_HOLD_BOTH)
        descriptors->revents |= poll_output(receiver);
    return descriptors->revents != 0;
}
