#!/usr/bin/env bash
# Datagrams larger than a packet, in both directions, with the client and with stock ssh; and the rule that forbids them.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_start echo target "$LAB_TOOL" echo 7001 "$LAB_WEB4" "$LAB_WEB6"
# An answer of 3,500 bytes, as DNSSEC has them.
records=()
for number in {1..35}; do records+=("--txt-record=large.example,$(printf 'x%.0s' {1..90})$number"); done
lab_start dns target dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --bind-interfaces \
    --listen-address="$LAB_DNS4,$LAB_DNS6" --edns-packet-max=4096 "${records[@]}"
ok "the echo service is ready" wait_for 10 lab_logged echo listening || done_testing
ok "the daemon is ready" lab_daemon || done_testing

carried() {
    local who=$1 address size
    for address in "$LAB_WEB4" "$LAB_WEB6"; do
        # One packet, one byte more than that, three fragments, and the most that UDP carries in IPv6 and IPv4 alike.
        for size in 1452 1473 4000 65507; do
            ok "$who: $size bytes come back from $address" lab_in client "$LAB_TOOL" udp "$address" 7001 "$size"
        done
    done
    for server in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"; do
        like "$who: a large answer of $server comes whole over UDP" \
            "$(lab_in client dig +notcp +ignore +bufsize=4096 +time=2 +tries=2 "@$server" large.example TXT)" \
            'flags: qr aa rd ra;.*ANSWER: 35,'
    done
}
ok "the client is ready" lab_client client client || done_testing
carried client
is "nothing of it was refused" "$(lab_counter upstream_packet_rejected_fragment_without_first)$(lab_counter downstream_packet_rejected_fragment_without_first)" 00
lab_stop client
ok "stock ssh connects" lab_stock_client stock client || done_testing
for server in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"; do _lab_route client "$server" dev "$(lab_tun client)"; done
carried "stock ssh"
lab_stop stock
lab_stop daemon

ok "Fragments refuse: the daemon is ready" lab_daemon daemon "Fragments refuse" || done_testing
refused() {
    local who=$1 address
    for address in "$LAB_WEB4" "$LAB_WEB6"; do
        ok "$who: one packet comes back from $address" lab_in client "$LAB_TOOL" udp "$address" 7001 1452
        not_ok "$who: a larger datagram does not" lab_in client "$LAB_TOOL" udp "$address" 7001 4000 --wait 0.8
        # Types and codes of RFC 1812 and RFC 4443; said by the client itself where it knows the server's rule.
        case $address in *:*) prohibited="1 1 $address" ;; *) prohibited="3 13 $address" ;; esac
        is "$who: its sender is told" "$(lab_in client "$LAB_TOOL" error "$address" 7001 64 4000)" "$prohibited"
    done
}
ok "the client is ready" lab_client client client || done_testing
refused client
lab_stop client
ok "stock ssh connects" lab_stock_client stock client || done_testing
refused "stock ssh"
at_least "and each refusal is counted" "$(lab_counter upstream_packet_rejected_fragment)" 4
done_testing
