/* Digests that OpenSSH's files are written with: the names of known_hosts, and the token %C of ssh_config, lists of
 * revoked keys. libssh has them inside, but hands none out for bytes of the caller's. SHA-1 hides names and finds what is
 * revoked here, and vouches for nothing. */
#include "internal.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

int libssh_shim_sha1(const uint8_t *data, size_t length, uint8_t digest[20])
{
    return EVP_Digest(data, length, digest, NULL, EVP_sha1(), NULL) == 1 ? 0 : -1;
}

int libssh_shim_sha256(const uint8_t *data, size_t length, uint8_t digest[32])
{
    return EVP_Digest(data, length, digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

int libssh_shim_hmac_sha1(const uint8_t *key, size_t key_length, const uint8_t *data, size_t length, uint8_t digest[20])
{
    return HMAC(EVP_sha1(), key, (int)key_length, data, length, digest, NULL) != NULL ? 0 : -1;
}
