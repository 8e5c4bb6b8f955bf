/* A peer that does on an SSH channel whatever a test wants, right or wrong.
 *
 *     raw-channel HOST PORT USER KEYFILE TYPE MAXIMUM
 *
 * Logs in, opens a channel of TYPE and announces MAXIMUM as the largest packet it takes, which no honest program lets
 * one choose. Prints "open" or "refused". Sends its standard input over the channel, prints "received BYTES" for what
 * arrives, and "closed" when the server ends the channel; then waits to be killed or for the connection to end.
 *
 * The library cannot open a channel of a free type. It builds the open message of an X11 channel and appends the
 * payload through ssh_buffer_add_buffer(); the linker's --wrap puts the function below in its place, where the public
 * buffer functions write the message that is wanted.
 */
#include "session.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *channel_type;
static uint32_t packet_maximum;
static int opening;

int __real_ssh_buffer_add_buffer(ssh_buffer destination, ssh_buffer source);
int __wrap_ssh_buffer_add_buffer(ssh_buffer destination, ssh_buffer source);

static int add_number(ssh_buffer buffer, uint32_t number)
{
    number = htonl(number);
    return ssh_buffer_add_data(buffer, &number, sizeof number);
}

int __wrap_ssh_buffer_add_buffer(ssh_buffer destination, ssh_buffer source)
{
    const uint8_t message = 90; /* SSH_MSG_CHANNEL_OPEN, RFC 4254 section 5.1 */
    uint32_t fields[3];         /* sender, window, maximum: the end of what the library has written */
    uint32_t length;

    if (!opening)
        return __real_ssh_buffer_add_buffer(destination, source);
    opening = 0;
    length = ssh_buffer_get_len(destination);
    memcpy(fields, (const uint8_t *)ssh_buffer_get(destination) + length - sizeof fields, sizeof fields);
    fields[2] = htonl(packet_maximum);
    if (ssh_buffer_reinit(destination) < 0 || ssh_buffer_add_data(destination, &message, 1) < 0 ||
        add_number(destination, (uint32_t)strlen(channel_type)) < 0 ||
        ssh_buffer_add_data(destination, channel_type, (uint32_t)strlen(channel_type)) < 0)
        return -1;
    return ssh_buffer_add_data(destination, fields, sizeof fields);
}

static void say(const char *text)
{
    puts(text);
    fflush(stdout);
}

static ssh_session login(const char *host, const char *port, const char *user, const char *key_file)
{
    ssh_session session = new_session(host, port, user);
    ssh_key key = NULL;

    if (ssh_pki_import_privkey_file(key_file, NULL, NULL, NULL, &key) != SSH_OK || ssh_connect(session) != SSH_OK ||
        ssh_userauth_publickey(session, NULL, key) != SSH_AUTH_SUCCESS) {
        fprintf(stderr, "raw-channel: %s\n", ssh_get_error(session));
        exit(1);
    }
    return session;
}

int main(int argc, char **argv)
{
    static char bytes[65536];
    ssh_session session;
    ssh_channel channel;
    ssize_t count;
    int received;

    if (argc != 7)
        return 64;
    ssh_init();
    session = login(argv[1], argv[2], argv[3], argv[4]);
    channel = ssh_channel_new(session);
    channel_type = argv[5];
    packet_maximum = (uint32_t)strtoul(argv[6], NULL, 10);
    opening = 1;
    if (ssh_channel_open_x11(channel, "", 0) != SSH_OK) {
        say("refused");
        for (;;)
            pause();
    }
    say("open");
    while ((count = read(0, bytes, sizeof bytes)) > 0)
        ssh_channel_write(channel, bytes, (uint32_t)count);
    while ((received = ssh_channel_read(channel, bytes, sizeof bytes, 0)) > 0) {
        printf("received %d\n", received);
        fflush(stdout);
    }
    say("closed");
    return 0;
}
