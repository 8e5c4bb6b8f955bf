# Our client and our server over tun@psiphon.ca.
PEER_SERVER=(daemon) PEER_CLIENT=(ours)

peer_missing() { :; }
peer_version() { bench_our_version; }
peer_up() { lab_daemon daemon; }
peer_connect() { bench_our_client psiphon; }

peer_down() {
    lab_stop ours
    lab_stop daemon
}
