/* The library itself: its version, what it knows, and whether the system has a newer one. */
#define _GNU_SOURCE
#include "CLibSSH.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 12, 0) && __has_include(<fido.h>)
/* The archive of 0.12 talks to security keys by a library of its own, which no pkg-config file names. What this section says
 * the Swift driver adds to the linker's arguments, as for a Swift import: the headers decide at each build, while what a
 * package's manifest finds out is kept from then on. */
__attribute__((section(".swift1_autolink_entries"), used)) static const char security_keys[] = "-lfido2";
#endif

const char *libssh_shim_version(void)
{
    return ssh_version(0);
}

bool libssh_shim_knows(enum ssh_options_e list, const char *name)
{
    ssh_session session;
    bool is_known;

    /* A sign in front would mean the library's own list, and a comma several names. */
    if (name[0] == 0 || strchr("+-^", name[0]) != NULL || strchr(name, ',') != NULL || (session = ssh_new()) == NULL)
        return false;
    is_known = ssh_options_set(session, list, name) == SSH_OK;
    ssh_free(session);
    return is_known;
}

int libssh_shim_generate_key(enum ssh_keytypes_e type, int bits, ssh_key *key)
{
#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 12, 0)
    ssh_pki_ctx context = NULL;
    int rc = SSH_OK;

    if (type == SSH_KEYTYPE_RSA && bits != 0) {
        context = ssh_pki_ctx_new();
        rc = context == NULL ? SSH_ERROR : ssh_pki_ctx_options_set(context, SSH_PKI_OPTION_RSA_KEY_SIZE, &bits);
    }
    if (rc == SSH_OK)
        rc = ssh_pki_generate_key(type, context, key);
    ssh_pki_ctx_free(context);
    return rc;
#else
    return ssh_pki_generate(type, bits, key);
#endif
}

/* ---- A newer one -------------------------------------------------------------------------------------------------- */

/* The version that the library's own greeting names. It is read and not loaded: that would run a second libssh. */
static bool read_version(const char *path, char *version, size_t size)
{
    static const char greeting[] = "SSH-2.0-libssh_";
    enum { MOST_BYTES = 16 << 20 };
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    char *bytes = MAP_FAILED, *found = NULL;

    if (descriptor < 0)
        return false;
    if (fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0 && status.st_size <= MOST_BYTES)
        bytes = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (bytes == MAP_FAILED)
        return false;
    found = memmem(bytes, (size_t)status.st_size, greeting, sizeof greeting - 1);
    if (found != NULL) {
        size_t length = 0, left = (size_t)(bytes + status.st_size - (found += sizeof greeting - 1));

        for (; length < left && length + 1 < size && strchr("0123456789.", found[length]) && found[length] != 0; length++)
            version[length] = found[length];
        version[length] = 0;
    }
    munmap(bytes, (size_t)status.st_size);
    return found != NULL && version[0] != 0;
}

/* "libssh.so.4" in the directory, or with NULL in the first of the dynamic linker's own that has it. */
static bool find_library(const char *directory, char *file, size_t size)
{
    union {
        Dl_serinfo info;
        char memory[16 << 10];
    } search = {0};
    void *self;
    bool is_found = false;

    if (directory != NULL)
        return (size_t)snprintf(file, size, "%s/libssh.so.4", directory) < size && access(file, R_OK) == 0;
    if ((self = dlopen(NULL, RTLD_LAZY)) == NULL)
        return false;
    if (dlinfo(self, RTLD_DI_SERINFOSIZE, &search.info) == 0 && search.info.dls_size <= sizeof search &&
        dlinfo(self, RTLD_DI_SERINFO, &search.info) == 0)
        for (unsigned i = 0; i < search.info.dls_cnt && !is_found; i++)
            is_found = find_library(search.info.dls_serpath[i].dls_name, file, size);
    dlclose(self);
    return is_found;
}

bool libssh_shim_newer_library(const char *program, const char *directory, char *file, size_t file_size, char *version,
                               size_t version_size)
{
    const char *linked = libssh_shim_version();
    char own[32];
    struct stat ours, theirs;
    int difference;

    if (!find_library(directory, file, file_size) || !read_version(file, version, version_size) ||
        stat(program, &ours) != 0 || stat(file, &theirs) != 0)
        return false;
    snprintf(own, sizeof own, "%.*s", (int)strcspn(linked, "/"), linked);
    difference = strverscmp(version, own);
    return difference > 0 || (difference == 0 && theirs.st_mtime > ours.st_mtime);
}
