/* Asks name servers for the addresses of one name, by c-ares, over sockets that somebody else may set up.
 *
 * The system's own resolver asks over sockets that nobody else sees: when the way to its servers leads through a tunnel that is
 * down, it cannot be told to go round. Over TCP alone (RFC 7766): a routing rule for such a socket then leaves the host's ordinary
 * queries, which are UDP, in the tunnel. For one thread; nothing here blocks. */
#ifndef CNAMESERVERS_H
#define CNAMESERVERS_H

/* Swift's module of the C library has what that declares, or this one would own whatever the compiler meets here first. */
#ifdef __swift__
#pragma clang module import SwiftGlibc
#endif

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* At most so many sockets are open at once (ARES_GETSOCK_MAXNUM of c-ares). */
enum { NAMESERVERS_SOCKETS = 16 };

/* Called with each socket before its connect(2); false refuses it. */
typedef bool (*nameservers_prepare)(int descriptor, const struct sockaddr *server, socklen_t length, void *user);
/* Called once for each address that has been found. */
typedef void (*nameservers_found)(const struct sockaddr *address, void *user);

typedef struct nameservers nameservers;

/* Begins to ask for the addresses of `name`, of one family or of both (AF_UNSPEC). Files and caches of this host are not asked.
 * `servers` are the name servers' addresses with commas between them; empty: those of resolv.conf(5). NULL when out of
 * memory, and when c-ares cannot read its configuration. */
nameservers *nameservers_ask(const char *name, int family, const char *servers, nameservers_prepare prepare,
                             nameservers_found found, void *user);
void nameservers_free(nameservers *asked);

/* True when all there is has been found. */
bool nameservers_is_done(const nameservers *asked);

/* A socket, and what is waited for, or has come, in the words of poll(2). */
typedef struct nameservers_socket {
    int descriptor;
    short events;
} nameservers_socket;

/* What to wait for: fills in `waiting` and returns how many; `*milliseconds` is lowered to when nameservers_advance() has
 * something to do anyway. */
int nameservers_wait(nameservers *asked, nameservers_socket waiting[NAMESERVERS_SOCKETS], int *milliseconds);

/* Goes on with what has come; also when nothing has and the time is over. */
void nameservers_advance(nameservers *asked, const nameservers_socket *ready, int count);

#endif
