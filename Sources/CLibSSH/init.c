#include "CLibSSH.h"

#include <malloc.h>
#include <stdlib.h>

#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 13, 0)
#warning "this libssh is newer than 0.12, the last that packet-tunnel was tested with: run Tests/run before you rely on it"
#endif

/* libssh shrinks its packet buffers after each packet and grows them again for the next. With glibc's thresholds of
 * 128 KiB the memory goes back to the kernel in between, and every packet faults it in anew. */
enum { KEPT_FREE = 512 << 10 };

int libssh_shim_init(void)
{
    /* What the shim does for a version holds for no older one. */
    if (ssh_version(LIBSSH_VERSION_INT) == NULL)
        return SSH_ERROR;
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
    mallopt(M_MMAP_THRESHOLD, KEPT_FREE);
    /* From 0.11 on the library would connect through the ProxyJump of a file itself, on a thread, with its own idea of
     * keys and known hosts, and whatever the command line says. Who connects is our own business. */
    setenv("OPENSSH_PROXYJUMP", "1", 1);
    return ssh_init();
}
