/* Data and window of the channels that are watched, before libssh sees them. */
#include "internal.h"

/* Not in libssh's public headers, but an ordinary external symbol of libssh.a. */
extern ssh_channel ssh_channel_from_local(ssh_session session, uint32_t number);

libssh_shim_channel *libssh_shim_find_channel(libssh_shim_peer *peer, uint32_t number)
{
    ssh_channel channel = ssh_channel_from_local(peer->session, number);

    if (channel == NULL)
        return NULL;
    for (libssh_shim_channel *each = peer->channels; each != NULL; each = each->next)
        if (each->channel == channel)
            return each;
    return NULL;
}

/* Corrects a grant in place before libssh adds it to its own counter. */
int libssh_shim_on_window_adjust(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    uint8_t *bytes = ssh_buffer_get(packet);
    libssh_shim_channel *watched;
    uint32_t grant, cut, window;
    ssh_channel channel;
    (void)type;

    if (ssh_buffer_get_len(packet) != 8 || (channel = ssh_channel_from_local(session, get32(bytes))) == NULL)
        return SSH_PACKET_NOT_USED;
    grant = get32(bytes + 4);
    watched = libssh_shim_find_channel(user, get32(bytes));
    if (watched != NULL) {
        watched->granted += grant;
        cut = watched->uncredited < grant ? (uint32_t)watched->uncredited : grant;
        watched->uncredited -= cut;
        watched->cut += cut;
        grant -= cut;
        if (watched->refund <= LIBSSH_SHIM_GREATEST_WINDOW - (uint64_t)grant % LIBSSH_SHIM_GREATEST_WINDOW) {
            grant += (uint32_t)watched->refund;
            watched->refund = 0;
        }
    }
    window = ssh_channel_window_size(channel);
    if (window >= LIBSSH_SHIM_GREATEST_WINDOW)
        grant = 0;
    else if (grant > LIBSSH_SHIM_GREATEST_WINDOW - window)
        grant = LIBSSH_SHIM_GREATEST_WINDOW - window;
    put32(bytes + 4, grant);
    return SSH_PACKET_NOT_USED;
}

/* Hands data on where it lies. libssh, which never hears of it, would copy it twice and keep its own window. */
int libssh_shim_on_channel_data(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    uint8_t *bytes = ssh_buffer_get(packet);
    uint32_t length = ssh_buffer_get_len(packet);
    libssh_shim_channel *watched;
    (void)session, (void)type;

    if (length < 8 || get32(bytes + 4) != length - 8 || (watched = libssh_shim_find_channel(user, get32(bytes))) == NULL ||
        watched->data_handler == NULL || !ssh_channel_is_open(watched->channel) || ssh_channel_is_eof(watched->channel))
        return SSH_PACKET_NOT_USED;
    length -= 8;
    if (length != 0)
        watched->data_handler(bytes + 8, length, watched->data_user);
    watched->ungranted += length;
    if (watched->ungranted >= watched->grant_step &&
        libssh_shim_channel_grant(watched, watched->ungranted) == SSH_OK)
        watched->ungranted = 0;
    return SSH_PACKET_USED;
}
