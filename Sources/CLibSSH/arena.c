/* Where a thread receives: see arena.h. */
#include "arena.h"

#include <stdlib.h>
#include <string.h>

/* What one thread has. Other threads may own a descriptor that this one has lost, so nobody else looks in here. */
static __thread struct {
    /* Sessions by descriptor. */
    libssh_shim_receiver **receivers;
    int capacity;
    int count;

    /* The memory that is received into, whose bytes it holds, and how many sessions have theirs in memory of their own. */
    uint8_t *block;
    libssh_shim_receiver *owner;
    int evicted;

    /* Whose read is under way, and where in libssh's input it ends so far. */
    libssh_shim_receiver *reading;
    const uint8_t *read_end;
} arena;

/* ---- Sessions ---------------------------------------------------------------------------------------------------- */

libssh_shim_receiver *libssh_shim_arena_find(int descriptor)
{
    libssh_shim_receiver *receiver;

    if (descriptor < 0 || descriptor >= arena.capacity || (receiver = arena.receivers[descriptor]) == NULL)
        return NULL;
    /* libssh closes descriptors behind our back, and the number may be somebody else's by now. */
    return ssh_get_fd(receiver->session) == descriptor ? receiver : NULL;
}

static bool reserve(int descriptor)
{
    int wanted = arena.capacity == 0 ? 64 : arena.capacity;
    libssh_shim_receiver **memory;

    while (wanted <= descriptor)
        wanted *= 2;
    if (wanted == arena.capacity)
        return true;
    memory = realloc(arena.receivers, (size_t)wanted * sizeof *memory);
    if (memory == NULL)
        return false;
    memset(memory + arena.capacity, 0, (size_t)(wanted - arena.capacity) * sizeof *memory);
    arena.receivers = memory;
    arena.capacity = wanted;
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
    arena.receivers[descriptor] = receiver;
    arena.count += 1;
    return receiver;
}

static void drop_bytes(libssh_shim_receiver *receiver)
{
    if (arena.reading == receiver)
        arena.reading = NULL;
    if (arena.owner == receiver) {
        arena.owner = NULL;
    } else if (receiver->bytes != NULL) {
        free(receiver->bytes);
        arena.evicted -= 1;
    }
    receiver->bytes = NULL;
    receiver->head = receiver->tail = 0;
}

void libssh_shim_receive_detach(libssh_shim_receiver *receiver)
{
    if (receiver == NULL)
        return;
    drop_bytes(receiver);
    if (arena.receivers[receiver->descriptor] == receiver)
        arena.receivers[receiver->descriptor] = NULL;
    free(receiver);
    arena.count -= 1;
    if (arena.count == 0) {
        free(arena.receivers);
        free(arena.block);
        arena.receivers = NULL;
        arena.block = NULL;
        arena.capacity = 0;
    }
}

/* ---- The block --------------------------------------------------------------------------------------------------- */

/* Moves the bytes of the block's owner to memory of their own; false if there is none. */
static bool vacate_block(void)
{
    libssh_shim_receiver *owner = arena.owner;
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
    arena.owner = NULL;
    arena.evicted += 1;
    return true;
}

uint8_t *libssh_shim_arena_block(size_t *size)
{
    if (!vacate_block() || (arena.block == NULL && (arena.block = malloc(LIBSSH_SHIM_BLOCK_SIZE)) == NULL))
        return NULL;
    /* Where others have not come to an end with theirs, no more than is handled at once. */
    *size = arena.evicted == 0 ? LIBSSH_SHIM_BLOCK_SIZE : LIBSSH_SHIM_READ_SIZE;
    return arena.block;
}

void libssh_shim_arena_received(libssh_shim_receiver *receiver, size_t length)
{
    arena.owner = receiver;
    receiver->bytes = arena.block;
    receiver->head = 0;
    receiver->tail = length;
}

size_t libssh_shim_arena_available(const libssh_shim_receiver *receiver, size_t most)
{
    size_t part = receiver->tail - receiver->head;

    return part < most ? part : most;
}

void libssh_shim_arena_consume(libssh_shim_receiver *receiver, size_t part)
{
    receiver->head += part;
    if (receiver->head == receiver->tail)
        drop_bytes(receiver);
}

/* ---- The read that is under way ---------------------------------------------------------------------------------- */

void libssh_shim_arena_begin_read(libssh_shim_receiver *receiver, const uint8_t *end)
{
    arena.reading = receiver;
    arena.read_end = end;
}

libssh_shim_receiver *libssh_shim_arena_end_read(const uint8_t **end)
{
    libssh_shim_receiver *receiver = arena.reading;

    *end = arena.read_end;
    arena.reading = NULL;
    return receiver;
}
