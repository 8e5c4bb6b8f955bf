# Stock OpenSSH at both ends. Devices, addresses and the route are there beforehand; a person would need a script for them.
PEER_SERVER=(sshd) PEER_CLIENT=(ssh)

peer_missing() {
    bench_lacks ssh openssh-client
    bench_lacks sshd openssh-server
}

peer_version() { ssh -V; }

peer_up() {
    bench_tun client 172.31.9.2/30
    _lab_route client "$BENCH_NETWORK" dev tun9
    bench_sshd
}

peer_connect() {
    bench_ssh_words "$LAB_STOCK_PORT"
    bench_start_client ssh "${BENCH_SSH_WORDS[@]}" -w 9:9 "root@$LAB_SERVER4"
}

peer_down() {
    lab_stop ssh
    bench_sshd_end
    ip -n client link del tun9
}
