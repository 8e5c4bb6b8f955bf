/* Reads a socket as a libssh would that was compiled with _FORTIFY_SOURCE and knows the size of its buffers, so that poll() and
 * recv() become __poll_chk() and __recv_chk(): over the shim's seams, linked with the package's own options.
 *
 * Prints "seams BYTES" if what a peer has sent came by them, and what is wrong if not.
 */
#include <CLibSSH.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sizes that the compiler does not see, for objects that it does: only then it checks at run time. */
static volatile size_t read_size = 4096;
static volatile nfds_t number = 1;

int main(int count, char **words)
{
    static char sent[10000], got[4096];
    struct pollfd entry[1] = {{.events = POLLIN}};
    ssh_bind server = ssh_bind_new();
    ssh_session session = ssh_new();
    libssh_shim_peer *peer;
    libssh_shim_receiver *receiver;
    ssh_key key = NULL;
    int pair[2];
    (void)words;

    memset(sent, 'x', sizeof sent);
    if (count != 1 || libssh_shim_init() != SSH_OK || libssh_shim_generate_key(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK ||
        ssh_bind_options_set(server, SSH_BIND_OPTIONS_IMPORT_KEY, key) != 0 ||
        socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || ssh_bind_accept_fd(server, session, pair[0]) != SSH_OK ||
        (peer = libssh_shim_peer_attach(session, NULL, NULL, NULL)) == NULL ||
        (receiver = libssh_shim_receive_attach(peer)) == NULL || write(pair[1], sent, sizeof sent) != sizeof sent) {
        puts("no session");
        return 1;
    }
    entry[0].fd = pair[0];
    if (poll(entry, number, 0) != 1 || recv(pair[0], got, read_size, 0) != sizeof got || got[0] != 'x') {
        puts("nothing was received");
        return 1;
    }
    if (libssh_shim_receive_pending(receiver) != sizeof sent - sizeof got) {
        puts("something was received, but not by the seams");
        return 1;
    }
    printf("seams %llu\n", (unsigned long long)libssh_shim_receive_passed(receiver).polled);
    return 0;
}
