# WireGuard in user space. It runs over UDP, which the others do not need.
PEER_SERVER=(wg-server) PEER_CLIENT=(wg-client)

peer_missing() {
    bench_lacks wireguard-go wireguard-go
    bench_lacks wg wireguard-tools
}

peer_version() { wireguard-go --version | head -n 1; }

# _wireguard_script DEVICE IPV4/LENGTH IPV6/LENGTH [ROUTE]: what wg-quick does, with the program in the foreground.
_wireguard_script() {
    cat >"$LAB_DIR/$1.sh" <<SCRIPT
trap 'kill \$!' TERM
wireguard-go -f $1 &
until [ -S /run/wireguard/$1.sock ]; do
    kill -0 \$! || exit
    sleep 0.002
done
wg setconf $1 $LAB_DIR/$1.conf
ip addr add $2 dev $1
ip addr add $3 dev $1 nodad
ip link set mtu 1420 up dev $1
${4:+ip route add $4 dev $1 $LAB_CONGESTION_CONTROL}
echo "$1 is up"
wait
# The signal ended the first wait, not yet the program.
wait
SCRIPT
}

peer_up() {
    local server_key client_key
    server_key=$(wg genkey) client_key=$(wg genkey)
    cat >"$LAB_DIR/wgs.conf" <<CONFIG
[Interface]
PrivateKey = $server_key
ListenPort = 51820
[Peer]
PublicKey = $(wg pubkey <<<"$client_key")
AllowedIPs = 172.31.7.2/32, fd31:7::2/128
CONFIG
    cat >"$LAB_DIR/wgc.conf" <<CONFIG
[Interface]
PrivateKey = $client_key
[Peer]
PublicKey = $(wg pubkey <<<"$server_key")
Endpoint = $LAB_SERVER4:51820
AllowedIPs = 172.31.7.0/24, fd31:7::/64, $BENCH_NETWORK
CONFIG
    chmod 600 "$LAB_DIR"/wgs.conf "$LAB_DIR"/wgc.conf
    _wireguard_script wgs 172.31.7.1/24 fd31:7::1/64
    _wireguard_script wgc 172.31.7.2/24 fd31:7::2/64 "$BENCH_NETWORK"
    bench_translate
    lab_start wg-server server bash "$LAB_DIR/wgs.sh"
    wait_for 10 lab_logged wg-server 'wgs is up'
}

peer_connect() { bench_start_client wg-client bash "$LAB_DIR/wgc.sh"; }

peer_down() {
    lab_stop wg-client
    lab_stop wg-server
    bench_translate_end
}
