#!/usr/bin/env bash
# What a client holds over many reconnections, and who makes its connection: the library closes and opens things by itself.
. "$(dirname "$0")/../../Lab/lab.sh"
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

# A jump host of the configuration file: this program connects to it and not the library, and the command line has the last word.
ok "the daemon is ready" lab_daemon
printf 'Host %s\n ProxyJump nobody@192.0.2.77:9\n' "$LAB_SERVER4" >"$LAB_DIR/jump.config"
# jumps [OPTION...]: what the client says.
jumps() {
    lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info -F "$LAB_DIR/jump.config" "$@" -o ConnectTimeout=1 \
        -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -i "$LAB_DIR/client_key" -p "$LAB_PORT" "$LAB_USER@$LAB_SERVER4" 2>&1
}
like "a jump host of the file is told to be out of reach" "$(jumps)" "jump host nobody@192[.]0[.]2[.]77:9"
like "one of the command line goes before it" "$(jumps -o ProxyJump=other@192.0.2.78:10)" "jump host other@192[.]0[.]2[.]78:10"
like "none means none" "$(jumps -o ProxyJump=none)" '"program" : "packet-tunneld"'
done_testing
