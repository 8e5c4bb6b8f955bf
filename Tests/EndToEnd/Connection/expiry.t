#!/usr/bin/env bash
# A session outlives its connection by SessionExpiry, and no more; the kernel forgets its connections with it.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
expiry=2
ok "the daemon is ready" lab_daemon daemon "SessionExpiry $expiry" || done_testing
ok "the client is ready" lab_client client client || done_testing
tracked() {
    lab_in server conntrack -L -f ipv4 -s "$assigned4" 2>/dev/null
    lab_in server conntrack -L -f ipv6 -s "$assigned6" 2>/dev/null
}
assigned4=$(lab_assigned client_key 4) assigned6=$(lab_assigned client_key 6)
ok "a page over IPv4" page client "$LAB_WEB4"
ok "a page over IPv6" page client "[$LAB_WEB6]"

# Nothing but time can show that an idle session is kept.
sleep $((expiry * 2))
not_ok "a session that is idle but connected does not end" lab_logged daemon 'session ended'
is "and keeps its IPv4 address" "$(lab_assigned client_key 4)" "$assigned4"
is "and its IPv6 address" "$(lab_assigned client_key 6)" "$assigned6"

# Somebody out there sends without an end to the client that is about to leave, over both families.
number=0
for address in "$LAB_WEB4" "$LAB_WEB6"; do
    number=$((number + 1))
    lab_start "blast$number" target "$LAB_TOOL" blast "$address" 9000
    wait_for 10 lab_logged "blast$number" listening
    lab_start "poke$number" client "$LAB_TOOL" poke "$address" 9000
    ok "$address sends to the client" wait_for 10 lab_logged "poke$number" answered
done
at_least "the kernel tracks connections of the client" "$(tracked | wc -l)" 4

# It leaves between these two moments.
leaving=$EPOCHREALTIME
lab_stop client
gone=$EPOCHREALTIME
ok "the session ends" wait_for $((expiry * 3)) lab_logged daemon 'session ended .*reason=expired'
ended=$EPOCHREALTIME
took=$(awk -v a="$gone" -v b="$ended" 'BEGIN { printf "%.2f", b - a }')
is "the kernel has forgotten its connections by then" "$(tracked)" ""
diag "the session ended $took s after its client with SessionExpiry $expiry"
at_least "the session was kept as long as it should" "$(awk -v a="$leaving" -v b="$ended" 'BEGIN { print b - a }')" "$expiry"
at_most "and is gone within 1.5 times the expiry" "$took" "$(awk -v e="$expiry" 'BEGIN { print e * 1.5 }')"

# Those packets still come, but no longer pass the server towards its clients, whoever has the address next.
# packets DEVICE RX|TX: what the server's interface has counted. /sys shows another namespace.
packets() { ip -n server -s link show dev "$1" | awk -v way="$2:" '$1 == way { getline; print $2 }'; }
towards_clients() { packets "$(lab_tun server)" TX; }
arrived() { packets "$LAB_EGRESS" RX; }
ok "a client is ready with a new session" lab_client next client
not_ok "the old address is not the new one" test "$(lab_assigned client_key 4)" = "$assigned4"
before=$(towards_clients) heard=$(arrived)
wait_for 10 eval '[ "$(arrived)" -gt $((heard + 200)) ]'
at_least "packets for the old owner still arrive" "$(($(arrived) - heard))" 200
at_most "none of them is sent towards a client" "$(($(towards_clients) - before))" 20
is "the kernel does not track them for the old address" "$(tracked)" ""

# Again and again: every session leaves, none stays.
lab_stop next
for round in 1 2 3; do
    lab_client "round$round" client >/dev/null 2>&1
    page client "$LAB_WEB4" >/dev/null 2>&1
    lab_stop "round$round"
done
ok "all five sessions have ended" wait_for 10 eval '[ "$(lab_log daemon | grep -c "session ended")" = 5 ]'
# What is tracked now belongs to the host's own connections.
is "nothing of the whole pool is tracked" "$(lab_in server conntrack -L -f ipv4 2>/dev/null | grep -E 'src=10\.')" ""
done_testing
