#!/usr/bin/env bash
# A long fat path: over 100 and 200 ms, no window of SSH's holds a stream back.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
seconds=${SECONDS_EACH:-4}
ok "the daemon is ready" lab_daemon || done_testing
# The streams inside shall not be what is limited: by default they have 4 MB to fill the path with.
for namespace in client target; do
    lab_in "$namespace" sysctl -qw net.ipv4.tcp_wmem="4096 65536 67108864" net.ipv4.tcp_rmem="4096 131072 67108864"
done
for ((port = 2301; port <= 2303; port++)); do
    sed -n "s/^\[$LAB_SERVER4\]:$LAB_PORT /[$LAB_SERVER4]:$port /p" "$LAB_DIR/known_hosts"
done >>"$LAB_DIR/known_hosts"

# far ROUNDTRIP PORT STREAMS LEAST CLIENT...: what CLIENT, a command, connects to that port carries at least so many
# Mbit/s each way.
far() {
    local trip=$1 port=$2 streams=$3 least=$4 client=$5 rate reverse
    shift 4
    lab_start relay server "$LAB_TOOL" relay "$LAB_SERVER4" "$port" "$LAB_SERVER4" "$LAB_PORT" "$trip"
    wait_for 10 lab_logged relay listening
    # iperf3 serves one at a time, and does not hear the end of a test that was under way when its tunnel was stopped.
    lab_iperf_server
    ok "$client, $trip ms: the client is ready" "$@" "$port"
    like "$client, $trip ms: a page over IPv4" "$(page client "$LAB_WEB4")" hello
    like "$client, $trip ms: a page over IPv6" "$(page client "[$LAB_WEB6]")" hello
    for reverse in "" --reverse; do
        # shellcheck disable=SC2086 # one word, or none
        rate=$(lab_iperf client "$LAB_WEB4" --parallel "$streams" --omit 3 --time "$seconds" $reverse)
        at_least "$client, $trip ms: no window holds the streams back ${reverse:+(down)}" "$rate" "$least"
        diag "$client, $trip ms, $streams stream(s) ${reverse:+down}: $rate Mbit/s"
    done
    lab_stop "$client"
    lab_stop relay
    lab_stop iperf5201
}

ours() { lab_client ours client -p "$1"; }

# ssh makes its device before the server has agreed.
stock() { lab_stock_client stock client -p "$1" && wait_for 10 page client "$LAB_WEB4"; }

# libssh's own window, 640 KB a round trip, would carry 51 and 26 Mbit/s.
far 100 2301 1 110 ours
# It takes a single stream a quarter of a minute to fill this one.
far 200 2302 4 55 ours
# Stock ssh lets 2 MiB be under way: 168 Mbit/s.
far 100 2303 1 60 stock
done_testing
