/* A session of libssh for the lab's peers, which obey no file and wait ten seconds. */
#include <libssh/libssh.h>

static ssh_session new_session(const char *host, const char *port, const char *user)
{
    ssh_session session = ssh_new();
    int no = 0;
    long seconds = 10;

    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
    ssh_options_set(session, SSH_OPTIONS_HOST, host);
    ssh_options_set(session, SSH_OPTIONS_PORT_STR, port);
    ssh_options_set(session, SSH_OPTIONS_USER, user);
    ssh_options_set(session, SSH_OPTIONS_TIMEOUT, &seconds);
    return session;
}
