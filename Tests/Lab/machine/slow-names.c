/* A name service that takes three seconds over users whose names begin with "slow", and tells whom it is asked about. For
 * LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **result)
{
    int (*real)(const char *, struct passwd *, char *, size_t, struct passwd **) = dlsym(RTLD_NEXT, "getpwnam_r");

    dprintf(2, "name service: asked about %s\n", name);
    if (strncmp(name, "slow", 4) == 0)
        sleep(3);
    return real(name, entry, buffer, size, result);
}
