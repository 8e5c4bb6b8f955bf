#!/usr/bin/env bash
# With a default route nothing leaves beside the tunnel: captured on the underlay, through reconnections, and with --kill-switch
# through kill -9.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/outside.sh"
lab_enter "$@"
lab_test_network
lab_dns
lab_outside
resolvers=$(cat /etc/resolv.conf)
ok "the daemon is ready" lab_daemon || done_testing

# up HOST [OPTION...]
up() {
    local host=$1
    shift
    lab_start client client "$LAB_BIN/packet-tunnel" up "$LAB_USER@$host" -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" "$@"
    wait_for 20 lab_ready_or_gone client
    lab_alive client && lab_logged client '\bready\b'
}
down() { lab_in client "$LAB_BIN/packet-tunnel" down --force; }
# at_once WHAT COMMAND...: fails, and within a second.
at_once() {
    local what=$1 start=${EPOCHREALTIME/./}
    shift
    not_ok "$what fails" "$@"
    at_most "$what fails at once (ms)" "$(((${EPOCHREALTIME/./} - start) / 1000))" 1000
}
fetch() { lab_in client curl --silent --max-time 5 --output /dev/null "http://$1/"; }

watch
programs
wait_for 10 lab_logged underlay "clear: IPv6 DNS"
ok "without a tunnel all of it leaves in the clear" wait_for 10 lab_logged underlay "clear: IPv4 DNS"
lab_stop underlay
programs_end

# The line breaks, and comes back, twice.
ok "the client is ready" up "$name" --route default || done_testing
programs
like "a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
watch
for _ in 1 2; do
    lab_stop daemon KILL
    ok "the daemon is there again" lab_daemon
    back() { page client "$LAB_NAME" 1; }
    ok "and so is the tunnel" wait_for 20 back
done
watched "with a default route nothing left in the clear, through two reconnections"
lab_stop client
is "the resolvers are those of before" "$(cat /etc/resolv.conf)" "$resolvers"
programs_end

# A family that the tunnel does not carry.
for options in "--route default --address6 none" "--route 0.0.0.0/0"; do
    # shellcheck disable=SC2086 # several words
    ok "with $options the client is ready" up "$LAB_SERVER6" $options
    watch
    like "a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    at_once "a page over IPv6" fetch "[$LAB_WEB6]"
    watched "with $options no IPv6 left"
    lab_stop client
done
lab_stop daemon
ip -n server -6 route del "${LAB_ROUTES[1]}"
ok "a daemon without a way out for IPv6 is ready" lab_daemon
like "and says so" "$(lab_status client info | tr -d ' \n')" '"egressFamilies":\["ipv4"\]'
ok "with --route default the client is ready" up "$LAB_SERVER4" --route default
like "a line says what is refused" "$(lab_log client)" "refused.*family=IPv6"
watch
like "a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
at_once "a page over IPv6" fetch "[$LAB_WEB6]"
is "names are looked up" "$(lab_in client getent ahostsv4 "$LAB_NAME" | awk 'NR == 1 { print $1 }')" "$LAB_WEB4"
watched "with a server that lacks it no IPv6 left"
lab_stop client
lab_stop daemon
_lab_route server "${LAB_ROUTES[1]}" via "$LAB_TARGET6"
ok "the daemon is ready" lab_daemon
ok "with --allow-leak6 the client is ready" up "$LAB_SERVER4" --route default --address6 none --allow-leak6
like "IPv6 leaves beside the tunnel" "$(lab_in client ip -6 route get "$LAB_WEB6")" "dev outer"
lab_stop client

# What is excluded leaves, and nothing else.
ok "with --exclude the client is ready" up "$LAB_SERVER4" --route default --exclude "$outside4" --exclude "$outside6/128"
for place in "$outside4" "$outside6"; do
    like "$place is reached beside the tunnel" "$(lab_in client ip route get "$place")" "dev outer"
    ok "and answers" lab_in client dig +tries=1 +time=2 "@$place" "$name" A
done
like "another address is not" "$(lab_in client ip route get "$LAB_WEB4")" "dev ptun0"
lab_stop client

# Killed twenty times.
ok "with --kill-switch the client is ready" up "$name" --route default --kill-switch
programs
watch
for round in {1..20}; do
    lab_stop client KILL
    [ "$round" != 1 ] || at_once "with the client killed a page over IPv4" fetch "$LAB_WEB4"
    [ "$round" != 1 ] || at_once "and over IPv6" fetch "[$LAB_WEB6]"
    up "$name" --route default --kill-switch || ok "round $round: the client is ready again" false
done
like "the tunnel carries a page" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
lab_stop client KILL
watched "nothing at all left in the clear through 20 kill -9"
ok "down takes the kill switch away" down
is "no table is left" "$(lab_in client nft list tables)" ""
is "the resolvers are those of before" "$(cat /etc/resolv.conf)" "$resolvers"
ok "the network is there again" lab_in client ping -c 1 -W 2 "$outside4"
programs_end
ok "with --kill-switch the client is ready" up "$LAB_SERVER4" --route default --kill-switch --allow-lan
ok "the local network is reached with --allow-lan" lab_in client ping -c 1 -W 2 "$LAB_SERVER4"
lab_stop client
is "a client that stops takes its kill switch with it" "$(lab_in client nft list tables)" ""
done_testing
