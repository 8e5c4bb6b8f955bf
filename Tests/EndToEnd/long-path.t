#!/usr/bin/env bash
# A long fat path: over 100 and 200 ms, no window of SSH's holds a stream back.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
seconds=${SECONDS_EACH:-4}
ok "the daemon is ready" lab_daemon || done_testing
# The streams inside shall not be what is limited: by default they have 4 MB to fill the path with.
for namespace in client target; do
    lab_in "$namespace" sysctl -qw net.ipv4.tcp_wmem="4096 65536 67108864" net.ipv4.tcp_rmem="4096 131072 67108864"
done
for ((port = 2301; port <= 2302; port++)); do
    sed -n "s/^\[$LAB_SERVER4\]:$LAB_PORT /[$LAB_SERVER4]:$port /p" "$LAB_DIR/known_hosts"
done >>"$LAB_DIR/known_hosts"

# far ROUNDTRIP PORT STREAMS LEAST: libssh's own window, 640 KB a round trip, would carry 51 and 26 Mbit/s.
far() {
    local trip=$1 port=$2 streams=$3 least=$4 rate reverse
    lab_start "relay$trip" server "$LAB_PYTHON" "$LAB_HERE/relay.py" "$LAB_SERVER4" "$port" "$LAB_SERVER4" \
        "$LAB_PORT" "$trip"
    wait_for 10 lab_logged "relay$trip" listening
    # iperf3 serves one at a time, and does not hear the end of a test that was under way when its tunnel was stopped.
    lab_iperf_server
    ok "$trip ms: the client is ready" lab_client "far$trip" client -p "$port"
    like "$trip ms: a page over IPv4" "$(page client "$LAB_WEB4")" hello
    like "$trip ms: a page over IPv6" "$(page client "[$LAB_WEB6]")" hello
    for reverse in "" --reverse; do
        # shellcheck disable=SC2086 # one word, or none
        rate=$(lab_iperf client "$LAB_WEB4" --parallel "$streams" --omit 3 --time "$seconds" $reverse)
        at_least "$trip ms: no window holds the streams back ${reverse:+(down)}" "$rate" "$least"
        diag "$trip ms, $streams stream(s) ${reverse:+down}: $rate Mbit/s"
    done
    lab_stop "far$trip"
    lab_stop "relay$trip"
    lab_stop iperf5201
}
far 100 2301 1 110
# It takes a single stream a quarter of a minute to fill this one.
far 200 2302 4 55
done_testing
