#define _GNU_SOURCE
#include "CTunnelControl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

/* 0, or -ENAMETOOLONG. */
static int fill_address(struct sockaddr_un *address, const char *path)
{
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof address->sun_path) {
        return -ENAMETOOLONG;
    }
    strcpy(address->sun_path, path);
    return 0;
}

static int close_with_error(int descriptor)
{
    int code = errno;
    close(descriptor);
    return -code;
}

int tunnelcontrol_listen(const char *path, int backlog)
{
    struct sockaddr_un address;
    int result = fill_address(&address, path);
    if (result < 0) {
        return result;
    }
    int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) {
        return -errno;
    }
    /* Linux makes the file with the mode of the socket: there is no moment at which others can connect. */
    if (fchmod(listener, S_IRUSR | S_IWUSR) != 0 ||
        bind(listener, (const struct sockaddr *)&address, sizeof address) != 0 || listen(listener, backlog) != 0) {
        return close_with_error(listener);
    }
    return listener;
}

int tunnelcontrol_accept(int listener)
{
    int accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    return accepted < 0 ? -errno : accepted;
}

int tunnelcontrol_connect(const char *path, int seconds)
{
    struct sockaddr_un address;
    int result = fill_address(&address, path);
    if (result < 0) {
        return result;
    }
    int connected = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (connected < 0) {
        return -errno;
    }
    /* A listener that does not accept fills its queue; then connect() waits. */
    result = tunnelcontrol_set_timeout(connected, seconds);
    if (result < 0) {
        close(connected);
        return result;
    }
    if (connect(connected, (const struct sockaddr *)&address, sizeof address) != 0) {
        return close_with_error(connected);
    }
    return connected;
}

int tunnelcontrol_set_timeout(int socket, int seconds)
{
    struct timeval time = {.tv_sec = seconds};
    if (setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time) != 0 ||
        setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time) != 0) {
        return -errno;
    }
    return 0;
}

int tunnelcontrol_get_peer(int socket, struct tunnelcontrol_peer *peer)
{
    struct ucred credentials;
    socklen_t length = sizeof credentials;
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return -errno;
    }
    peer->user = credentials.uid;
    peer->group = credentials.gid;
    peer->process = credentials.pid;
    return 0;
}

int tunnelcontrol_send(int socket, const void *bytes, size_t length, const int *descriptors, int descriptor_count)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(TUNNELCONTROL_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (descriptor_count < 0 || descriptor_count > TUNNELCONTROL_DESCRIPTORS) {
        return -EINVAL;
    }
    if (descriptor_count > 0) {
        size_t size = (size_t)descriptor_count * sizeof(int);
        memset(&control, 0, sizeof control);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(size);
        control.header.cmsg_level = SOL_SOCKET;
        control.header.cmsg_type = SCM_RIGHTS;
        control.header.cmsg_len = CMSG_LEN(size);
        memcpy(CMSG_DATA(&control.header), descriptors, size);
    }
    ssize_t sent;
    do {
        sent = sendmsg(socket, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int tunnelcontrol_receive(int socket, void *buffer, size_t capacity, struct tunnelcontrol_message *received)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(TUNNELCONTROL_DESCRIPTORS * sizeof(int))];
    } control;
    struct iovec part = {.iov_base = buffer, .iov_len = capacity};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t length;
    do {
        length = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    } while (length < 0 && errno == EINTR);
    if (length < 0) {
        return -errno;
    }
    received->length = (size_t)length;
    received->descriptor_count = 0;
    received->is_truncated = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        int count = (int)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
        for (int index = 0; index < count && received->descriptor_count < TUNNELCONTROL_DESCRIPTORS; index++) {
            memcpy(&received->descriptors[received->descriptor_count++],
                   CMSG_DATA(header) + (size_t)index * sizeof(int), sizeof(int));
        }
    }
    return 0;
}

bool tunnelcontrol_is_stream_socket(int descriptor)
{
    int domain = 0, type = 0;
    socklen_t size = sizeof domain;
    return getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 && domain == AF_UNIX &&
           getsockopt(descriptor, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_STREAM;
}

int tunnelcontrol_reopen_pipe(int descriptor, bool for_writing)
{
    char path[64], target[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(path, target, sizeof target - 1);
    /* A name in a file system begins with a slash. */
    if (length < 0) {
        return -errno;
    }
    target[length] = 0;
    if (strncmp(target, "pipe:[", 6) != 0) {
        return -ENOTSUP;
    }
    int flags = fcntl(descriptor, F_GETFL);
    int access = flags & O_ACCMODE;
    if (flags < 0 || (access != O_RDWR && access != (for_writing ? O_WRONLY : O_RDONLY))) {
        return -ENOTSUP;
    }
    int reopened = open(path, (for_writing ? O_WRONLY : O_RDONLY) | O_NONBLOCK | O_CLOEXEC);
    return reopened < 0 ? -errno : reopened;
}
