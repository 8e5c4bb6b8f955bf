# OpenVPN over TCP with certificates and AES-256-GCM; everything else as it comes.
PEER_SERVER=(openvpn-server) PEER_CLIENT=(openvpn-client)

peer_missing() {
    bench_lacks openvpn openvpn
    bench_lacks openssl openssl
}

peer_version() { openvpn --version | sed -n '1s/ [^ ]*linux.*//p'; }

# Either end trusts the other's self-signed certificate by its fingerprint.
_openvpn_common() {
    cat <<CONFIG
dev tun9
dev-type tun
cert $LAB_DIR/openvpn-$1.crt
key $LAB_DIR/openvpn-$1.key
peer-fingerprint $(openssl x509 -noout -fingerprint -sha256 -in "$LAB_DIR/openvpn-$2.crt" | cut -d= -f2)
data-ciphers AES-256-GCM
verb 3
CONFIG
}

peer_up() {
    bench_certificate openvpn-server && bench_certificate openvpn-client || return
    {
        _openvpn_common server client
        cat <<CONFIG
local $LAB_SERVER4
port 1194
proto tcp-server
server 172.31.8.0 255.255.255.0
topology subnet
dh none
keepalive 10 60
tcp-nodelay
push "route ${BENCH_NETWORK%/*} 255.255.255.0"
CONFIG
    } >"$LAB_DIR/openvpn-server.conf"
    {
        _openvpn_common client server
        cat <<CONFIG
client
remote $LAB_SERVER4 1194
proto tcp-client
nobind
CONFIG
    } >"$LAB_DIR/openvpn-client.conf"
    bench_translate
    lab_start openvpn-server server openvpn --config "$LAB_DIR/openvpn-server.conf"
    wait_for 10 lab_logged openvpn-server 'Initialization Sequence Completed'
}

peer_connect() { bench_start_client openvpn-client openvpn --config "$LAB_DIR/openvpn-client.conf"; }

peer_down() {
    lab_stop openvpn-client
    lab_stop openvpn-server
    bench_translate_end
}
