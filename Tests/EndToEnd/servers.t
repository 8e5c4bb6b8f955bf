#!/usr/bin/env bash
# Several servers for one tunnel, and several clients for one session.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network

# Another server that leads to the same internet, with an address pool of its own.
#
#   client 198.18.5.2 ── 198.18.5.1 server2 198.18.6.1 ── 198.18.6.2 target
ip netns add server2
ip -n server2 link set lo up
_lab_link client outer2 198.18.5.2/24 2001:db8:c5::2/64 server2 clients 198.18.5.1/24 2001:db8:c5::1/64
_lab_link target uplink2 198.18.6.2/24 2001:db8:c6::2/64 server2 "$LAB_EGRESS" 198.18.6.1/24 2001:db8:c6::1/64
_lab_route server2 "${LAB_ROUTES[0]}" via 198.18.6.2
_lab_route server2 "${LAB_ROUTES[1]}" via 2001:db8:c6::2
echo "[198.18.5.1]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
second() {
    lab_daemon_config "$LAB_DIR/$1.conf" "AddressPool 11.0.0.0/8" "AddressPool6 fd70:7475:6f::/104" \
        "StateDirectory $LAB_DIR/state2"
    lab_start "$1" server2 "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$1.conf"
    wait_for 10 lab_ready_or_gone "$1"
    lab_alive "$1" && lab_logged "$1" '\bready\b'
}

carries() { page client "$LAB_WEB4" 0.5; }
ready() { [ "$(grep -c '\bready\b' "$LAB_DIR/client.log")" -ge "$1" ]; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'; }

mkdir -p "$LAB_DIR/state2"
ok "one daemon is ready" lab_daemon daemon
lab_client_words
# The second one is nobody.
words=("${LAB_CLIENT_WORDS[@]}" "$LAB_USER@192.0.2.9" "$LAB_USER@198.18.5.1")
lab_start client client "$LAB_BIN/packet-tunnel" "${words[@]}" --route default
ok "the client is ready at the first server" wait_for 10 ready 1
ok "and carries" wait_for 5 carries
ok "another daemon is ready" second other
lab_stop daemon KILL
started=$EPOCHREALTIME
ok "the first server is gone: the client is ready at another" wait_for 15 ready 2
ok "and carries" wait_for 5 carries
took=$(since "$started")
diag "at the next server after $took s"
at_most "soon (s)" "$took" 3
ok "that connections begin anew is said" wait_for 5 lab_logged client "at another server: connections begin anew"
ok "the first server is back" lab_daemon daemon
lab_stop other KILL
started=$EPOCHREALTIME
ok "and is used when the other one is gone" wait_for 15 ready 3
ok "and carries" wait_for 5 carries
diag "back at the first after $(since "$started") s"
lab_stop client
is "the client stops with status 0" "$LAB_STATUS" 0

# Two machines with one key and one session name.
ok "a client has a session" lab_client client client --session laptop
ok "another machine takes it" lab_client newer client2 --session laptop
ok "the older one says so and leaves it" wait_for 5 lab_logged client "another client has taken this session over"
ok "by ending" lab_wait client 5
is "as told: 0" "$LAB_STATUS" 0
like "the newer one says so, too" "$(lab_log newer)" "taking this session over from another client"
sleep 1
is "they do not take it from each other again" "$(lab_log daemon | grep -c 'client took its session over')" 1
like "the newer one carries" "$(page client2 "$LAB_WEB4" 2>&1)" hello
lab_stop newer
lab_stop daemon
done_testing
