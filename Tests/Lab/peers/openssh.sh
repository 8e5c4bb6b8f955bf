# Stock `ssh -w` as the client of our server.
PEER_SERVER=(daemon) PEER_CLIENT=(ssh)

peer_missing() { bench_lacks ssh openssh-client; }

peer_version() { bench_our_version; }

peer_up() {
    bench_tun client 172.31.9.2/30
    _lab_route client "$BENCH_NETWORK" dev tun9
    lab_daemon daemon
}

peer_connect() {
    bench_ssh_words "$LAB_PORT"
    bench_start_client ssh "${BENCH_SSH_WORDS[@]}" -w 9:any "$LAB_USER@$LAB_SERVER4"
}

peer_down() {
    lab_stop ssh
    lab_stop daemon
    ip -n client link del tun9
}
