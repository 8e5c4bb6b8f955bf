/* What the peer says that libssh does not keep, and what it must not be told as it was said. */
#define _GNU_SOURCE
#include "internal.h"

#include <stdlib.h>

/* Not in libssh's public headers, but ordinary external symbols of libssh.a. */
extern void ssh_packet_set_callbacks(ssh_session session, ssh_packet_callbacks callbacks);

enum {
    /* libssh 0.10 subtracts 10 from the peer's packet maximum and loops for ever when nothing is left; nobody honest
     * announces this little. */
    LEAST_PACKET_MAXIMUM = 1024,
};

/* ---- Packets, before libssh sees them ---------------------------------------------------------------------------- */

static int on_kexinit(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    (void)session, (void)type;
    ((libssh_shim_peer *)user)->is_rekeying = true;
    libssh_shim_choose_host_key(user, packet);
    return SSH_PACKET_NOT_USED;
}

static int on_newkeys(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    (void)session, (void)type, (void)packet;
    ((libssh_shim_peer *)user)->is_rekeying = false;
    ((libssh_shim_peer *)user)->questions = 0;
    ((libssh_shim_peer *)user)->key_exchanges += 1;
    return SSH_PACKET_NOT_USED;
}

/* A peer that does not take part in the key exchange that we have asked for may go on to send what is answered. */
static int on_question(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    libssh_shim_peer *peer = user;
    (void)session, (void)type, (void)packet;

    if (peer->is_rekeying)
        peer->questions += 1;
    return SSH_PACKET_NOT_USED;
}

static int on_channel_open(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    libssh_shim_peer *peer = user;
    uint8_t *bytes = ssh_buffer_get(packet);
    uint32_t length = ssh_buffer_get_len(packet), type_length;

    on_question(session, type, packet, user);
    peer->has_open = false;
    if (length < 4 || (type_length = get32(bytes)) >= sizeof peer->type || length < 4 + type_length + 12)
        return SSH_PACKET_NOT_USED;
    if (memchr(bytes + 4, 0, type_length) != NULL)
        return SSH_PACKET_NOT_USED;
    memcpy(peer->type, bytes + 4, type_length);
    peer->type[type_length] = 0;
    bytes += 4 + type_length;
    length -= 4 + type_length + 12;
    if (length > peer->payload_capacity) {
        uint8_t *memory = realloc(peer->payload, length);
        if (memory == NULL)
            return SSH_PACKET_NOT_USED;
        peer->payload = memory;
        peer->payload_capacity = length;
    }
    if (length != 0)
        memcpy(peer->payload, bytes + 12, length);
    if (get32(bytes + 4) > LIBSSH_SHIM_GREATEST_WINDOW)
        put32(bytes + 4, LIBSSH_SHIM_GREATEST_WINDOW);
    peer->open = (libssh_shim_open){
        .type = peer->type, .sender = get32(bytes), .window = get32(bytes + 4), .max_packet = get32(bytes + 8),
        .payload = peer->payload, .payload_length = length,
    };
    peer->has_open = true;
    return SSH_PACKET_NOT_USED;
}

/* The same dangers when we are the opener: let libssh reject the packet maximum (it does so for 0). */
static int on_open_confirmation(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    uint8_t *bytes = ssh_buffer_get(packet);
    libssh_shim_channel *watched;
    (void)session, (void)type;

    if (ssh_buffer_get_len(packet) < 16)
        return SSH_PACKET_NOT_USED;
    if (get32(bytes + 8) > LIBSSH_SHIM_GREATEST_WINDOW)
        put32(bytes + 8, LIBSSH_SHIM_GREATEST_WINDOW);
    watched = libssh_shim_find_channel(user, get32(bytes));
    if (get32(bytes + 12) < LEAST_PACKET_MAXIMUM) {
        put32(bytes + 12, 0);
        if (watched != NULL)
            watched->refusal = UINT32_MAX;
        return SSH_PACKET_NOT_USED;
    }
    if (watched != NULL) {
        watched->remote = get32(bytes + 4);
        watched->max_packet = get32(bytes + 12);
    }
    return SSH_PACKET_NOT_USED;
}

static int on_open_failure(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    const uint8_t *bytes = ssh_buffer_get(packet);
    libssh_shim_channel *watched;
    (void)session, (void)type;

    if (ssh_buffer_get_len(packet) >= 8 && (watched = libssh_shim_find_channel(user, get32(bytes))) != NULL)
        watched->refusal = get32(bytes + 4) == 0 ? UINT32_MAX : get32(bytes + 4);
    return SSH_PACKET_NOT_USED;
}

static int on_request_reply(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    libssh_shim_peer *peer = user;
    (void)session, (void)type, (void)packet;

    peer->replies += 1;
    return SSH_PACKET_NOT_USED;
}

