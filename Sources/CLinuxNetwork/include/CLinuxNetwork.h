/* The tun driver's interface, and the netlink headers that the Glibc module of Swift leaves out. Every function here
 * returns a value, or -errno. */
#ifndef CLINUXNETWORK_H
#define CLINUXNETWORK_H

/* Swift's module of the C library has what that declares, or this one would own whatever the compiler meets here first. */
#ifdef __swift__
#pragma clang module import SwiftGlibc
#endif

#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <sys/xattr.h>

/* Bytes of an interface name with its final 0. */
#define LINUXNETWORK_NAME_SIZE 16

/* What the driver puts before each packet: struct virtio_net_hdr, 10 bytes, in the machine's byte order. */
struct linuxnetwork_virtio_header {
    uint8_t flags;
    uint8_t gso_type;
    uint16_t hdr_len;
    uint16_t gso_size;
    uint16_t csum_start;
    uint16_t csum_offset;
};

/* Bits of flags. */
#define LINUXNETWORK_NEEDS_CSUM 1

/* Values of gso_type; GSO_ECN is added to a TCP one. */
#define LINUXNETWORK_GSO_NONE 0
#define LINUXNETWORK_GSO_TCPV4 1
#define LINUXNETWORK_GSO_TCPV6 4
#define LINUXNETWORK_GSO_UDP_L4 5
#define LINUXNETWORK_GSO_ECN 0x80

/* Makes a tun of one queue that carries bare packets, or -EBUSY if there is one of that name. `name` is given as for
 * linuxnetwork_open_queue(). */
int linuxnetwork_open_plain(char name[LINUXNETWORK_NAME_SIZE]);

/* Opens one queue of the multi-queue tun `name`, non-blocking and close-on-exec, with virtio headers. A `%d` in the
 * name is replaced by the kernel; the name in use is stored back. With `exclusive`, an existing interface is -EBUSY
 * instead of being joined. Returns the descriptor. -ENOENT, -ENODEV and -ENXIO mean that there is no tun driver. */
int linuxnetwork_open_queue(char name[LINUXNETWORK_NAME_SIZE], int exclusive);

/* Lets the kernel deliver super-packets and partial checksums. Returns 1 if UDP super-packets are among them, 0 if
 * the kernel is older than that (before 6.2). */
int linuxnetwork_enable_offloads(int fd);

/* Makes the interface vanish with its last queue, whoever made it. */
int linuxnetwork_clear_persistence(int fd);

/* Reads one packet and its header. Returns the bytes of the packet. */
long linuxnetwork_read(int fd, struct linuxnetwork_virtio_header *header, void *packet, size_t capacity);

/* Writes the header and then `count` parts, which lie in vectors[1...]; vectors[0] is overwritten. */
long linuxnetwork_write(int fd, const struct linuxnetwork_virtio_header *header, struct iovec *vectors, int count);

/* The same two for a descriptor whose packets have no header; here vectors[0] is the first part. */
long linuxnetwork_read_plain(int fd, void *packet, size_t capacity);
long linuxnetwork_write_plain(int fd, const struct iovec *vectors, int count);

/* Waits without end until one of the descriptors is ready. Returns how many are. */
int linuxnetwork_poll(struct pollfd *waits, unsigned count);

/* Whether something is mounted on this very path, a link not being followed: 1, 0, or -errno. Mounts that lie hidden
 * under another one do not count. Before Linux 5.8 a mount of the same file system goes unnoticed. */
int linuxnetwork_is_mount_point(const char *path);

#endif
