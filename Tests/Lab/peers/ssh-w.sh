# Stock OpenSSH at both ends. Devices, addresses and the route are there beforehand; a person would need a script for them.
PEER_SERVER=(sshd) PEER_CLIENT=(ssh)

peer_missing() {
    bench_lacks ssh openssh-client
    bench_lacks sshd openssh-server
}

peer_version() { ssh -V; }

peer_up() {
    cat >"$LAB_DIR/sshd_config" <<CONFIG
Port $LAB_STOCK_PORT
HostKey $LAB_DIR/host_key
AuthorizedKeysFile $LAB_DIR/authorized_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PermitTunnel point-to-point
Ciphers $LAB_STOCK_CIPHER
CONFIG
    bench_tun server 172.31.9.1/30
    bench_tun client 172.31.9.2/30
    _lab_route client "$BENCH_NETWORK" dev tun9
    bench_translate
    lab_start sshd server "$(command -v sshd)" -D -e -f "$LAB_DIR/sshd_config"
    wait_for 10 _lab_listens server "tcp src :$LAB_STOCK_PORT"
}

peer_connect() {
    bench_ssh_words "$LAB_STOCK_PORT"
    bench_start_client ssh "${BENCH_SSH_WORDS[@]}" -w 9:9 "root@$LAB_SERVER4"
}

peer_down() {
    lab_stop ssh
    lab_stop sshd
    bench_translate_end
    ip -n client link del tun9
    ip -n server link del tun9
}
