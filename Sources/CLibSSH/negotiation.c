/* What a key exchange has agreed on that libssh does not tell: which host key a server signs with. */
#include "internal.h"

#include <stdlib.h>

bool libssh_shim_peer_set_host_keys(libssh_shim_peer *peer, const char *algorithms)
{
    char *copy = strdup(algorithms);

    if (copy == NULL)
        return false;
    free(peer->host_keys);
    peer->host_keys = copy;
    return true;
}

const char *libssh_shim_host_key_algorithm(const libssh_shim_peer *peer)
{
    return peer->host_key[0] != 0 ? peer->host_key : NULL;
}

/* Whether `list`, names with commas between, has the name. */
static bool has(const char *list, const uint8_t *name, size_t length)
{
    for (const char *end; *list != 0; list = *end == ',' ? end + 1 : end) {
        end = list + strcspn(list, ",");
        if ((size_t)(end - list) == length && memcmp(list, name, length) == 0)
            return true;
    }
    return false;
}

/* byte[16] cookie, name-list key exchanges, name-list host keys (RFC 4253 section 7.1) */
void libssh_shim_choose_host_key(libssh_shim_peer *peer, ssh_buffer packet)
{
    enum { COOKIE = 16 };
    uint8_t *at = ssh_buffer_get(packet), *end = at + ssh_buffer_get_len(packet), *name, *comma;
    uint32_t length;

    if (peer->host_keys == NULL || end - at < COOKIE)
        return;
    at += COOKIE;
    if (libssh_shim_next_string(&at, end, &length) == NULL || (name = libssh_shim_next_string(&at, end, &length)) == NULL)
        return;
    for (end = name + length; name < end; name = comma + 1) {
        comma = memchr(name, ',', (size_t)(end - name));
        if (comma == NULL)
            comma = end;
        length = (uint32_t)(comma - name);
        if (length >= sizeof peer->host_key || !has(peer->host_keys, name, length))
            continue;
        memcpy(peer->host_key, name, length);
        peer->host_key[length] = 0;
        return;
    }
}
