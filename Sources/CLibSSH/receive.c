/* One recv(2) for many of libssh's reads, and few poll(2)s: see CLibSSH.h.
 *
 * libssh polls, reserves 4096 bytes at the end of its input, has recv() fill them, and gives back with
 * ssh_buffer_pass_bytes_end() what was not. The poll receives already; the rest of a larger read is appended when bytes are
 * given back. */
#include "internal.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

extern ssize_t __real_recv(int descriptor, void *buffer, size_t size, int flags);
extern ssize_t __real_send(int descriptor, const void *buffer, size_t size, int flags);
extern int __real_poll(struct pollfd *descriptors, nfds_t count, int timeout);
extern int __real_ssh_send_rekex(ssh_session session);
extern uint32_t __real_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length);
/* libssh keeps errno also where recv(2) has not failed, and gives it as the reason for the end of a connection. */
static ssize_t receive(int descriptor, void *buffer, size_t size, int flags)
{
    ssize_t received = __real_recv(descriptor, buffer, size, flags);

    if (received == 0)
        errno = 0;
    return received;
}

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags);
ssize_t __wrap_send(int descriptor, const void *buffer, size_t size, int flags);
int __wrap_poll(struct pollfd *descriptors, nfds_t count, int timeout);
int __wrap_ssh_send_rekex(ssh_session session);
uint32_t __wrap_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length);

enum {
    BLOCK_SIZE = 256 << 10,
    READ_SIZE = 64 << 10,
    /* What may be sent on the strength of one poll(2) for room. */
    ROOM = 64 << 10,
    /* Of most ciphers. */
    MAC_SIZE = 16,
};

struct libssh_shim_receiver {
    ssh_session session;
    libssh_shim_peer *peer;
    int descriptor;
    enum libssh_shim_hold hold;
    int failure; /* of a recv(2) that libssh has not made yet, or 0 */
    size_t room; /* bytes that may be sent before the next poll(2) */
    size_t unsent; /* bytes that libssh has encrypted and the kernel has not taken */
    uint8_t *bytes; /* the thread's block, or memory of its own */
    size_t head, tail;
    libssh_shim_passed passed;
};

/* The sessions of this thread by descriptor. Other threads may own a descriptor that this one has lost, so nobody else
 * looks in here. */
static __thread libssh_shim_receiver **receivers;
static __thread int capacity;
static __thread int count;

/* The thread's block, who has bytes in it, and how many have theirs in memory of their own. */
static __thread uint8_t *block;
static __thread libssh_shim_receiver *owner;
static __thread int evicted;

/* Whose read is under way, and where in libssh's input it ends so far. */
static __thread libssh_shim_receiver *reading;
static __thread const uint8_t *read_end;

static libssh_shim_receiver *find(int descriptor)
{
    libssh_shim_receiver *receiver;

    if (descriptor < 0 || descriptor >= capacity || (receiver = receivers[descriptor]) == NULL)
        return NULL;
    /* libssh closes descriptors behind our back, and the number may be somebody else's by now. */
    return ssh_get_fd(receiver->session) == descriptor ? receiver : NULL;
}

static bool reserve(int descriptor)
{
    int wanted = capacity == 0 ? 64 : capacity;
    libssh_shim_receiver **memory;

    while (wanted <= descriptor)
        wanted *= 2;
    if (wanted == capacity)
        return true;
    memory = realloc(receivers, (size_t)wanted * sizeof *receivers);
    if (memory == NULL)
        return false;
    memset(memory + capacity, 0, (size_t)(wanted - capacity) * sizeof *receivers);
    receivers = memory;
    capacity = wanted;
    return true;
}

libssh_shim_receiver *libssh_shim_receive_attach(libssh_shim_peer *peer)
{
    ssh_session session = peer->session;
    int descriptor = ssh_get_fd(session);
    libssh_shim_receiver *receiver;

    if (descriptor < 0 || !reserve(descriptor) || (receiver = calloc(1, sizeof *receiver)) == NULL)
        return NULL;
    receiver->session = session;
    receiver->peer = peer;
    receiver->descriptor = descriptor;
    receivers[descriptor] = receiver;
    count += 1;
    return receiver;
}

static void drop_bytes(libssh_shim_receiver *receiver)
{
    if (reading == receiver)
        reading = NULL;
    if (owner == receiver) {
        owner = NULL;
    } else if (receiver->bytes != NULL) {
        free(receiver->bytes);
        evicted -= 1;
    }
    receiver->bytes = NULL;
    receiver->head = receiver->tail = 0;
}

void libssh_shim_receive_detach(libssh_shim_receiver *receiver)
{
    if (receiver == NULL)
        return;
    drop_bytes(receiver);
    if (receivers[receiver->descriptor] == receiver)
        receivers[receiver->descriptor] = NULL;
    free(receiver);
    count -= 1;
    if (count == 0) {
        free(receivers);
        free(block);
        receivers = NULL;
        block = NULL;
        capacity = 0;
    }
}

size_t libssh_shim_receive_pending(const libssh_shim_receiver *receiver)
{
    return receiver->tail - receiver->head;
}

