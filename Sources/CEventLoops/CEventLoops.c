#include "CEventLoops.h"

#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

void eventloop_set_thread_name(const char *name)
{
    prctl(PR_SET_NAME, name);
}

/* struct sched_attr of sched_setattr(2), which glibc 2.36 does not declare. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

void eventloop_set_time_slice(uint64_t nanoseconds)
{
    struct attributes attributes;

    memset(&attributes, 0, sizeof attributes);
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0)
        return;
    attributes.runtime = nanoseconds;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}
