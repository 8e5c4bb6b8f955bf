/* Ending a session with a reason of our own choice.
 *
 * ssh_disconnect() always gives reason 11, "by application". It hands the one packet that it sends to
 * ssh_packet_encrypt(), which is the seam: armed just before, it writes the wanted reason over that one. What passes there
 * otherwise is counted: libssh keeps what it has encrypted until the kernel takes it, without a limit. */
#include "internal.h"

/* Not in libssh's public headers, but ordinary external symbols of libssh.a. */
extern unsigned char *__real_ssh_packet_encrypt(ssh_session session, void *packet, uint32_t length);
unsigned char *__wrap_ssh_packet_encrypt(ssh_session session, void *packet, uint32_t length);

enum { BY_APPLICATION = 11 };

static __thread uint32_t armed;

unsigned char *__wrap_ssh_packet_encrypt(ssh_session session, void *packet, uint32_t length)
{
    uint8_t *bytes = packet;

    /* uint32 packet length, byte padding length, byte 1, uint32 reason (RFC 4253 sections 6 and 11.1). A session that
     * compresses has no message here, but what zlib has made of one: it keeps the library's reason. */
    if (armed != 0 && length >= 10 && bytes[5] == MSG_DISCONNECT && get32(bytes + 6) == BY_APPLICATION)
        put32(bytes + 6, armed);
    libssh_shim_note_output(session, length);
    return __real_ssh_packet_encrypt(session, packet, length);
}

void libssh_shim_disconnect(ssh_session session, uint32_t reason, const char *text)
{
    ssh_session_set_disconnect_message(session, text);
    armed = reason;
    ssh_disconnect(session);
    armed = 0;
}
