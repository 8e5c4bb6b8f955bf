#define _GNU_SOURCE
#include "CLinuxNetwork.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Headers older than Linux 6.2 lack these. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#endif
#ifndef TUN_F_USO6
#define TUN_F_USO6 0x40
#endif

_Static_assert(sizeof(struct linuxnetwork_virtio_header) == 10, "the layout of struct virtio_net_hdr");
_Static_assert(LINUXNETWORK_NAME_SIZE == IFNAMSIZ, "the size of an interface name");

static int open_tun(char name[LINUXNETWORK_NAME_SIZE], int flags)
{
    struct ifreq request;
    int error, fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    memset(&request, 0, sizeof request);
    memcpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags);
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        error = errno;
        close(fd);
        return -error;
    }
    memcpy(name, request.ifr_name, IFNAMSIZ);
    return fd;
}

int linuxnetwork_open_plain(char name[LINUXNETWORK_NAME_SIZE])
{
    return open_tun(name, IFF_TUN_EXCL);
}

int linuxnetwork_open_queue(char name[LINUXNETWORK_NAME_SIZE], int exclusive)
{
    int header_size = sizeof(struct linuxnetwork_virtio_header);
    int error, fd = open_tun(name, IFF_VNET_HDR | IFF_MULTI_QUEUE | (exclusive ? IFF_TUN_EXCL : 0));

    if (fd < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header_size) == 0)
        return fd;
    error = errno;
    close(fd);
    return -error;
}

int linuxnetwork_enable_offloads(int fd)
{
    unsigned long offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
    if (ioctl(fd, TUNSETOFFLOAD, offloads | TUN_F_USO4 | TUN_F_USO6) == 0)
        return 1;
    return ioctl(fd, TUNSETOFFLOAD, offloads) == 0 ? 0 : -errno;
}

int linuxnetwork_clear_persistence(int fd)
{
    return ioctl(fd, TUNSETPERSIST, 0UL) == 0 ? 0 : -errno;
}

long linuxnetwork_read(int fd, struct linuxnetwork_virtio_header *header, void *packet, size_t capacity)
{
    struct iovec vectors[2] = {{header, sizeof *header}, {packet, capacity}};
    ssize_t count;
    do {
        count = readv(fd, vectors, 2);
    } while (count < 0 && errno == EINTR);
    if (count < 0)
        return -errno;
    return count < (ssize_t)sizeof *header ? -EIO : count - (ssize_t)sizeof *header;
}

long linuxnetwork_write(int fd, const struct linuxnetwork_virtio_header *header, struct iovec *vectors, int count)
{
    vectors[0].iov_base = (void *)header;
    vectors[0].iov_len = sizeof *header;
    return linuxnetwork_write_plain(fd, vectors, count + 1);
}

long linuxnetwork_read_plain(int fd, void *packet, size_t capacity)
{
    ssize_t count;
    do {
        count = read(fd, packet, capacity);
    } while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

long linuxnetwork_write_plain(int fd, const struct iovec *vectors, int count)
{
    ssize_t written;
    do {
        written = writev(fd, vectors, count);
    } while (written < 0 && errno == EINTR);
    return written < 0 ? -errno : written;
}

int linuxnetwork_poll(struct pollfd *waits, unsigned count)
{
    int ready = ppoll(waits, count, NULL, NULL);
    return ready < 0 ? -errno : ready;
}

int linuxnetwork_is_mount_point(const char *path)
{
    struct statx entry, parent;
    char directory[PATH_MAX];
    if (statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &entry) != 0)
        return -errno;
    if (entry.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT)
        return (entry.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    if (snprintf(directory, sizeof directory, "%s", path) >= (int)sizeof directory)
        return -ENAMETOOLONG;
    if (statx(AT_FDCWD, dirname(directory), 0, STATX_BASIC_STATS, &parent) != 0)
        return -errno;
    return entry.stx_dev_major != parent.stx_dev_major || entry.stx_dev_minor != parent.stx_dev_minor;
}
