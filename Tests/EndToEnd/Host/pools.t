#!/usr/bin/env bash
# AddressPool auto, and pools that hold what the host uses itself.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns
daemon() { lab_daemon daemon "AddressPool ${1:-auto}" "AddressPool6 ${2:-auto}"; }
pool() { ip -n server -o -"$1" addr show dev ptun0 scope global | awk '{ print $4 }'; }
# refused WHAT POOL POOL6 REGEX
refused() {
    not_ok "$1: the daemon does not start" daemon "$2" "$3"
    lab_wait daemon 10
    is "$1: with status 69" "$LAB_STATUS" 69
    like "$1: both are named" "$(lab_log daemon)" "$4"
}

ok "the daemon is ready" daemon || done_testing
is "10.0.0.0/8 is taken where it is free" "$(pool 4)" 10.0.0.1/8
is "and the usual IPv6 pool" "$(pool 6)" fd1d:7a6e:52c4::1/64
lab_stop daemon

ip -n server addr add 10.20.0.1/24 dev office
ip -n server -6 addr add fd1d:7a6e:52c4::9/128 dev office nodad
ip -n server route add 172.16.5.0/24 via "$LAB_OFFICE4"
refused "a route in the pool" 172.16.0.0/16 auto 'AddressPool 172.16.0.0/16 clashes with the host.s route 172.16.5.0/24'
refused "an address in the pool" 10.20.0.0/16 auto 'AddressPool 10.20.0.0/16 clashes with the host.s address 10.20.0.1/24'
refused "an address in the IPv6 pool" auto fd1d:7a6e:52c4::/64 \
    'AddressPool6 fd1d:7a6e:52c4::/64 clashes with the host.s address fd1d:7a6e:52c4::9/128'
# A router need not lie on a network of the host.
ip -n server route add default via 100.77.0.1 dev "$LAB_EGRESS" onlink
refused "a gateway in the pool" 100.64.0.0/10 auto 'AddressPool 100.64.0.0/10 clashes with the host.s gateway 100.77.0.1'
lab_daemon_config "$LAB_DIR/own.conf" "AddressPool 192.168.0.0/16"
sed -i /DNSResolver/d "$LAB_DIR/own.conf"
echo "nameserver 192.168.9.9" >"$LAB_DIR/resolv.conf"
lab_start daemon server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/own.conf"
lab_wait daemon 10
like "a resolver in the pool: both are named" "$(lab_log daemon)" \
    'AddressPool 192.168.0.0/16 clashes with the host.s resolver 192.168.9.9'
echo "nameserver $LAB_RESOLVER4" >"$LAB_DIR/resolv.conf"

ok "auto finds another pool" daemon
is "which the host does not use" "$(pool 4)" 192.168.0.1/16
is "for IPv6, too" "$(pool 6)" fd1d:7a6e:52c4:2::1/64
ok "and says why" lab_logged daemon 'another address pool .*instead_of=10\.0\.0\.0/8.*used=.address 10\.20\.0\.1/24'
for kind in ours stock; do
    case $kind in
        ours) namespace=client start="lab_client client client" ;;
        stock) namespace=client2 start="lab_stock_client stock client2" ;;
    esac
    ok "$kind: the client is ready" $start
    like "$kind: a page over IPv4" "$(page "$namespace" "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$kind: a page over IPv6" "$(page "$namespace" "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
done
is "a name" "$(lab_in client dig +short +time=2 +tries=2 "@$LAB_RESOLVER4" "$LAB_NAME" A)" "$LAB_WEB4"
done_testing
