#!/usr/bin/env bash
# What a program sees when a rule forbids its packet, and when the way out is narrow or missing: with the client and with
# stock ssh, over both families.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
routes=(--route 172.20.0.0/24 --route fd99::/64)
head -c 3000000 /dev/urandom >"$LAB_DIR/upload"
ports=("PermitTCPPorts 80" "PermitUDPPorts 80")
ok "the daemon is ready" lab_daemon daemon "${ports[@]}" || done_testing
connect() {
    if [ "$1" = client ]; then lab_client client client "${routes[@]}" && return; fi
    lab_stock_client stock client || return
    for route in 172.20.0.0/24 fd99::/64; do ip -n client route replace "$route" dev "$(lab_tun client)"; done
}
# Seconds that a TCP connection takes to fail, and how.
failure() { lab_in client "$LAB_TOOL" connect "$1" "$2"; }
told() {
    local who=$1 address prohibited
    for address in "$LAB_WEB4" "$LAB_OFFICE4" "$LAB_WEB6" "$LAB_OFFICE6"; do
        case $address in *:*) prohibited="1 1 $address" ;; *) prohibited="3 13 $address" ;; esac
        is "$who: a datagram to $address is prohibited" "$(lab_in client "$LAB_TOOL" error "$address" 7001 64)" "$prohibited"
        is "$who: a connection to $address is refused" "$(failure "$address" 7001)" refused
    done
    like "$who: ping says so" "$(lab_in client ping -n -c 1 -W 2 "$LAB_WEB4" 2>&1)" 'Packet filtered'
    like "$who: and over IPv6" "$(lab_in client ping -n -c 1 -W 2 "$LAB_WEB6" 2>&1)" 'Administratively prohibited'
}
for who in client stock; do
    ok "$who connects" connect "$who" || done_testing
    told "$who"
    lab_stop "$who"
done
lab_stop daemon

ok "Refuse drop: the daemon is ready" lab_daemon daemon "${ports[@]}" "Refuse drop" || done_testing
ok "Refuse drop: stock ssh connects" connect stock || done_testing
for address in "$LAB_OFFICE4" "$LAB_OFFICE6"; do
    is "Refuse drop: nothing is said about $address" "$(lab_in client "$LAB_TOOL" error "$address" 7001 64)" none
done
at_least "but counted" "$(lab_counter upstream_packet_rejected_invalid_destination_address)" 2
lab_stop stock
lab_stop daemon

# Behind a smaller uplink connections begin with segments that fit it.
ok "a daemon whose uplink has an MTU of 1460 is ready" lab_egress_mtu 1460 && lab_daemon daemon || done_testing
uploads() {
    for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
        is "$1: an upload to $address arrives" \
            "$(lab_in client curl -s -o /dev/null -w '%{size_upload}' -m 15 -T "$LAB_DIR/upload" "http://$address/")" 3000000
    done
}
for who in client stock; do
    ok "$who connects" connect "$who" || done_testing
    uploads "$who"
    lab_stop "$who"
done
ok "the client connects" connect client || done_testing
for address in "$LAB_WEB4" "$LAB_WEB6"; do
    case $address in *:*) headers=60 ;; *) headers=40 ;; esac
    is "segments from $address fit the uplink" "$(lab_in client "$LAB_TOOL" mss "$address" 80)" $((1460 - headers))
done
ok "the uplink gets smaller still" lab_egress_mtu 1380
# segments ADDRESS SIZE: true if a new connection to ADDRESS sends segments of SIZE bytes.
segments() { [ "$(lab_in client "$LAB_TOOL" mss "$1" 80)" = "$2" ]; }
ok "and segments of new connections follow" wait_for 5 segments "$LAB_WEB4" 1340
ok "over IPv6, too" wait_for 5 segments "$LAB_WEB6" 1320
ok "and when it grows again" lab_egress_mtu 1440
ok "they grow over IPv4" wait_for 5 segments "$LAB_WEB4" 1400
ok "and over IPv6" wait_for 5 segments "$LAB_WEB6" 1380

# A family that the server cannot send anywhere fails at once.
ip -n server -6 route flush dev "$LAB_EGRESS"
is "without a way out for IPv6 a connection fails" "$(failure "$LAB_WEB6" 80)" unreachable
like "IPv4 goes on" "$(page client "$LAB_WEB4" 2>&1)" hello
done_testing
