#ifndef CLIBSSH_ARENA_H
#define CLIBSSH_ARENA_H

#include "internal.h"

/* Where a thread receives (arena.c): its sessions by descriptor, and one block of memory that one of them has at a time.
 *
 * All of it belongs to the calling thread. */

enum {
    /* Bytes of a thread's block. */
    LIBSSH_SHIM_BLOCK_SIZE = 256 << 10,
    /* Bytes that libssh is given at once: it handles the packets of one read recursively. */
    LIBSSH_SHIM_READ_SIZE = 64 << 10,
};

struct libssh_shim_receiver {
    ssh_session session;
    libssh_shim_peer *peer;
    int descriptor;
    enum libssh_shim_hold hold;
    int failure;    /* of a recv(2) that libssh has not made yet, or 0 */
    size_t room;    /* bytes that may be sent before the next poll(2) */
    size_t unsent;  /* bytes that libssh has encrypted and the kernel has not taken */
    uint8_t *bytes; /* received and not taken: the thread's block, or memory of its own; NULL without any */
    size_t head, tail;
    libssh_shim_passed passed;
};

/* The session of a descriptor; NULL if there is none, or no longer. */
libssh_shim_receiver *libssh_shim_arena_find(int descriptor);

/* Makes the block free for `receiver`, which has no bytes; NULL when out of memory. `size` is what may be received. */
uint8_t *libssh_shim_arena_block(size_t *size);

/* The first `length` bytes of the block are what `receiver` has received. */
void libssh_shim_arena_received(libssh_shim_receiver *receiver, size_t length);

/* Bytes that wait, but no more than `most`. */
size_t libssh_shim_arena_available(const libssh_shim_receiver *receiver, size_t most);

/* The first `part` bytes that wait have been taken. */
void libssh_shim_arena_consume(libssh_shim_receiver *receiver, size_t part);

/* libssh is reading, and its input ends at `end` so far. */
void libssh_shim_arena_begin_read(libssh_shim_receiver *receiver, const uint8_t *end);

/* Ends the read that is under way, if any: whose it is, and where its input ended. NULL without one. */
libssh_shim_receiver *libssh_shim_arena_end_read(const uint8_t **end);

#endif
