#!/usr/bin/env bash
# Two clients with the same addresses of their own: both work, and neither reaches what it must not.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_test_tunnel
ok "a second client with the same addresses is ready" \
    lab_client client2 client2 -i "$LAB_DIR/client2_key" || done_testing

for client in client client2; do
    like "$client fetches a page over IPv4" "$(page "$client" "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$client fetches a page over IPv6" "$(page "$client" "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
done

expected=$(lab_blob_hash 134217728)
for client in client client2; do
    lab_start "download-$client" "$client" bash -c \
        "curl --silent --max-time 60 http://$LAB_WEB4/blob/134217728 | sha256sum"
done
for client in client client2; do
    lab_wait "download-$client" 60
    is "$client downloads intact while the other does" "$(lab_log "download-$client" | cut -d' ' -f1)" "$expected"
done

# Someone listens at every place that must stay out of reach, and is reached when no tunnel is in between.
lab_web client web-client
lab_web server web-server
lab_web office web-office
ok "the office answers the server" page server "$LAB_OFFICE4"
ok "the office answers the server over IPv6" page server "[$LAB_OFFICE6]"
ok "the server answers the target" page target "$LAB_EGRESS4"
like "the first client has an address in the pool" "$(lab_assigned client_key 4)" '^10\.'
like "and in the IPv6 pool" "$(lab_assigned client_key 6)" '^fd70:7475:6e:'
like "the second client has another one" "$(lab_assigned client2_key 4)" "^10\."
ok "which differs" test "$(lab_assigned client2_key 4)" != "$(lab_assigned client_key 4)"

tun=$(lab_tun client2)
refuse() {
    local family=-4
    case $2 in *:*) family=-6 ;; esac
    ip "$family" -n client2 route replace "$2" dev "$tun"
    not_ok "a client does not reach $1 ($2)" page client2 "$3" 1
}
first4=$(lab_assigned client_key 4) first6=$(lab_assigned client_key 6)
refuse "another client by its assigned address" "$first4" "$first4"
refuse "another client by its assigned IPv6 address" "$first6" "[$first6]"
refuse "the office behind the server" "$LAB_OFFICE4" "$LAB_OFFICE4"
refuse "the office behind the server" "$LAB_OFFICE6" "[$LAB_OFFICE6]"
refuse "the server's address in the office" 172.20.0.1 172.20.0.1
refuse "the server's own end of the tunnel" 10.0.0.1 10.0.0.1
refuse "the server's own end of the tunnel" "${LAB_POOL6%/*}1" "[${LAB_POOL6%/*}1]"
refuse "the server's outer address" "$LAB_EGRESS4" "$LAB_EGRESS4"
refuse "the server's outer address" "$LAB_EGRESS6" "[$LAB_EGRESS6]"
refuse "a network that DenyNetworks lists" "$LAB_REFUSED4" "$LAB_REFUSED4"
refuse "a network that DenyNetworks lists" "$LAB_REFUSED6" "[$LAB_REFUSED6]"
# All but the two of the server's outer address, which its packet filter stops after the tunnel.
at_least "every refusal of the tunnel is counted" "$(lab_counter upstream_packet_rejected_invalid_destination_address)" 9
done_testing
