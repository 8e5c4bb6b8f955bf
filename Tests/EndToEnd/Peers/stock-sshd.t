#!/usr/bin/env bash
# Our client and a stock sshd with PermitTunnel: addresses and translation are set up by hand there.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_network
lab_dns
[ "$LAB_BYTES" -le 1073741824 ] || LAB_BYTES=1073741824
own4=172.31.9.2 own6=fd31:9::2
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_$(id -un)"
before=$(lab_snapshot client)

# permissive MORE: a stock sshd that says what it runs.
permissive() {
    printf '%s\n' "LogLevel DEBUG1" "$@" >"$LAB_DIR/snippet"
    lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
}
client() {
    local name=$1
    shift
    lab_start "$name" client "$LAB_BIN/packet-tunnel" up "$(id -un)@$LAB_SERVER4" -p "$LAB_STOCK_PORT" \
        -i "$LAB_DIR/client_key" -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" \
        --address "$own4/24" --address6 "$own6/64" --route "${LAB_ROUTES[0]}" --route "${LAB_ROUTES[1]}" "$@"
    wait_for 10 lab_ready_or_gone "$name"
}
# What an administrator does at the server when a tunnel is up.
far_side() {
    local tun
    wait_for 5 eval '[ -n "$(lab_tun server)" ]' || return
    tun=$(lab_tun server)
    ip -n server addr add 172.31.9.1/24 dev "$tun"
    ip -n server addr add fd31:9::1/64 dev "$tun" nodad
    ip -n server link set "$tun" up
    lab_forwarding 1
    lab_in server nft -f - <<EOF
table inet lab_stock {
    chain translate {
        type nat hook postrouting priority srcnat;
        iifname "$tun" oifname "$LAB_EGRESS" masquerade
    }
}
EOF
}
declare -A sizes=([auto]=$LAB_BYTES [openssh]=67108864)
for choice in auto openssh; do
    ok "$choice: a stock sshd runs" permissive "PermitTunnel point-to-point"
    client "$choice" --channel-type "$choice" -o RekeyLimit=16M
    like "$choice: the client is ready on stock OpenSSH's channel" "$(lab_log "$choice")" 'ready.*channel=tun@openssh\.com'
    ok "$choice: the far side has a device" far_side
    pages "$choice"
    names "$choice" "$LAB_DNS4" "$LAB_DNS6"
    download "$choice" "${sizes[$choice]}" "$LAB_WEB4"
    upload "$choice" "${sizes[$choice]}" "[$LAB_WEB6]"
    download "$choice" 67108864 "[$LAB_WEB6]"
    upload "$choice" 67108864 "$LAB_WEB4"
    # What is on its way during an exchange comes on top of the 16 MB: half as many are enough.
    at_least "$choice: the keys were exchanged again and again" \
        "$(lab_log stock-sshd | grep -c 'SSH2_MSG_NEWKEYS received')" "$((sizes[$choice] / 16777216))"
    not_ok "$choice: nothing was executed at the server" lab_logged stock-sshd 'Starting session'
    lab_stop "$choice"
    is "$choice: the client stops with status 0" "$LAB_STATUS" 0
    is "$choice: and leaves nothing" "$(lab_snapshot client)" "$before"
    lab_in server nft delete table inet lab_stock
    lab_forwarding 0
    lab_stop stock-sshd
done

ok "a stock sshd without PermitTunnel runs" permissive
client forbidden
lab_wait forbidden 10
like "the client is refused" "$LAB_STATUS" '^(76|77)$'
like "and told what to do" "$(lab_log forbidden)" "PermitTunnel"
not_ok "nothing was executed at the server" lab_logged stock-sshd 'Starting session'
is "and nothing is left" "$(lab_snapshot client)" "$before"
done_testing
