# ocserv and openconnect: packets over DTLS, with TLS beside it, as they come.
PEER_SERVER=(ocserv) PEER_CLIENT=(openconnect)

OCSERV_PORT=4443

peer_missing() {
    bench_lacks ocserv ocserv
    bench_lacks openconnect openconnect
    bench_lacks openssl openssl
}

peer_version() { ocserv --version 2>&1 | head -n 1; }

# _ocserv_script: what openconnect calls to set the device up, instead of a script that changes the host's names.
_ocserv_script() {
    cat >"$LAB_DIR/openconnect.sh" <<SCRIPT
#!/bin/sh
[ "\$reason" = connect ] || exit 0
ip addr add "\$INTERNAL_IP4_ADDRESS/32" dev "\$TUNDEV"
ip link set mtu "\$INTERNAL_IP4_MTU" up dev "\$TUNDEV"
ip route add $BENCH_NETWORK dev "\$TUNDEV" $LAB_CONGESTION_CONTROL
SCRIPT
    chmod +x "$LAB_DIR/openconnect.sh"
}

peer_up() {
    bench_certificate ocserv
    printf 'lab\nlab\n' | ocpasswd -c "$LAB_DIR/ocserv.passwd" lab
    cat >"$LAB_DIR/ocserv.conf" <<CONFIG
auth = "plain[passwd=$LAB_DIR/ocserv.passwd]"
listen-host = $LAB_SERVER4
tcp-port = $OCSERV_PORT
udp-port = $OCSERV_PORT
socket-file = $LAB_DIR/ocserv.socket
pid-file = $LAB_DIR/ocserv.pid
run-as-user = root
run-as-group = root
isolate-workers = false
server-cert = $LAB_DIR/ocserv.crt
server-key = $LAB_DIR/ocserv.key
device = ocs
ipv4-network = 172.31.10.0/24
route = ${BENCH_NETWORK%/*}/255.255.255.0
max-clients = 4
max-same-clients = 4
try-mtu-discovery = false
CONFIG
    _ocserv_script
    bench_translate
    lab_start ocserv server ocserv --foreground --config "$LAB_DIR/ocserv.conf"
    wait_for 10 _lab_listens server "tcp src :$OCSERV_PORT"
}

peer_connect() {
    local pin
    pin=$(openssl x509 -in "$LAB_DIR/ocserv.crt" -pubkey -noout | openssl pkey -pubin -outform der |
        openssl dgst -sha256 -binary | openssl base64)
    bench_start_client openconnect bash -c "exec openconnect --passwd-on-stdin --user lab --interface tun9 \
        --servercert pin-sha256:$pin --script $LAB_DIR/openconnect.sh --non-inter https://$LAB_SERVER4:$OCSERV_PORT <<<lab"
}

peer_down() {
    lab_stop openconnect
    lab_stop ocserv
    bench_translate_end
}
