#!/usr/bin/env bash
# A path with delay, a bottleneck and loss, over both families outside: each end has BBR there, a stream inside gets most of the
# bottleneck, and with cubic it would not. A near path is left to cubic.
LAB_PATH=20ms,100mbit,1%
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
seconds=${SECONDS_EACH:-4}
lab_iperf_server
# path MEMBER: what the server says of the path to its client.
path() {
    "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/daemon.conf" --status |
        "$LAB_TOOL" json "sessions.*.path.$1" | head -n 1
}
streams() {
    local who=$1 word=$2 limit=$3 direction rate
    for direction in up down; do
        [ "$direction" = up ] && reverse="" || reverse=--reverse
        # shellcheck disable=SC2086 # one word, or none
        rate=$(lab_iperf client "$LAB_WEB4" --omit 2 --time "$seconds" $reverse)
        diag "$who, $direction: $rate Mbit/s"
        if [ "$word" = least ]; then
            at_least "$who: a stream $direction gets most of 100 Mbit/s" "$rate" "$limit"
        else
            at_most "$who: a stream $direction gets little" "$rate" "$limit"
        fi
    done
}

ok "the daemon is ready" lab_daemon || done_testing
for server in "$LAB_SERVER4" "$LAB_SERVER6"; do
    ok "over $server: the client is ready" eval LAB_SERVER4=$server lab_client client client || done_testing
    streams "over $server" least 60
    is "over $server: the server has BBR" "$(path congestionControl)" bbr
    at_least "over $server: it has measured the round trip" "$(path roundTripMicroseconds)" 19000
    like "over $server: the client has it, too" "$(lab_in client ss -Htin state established dport = ":$LAB_PORT")" '\bbbr\b'
    lab_stop client INT
done
lab_stop daemon
ok "a daemon with cubic is ready" lab_daemon daemon "CongestionControl cubic" || done_testing
ok "and a client" lab_client client client -o CongestionControl=cubic || done_testing
streams cubic most 30
is "the server has what it was told to have" "$(path congestionControl)" cubic
done_testing
