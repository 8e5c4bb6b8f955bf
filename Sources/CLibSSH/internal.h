#ifndef CLIBSSH_INTERNAL_H
#define CLIBSSH_INTERNAL_H

#include "CLibSSH.h"

#include <arpa/inet.h>
#include <string.h>

/* Message numbers of RFC 4250 section 4.1.2. */
enum {
    MSG_DISCONNECT = 1,
    MSG_KEXINIT = 20,
    MSG_NEWKEYS = 21,
    MSG_USERAUTH_REQUEST = 50,
    MSG_GLOBAL_REQUEST = 80,
    MSG_REQUEST_SUCCESS = 81,
    MSG_REQUEST_FAILURE = 82,
    MSG_CHANNEL_OPEN = 90,
    MSG_CHANNEL_OPEN_CONFIRMATION = 91,
    MSG_CHANNEL_OPEN_FAILURE = 92,
    MSG_CHANNEL_WINDOW_ADJUST = 93,
    MSG_CHANNEL_DATA = 94,
    MSG_CHANNEL_REQUEST = 98,
};

enum {
    WAITING_LOGINS = 16,
    /* Bytes. */
    WAITING_LOGINS_SIZE = 64 << 10,
};

struct libssh_shim_peer {
    ssh_session session;
    libssh_shim_open_handler open_handler;
    libssh_shim_request_handler request_handler;
    void *user;
    libssh_shim_login_handler login_handler;
    ssh_buffer waiting[WAITING_LOGINS]; /* requests whose turn has not come: see libssh_shim_defer_logins() */
    uint32_t waiting_count;
    size_t waiting_size;
    libssh_shim_channel *channels;
    bool has_open; /* `open` is about the message being dispatched */
    bool is_rekeying;
    uint32_t key_exchanges;
    uint32_t public_key_requests;
    uint32_t certificates;
    uint32_t replies;
    uint32_t questions; /* during this key exchange: see libssh_shim_questions() */
    libssh_shim_open open;
    char type[256];
    uint8_t *payload;
    size_t payload_capacity;
    char *host_keys;      /* algorithms that a server can sign with; NULL on a client */
    char host_key[64];    /* the one that was agreed on; empty before */
    struct ssh_counter_struct packets;
    struct ssh_packet_callbacks_struct callbacks;
};

struct libssh_shim_channel {
    struct libssh_shim_channel *next;
    libssh_shim_peer *peer;
    ssh_channel channel;
    uint32_t remote;      /* the peer's number for the channel */
    uint32_t max_packet;  /* as the peer announced it */
    uint32_t refusal;
    uint64_t granted;     /* all grants of the peer, as it sent them */
    uint64_t uncredited;  /* window that OpenSSH will grant although we never used it */
    uint64_t cut;         /* of grants so far, for the same reason */
    uint64_t refund;      /* cut from grants of a peer that never charged it */
    libssh_shim_data_handler data_handler;
    void *data_user;
    uint32_t grant_step;
    uint32_t ungranted;   /* bytes taken since the last grant to the peer */
};

enum {
    /* libssh 0.10 keeps a 32-bit window and adds grants without looking for an overflow. */
    LIBSSH_SHIM_GREATEST_WINDOW = 1 << 30,
};

/* Counts a packet that libssh is about to encrypt. */
void libssh_shim_note_output(ssh_session session, size_t length);

static inline uint32_t get32(const uint8_t *p)
{
    uint32_t value;
    memcpy(&value, p, 4);
    return ntohl(value);
}

static inline void put32(uint8_t *p, uint32_t value)
{
    value = htonl(value);
    memcpy(p, &value, 4);
}

/* The string at `*at`, which is moved behind it; NULL if the packet is too short. */
static inline uint8_t *libssh_shim_next_string(uint8_t **at, uint8_t *end, uint32_t *length)
{
    uint8_t *start = *at;

    if (end - start < 4)
        return NULL;
    *length = get32(start);
    start += 4;
    if ((size_t)(end - start) < *length)
        return NULL;
    *at = start + *length;
    return start;
}

/* The channel that the peer means by our number for it; NULL if it is not watched (flow.c). */
libssh_shim_channel *libssh_shim_find_channel(libssh_shim_peer *peer, uint32_t number);

/* Callbacks for packets: of logins (login.c), of windows and data (flow.c). */
int libssh_shim_on_userauth_request(ssh_session session, uint8_t type, ssh_buffer packet, void *user);
int libssh_shim_on_window_adjust(ssh_session session, uint8_t type, ssh_buffer packet, void *user);
int libssh_shim_on_channel_data(ssh_session session, uint8_t type, ssh_buffer packet, void *user);

/* Frees the logins that wait (login.c). */
void libssh_shim_forget_logins(libssh_shim_peer *peer);

/* On SSH_MSG_KEXINIT (negotiation.c). */
void libssh_shim_choose_host_key(libssh_shim_peer *peer, ssh_buffer packet);

#endif
