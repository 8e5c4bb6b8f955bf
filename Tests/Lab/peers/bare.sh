# No tunnel: the server only forwards.
peer_missing() { :; }

peer_version() { iperf3 --version | head -n 1; }

peer_up() {
    lab_direct_path on
    case $BENCH_NETWORK in
        *:*) _lab_route client "$BENCH_NETWORK" via "$LAB_SERVER6" ;;
        *) _lab_route client "$BENCH_NETWORK" via "$LAB_SERVER4" ;;
    esac
}

peer_connect() { :; }

peer_down() {
    ip -n client route del "$BENCH_NETWORK"
    lab_direct_path off
}
