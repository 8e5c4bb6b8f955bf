/* Logins before libssh sees them: those that have to wait, and those that it would not answer. */
#define _GNU_SOURCE
#include "internal.h"

/* Not in libssh's public headers, but an ordinary external symbol of libssh.a. */
extern int ssh_packet_userauth_request(ssh_session session, uint8_t type, ssh_buffer packet, void *user);

/* Whether libssh can parse keys of this algorithm at all. */
static bool is_known(const uint8_t *name, uint32_t length)
{
    char text[80];

    if (length >= sizeof text)
        return false;
    memcpy(text, name, length);
    text[length] = 0;
    return strcmp(text, "rsa-sha2-256") == 0 || strcmp(text, "rsa-sha2-512") == 0 ||
           ssh_key_type_from_name(text) != SSH_KEYTYPE_UNKNOWN;
}

static bool is_certificate(const uint8_t *name, uint32_t length)
{
    return memmem(name, length, "-cert-v0", strlen("-cert-v0")) != NULL;
}

static bool is(const uint8_t *text, uint32_t length, const char *name)
{
    return length == strlen(name) && memcmp(text, name, length) == 0;
}

/* The parts of a request of method publickey (RFC 4252 sections 5 and 7). The method that binds the signature to the host key,
 * which 0.12 offers, begins with the same fields (PROTOCOL of OpenSSH, section 3.3.1). */
struct login {
    const uint8_t *name;
    uint32_t name_length;
    uint8_t *method;
    bool is_usable; /* libssh can parse the type of its key */
    bool is_certificate;
};

/* False for any other method. */
static bool parse_login(ssh_buffer packet, struct login *login)
{
    uint8_t *at = ssh_buffer_get(packet), *end = at + ssh_buffer_get_len(packet), *algorithm;
    uint32_t length;

    if ((login->name = libssh_shim_next_string(&at, end, &login->name_length)) == NULL ||
        libssh_shim_next_string(&at, end, &length) == NULL ||
        (login->method = libssh_shim_next_string(&at, end, &length)) == NULL ||
        (!is(login->method, length, "publickey") && !is(login->method, length, "publickey-hostbound-v00@openssh.com")))
        return false;
    login->is_usable = true;
    login->is_certificate = false;
    if (at < end) {
        at += 1; /* whether it is signed */
        algorithm = libssh_shim_next_string(&at, end, &length);
        login->is_certificate = algorithm != NULL && is_certificate(algorithm, length);
        login->is_usable = algorithm == NULL || (!login->is_certificate && is_known(algorithm, length));
    }
    return true;
}

/* libssh gives no answer at all to a key type that it cannot parse, which leaves an honest client with several keys
 * waiting. A method that does not exist gets the refusal it needs. */
static void prepare_login(libssh_shim_peer *peer, ssh_buffer packet)
{
    struct login login;

    if (!parse_login(packet, &login))
        return;
    peer->certificates += login.is_certificate;
    if (login.is_usable)
        peer->public_key_requests += 1;
    else
        memcpy(login.method, "unusable-", strlen("unusable-"));
}

static bool may_log_in(libssh_shim_peer *peer, ssh_buffer packet)
{
    char name[256];
    struct login login;

    /* Nobody has a longer name. */
    if (peer->login_handler == NULL || !parse_login(packet, &login) || login.name_length >= sizeof name)
        return true;
    memcpy(name, login.name, login.name_length);
    name[login.name_length] = 0;
    return peer->login_handler(name, peer->user);
}

static void keep_login(libssh_shim_peer *peer, ssh_buffer packet)
{
    uint32_t length = ssh_buffer_get_len(packet);
    ssh_buffer copy;

    if (peer->waiting_count == WAITING_LOGINS || peer->waiting_size + length > WAITING_LOGINS_SIZE ||
        (copy = ssh_buffer_new()) == NULL)
        return;
    if (ssh_buffer_add_data(copy, ssh_buffer_get(packet), length) < 0) {
        ssh_buffer_free(copy);
        return;
    }
    peer->waiting[peer->waiting_count++] = copy;
    peer->waiting_size += length;
}

int libssh_shim_on_userauth_request(ssh_session session, uint8_t type, ssh_buffer packet, void *user)
{
    libssh_shim_peer *peer = user;
    (void)session, (void)type;

    if (peer->waiting_count > 0 || !may_log_in(peer, packet)) {
        keep_login(peer, packet);
        return SSH_PACKET_USED;
    }
    prepare_login(peer, packet);
    return SSH_PACKET_NOT_USED;
}

void libssh_shim_defer_logins(libssh_shim_peer *peer, libssh_shim_login_handler handler)
{
    peer->login_handler = handler;
}

static ssh_buffer next_login(libssh_shim_peer *peer)
{
    ssh_buffer packet = peer->waiting[0];

    peer->waiting_count -= 1;
    peer->waiting_size -= ssh_buffer_get_len(packet);
    memmove(peer->waiting, peer->waiting + 1, peer->waiting_count * sizeof *peer->waiting);
    return packet;
}

void libssh_shim_resume_logins(libssh_shim_peer *peer)
{
    while (peer->waiting_count > 0 && may_log_in(peer, peer->waiting[0])) {
        ssh_buffer packet = next_login(peer);

        prepare_login(peer, packet);
        ssh_packet_userauth_request(peer->session, MSG_USERAUTH_REQUEST, packet, peer->session);
        ssh_buffer_free(packet);
    }
}

void libssh_shim_forget_logins(libssh_shim_peer *peer)
{
    while (peer->waiting_count > 0)
        ssh_buffer_free(next_login(peer));
}
