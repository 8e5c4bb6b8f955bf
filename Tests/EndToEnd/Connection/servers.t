#!/usr/bin/env bash
# Several servers for one tunnel, a server that is replaced, and several clients for one session.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns

# Another server that leads to the same internet, with an address pool of its own.
#
#   client 198.18.5.2 ── 198.18.5.1 server2 198.18.6.1 ── 198.18.6.2 target
ip netns add server2
ip -n server2 link set lo up
_lab_link client outer2 198.18.5.2/24 2001:db8:c5::2/64 server2 clients 198.18.5.1/24 2001:db8:c5::1/64
_lab_link target uplink2 198.18.6.2/24 2001:db8:c6::2/64 server2 "$LAB_EGRESS" 198.18.6.1/24 2001:db8:c6::1/64
_lab_route server2 "${LAB_ROUTES[0]}" via 198.18.6.2
_lab_route server2 "${LAB_ROUTES[1]}" via 2001:db8:c6::2
for place in 198.18.5.1 2001:db8:c5::1; do
    echo "[$place]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
done
mkdir -p "$LAB_DIR/state2"
second() {
    lab_daemon_config "$LAB_DIR/$1.conf" "AddressPool 11.0.0.0/8" "AddressPool6 fd70:7475:6f::/104" \
        "StateDirectory $LAB_DIR/state2"
    lab_start "$1" server2 "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$1.conf"
    wait_for 10 lab_ready_or_gone "$1"
    lab_alive "$1" && lab_logged "$1" '\bready\b'
}
# A daemon in the place of the first one, with a pool that nobody has had before.
replacement() { lab_daemon daemon "AddressPool 12.0.0.0/8" "AddressPool6 fd70:7475:70::/104"; }

carries() { page client "$LAB_WEB4" 0.5; }
ready() { [ "$(grep -c '\bready\b' "$LAB_DIR/client.log")" -ge "$1" ]; }
# A silent server is noticed by those who want something.
carries_anew() { carries && ready "$1"; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'; }
# by_name FAMILY: the address that a program gets for the name.
by_name() { lab_in client timeout 5 getent "ahostsv$1" "$LAB_NAME" | awk 'NR == 1 { print $1 }'; }
names() {
    is "$what: names are looked up, over IPv4" "$(by_name 4)" "$LAB_WEB4"
    is "$what: and over IPv6" "$(by_name 6)" "$LAB_WEB6"
}
# goes_on WANTED SECONDS: the client has been ready so often, and carries again so soon after $started.
goes_on() {
    ok "$what: the client carries again, on a new line" wait_for 30 carries_anew "$1"
    took=$(since "$started")
    diag "$what: after $took s"
    at_most "$what: soon (s)" "$took" "$2"
    names
}

# switches FAMILY FIRST NOBODY SECOND: a client with three servers; the second one is nobody.
switches() {
    local family=$1
    what="IPv$family outside"
    ok "$what: one daemon is ready" lab_daemon daemon
    lab_start client client "$LAB_BIN/packet-tunnel" up "$LAB_USER@$2" -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        --address "$LAB_OWN4" --address6 "$LAB_OWN6" --route default --dns-setup file \
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" "$LAB_USER@$3" "$LAB_USER@$4"
    ok "$what: the client is ready at the first server" wait_for 10 ready 1
    ok "$what: and carries" wait_for 5 carries
    names
    resolvers=$(cat /etc/resolv.conf)
    ok "$what: another daemon is ready" second other

    what="IPv$family outside, the first server is gone"
    lab_stop daemon KILL
    started=$EPOCHREALTIME
    goes_on 2 3
    is "$what: programs still ask the same resolvers" "$(cat /etc/resolv.conf)" "$resolvers"
    ok "$what: that connections begin anew is said" wait_for 5 lab_logged client "at another server: connections begin anew"

    what="IPv$family outside, back when the other one stops"
    ok "$what: the first server is back" lab_daemon daemon
    started=$EPOCHREALTIME
    lab_stop other
    goes_on 3 3

    what="IPv$family outside, a server that answers nothing any more"
    ok "$what: the other daemon is back" second other
    kill -STOP "$(lab_pid daemon)"
    lab_in server nft -f - <<<'table inet silence { chain input { type filter hook input priority 0; tcp dport 2222 drop; }; }'
    started=$EPOCHREALTIME
    goes_on 4 8
    lab_in server nft delete table inet silence
    lab_stop daemon KILL

    what="IPv$family outside, a server that is replaced"
    ok "$what: the first server is back" lab_daemon daemon
    lab_stop other KILL
    ok "$what: it is used" wait_for 15 ready 5
    lab_stop daemon KILL
    ok "$what: another one is in its place" replacement
    started=$EPOCHREALTIME
    goes_on 6 3
    lab_stop client
    is "$what: the client stops with status 0" "$LAB_STATUS" 0
    lab_stop daemon
}
switches 4 "$LAB_SERVER4" 192.0.2.9 198.18.5.1
switches 6 "$LAB_SERVER6" 2001:db8:1::9 2001:db8:c5::1

# Two machines with one key and one session name.
ok "the daemon is ready" lab_daemon daemon
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
