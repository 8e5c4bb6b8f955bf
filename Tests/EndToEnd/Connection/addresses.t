#!/usr/bin/env bash
# A server by its name: every address is tried, in both families, whatever the others do; what has worked is kept when the
# name can no longer be looked up.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
echo "[vpn.example]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
ok "the daemon is ready" lab_daemon || done_testing

# In this mount namespace alone. The file is written in place: a mount stays with the file that it was made from.
: >"$LAB_DIR/hosts"
mount --bind "$LAB_DIR/hosts" /etc/hosts
addresses() { { echo "127.0.0.1 localhost"; printf '%s vpn.example\n' "$@"; } >"$LAB_DIR/hosts"; }
info() {
    lab_in client timeout 30 "$LAB_BIN/packet-tunnel" info -F none -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o StrictHostKeyChecking=yes "$@" "$LAB_USER@vpn.example"
}
# reaches WHAT [OPTION...]: within the head start of one address, and what the programs need.
reaches() {
    local what=$1 started=${EPOCHREALTIME/./} answer
    shift
    answer=$(info -o ConnectTimeout=10 "$@" 2>&1)
    like "$what: the server answers" "$answer" '"mtu"'
    at_most "$what: soon" "$((${EPOCHREALTIME/./} - started))" $((usual + 1500000))
}
addresses "$LAB_SERVER4"
started=${EPOCHREALTIME/./}
like "the server answers" "$(info 2>&1)" '"mtu"'
usual=$((${EPOCHREALTIME/./} - started))
# Nobody has 192.0.2.3 and 2001:db8:1::3; the client's own addresses refuse.
for good in "$LAB_SERVER4" "$LAB_SERVER6"; do
    for bad in "$LAB_CLIENT4" 192.0.2.3 "$LAB_CLIENT6" 2001:db8:1::3; do
        addresses "$bad" "$good"
        reaches "$bad before $good"
    done
done
addresses 192.0.2.3 192.0.2.4 2001:db8:1::3 2001:db8:1::4 "$LAB_SERVER4"
reaches "the last of five"
addresses "$LAB_SERVER4" "$LAB_SERVER6"
reaches "AddressFamily=inet" -o AddressFamily=inet
reaches "-6" -6
addresses "$LAB_CLIENT4" "$LAB_CLIENT6"
like "all addresses and their reasons are told" "$(info -o ConnectTimeout=5 2>&1)" "refuses the connection"
addresses 192.0.2.3 "$LAB_CLIENT6"
like "also when they differ" "$(info -o ConnectTimeout=5 2>&1)" \
    "192.0.2.3: .*$LAB_CLIENT6: .*refused|$LAB_CLIENT6: .*refused.*192.0.2.3: "

# The name is gone, and then another host has its address: the client keeps what it knows, and finds what is new.
addresses "$LAB_SERVER4"
lab_client_words
words=("${LAB_CLIENT_WORDS[@]/$LAB_USER@$LAB_SERVER4/$LAB_USER@vpn.example}")
lab_start client client "$LAB_BIN/packet-tunnel" "${words[@]}" -o ServerAliveInterval=1 -o ServerAliveCountMax=1
ok "a client by name is ready" wait_for 10 lab_ready_or_gone client
ready() { [ "$(grep -c '\bready\b' "$LAB_DIR/client.log")" -ge "$1" ]; }
echo "127.0.0.1 localhost" >"$LAB_DIR/hosts"
lab_stop daemon KILL
ok "the daemon is ready again" lab_daemon daemon2
ok "the client comes back while its server's name is not to be found" wait_for 10 ready 2
# Not of the same prefix: the kernel would remove it with the first one.
ip -n server addr add 192.0.2.7/32 dev clients
addresses 192.0.2.7
ip -n server addr del "$LAB_SERVER4/25" dev clients
ip -n server route replace 192.0.2.0/25 dev clients src 192.0.2.7
ok "and by a new address of the name, when the old one is silent" wait_for 15 ready 3
ok "packets flow" page client "$LAB_WEB4"
lab_stop client
is "it stops with status 0" "$LAB_STATUS" 0
done_testing
