#!/usr/bin/env bash
# Programs that may open too few files: they say so and end, or work; none waits for ever, and nothing is left behind.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_daemon_config "$LAB_DIR/few.conf"
before=$(lab_snapshot server)
# few NAME NAMESPACE LIMIT COMMAND...: status 124 if it goes on after SIGTERM.
few() {
    local name=$1 namespace=$2 limit=$3
    shift 3
    # shellcheck disable=SC2016 # for the shell inside
    lab_start "$name" "$namespace" bash -c 'ulimit -n "$0" && exec "$@"' "$limit" "$@"
    wait_for 5 lab_ready_or_gone "$name"
    lab_stop "$name"
}
stuck="" unsaid=""
# The queues of the device take 64, the rest of the daemon some 20, and a command that it runs a dozen.
for limit in 16 40 $(seq 80 3 120) 512; do
    few daemon server "$limit" "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/few.conf"
    case $LAB_STATUS in 124 | 13[0-9]) stuck="$stuck $limit" ;; 0) lab_logged daemon ready || unsaid="$unsaid $limit" ;; esac
    lab_logged daemon 'ready|Too many open files' || unsaid="$unsaid $limit"
done
is "the daemon ends by itself, or at SIGTERM" "$stuck" ""
is "it says why, unless it works" "$unsaid" ""
is "nothing is left" "$(lab_snapshot server)" "$before"

ok "a daemon with enough is ready" lab_daemon || done_testing
before=$(lab_snapshot client) stuck="" unsaid=""
lab_client_words
for limit in 16 24 $(seq 40 4 90); do
    few client client "$limit" "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}"
    case $LAB_STATUS in 124 | 13[0-9]) stuck="$stuck $limit" ;; esac
    lab_logged client 'ready|packet-tunnel: .' || unsaid="$unsaid $limit"
done
is "the client ends by itself, or at SIGTERM" "$stuck" ""
is "it says why, unless it works" "$unsaid" ""
is "nothing is left" "$(lab_snapshot client)" "$before"
lab_stop daemon

# Without standard streams, no other descriptor has their numbers: messages would go into it.
closed() {
    local name=$1 namespace=$2
    shift 2
    # shellcheck disable=SC2016 # for the shell inside
    lab_start "$name" "$namespace" bash -c 'exec "$@" <&- >&- 2>&-' closed "$@"
}
streams() { readlink "/proc/$(lab_pid "$1")"/fd/{0,1,2} | sort -u; }
closed daemon server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/few.conf"
ok "a daemon without standard streams serves" wait_for 10 lab_status
lab_client_words
closed client client "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}"
ok "and a client without them" wait_for 10 eval '[ -n "$(lab_tun client)" ] && page client "$LAB_WEB4" && page client "[$LAB_WEB6]"'
is "the daemon's are /dev/null" "$(streams daemon)" /dev/null
is "the client's, too" "$(streams client)" /dev/null
lab_stop client
is "the client ends with status 0" "$LAB_STATUS" 0
lab_stop daemon
is "the daemon ends with status 0" "$LAB_STATUS" 0
done_testing
