# Ours as the client of a stock sshd.
PEER_SERVER=(sshd) PEER_CLIENT=(ours)

peer_missing() { bench_lacks sshd openssh-server; }

peer_version() { bench_our_version; }

peer_up() { bench_sshd; }

peer_connect() {
    bench_start_client ours "$LAB_BIN/packet-tunnel" up "root@$LAB_SERVER4" -p "$LAB_STOCK_PORT" -i "$LAB_DIR/client_key" \
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -o "Ciphers=$LAB_STOCK_CIPHER" \
        --channel-type openssh --address 172.31.9.2/30 --address6 none --route "$BENCH_NETWORK"
}

peer_down() {
    lab_stop ours
    bench_sshd_end
}
