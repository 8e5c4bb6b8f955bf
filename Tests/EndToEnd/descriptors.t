#!/usr/bin/env bash
# What a client holds over many reconnections, and who makes its connection: the library closes and opens things on its own.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
outer=$(ip -n client -o route get "$LAB_SERVER4" | sed -n 's/.* dev \([^ ]*\).*/\1/p')
descriptors() { find "/proc/$(lab_pid client)/fd" -mindepth 1 | wc -l; }

# flat WHAT [OPTION...]: a client over five restarts of its server.
flat() {
    local what=$1 before round
    shift
    ok "$what: the daemon is ready" lab_daemon || done_testing
    ok "$what: the client is ready" lab_client client client "$@" || done_testing
    for round in 1 2 3 4 5; do
        lab_stop daemon
        ok "$what: restart $round" lab_daemon
        ok "$what: the tunnel is back" wait_for 20 page client "$LAB_WEB4" 1
        # The first pause between two attempts has opened a timer.
        [ "$round" != 1 ] || before=$(descriptors)
    done
    is "$what: as many descriptors as after the first" "$(descriptors)" "$before"
    is "$what: no connection is left half closed" "$(lab_in client ss -Htn state close-wait | wc -l)" 0
    lab_stop client
    lab_stop daemon
}
flat "any interface"
flat "with -B" -B "$outer"

# A jump host of the configuration file: ssh(1) connects to it, and the command line has the last word.
ok "the daemon is ready" lab_daemon
mkdir "$LAB_DIR/bin"
printf '#!/bin/sh\necho "$*" >>%s\nexit 1\n' "$LAB_DIR/calls" >"$LAB_DIR/bin/ssh"
chmod 755 "$LAB_DIR/bin/ssh"
printf 'Host *\n ProxyJump nobody@192.0.2.77:9\n' >"$LAB_DIR/jump.config"
# jumps [OPTION...]: what ssh(1) was called with, and what the client said.
jumps() {
    rm -f "$LAB_DIR/calls"
    PATH=$LAB_DIR/bin:$PATH lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info -F "$LAB_DIR/jump.config" "$@" \
        -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -i "$LAB_DIR/client_key" -p "$LAB_PORT" \
        "$LAB_USER@$LAB_SERVER4" >"$LAB_DIR/answer" 2>&1
    cat "$LAB_DIR/calls" 2>/dev/null
}
like "a jump host of the file is ssh's business" "$(jumps)" "nobody@192.0.2.77|192[.]0[.]2[.]77"
like "one of the command line goes before it" "$(jumps -o ProxyJump=other@192.0.2.78:10)" 'other.*192[.]0[.]2[.]78'
is "none means none: ssh is not called" "$(jumps -o ProxyJump=none)" ""
like "and the server answers" "$(cat "$LAB_DIR/answer")" '"program" : "packet-tunneld"'
done_testing
