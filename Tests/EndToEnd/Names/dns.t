#!/usr/bin/env bash
# Names through the transparent address of each family, over UDP and over TCP.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns
lab_test_tunnel
ask() {
    local server=$1 type=$2
    shift 2
    lab_in client dig +short +time=2 +tries=2 "$@" "@$server" "$LAB_NAME" "$type" 2>&1
}
for server in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"; do
    is "$server knows the IPv4 address" "$(ask "$server" A)" "$LAB_WEB4"
    is "$server knows the IPv6 address" "$(ask "$server" AAAA)" "$LAB_WEB6"
    is "$server answers over TCP" "$(ask "$server" A +tcp)" "$LAB_WEB4"
done
is "the client's own resolver address answers" "$(ask "$LAB_RESOLVER4" A)" "$LAB_WEB4"
is "and answers over TCP" "$(ask "$LAB_RESOLVER4" AAAA +tcp)" "$LAB_WEB6"
like "a program finds a page by its name" "$(page client "$LAB_NAME" 2>&1)" "hello"
# Nothing is measured unless it is asked for.
figures() {
    lab_in server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/daemon.conf" --status | "$LAB_TOOL" json "dns.*[resolver=$1].$2"
}
is "without DNSFlowTracking no resolver is counted" "$(figures "$LAB_DNS4" answered)" ""
lab_stop client
lab_stop daemon
ok "the daemon is ready with DNSFlowTracking" lab_daemon daemon "DNSFlowTracking yes" || done_testing
ok "and the client" lab_client client client || done_testing
for server in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"; do
    for _ in {1..5}; do ask "$server" A >/dev/null; done
    ask "$server" A +tcp >/dev/null
done
for resolver in "$LAB_DNS4" "$LAB_DNS6"; do
    is "$resolver has answered six queries" "$(figures "$resolver" answered)" 6
    at_most "in short time (ms)" "$(figures "$resolver" answeringMilliseconds)" 3000
    is "and left none unanswered" "$(figures "$resolver" unanswered)" 0
done
kill -STOP "$(lab_pid dns)"
not_ok "a resolver that stands still does not answer" lab_in client dig +time=1 +tries=1 "@$LAB_POOL_DNS4" "$LAB_NAME" A
lab_stop client
unanswered() { [ "$(figures "$LAB_DNS4" unanswered)" = 1 ]; }
ok "which is counted when the client has gone" wait_for 10 unanswered
kill -CONT "$(lab_pid dns)"
like "the resolver saw the server ask, not the client" "$(lab_log dns)" "from ($LAB_EGRESS4|$LAB_EGRESS6)"
done_testing
