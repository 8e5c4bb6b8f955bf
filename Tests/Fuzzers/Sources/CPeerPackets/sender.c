#include "CPeerPackets.h"

#include "../../../../Sources/CLibSSH/internal.h"

#include <stdlib.h>

extern void ssh_packet_set_callbacks(ssh_session session, ssh_packet_callbacks callbacks);

enum { MOST_CHANNELS = 64 };

struct packet_sender {
    ssh_session session;
    struct ssh_packet_callbacks_struct callbacks;
    uint32_t channels[MOST_CHANNELS];
    uint32_t count;
};

/* The library knows nothing of these channels, and would take answers about them for an attack. */
static int on_channel_message(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    packet_sender *sender = user;
    (void)session;

    if (type == MSG_CHANNEL_OPEN_CONFIRMATION && ssh_buffer_get_len(packet) >= 8 && sender->count < MOST_CHANNELS)
        sender->channels[sender->count++] = get32((uint8_t *)ssh_buffer_get(packet) + 4);
    return SSH_PACKET_USED;
}

static ssh_packet_callback handlers[] = {[0 ... 9] = on_channel_message};

static bool log_in(ssh_session session)
{
    static ssh_key key;

    if (key == NULL && libssh_shim_generate_key(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
        return false;
    return ssh_userauth_publickey(session, "fuzz", key) == SSH_AUTH_SUCCESS;
}

packet_sender *packet_sender_connect(uint16_t port)
{
    packet_sender *sender = calloc(1, sizeof *sender);
    unsigned number = port;
    int no = 0, yes = 1;
    long seconds = 20;

    if (sender == NULL || (sender->session = ssh_new()) == NULL)
        abort();
    sender->callbacks.start = MSG_CHANNEL_OPEN_CONFIRMATION;
    sender->callbacks.n_callbacks = sizeof handlers / sizeof handlers[0];
    sender->callbacks.callbacks = handlers;
    sender->callbacks.user = sender;
    ssh_packet_set_callbacks(sender->session, &sender->callbacks);
    ssh_options_set(sender->session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(sender->session, SSH_OPTIONS_NODELAY, &yes);
    ssh_options_set(sender->session, SSH_OPTIONS_HOST, "127.0.0.1");
    ssh_options_set(sender->session, SSH_OPTIONS_PORT, &number);
    ssh_options_set(sender->session, SSH_OPTIONS_TIMEOUT, &seconds);
    ssh_options_set(sender->session, SSH_OPTIONS_CIPHERS_C_S, "aes128-gcm@openssh.com");
    ssh_options_set(sender->session, SSH_OPTIONS_CIPHERS_S_C, "aes128-gcm@openssh.com");
    if (ssh_connect(sender->session) == SSH_OK && log_in(sender->session))
        return sender;
    packet_sender_free(sender);
    return NULL;
}

void packet_sender_free(packet_sender *sender)
{
    ssh_disconnect(sender->session);
    ssh_free(sender->session);
    free(sender);
}

void packet_sender_send(packet_sender *sender, const uint8_t *packet, size_t length)
{
    libssh_shim_send_packet(sender->session, packet, length);
}

bool packet_sender_wait(packet_sender *sender)
{
    /* Waits for the answer, whatever that is. */
    ssh_send_keepalive(sender->session);
    return ssh_is_connected(sender->session) && (ssh_get_status(sender->session) & (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0;
}

uint32_t packet_sender_channels(const packet_sender *sender)
{
    return sender->count;
}

uint32_t packet_sender_channel(const packet_sender *sender, uint32_t index)
{
    return sender->channels[index];
}

void packet_sender_forget_channels(packet_sender *sender)
{
    sender->count = 0;
}