/* By message number, from 20 on. libssh answers whatever it does not know. */
static ssh_packet_callback handlers[] = {
    [MSG_KEXINIT - MSG_KEXINIT] = on_kexinit,
    [MSG_NEWKEYS - MSG_KEXINIT] = on_newkeys,
    [MSG_USERAUTH_REQUEST - MSG_KEXINIT] = libssh_shim_on_userauth_request,
    [22 - MSG_KEXINIT ... 29 - MSG_KEXINIT] = on_question,
    [36 - MSG_KEXINIT ... 49 - MSG_KEXINIT] = on_question,
    [61 - MSG_KEXINIT ... MSG_GLOBAL_REQUEST - MSG_KEXINIT] = on_question,
    [MSG_REQUEST_SUCCESS - MSG_KEXINIT] = on_request_reply,
    [MSG_REQUEST_FAILURE - MSG_KEXINIT] = on_request_reply,
    [MSG_CHANNEL_OPEN - MSG_KEXINIT] = on_channel_open,
    [MSG_CHANNEL_OPEN_CONFIRMATION - MSG_KEXINIT] = on_open_confirmation,
    [MSG_CHANNEL_OPEN_FAILURE - MSG_KEXINIT] = on_open_failure,
    [MSG_CHANNEL_WINDOW_ADJUST - MSG_KEXINIT] = libssh_shim_on_window_adjust,
    [83 - MSG_KEXINIT ... 89 - MSG_KEXINIT] = on_question,
    [MSG_CHANNEL_DATA - MSG_KEXINIT] = libssh_shim_on_channel_data,
    [MSG_CHANNEL_REQUEST - MSG_KEXINIT] = on_question,
    [101 - MSG_KEXINIT ... 255 - MSG_KEXINIT] = on_question,
};

/* ---- Messages, as libssh makes them of packets ------------------------------------------------------------------- */

void libssh_shim_refuse(libssh_shim_peer *peer, const libssh_shim_open *open, uint32_t reason, const char *text)
{
    uint8_t packet[224] = {MSG_CHANNEL_OPEN_FAILURE};
    uint32_t length = (uint32_t)strnlen(text, 200);

    put32(packet + 1, open->sender);
    put32(packet + 5, reason);
    put32(packet + 9, length);
    memcpy(packet + 13, text, length);
    put32(packet + 13 + length, 0); /* no language tag */
    libssh_shim_send_packet(peer->session, packet, 17 + length);
}

/* Runs synchronously for the packet that on_channel_open() has just seen. */
static int on_message(ssh_session session, ssh_message message, void *user)
{
    libssh_shim_peer *peer = user;
    const int default_answer = 1;
    (void)session;

    if (ssh_message_type(message) != SSH_REQUEST_CHANNEL_OPEN) {
        if (peer->request_handler != NULL)
            peer->request_handler(peer, ssh_message_type(message), ssh_message_subtype(message), peer->user);
        return default_answer;
    }
    if (!peer->has_open || peer->open_handler == NULL)
        return default_answer;
    peer->has_open = false;
    if (peer->open.max_packet < LEAST_PACKET_MAXIMUM)
        libssh_shim_refuse(peer, &peer->open, 4, "packet maximum too small");
    else
        peer->open_handler(peer, message, &peer->open, peer->user);
    return 0;
}

libssh_shim_peer *libssh_shim_peer_attach(ssh_session session, libssh_shim_open_handler open,
                                          libssh_shim_request_handler request, void *user)
{
    libssh_shim_peer *peer = calloc(1, sizeof *peer);

    if (peer == NULL)
        return NULL;
    peer->session = session;
    peer->open_handler = open;
    peer->request_handler = request;
    peer->user = user;
    peer->callbacks.start = MSG_KEXINIT;
    peer->callbacks.n_callbacks = sizeof handlers / sizeof handlers[0];
    peer->callbacks.callbacks = handlers;
    peer->callbacks.user = peer;
    ssh_packet_set_callbacks(session, &peer->callbacks);
    ssh_set_counters(session, NULL, &peer->packets);
    ssh_set_message_callback(session, on_message, peer);
    return peer;
}

void libssh_shim_peer_free(libssh_shim_peer *peer)
{
    if (peer == NULL)
        return;
    while (peer->channels != NULL)
        libssh_shim_channel_forget(peer, peer->channels);
    libssh_shim_forget_logins(peer);
    free(peer->payload);
    free(peer->host_keys);
    free(peer);
}

uint32_t libssh_shim_public_key_requests(const libssh_shim_peer *peer)
{
    return peer->public_key_requests;
}

uint32_t libssh_shim_questions(const libssh_shim_peer *peer)
{
    return peer->questions;
}

uint64_t libssh_shim_bytes_received(const libssh_shim_peer *peer)
{
    return peer->packets.in_bytes;
}

uint32_t libssh_shim_certificates(const libssh_shim_peer *peer)
{
    return peer->certificates;
}

uint32_t libssh_shim_key_exchanges(const libssh_shim_peer *peer)
{
    return peer->key_exchanges;
}

uint32_t libssh_shim_replies(const libssh_shim_peer *peer)
{
    return peer->replies;
}

uint64_t libssh_shim_packets_received(const libssh_shim_peer *peer)
{
    return peer->packets.in_packets;
}

int libssh_shim_state(const libssh_shim_peer *peer)
{
    ssh_session session = peer->session;
    int status = ssh_get_status(session), state = peer->is_rekeying ? LIBSSH_SHIM_REKEYING : 0;

    if (!ssh_is_connected(session) || ssh_get_fd(session) == -1 || (status & (SSH_CLOSED | SSH_CLOSED_ERROR)))
        state |= LIBSSH_SHIM_DEAD;
    if (status & SSH_WRITE_PENDING)
        state |= LIBSSH_SHIM_PENDING;
    return state;
}
