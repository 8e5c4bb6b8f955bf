#!/usr/bin/env bash
# After a crash of the daemon the kernel still knows the connections of its clients: none of their packets may reach whoever
# is leased the same address next.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
# A small pool, where addresses come back soon.
pool4=10.99.7.0/24 pool6=fd70:7475:6e:1::/104
tracked() {
    lab_in server conntrack -L -f ipv4 -s "$pool4" 2>/dev/null
    lab_in server conntrack -L -f ipv6 -s "$pool6" 2>/dev/null
}
# packets DEVICE RX|TX: what the server's interface has counted. /sys shows another namespace.
packets() { ip -n server -s link show dev "$1" | awk -v way="$2:" '$1 == way { getline; print $2 }'; }

# start_tunnel ours|stock: a daemon, and a client of it in $namespace.
start_tunnel() {
    lab_daemon daemon "AddressPool $pool4" "AddressPool6 $pool6" || return 1
    case $1 in
        ours) namespace=client && lab_client tunnel client ;;
        stock) namespace=client2 && lab_stock_client tunnel client2 ;;
    esac
}

for kind in ours stock; do
    ok "$kind: the tunnel is there" start_tunnel "$kind" || done_testing
    for address in "$LAB_WEB4" "$LAB_WEB6"; do
        lab_start "blast-$kind-$address" target "$LAB_TOOL" blast "$address" 9000
        wait_for 10 lab_logged "blast-$kind-$address" listening
        lab_start poke "$namespace" "$LAB_TOOL" poke "$address" 9000
        ok "$kind: $address sends to the client" wait_for 10 lab_logged poke answered
        lab_stop poke
    done
    lab_stop daemon KILL
    lab_stop tunnel KILL
    at_least "$kind: the kernel tracks the connections of the killed daemon's client" "$(tracked | wc -l)" 2

    ok "$kind: the daemon starts again" lab_daemon daemon "AddressPool $pool4" "AddressPool6 $pool6"
    is "$kind: nothing of the whole pool is tracked" "$(tracked)" ""
    before=$(packets "$(lab_tun server)" TX) heard=$(packets "$LAB_EGRESS" RX)
    ok "$kind: packets for the old owner still arrive" \
        wait_for 10 eval '[ "$(packets "$LAB_EGRESS" RX)" -gt $((heard + 200)) ]'
    is "$kind: none of them is sent towards a client" "$(($(packets "$(lab_tun server)" TX) - before))" 0
    is "$kind: and none is tracked anew" "$(tracked)" ""
    lab_stop daemon
    for address in "$LAB_WEB4" "$LAB_WEB6"; do lab_stop "blast-$kind-$address"; done
done
done_testing
