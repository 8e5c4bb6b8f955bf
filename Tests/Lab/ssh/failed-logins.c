/* Logs in with keys that nobody knows, over and over.
 *
 *     failed-logins HOST PORT USER COUNT
 *
 * Each connection offers six keys; COUNT is the number of offers. Prints how many were answered and how many connections
 * were refused before the first.
 */
#include "session.h"

#include <stdio.h>
#include <stdlib.h>

enum { OFFERS = 6 };

static ssh_session connect_to(const char *host, const char *port, const char *user)
{
    ssh_session session = new_session(host, port, user);

    if (ssh_connect(session) == SSH_OK)
        return session;
    ssh_free(session);
    return NULL;
}

int main(int count, char **words)
{
    int answered = 0, refused = 0, wanted;
    ssh_key key = NULL;

    if (count != 5)
        return 64;
    wanted = atoi(words[4]);
    if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK)
        return 71;
    while (answered + OFFERS * refused < wanted) {
        ssh_session session = connect_to(words[1], words[2], words[3]);
        if (session == NULL) {
            refused += 1;
            continue;
        }
        for (int offer = 0; offer < OFFERS; offer++) {
            int result = ssh_userauth_try_publickey(session, NULL, key);
            answered += 1;
            if (result != SSH_AUTH_DENIED)
                break;
        }
        ssh_disconnect(session);
        ssh_free(session);
    }
    printf("answered %d refused %d\n", answered, refused);
    return 0;
}
