#!/usr/bin/env bash
# Our client and a stock sshd with PermitTunnel: addresses and translation are set up by hand there.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/stock.sh"
lab_enter "$@"
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_network
own4=172.31.9.2 own6=fd31:9::2
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_$(id -un)"
before=$(lab_snapshot client)

# permissive MORE: a stock sshd that says what it runs.
permissive() {
    printf '%s\n' "LogLevel VERBOSE" "$@" >"$LAB_DIR/snippet"
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
expected=$(lab_in target curl --silent http://127.0.0.1/sha256/67108864)

for choice in auto openssh; do
    ok "$choice: a stock sshd runs" permissive "PermitTunnel point-to-point"
    client "$choice" --channel-type "$choice"
    like "$choice: the client is ready on stock OpenSSH's channel" "$(lab_log "$choice")" 'channel=tun@openssh\.com.*ready'
    ok "$choice: the far side has a device" far_side
    like "$choice: a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$choice: a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
    for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
        is "$choice: a download from $address is intact" "$(lab_in client curl --silent --max-time 60 \
            "http://$address/blob/67108864" | sha256sum | cut -d' ' -f1)" "$expected"
        is "$choice: an upload to $address is intact" "$(lab_in client curl --silent --max-time 60 \
            --header Transfer-Encoding: --header "Content-Length: 67108864" --upload-file "$LAB_DIR/blob" \
            "http://$address/")" "67108864 $expected"
    done
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