void libssh_shim_note_output(ssh_session session, size_t length)
{
    libssh_shim_receiver *receiver = find(ssh_get_fd(session));

    if (receiver != NULL)
        receiver->unsent += length + MAC_SIZE;
}

/* Seen here, and not among the packets that leave: those may be compressed. */
int __wrap_ssh_send_rekex(ssh_session session)
{
    libssh_shim_receiver *receiver = find(ssh_get_fd(session));

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

/* Frees the block for another session; false if its owner's bytes have nowhere else to go. */
static bool vacate_block(void)
{
    size_t left;
    uint8_t *memory;

    if (owner == NULL)
        return true;
    left = owner->tail - owner->head;
    if ((memory = malloc(left)) == NULL)
        return false;
    memcpy(memory, owner->bytes + owner->head, left);
    owner->bytes = memory;
    owner->head = 0;
    owner->tail = left;
    owner = NULL;
    evicted += 1;
    return true;
}

static bool has_block(void)
{
    return vacate_block() && (block != NULL || (block = malloc(BLOCK_SIZE)) != NULL);
}

static size_t available(const libssh_shim_receiver *receiver, size_t most)
{
    size_t part = receiver->tail - receiver->head;

    return part < most ? part : most;
}

static void consume(libssh_shim_receiver *receiver, size_t part)
{
    receiver->head += part;
    if (receiver->head == receiver->tail)
        drop_bytes(receiver);
}

ssize_t __wrap_recv(int descriptor, void *buffer, size_t size, int flags)
{
    libssh_shim_receiver *receiver = find(descriptor);
    size_t part;

    reading = NULL;
    if (receiver == NULL || flags != 0)
        return __real_recv(descriptor, buffer, size, flags);
    if (receiver->failure != 0) {
        errno = receiver->failure;
        receiver->failure = 0;
        return -1;
    }
    if (receiver->head == receiver->tail)
        return receive(descriptor, buffer, size, flags);
    part = available(receiver, size);
    receiver->passed.read += part;
    memcpy(buffer, receiver->bytes + receiver->head, part);
    consume(receiver, part);
    if (receiver->bytes != NULL) {
        reading = receiver;
        read_end = (const uint8_t *)buffer + part;
    }
    return (ssize_t)part;
}

uint32_t __wrap_ssh_buffer_pass_bytes_end(ssh_buffer buffer, uint32_t length)
{
    libssh_shim_receiver *receiver = reading;
    uint32_t passed = __real_ssh_buffer_pass_bytes_end(buffer, length);
    size_t part;

    reading = NULL;
    if (receiver == NULL || (const uint8_t *)ssh_buffer_get(buffer) + ssh_buffer_get_len(buffer) != read_end)
        return passed;
    part = available(receiver, READ_SIZE);
    if (ssh_buffer_add_data(buffer, receiver->bytes + receiver->head, (uint32_t)part) == SSH_OK) {
        receiver->passed.appended += part;
        consume(receiver, part);
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
    libssh_shim_receiver *receiver = find(descriptor);
    /* libssh does not say so: a peer that has gone would end the program by SIGPIPE. */
    ssize_t sent = __real_send(descriptor, buffer, size, flags | MSG_NOSIGNAL);

    if (receiver == NULL)
        return sent;
    if (sent < 0 && would_block()) {
        receiver->room = 0;
        return 0;
    }
    if (sent > 0)
        receiver->unsent -= (size_t)sent < receiver->unsent ? (size_t)sent : receiver->unsent;
    receiver->passed.sent += sent > 0 ? (uint64_t)sent : 0;
    receiver->room -= sent > 0 && (size_t)sent < receiver->room ? (size_t)sent : receiver->room;
    return sent;
}

/* Receives at once instead of asking whether that is possible. */
static short poll_input(libssh_shim_receiver *receiver)
{
    ssize_t received;

    if (receiver->head != receiver->tail || receiver->failure != 0)
        return POLLIN;
    if (!has_block())
        return ask(receiver->descriptor, POLLIN);
    /* Where others have not come to an end with theirs, no more than is handled at once. */
    received = __real_recv(receiver->descriptor, block, evicted == 0 ? BLOCK_SIZE : READ_SIZE, MSG_DONTWAIT);
    if (received < 0 && would_block())
        return 0;
    if (received < 0)
        receiver->failure = errno;
    if (received > 0) {
        owner = receiver;
        receiver->bytes = block;
        receiver->head = 0;
        receiver->tail = (size_t)received;
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
    libssh_shim_receiver *receiver = number == 1 ? find(descriptors->fd) : NULL;

    if (receiver == NULL)
        return __real_poll(descriptors, number, timeout);
    descriptors->revents = 0;
    if ((descriptors->events & POLLIN) && receiver->hold == LIBSSH_SHIM_HOLD_NOTHING)
        descriptors->revents |= poll_input(receiver);
    if ((descriptors->events & POLLOUT) && receiver->hold != LIBSSH_SHIM_HOLD_BOTH)
        descriptors->revents |= poll_output(receiver);
    return descriptors->revents != 0;
}
