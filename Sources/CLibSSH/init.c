#include "CLibSSH.h"

#include <malloc.h>

/* libssh shrinks its packet buffers after each packet and grows them again for the next. With glibc's thresholds of
 * 128 KiB the memory goes back to the kernel in between, and every packet faults it in anew. */
enum { KEPT_FREE = 512 << 10 };

int libssh_shim_init(void)
{
    mallopt(M_TRIM_THRESHOLD, KEPT_FREE);
    mallopt(M_MMAP_THRESHOLD, KEPT_FREE);
    return ssh_init();
}
