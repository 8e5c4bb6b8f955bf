#!/usr/bin/env bash
# The server's own resolvers, where the configuration names none: which are taken, and what is said where there is none.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns
# As in the clouds: a resolver on a link-local address of IPv4, behind a router.
cloud=169.254.169.253
ip -n target addr add "$cloud/32" dev lo
_lab_route server "$cloud" via "$LAB_TARGET4"
lab_start cloud-dns target dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= \
    --bind-interfaces --listen-address="$cloud" --address="/$LAB_NAME/$LAB_WEB4"
wait_for 10 _lab_listens target "udp src $cloud"

# resolv FILE ADDRESS...: writes a list of resolvers.
resolv() {
    local file=$1
    shift
    mkdir -p "${file%/*}"
    { echo "# options edns0"; [ $# -eq 0 ] || printf 'nameserver %s\n' "$@"; } >"$file"
}
host=$LAB_DIR/resolv.conf behind=/run/systemd/resolve/resolv.conf
lab_daemon_config "$LAB_DIR/own.conf"
sed -i /DNSResolver/d "$LAB_DIR/own.conf"
daemon() {
    lab_start daemon server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/own.conf"
    wait_for 10 lab_ready_or_gone daemon
    lab_logged daemon '\bready\b'
}
check() { lab_in server "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/own.conf" 2>&1; }
asks() { lab_in "$1" dig "@$2" "$LAB_NAME" "$3" +short +time=2 +tries=1; }
resolver_count() { lab_status client info | sed -n "s/.*\"dnsResolversIPv$1\" : \([0-9]*\).*/\1/p"; }

resolv "$host" 127.0.0.53
resolv "$behind" "$LAB_DNS4" "$LAB_DNS6"
ok "a local stub: the daemon is ready" daemon || done_testing
is "-t has nothing to say" "$(check)" ""
ok "the client is ready" lab_client client client || done_testing
is "a name over IPv4" "$(asks client "$LAB_POOL_DNS4" A)" "$LAB_WEB4"
is "a name over IPv6" "$(asks client "$LAB_POOL_DNS6" AAAA)" "$LAB_WEB6"
ok "stock ssh is connected" lab_stock_client stock client2
_lab_route client2 "$LAB_POOL_DNS4/32" dev tun9
_lab_route client2 "$LAB_POOL_DNS6/128" dev tun9
is "a name over IPv4 for stock ssh" "$(asks client2 "$LAB_POOL_DNS4" A)" "$LAB_WEB4"
is "a name over IPv6 for stock ssh" "$(asks client2 "$LAB_POOL_DNS6" AAAA)" "$LAB_WEB6"
is "info counts a resolver of each family" "$(resolver_count 4) $(resolver_count 6)" "1 1"
lab_stop stock

# The list changes under the daemon: sessions that begin now have the new one.
resolv "$behind"
ok "the daemon says that no resolver is left" wait_for 10 lab_logged daemon 'clients have no DNS.*127\.0\.0\.53 '
is "info says it, too" "$(resolver_count 4) $(resolver_count 6)" "0 0"
resolv "$behind" "$cloud"
ok "a new client is ready" lab_client next client2
is "its names come from the link-local resolver" "$(asks client2 "$LAB_RESOLVER4" A)" "$LAB_WEB4"
ok "which the daemon says" lab_logged daemon "resolvers for new sessions addresses=$cloud "
is "a session from before keeps what it had" "$(asks client "$LAB_POOL_DNS4" A)" "$LAB_WEB4"
lab_stop next
lab_stop client
lab_stop daemon

# None that clients could be sent to.
resolv "$host" "fe80::1%$LAB_EGRESS" ::1
resolv "$behind"
like "-t says why" "$(check)" 'no resolver for clients: fe80::1%egress is link-local.*; ::1 .*; set DNSResolver'
ok "the daemon is ready all the same" daemon
ok "and says so" lab_logged daemon 'clients have no DNS.*fe80::1%egress is link-local'
ok "the client is ready" lab_client client client
ok "and says so" wait_for 5 lab_logged client 'names will not be resolved.*no resolver for IPv4.*DNSResolver'
lab_stop client
lab_stop daemon
like "fe80 in the configuration is an error" \
    "$(lab_in server "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/own.conf" -o DNSResolver=fe80::1 2>&1)" \
    'DNSResolver: fe80::1 is link-local'
is "but 169.254 is none" \
    "$(lab_in server "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/own.conf" -o "DNSResolver=$cloud" 2>&1)" ""
done_testing
