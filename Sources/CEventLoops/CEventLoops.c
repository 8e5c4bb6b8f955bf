#define _GNU_SOURCE
#include "CEventLoops.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
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

ssize_t eventloop_receive(int socket, void *buffer, size_t size, struct eventloop_descriptors *passed)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(EVENTLOOP_PASSED_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

    passed->count = 0;
    if (length < 0 || message.msg_controllen == 0)
        return length;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
            continue;
        passed->count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        memcpy(passed->descriptors, CMSG_DATA(header), (size_t)passed->count * sizeof(int));
    }
    return length;
}
