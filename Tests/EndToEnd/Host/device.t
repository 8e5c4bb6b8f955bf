#!/usr/bin/env bash
# Somebody removes the tun device of the server, and that of the client: it comes back, with all that was on it.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
lab_enter "$@"
lab_test_network
lab_dns
server_before=$(lab_snapshot server) client_before=$(lab_snapshot client)
ok "the daemon is ready" lab_daemon || done_testing
ok "the client is ready" lab_client client client || done_testing
ok "stock ssh is connected" lab_stock_client stock client2
pages "at first"
# An interface's number is another one afterwards.
state() { lab_snapshot "$1" | sed -E 's/^[0-9]+: //; s/ dev_index [0-9]+//'; }
server_up=$(state server) client_up=$(state client)
assigned=$(lab_assigned client_key 4)

stock_pages() {
    like "$1: a page over IPv4 for stock ssh" "$(page client2 "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$1: a page over IPv6 for stock ssh" "$(page client2 "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
}
times() { [ "$(lab_log "$1" | grep -c "$2")" -ge "$3" ]; }
for round in 1 2; do
    ip -n server link del ptun0
    ok "round $round: the daemon says that its device is gone" wait_for 10 times daemon 'device has disappeared' "$round"
    ok "round $round: and that it is back" wait_for 10 times daemon 'device is back' "$round"
    is "round $round: the server's network is as it was" "$(state server)" "$server_up"
    pages "round $round on the server"
    stock_pages "round $round on the server"
done
is "the session is the same" "$(lab_assigned client_key 4)" "$assigned"
is "and no client had to connect again" "$(lab_log daemon | grep -cE 'client connected|resumed|took')" 2

for round in 1 2; do
    ip -n client link del "$(lab_tun client)"
    ok "round $round: the client says that its device is gone" wait_for 10 times client 'device has disappeared' "$round"
    ok "round $round: and that it is back" wait_for 10 times client 'device is back' "$round"
    is "round $round: the client's network is as it was" "$(state client)" "$client_up"
    pages "round $round on the client"
done
is "a name" "$(lab_in client dig +short +time=2 +tries=2 "@$LAB_RESOLVER4" "$LAB_NAME" A)" "$LAB_WEB4"

# Somebody else has taken the name: the daemon keeps trying.
kill -STOP "$(lab_pid daemon)"
ip -n server link del ptun0
ip -n server link add ptun0 type veth peer name taken
kill -CONT "$(lab_pid daemon)"
ok "with the name taken the daemon says why it has no device" wait_for 10 lab_logged daemon 'cannot bring the device back.*ptun0'
ip -n server link del ptun0
ok "and has it when the name is free" wait_for 15 times daemon 'device is back' 3
pages "with the name free again"

lab_stop stock
lab_stop client
is "the client stops with status 0" "$LAB_STATUS" 0
lab_stop daemon
is "the daemon stops with status 0" "$LAB_STATUS" 0
is "nothing is left on the server" "$(lab_snapshot server)" "$server_before"
is "nor on the client" "$(lab_snapshot client)" "$client_before"
done_testing
