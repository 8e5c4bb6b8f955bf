#!/usr/bin/env bash
# The networks on the server's own links are closed to clients, also where their addresses are global.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
# Neither documentation nor private, or the default list would have them anyway. Nothing leaves the lab.
near4=11.22.33 near6=2a01:2:3:4 far4=11.22.44 far6=2a01:2:3:5
for end in "server 1 $LAB_EGRESS" "target 2 uplink"; do
    read -r namespace number device <<<"$end"
    ip -n "$namespace" addr add "$near4.$number/24" dev "$device"
    ip -n "$namespace" -6 addr add "$near6::$number/64" dev "$device" nodad
done
ip -n target addr add "$far4.2/32" dev lo
ip -n target -6 addr add "$far6::2/128" dev lo nodad
# The way out is a default route without a router for IPv4, and one with for IPv6.
ip -n server route add default dev "$LAB_EGRESS"
ip -n server -6 route add default via "$LAB_TARGET6"
lab_in target sysctl -qw net.ipv4.conf.uplink.proxy_arp=1
documentation=203.0.113.0/24,2001:db8:3::/64

opens() { like "$1: $3 is open" "$(page "$2" "$3" 3 2>&1)" 'from'; }
closed() { not_ok "$1: $3 is closed" page "$2" "$3" 2; }
start() { lab_daemon daemon "DenyNetworks default" "PermitNetworks $1" "EgressInterface $LAB_EGRESS"; }

ok "the daemon is ready" start "$documentation" || done_testing
LAB_ROUTES+=("$near4.0/24" "$near6::/64" "$far4.0/24" "$far6::/64")
for kind in ours stock; do
    case $kind in
        ours) namespace=client start="lab_client client client" ;;
        stock) namespace=client2 start="lab_stock_client stock client2" ;;
    esac
    ok "$kind: the client is ready" $start || done_testing
    for address in "$near4.2" "[$near6::2]" "$near4.1" "[$near6::1]"; do closed "$kind" "$namespace" "$address"; done
    for address in "$far4.2" "[$far6::2]" "$LAB_WEB4" "[$LAB_WEB6]"; do opens "$kind" "$namespace" "$address"; done
done
lab_stop stock

# What was far is near now: for connections that are there already, too.
for address in "$far4.2" "[$far6::2]"; do
    lab_start "download$address" client curl --silent --output /dev/null --max-time 60 "http://$address/blob/100000000000"
done
wait_for 10 eval "ip -n client -s -o link show type tun | grep -qE 'RX: .* [0-9]{7,}'"
ip -n server addr add "$far4.1/24" dev office noprefixroute
ip -n server -6 addr add "$far6::1/64" dev office nodad noprefixroute
# It may see them one after the other.
for network in "$far4.0/24" "$far6::/64"; do
    ok "the daemon sees a new network, $network" \
        wait_for 10 lab_logged daemon "denied networks have changed denied=[^=]*$network"
done
for address in "$far4.2" "[$far6::2]"; do closed later client "$address"; done
ip -n server addr del "$far4.1/24" dev office
ip -n server -6 addr del "$far6::1/64" dev office
ok "and that it is gone" wait_for 10 lab_logged daemon "no_longer_denied=.*$far4.0/24"
for address in "$far4.2" "[$far6::2]"; do opens later client "$address"; done
lab_stop client
lab_stop daemon

ok "the daemon is ready with PermitNetworks" start "$documentation,$near4.0/24,$near6::/64"
ok "the client is ready" lab_client client client
for address in "$near4.2" "[$near6::2]"; do opens PermitNetworks client "$address"; done
for address in "$near4.1" "[$near6::1]"; do closed "the server itself" client "$address"; done
lab_stop client
lab_stop daemon
done_testing
