#define _GNU_SOURCE
/* c-ares 1.34 calls some of this deprecated; what takes its place is not in 1.18. */
#define CARES_NO_DEPRECATED
#include "CNameServers.h"

#include <ares.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    /* For the first answer of one server; the next is asked then, and after all of them the first again, with more patience. */
    PATIENCE_IN_MILLISECONDS = 1000,
    ROUNDS = 4,
};

struct nameservers {
    ares_channel channel;
    nameservers_prepare prepare;
    nameservers_found found;
    void *user;
    bool is_done;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int library_status;

static void start_library(void)
{
    library_status = ares_library_init(ARES_LIB_INIT_ALL);
}

/* ---- Sockets ----------------------------------------------------------------------------------------------------- */

static ares_socket_t open_socket(int family, int type, int protocol, void *user)
{
    (void)user;
    return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int close_socket(ares_socket_t descriptor, void *user)
{
    (void)user;
    return close(descriptor);
}

static int connect_socket(ares_socket_t descriptor, const struct sockaddr *server, ares_socklen_t length, void *user)
{
    nameservers *asked = user;

    if (!asked->prepare(descriptor, server, length, asked->user)) {
        errno = ENETUNREACH;
        return -1;
    }
    return connect(descriptor, server, length);
}

static ares_ssize_t receive(ares_socket_t descriptor, void *bytes, size_t size, int flags, struct sockaddr *from,
                            ares_socklen_t *length, void *user)
{
    (void)user;
    return recvfrom(descriptor, bytes, size, flags, from, length);
}

static ares_ssize_t send_pieces(ares_socket_t descriptor, const struct iovec *pieces, int count, void *user)
{
    (void)user;
    return writev(descriptor, pieces, count);
}

static const struct ares_socket_functions sockets = {
    .asocket = open_socket, .aclose = close_socket, .aconnect = connect_socket, .arecvfrom = receive,
    .asendv = send_pieces,
};

/* ---- Questions --------------------------------------------------------------------------------------------------- */

static void answered(void *user, int status, int timeouts, struct ares_addrinfo *answer)
{
    nameservers *asked = user;
    (void)timeouts;

    asked->is_done = true;
    if (answer == NULL)
        return;
    if (status == ARES_SUCCESS)
        for (struct ares_addrinfo_node *node = answer->nodes; node != NULL; node = node->ai_next)
            asked->found(node->ai_addr, asked->user);
    ares_freeaddrinfo(answer);
}

nameservers *nameservers_ask(const char *name, int family, const char *servers, nameservers_prepare prepare,
                             nameservers_found found, void *user)
{
    struct ares_options options = {
        .flags = ARES_FLAG_USEVC, .timeout = PATIENCE_IN_MILLISECONDS, .tries = ROUNDS, .lookups = "b",
    };
    struct ares_addrinfo_hints hints = {.ai_family = family, .ai_flags = ARES_AI_NOSORT};
    nameservers *asked;

    pthread_once(&once, start_library);
    if (library_status != ARES_SUCCESS || (asked = calloc(1, sizeof *asked)) == NULL)
        return NULL;
    asked->prepare = prepare;
    asked->found = found;
    asked->user = user;
    if (ares_init_options(&asked->channel, &options,
                          ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_LOOKUPS) != ARES_SUCCESS) {
        free(asked);
        return NULL;
    }
    ares_set_socket_functions(asked->channel, &sockets, asked);
    if (servers[0] != 0 && ares_set_servers_csv(asked->channel, servers) != ARES_SUCCESS) {
        nameservers_free(asked);
        return NULL;
    }
    ares_getaddrinfo(asked->channel, name, NULL, &hints, answered, asked);
    return asked;
}

void nameservers_free(nameservers *asked)
{
    if (asked == NULL)
        return;
    ares_destroy(asked->channel); /* calls back once more, without an answer */
    free(asked);
}

bool nameservers_is_done(const nameservers *asked)
{
    return asked->is_done;
}

int nameservers_wait(nameservers *asked, nameservers_socket waiting[NAMESERVERS_SOCKETS], int *milliseconds)
{
    ares_socket_t open[ARES_GETSOCK_MAXNUM];
    int mask = ares_getsock(asked->channel, open, ARES_GETSOCK_MAXNUM), count = 0;
    struct timeval limit = {*milliseconds / 1000, *milliseconds % 1000 * 1000}, buffer, *next;

    for (int i = 0; i < ARES_GETSOCK_MAXNUM && i < NAMESERVERS_SOCKETS; i++) {
        short events = 0;
        if (ARES_GETSOCK_READABLE(mask, i))
            events |= POLLIN;
        if (ARES_GETSOCK_WRITABLE(mask, i))
            events |= POLLOUT;
        if (events != 0)
            waiting[count++] = (nameservers_socket){open[i], events};
    }
    next = ares_timeout(asked->channel, &limit, &buffer);
    if (next != NULL)
        *milliseconds = (int)(next->tv_sec * 1000 + (next->tv_usec + 999) / 1000);
    return count;
}

void nameservers_advance(nameservers *asked, const nameservers_socket *ready, int count)
{
    for (int i = 0; i < count; i++)
        ares_process_fd(asked->channel,
                        ready[i].events & (POLLIN | POLLERR | POLLHUP) ? ready[i].descriptor : ARES_SOCKET_BAD,
                        ready[i].events & POLLOUT ? ready[i].descriptor : ARES_SOCKET_BAD);
    if (count == 0) /* timeouts */
        ares_process_fd(asked->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}
