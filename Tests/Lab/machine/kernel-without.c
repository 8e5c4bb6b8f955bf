/* Runs a program as a kernel would that lacks something.
 *
 *     kernel-without newer-calls PROGRAM ARGUMENT...    close_range(2), as before Linux 5.9, and UDP super-packets of tun
 *                                                       devices, as before 6.2
 *     kernel-without ipv6 PROGRAM ARGUMENT...           IPv6, as far as sockets go: socket(AF_INET6, ...) says EAFNOSUPPORT
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* TUN_F_USO4 and TUN_F_USO6, which headers of such a kernel lack. */
enum { UDP_OFFLOADS = 0x20 | 0x40 };

/* Where the lower half of an argument lies, in either order of bytes. */
#define ARGUMENT(n) (offsetof(struct seccomp_data, args) + 8 * (n) + (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4))
#define LOAD(offset) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset)
#define UNLESS_EQUAL(value, skipped) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skipped)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct sock_filter newer_calls[] = {
    LOAD(offsetof(struct seccomp_data, nr)),
    UNLESS_EQUAL(SYS_close_range, 1),
    RETURN(SECCOMP_RET_ERRNO | ENOSYS),
    UNLESS_EQUAL(SYS_ioctl, 5),
    LOAD(ARGUMENT(1)),
    UNLESS_EQUAL(TUNSETOFFLOAD, 3),
    LOAD(ARGUMENT(2)),
    BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, UDP_OFFLOADS, 0, 1),
    RETURN(SECCOMP_RET_ERRNO | EINVAL),
    RETURN(SECCOMP_RET_ALLOW),
};

static struct sock_filter ipv6[] = {
    LOAD(offsetof(struct seccomp_data, nr)),
    UNLESS_EQUAL(SYS_socket, 3),
    LOAD(ARGUMENT(0)),
    UNLESS_EQUAL(AF_INET6, 1),
    RETURN(SECCOMP_RET_ERRNO | EAFNOSUPPORT),
    RETURN(SECCOMP_RET_ALLOW),
};

int main(int count, char **words)
{
    struct sock_fprog program = {.len = COUNT(newer_calls), .filter = newer_calls};

    if (count >= 2 && strcmp(words[1], "ipv6") == 0)
        program = (struct sock_fprog){.len = COUNT(ipv6), .filter = ipv6};
    if (count < 3 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("kernel-without");
        return 69;
    }
    execvp(words[2], words + 2);
    perror(words[2]);
    return 69;
}
