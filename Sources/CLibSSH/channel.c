/* Windows and writes of single channels. */
#include "internal.h"

#include <stdlib.h>

enum { RESERVED_BY_LIBSSH = 10 };

libssh_shim_channel *libssh_shim_channel_watch(libssh_shim_peer *peer, ssh_channel channel,
                                               const libssh_shim_open *open)
{
    libssh_shim_channel *watched = calloc(1, sizeof *watched);

    if (watched == NULL)
        return NULL;
    watched->channel = channel;
    watched->peer = peer;
    if (open != NULL) {
        watched->remote = open->sender;
        watched->max_packet = open->max_packet;
    }
    watched->next = peer->channels;
    peer->channels = watched;
    return watched;
}

void libssh_shim_channel_forget(libssh_shim_peer *peer, libssh_shim_channel *watched)
{
    for (libssh_shim_channel **each = &peer->channels; *each != NULL; each = &(*each)->next) {
        if (*each != watched)
            continue;
        *each = watched->next;
        free(watched);
        return;
    }
}

void libssh_shim_channel_take_data(libssh_shim_channel *watched, libssh_shim_data_handler handler, void *user,
                                   uint32_t grant_step)
{
    watched->data_handler = handler;
    watched->data_user = user;
    watched->grant_step = grant_step;
}

uint32_t libssh_shim_channel_window(const libssh_shim_channel *watched)
{
    uint32_t window = ssh_channel_window_size(watched->channel);

    return watched->uncredited < window ? window - (uint32_t)watched->uncredited : 0;
}

uint64_t libssh_shim_channel_granted(const libssh_shim_channel *watched)
{
    return watched->granted;
}

uint32_t libssh_shim_channel_message_size(const libssh_shim_channel *watched)
{
    return watched->max_packet > RESERVED_BY_LIBSSH ? watched->max_packet - RESERVED_BY_LIBSSH : 0;
}

void libssh_shim_channel_sent_datagram(libssh_shim_channel *watched)
{
    watched->uncredited += 4;
}

void libssh_shim_channel_is_not_charged(libssh_shim_channel *watched)
{
    watched->uncredited = 0;
    watched->refund += watched->cut;
    watched->cut = 0;
}

uint32_t libssh_shim_channel_refusal(const libssh_shim_channel *watched)
{
    return watched->refusal;
}

int libssh_shim_channel_write(libssh_shim_channel *watched, const void *bytes, uint32_t length)
{
    libssh_shim_peer *peer = watched->peer;
    uint64_t before = peer->packets.out_bytes;
    int written = ssh_channel_write(watched->channel, bytes, length);

    /* Between our own request for new keys and the peer's, libssh takes everything and sends nothing. */
    if (written > 0 && peer->packets.out_bytes - before < (uint64_t)written)
        peer->is_rekeying = true;
    return written;
}

int libssh_shim_channel_grant(libssh_shim_channel *watched, uint32_t extra_window)
{
    uint8_t packet[9] = {MSG_CHANNEL_WINDOW_ADJUST};

    put32(packet + 1, watched->remote);
    put32(packet + 5, extra_window);
    return libssh_shim_send_packet(watched->peer->session, packet, sizeof packet);
}

int libssh_shim_channel_request(libssh_shim_channel *watched, const char *name, const void *payload, size_t length)
{
    uint8_t packet[1024] = {MSG_CHANNEL_REQUEST};
    size_t name_length = strlen(name), fixed = 9 + name_length + 1;

    if (name_length > 64 || length > sizeof packet - fixed)
        return SSH_ERROR;
    put32(packet + 1, watched->remote);
    put32(packet + 5, (uint32_t)name_length);
    memcpy(packet + 9, name, name_length);
    packet[9 + name_length] = 0; /* want reply: no */
    if (length != 0)
        memcpy(packet + fixed, payload, length);
    return libssh_shim_send_packet(watched->peer->session, packet, fixed + length);
}

int libssh_shim_channel_exit_status(ssh_channel channel)
{
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 11, 0)
    uint32_t status = UINT32_MAX;

    return ssh_channel_get_exit_state(channel, &status, NULL, NULL) == SSH_OK ? (int)status : -1;
#else
    return ssh_channel_get_exit_status(channel);
#endif
}
