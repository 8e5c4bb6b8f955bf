#include "CPeerPackets.h"

#include "../../../../Sources/CLibSSH/internal.h"

#include <stdlib.h>

extern void *__real_ssh_buffer_get(ssh_buffer buffer);
extern uint32_t __real_ssh_buffer_get_len(ssh_buffer buffer);
void *__wrap_ssh_buffer_get(ssh_buffer buffer);
uint32_t __wrap_ssh_buffer_get_len(ssh_buffer buffer);

/* libssh's buffers have memory to spare, in which the address sanitizer sees no read beyond the end. */
static ssh_buffer exact;
static uint8_t *exact_bytes;
static uint32_t exact_length;

void *__wrap_ssh_buffer_get(ssh_buffer buffer)
{
    return buffer == exact && buffer != NULL ? exact_bytes : __real_ssh_buffer_get(buffer);
}

uint32_t __wrap_ssh_buffer_get_len(ssh_buffer buffer)
{
    return buffer == exact && buffer != NULL ? exact_length : __real_ssh_buffer_get_len(buffer);
}

struct packet_receiver {
    ssh_session session;
    libssh_shim_peer *peer;
    uint32_t logins;
};

/* libssh makes no channel before a login. This one has its size at least, and is neither open nor has it a window; the shim asks
 * for no more. */
static union {
    char bytes[4096];
    void *alignment;
} channel;
static ssh_session session_of_channel;

extern ssh_channel __real_ssh_channel_from_local(ssh_session session, uint32_t number);
ssh_channel __wrap_ssh_channel_from_local(ssh_session session, uint32_t number);

ssh_channel __wrap_ssh_channel_from_local(ssh_session session, uint32_t number)
{
    if (session != session_of_channel || session == NULL)
        return __real_ssh_channel_from_local(session, number);
    return number == 0 ? (ssh_channel)(void *)&channel : NULL;
}

static void data_arrived(void *bytes, uint32_t length, void *user)
{
    (void)bytes, (void)length, (void)user;
}

static bool login_arrived(const char *name, void *user)
{
    packet_receiver *receiver = user;

    return name != NULL && receiver->logins++ % 2 == 0;
}

packet_receiver *packet_receiver_new(bool is_server)
{
    packet_receiver *receiver = calloc(1, sizeof *receiver);
    libssh_shim_channel *watched;

    if (receiver == NULL || (receiver->session = ssh_new()) == NULL ||
        (receiver->peer = libssh_shim_peer_attach(receiver->session, NULL, NULL, receiver)) == NULL ||
        (watched = libssh_shim_channel_watch(receiver->peer, (ssh_channel)(void *)&channel, NULL)) == NULL)
        abort();
    libssh_shim_channel_take_data(watched, data_arrived, NULL, UINT32_MAX);
    watched->uncredited = 100;
    watched->refund = 50;
    session_of_channel = receiver->session;
    if (is_server) {
        libssh_shim_peer_set_host_keys(receiver->peer, "ssh-ed25519,rsa-sha2-512,rsa-sha2-256");
        libssh_shim_defer_logins(receiver->peer, login_arrived);
    }
    return receiver;
}

void packet_receiver_free(packet_receiver *receiver)
{
    session_of_channel = NULL;
    libssh_shim_peer_free(receiver->peer);
    ssh_free(receiver->session);
    free(receiver);
}

static const char *find_problem(const libssh_shim_peer *peer, uint8_t number, uint32_t length)
{
    const uint8_t *bytes = exact_bytes;

    if (number == MSG_CHANNEL_WINDOW_ADJUST && length == 8 && get32(bytes) == 0 &&
        get32(bytes + 4) > LIBSSH_SHIM_GREATEST_WINDOW)
        return "a grant makes the window too large";
    if (number == MSG_CHANNEL_OPEN_CONFIRMATION && length >= 16 && get32(bytes + 8) > LIBSSH_SHIM_GREATEST_WINDOW)
        return "the window of a confirmation is too large";
    if (peer->waiting_count > WAITING_LOGINS || peer->waiting_size > WAITING_LOGINS_SIZE)
        return "more logins wait than are kept";
    if (strnlen(peer->host_key, sizeof peer->host_key) == sizeof peer->host_key)
        return "the host key's name has no end";
    if (!peer->has_open)
        return NULL;
    if (strnlen(peer->type, sizeof peer->type) == sizeof peer->type)
        return "the channel type has no end";
    if (peer->open.window > LIBSSH_SHIM_GREATEST_WINDOW)
        return "the window is too large";
    if (peer->open.payload_length > peer->payload_capacity)
        return "the payload is longer than its memory";
    if (number == MSG_CHANNEL_OPEN && 16 + strlen(peer->type) + peer->open.payload_length != length)
        return "the parts of an open are not the whole";
    return NULL;
}

const char *packet_receiver_take(packet_receiver *receiver, uint8_t number, const uint8_t *bytes, size_t length)
{
    libssh_shim_peer *peer = receiver->peer;
    const char *problem;
    uint8_t *memory;

    if (number < peer->callbacks.start || number - peer->callbacks.start >= peer->callbacks.n_callbacks ||
        peer->callbacks.callbacks[number - peer->callbacks.start] == NULL)
        return NULL;
    if ((memory = malloc(length)) == NULL || (exact = ssh_buffer_new()) == NULL)
        abort();
    if (length != 0)
        memcpy(memory, bytes, length);
    exact_bytes = memory;
    exact_length = (uint32_t)length;
    peer->callbacks.callbacks[number - peer->callbacks.start](receiver->session, number, exact, peer->callbacks.user);
    problem = find_problem(peer, number, (uint32_t)length);
    ssh_buffer_free(exact);
    exact = NULL;
    free(memory);
    return problem;
}
