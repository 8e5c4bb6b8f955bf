# What stands on the internet of the lab: a web server, a name server and iperf3, all real programs.

LAB_NAME=www.tunnel.example

# lab_web NS NAME: a web server on port 80 of every address of the namespace; `lab-tool web --help` has its pages.
lab_web() {
    local namespace=${1:-target} name=${2:-web}
    [ -e "$LAB_DIR/blob" ] || head -c 67108864 /dev/urandom >"$LAB_DIR/blob"
    lab_start "$name" "$namespace" "$LAB_TOOL" web "$LAB_DIR/blob"
    wait_for 10 lab_logged "$name" listening
}

# lab_blob_hash BYTES: the SHA-256 of what the target's /blob/BYTES sends.
lab_blob_hash() { lab_in target curl --silent "http://127.0.0.1/blob/$1" | sha256sum | cut -d' ' -f1; }

lab_dns() {
    lab_start dns target dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --log-queries \
        --bind-interfaces --listen-address="$LAB_DNS4,$LAB_DNS6" \
        --address="/$LAB_NAME/$LAB_WEB4" --address="/$LAB_NAME/$LAB_WEB6"
    wait_for 10 _lab_listens target "udp src :53"
}

# One server per measurement at a time; PORT lets several run side by side.
lab_iperf_server() {
    local port=${1:-5201}
    lab_start "iperf$port" target iperf3 --server --port "$port" --forceflush
    wait_for 10 _lab_listens target "tcp src :$port"
}

# lab_iperf NS ADDRESS [iperf3 options]: prints whole Mbit/s as the receiver saw them.
lab_iperf() {
    local namespace=$1 address=$2
    shift 2
    lab_in "$namespace" timeout 60 iperf3 --client "$address" "${LAB_CUBIC[@]}" --json "$@" >"$LAB_DIR/iperf.json" 2>/dev/null
    "$LAB_TOOL" json --sum end.sum_received.bits_per_second <"$LAB_DIR/iperf.json" | awk '{ print int($1 / 1e6 + 0.5) }'
}

# _lab_listens NS "tcp|udp FILTER..."
_lab_listens() {
    local namespace=$1 protocol=${2%% *}
    # shellcheck disable=SC2086 # the filter is several words
    lab_in "$namespace" ss -Hln --"$protocol" ${2#* } | grep -q .
}
