/* Sending what libssh has no function for: channel opens of any type, and whole packets.
 *
 * libssh's x11 open writes the fixed fields of the open into the session's outgoing packet and appends its payload with
 * ssh_buffer_add_buffer(outgoing, payload). That call is the seam: armed just before, it gets hold of the outgoing
 * packet and writes the wanted one in its place with public buffer functions. Nothing else calls it meanwhile. */
#include "internal.h"

extern int __real_ssh_buffer_add_buffer(ssh_buffer target, ssh_buffer source);
int __wrap_ssh_buffer_add_buffer(ssh_buffer target, ssh_buffer source);

struct replacement {
    const char *type;     /* of the open to send; NULL: `payload` is a complete packet */
    const void *payload;
    size_t length;
    uint32_t extra_window;
    bool is_done;
};

static __thread struct replacement *armed;

static int replace(ssh_buffer out, const struct replacement *wanted)
{
    const uint8_t *packet = ssh_buffer_get(out);
    uint32_t length = ssh_buffer_get_len(out), type_length;
    uint8_t fixed[12], head[5];

    /* byte 90, string type, uint32 sender, uint32 window, uint32 maximum */
    if (length < 5 || packet[0] != MSG_CHANNEL_OPEN)
        return -1;
    type_length = get32(packet + 1);
    if (type_length > 256 || length != sizeof head + type_length + sizeof fixed)
        return -1;
    memcpy(fixed, packet + sizeof head + type_length, sizeof fixed);
    put32(fixed + 4, get32(fixed + 4) + wanted->extra_window);

    if (ssh_buffer_reinit(out) < 0)
        return -1;
    if (wanted->type == NULL)
        return ssh_buffer_add_data(out, wanted->payload, (uint32_t)wanted->length);

    head[0] = MSG_CHANNEL_OPEN;
    put32(head + 1, (uint32_t)strlen(wanted->type));
    if (ssh_buffer_add_data(out, head, sizeof head) < 0 ||
        ssh_buffer_add_data(out, wanted->type, (uint32_t)strlen(wanted->type)) < 0 ||
        ssh_buffer_add_data(out, fixed, sizeof fixed) < 0)
        return -1;
    if (wanted->length == 0)
        return 0;
    return ssh_buffer_add_data(out, wanted->payload, (uint32_t)wanted->length);
}

int __wrap_ssh_buffer_add_buffer(ssh_buffer target, ssh_buffer source)
{
    struct replacement *wanted = armed;

    if (wanted == NULL)
        return __real_ssh_buffer_add_buffer(target, source);
    armed = NULL;
    if (replace(target, wanted) < 0)
        return -1; /* libssh reports the open as failed; nothing is sent */
    wanted->is_done = true;
    return 0;
}

int libssh_shim_channel_open(ssh_channel channel, const char *type, const void *payload, size_t length,
                             uint32_t extra_window)
{
    struct replacement wanted = {
        .type = type, .payload = payload, .length = length, .extra_window = extra_window,
    };
    int rc;

    armed = &wanted;
    rc = ssh_channel_open_x11(channel, "", 0); /* a repeated call does not come to the seam */
    armed = NULL;
    return rc;
}

int libssh_shim_send_packet(ssh_session session, const void *packet, size_t length)
{
    struct replacement wanted = {.payload = packet, .length = length};
    int blocking = ssh_is_blocking(session);
    ssh_channel carrier = ssh_channel_new(session);

    if (carrier == NULL)
        return SSH_ERROR;
    ssh_set_blocking(session, 0); /* there is no answer to wait for */
    armed = &wanted;
    ssh_channel_open_x11(carrier, "", 0);
    armed = NULL;
    ssh_set_blocking(session, blocking);
    ssh_channel_free(carrier); /* was never bound: freed at once */
    return wanted.is_done ? SSH_OK : SSH_ERROR;
}
