#!/usr/bin/env bash
# Who may do what: the daemon's rules and those of a key, over TCP and UDP, IPv4 and IPv6, told apart by traffic.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_start echo target "$LAB_TOOL" echo 7001,7002,7003 "$LAB_WEB4" "$LAB_WEB6" "$LAB_OTHER4" "$LAB_OTHER6"
ok "the echo services are ready" wait_for 10 lab_logged echo listening || done_testing
{
    cat "$LAB_DIR/client_key.pub"
    echo "permit-ports=\"7002-7003\",deny-networks=\"$LAB_OTHER4/32,$LAB_OTHER6/128\" $(cat "$LAB_DIR/client2_key.pub")"
} >"$LAB_DIR/authorized_keys"
ports=("PermitTCPPorts 7001,7002" "PermitUDPPorts 7001,7003" "PermitICMP none")
ok "the daemon is ready" lab_daemon daemon "${ports[@]}" || done_testing
ok "a client is ready whose key has no options" lab_client client client || done_testing
ok "a client is ready whose key has" lab_client client2 client2 -i "$LAB_DIR/client2_key" || done_testing

# Client, protocol, port, target and whether it passes. The rules of the daemon hold for all, those of a key only narrow.
table=(
    "client  tcp 7001 web yes" "client  tcp 7002 web yes" "client  tcp 7003 web no"
    "client  udp 7001 web yes" "client  udp 7002 web no"  "client  udp 7003 web yes"
    "client2 tcp 7001 web no"  "client2 tcp 7002 web yes" "client2 tcp 7003 web no"
    "client2 udp 7001 web no"  "client2 udp 7002 web no"  "client2 udp 7003 web yes"
    "client  tcp 7002 other yes" "client2 tcp 7002 other no"
    "client  udp 7003 other yes" "client2 udp 7003 other no"
)
refused_tcp=0 refused_udp=0
for row in "${table[@]}"; do
    read -r who protocol port where passes <<<"$row"
    if [ "$where" = web ]; then addresses=("$LAB_WEB4" "$LAB_WEB6"); else addresses=("$LAB_OTHER4" "$LAB_OTHER6"); fi
    for address in "${addresses[@]}"; do
        if [ "$passes" = yes ]; then
            ok "$who reaches $protocol port $port of $address" lab_in "$who" "$LAB_TOOL" "$protocol" "$address" "$port"
        else
            not_ok "$who does not reach $protocol port $port of $address" \
                lab_in "$who" "$LAB_TOOL" "$protocol" "$address" "$port" --wait 0.8
            if [ "$protocol" = tcp ]; then refused_tcp=$((refused_tcp + 1)); else refused_udp=$((refused_udp + 1)); fi
        fi
    done
done
at_least "every refusal of TCP is counted" "$(lab_counter upstream_packet_rejected_disallowed_tcp_destination_port)" "$refused_tcp"
at_least "every refusal of UDP is counted" "$(lab_counter upstream_packet_rejected_disallowed_udp_destination_port)" "$refused_udp"

# ICMP is not carried with PermitICMP none. Stock ssh sends what our client would not even try to.
lab_stop client2
cat "$LAB_DIR/client_key.pub" "$LAB_DIR/client2_key.pub" >"$LAB_DIR/authorized_keys"
echo_of() { lab_in "$1" "$LAB_TOOL" ping "$2"; }
error_of() { lab_in "$1" "$LAB_TOOL" error "$2" 7001 "$3"; }
closed_of() { lab_in "$1" "$LAB_TOOL" error "$2" 7009 64; }
ok "stock ssh connects" lab_stock_client stock client2 || done_testing
for who in client client2; do
    for address in "$LAB_WEB4" "$LAB_WEB6"; do
        not_ok "PermitICMP none: no echo for $who from $address" echo_of "$who" "$address"
        is "PermitICMP none: no error for $who from the way to $address" "$(error_of "$who" "$address" 1)" none
    done
done
at_least "every echo request that reached the server is counted" \
    "$(lab_counter upstream_packet_rejected_invalid_ip_header_protocol)" 6
lab_stop stock

# permit WORD ECHO ERRORS: the same with either client under the daemon's other words.
permit() {
    local word=$1 echo=$2 errors=$3 who address own
    lab_stop client
    lab_stop daemon
    ok "PermitICMP $word: the daemon is ready" lab_daemon daemon "PermitICMP $word" || done_testing
    ok "PermitICMP $word: the client is ready" lab_client client client || done_testing
    ok "PermitICMP $word: stock ssh connects" lab_stock_client stock client2 || done_testing
    for who in client client2; do
        for address in "$LAB_WEB4" "$LAB_WEB6"; do
            if [ "$echo" = yes ]; then
                ok "PermitICMP $word: $address answers the ping of $who" echo_of "$who" "$address"
            else
                not_ok "PermitICMP $word: no echo for $who from $address" echo_of "$who" "$address"
            fi
            if [ "$errors" = yes ]; then
                # Types and codes of RFC 792 and RFC 4443: time exceeded on the way, port unreachable at its end.
                case $address in
                    *:*) expired="3 0 ${LAB_POOL6%/*}1" closed="1 4 $address" ;;
                    *) expired="11 0 10.0.0.1" closed="3 3 $address" ;;
                esac
                is "PermitICMP $word: $who sees where $address is" "$(error_of "$who" "$address" 1)" "$expired"
                is "PermitICMP $word: $who hears that a port of $address is closed" "$(closed_of "$who" "$address")" "$closed"
            else
                is "PermitICMP $word: no time exceeded for $who ($address)" "$(error_of "$who" "$address" 1)" none
                is "PermitICMP $word: no port unreachable for $who ($address)" "$(closed_of "$who" "$address")" none
            fi
        done
    done
    lab_stop stock
}
permit echo yes no
permit errors no yes
permit both yes yes
done_testing
