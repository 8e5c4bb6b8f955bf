# The programs under test, and stock OpenSSH as the yardstick.
#
#   lab_build_is_there                    fails with a line that says what to build
#   lab_keys                              host key, known_hosts, a client key and authorized_keys
#   lab_daemon [NAME] ['Keyword value'...]  write a configuration, start packet-tunneld, wait until it is ready
#   lab_client NAME NS [OPTION...]        start `packet-tunnel up` and wait until it is ready
#   lab_status [NS] [WORD]                what the server tells this user: `status` (the default) or `info`, as JSON
#   lab_counter NAME                      the sum of that counter over this user's sessions, 0 when it is not there
#   lab_assigned KEY 4|6                  the address that the session of that key has been assigned
#   lab_tun NS                            the name of the namespace's first tun device
#   lab_stock_client NAME NS [OPTION...]  stock `ssh -w` as a client of packet-tunneld, with the lab's addresses and routes
#   lab_stock_tunnel, lab_stock_tunnel_end  `ssh -w` through stock sshd, carrying LAB_OTHER4 and LAB_OTHER6

LAB_BIN=${LAB_BIN:-$LAB_ROOT/.build/release}
# The small programs of the lab; `lab-tool --help` has them.
LAB_TOOL=$LAB_BIN/lab-tool
LAB_PORT=2222 LAB_USER=tunnel
LAB_STOCK_PORT=2200 LAB_STOCK_CIPHER=aes256-gcm@openssh.com

lab_build_is_there() {
    local program
    for program in packet-tunneld packet-tunnel packet-tunnel-subsystem lab-tool; do
        if [ ! -x "$LAB_BIN/$program" ]; then
            echo "lab: $LAB_BIN/$program is missing; build it first: swift build -c release --static-swift-stdlib --product $program" >&2
            return 1
        fi
    done
}

lab_keys() {
    local name
    for name in host_key client_key client2_key stranger_key other_host_key; do
        ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$LAB_DIR/$name"
    done
    cat "$LAB_DIR/client_key.pub" "$LAB_DIR/client2_key.pub" >"$LAB_DIR/authorized_keys"
    chmod 600 "$LAB_DIR/authorized_keys"
    lab_know_host "$LAB_DIR/host_key.pub" >"$LAB_DIR/known_hosts"
    lab_know_host "$LAB_DIR/other_host_key.pub" >"$LAB_DIR/known_hosts_wrong"
}

# The known_hosts lines that name this key for the server, by both of its addresses and ports.
lab_know_host() {
    local address port
    for address in "$LAB_SERVER4" "$LAB_SERVER6"; do
        for port in "$LAB_PORT" "$LAB_STOCK_PORT"; do
            echo "[$address]:$port $(cut -d' ' -f1,2 "$1")"
        done
    done
}

# lab_daemon_config FILE ['Keyword value'...]: the lab's configuration; a given line replaces the one of its keyword.
lab_daemon_config() {
    local file=$1 line
    shift
    mkdir -p "$LAB_DIR/state"
    cat >"$file.base" <<EOF
Port $LAB_PORT
ListenAddress 0.0.0.0
ListenAddress ::
HostKey $LAB_DIR/host_key
AuthorizedKeysFile $LAB_DIR/authorized_keys
AddressPool $LAB_POOL4
AddressPool6 $LAB_POOL6
EgressInterface $LAB_EGRESS
DNSResolver $LAB_DNS4
DNSResolver $LAB_DNS6
DenyNetworks $LAB_DENY
StateDirectory $LAB_DIR/state
EOF
    # In a user namespace the root directory belongs to nobody that the namespace knows.
    [ "$(stat -c %u /)" = 0 ] || echo "StrictModes no" >>"$file.base"
    for line in "$@"; do
        grep -vi "^${line%% *} " "$file.base" >"$file.kept"
        mv "$file.kept" "$file.base"
    done
    { cat "$file.base"; [ $# -eq 0 ] || printf '%s\n' "$@"; } >"$file"
    rm "$file.base"
}

lab_daemon() {
    local name=${1:-daemon}
    [ $# -eq 0 ] || shift
    lab_daemon_config "$LAB_DIR/$name.conf" "$@"
    lab_start "$name" server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$name.conf"
    wait_for 10 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}

# The words that every client of the lab is started with, in the array LAB_CLIENT_WORDS.
lab_client_words() {
    local route
    LAB_CLIENT_WORDS=(up "$LAB_USER@$LAB_SERVER4" -p "$LAB_PORT" -i "$LAB_DIR/client_key"
        --address "$LAB_OWN4" --address6 "$LAB_OWN6" --dns "$LAB_RESOLVER4"
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts")
    for route in "${LAB_ROUTES[@]}" "$LAB_POOL_DNS4/32" "$LAB_POOL_DNS6/128"; do
        LAB_CLIENT_WORDS+=(--route "$route")
    done
}

# An option that is given again replaces the lab's own one; `--route` adds.
lab_client() {
    local name=$1 namespace=$2
    shift 2
    lab_client_words
    # The hosts of the lab share /run, where a client notes the device it has made: only one can have the usual name.
    [ "$namespace" = client ] || LAB_CLIENT_WORDS+=(--device "tun-$namespace")
    while [ $# -gt 0 ]; do
        _lab_set_option "$1" "$2"
        shift 2
    done
    lab_start "$name" "$namespace" "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}"
    wait_for 10 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}

_lab_set_option() {
    local position
    if [ "$1" != --route ]; then
        for position in "${!LAB_CLIENT_WORDS[@]}"; do
            [ "${LAB_CLIENT_WORDS[position]}" = "$1" ] || continue
            # Two `-o` are the same option only when their names are.
            [ "$1" != -o ] || [ "${LAB_CLIENT_WORDS[position + 1]%%=*}" = "${2%%=*}" ] || continue
            LAB_CLIENT_WORDS[position + 1]=$2
            return
        done
    fi
    LAB_CLIENT_WORDS+=("$1" "$2")
}

lab_ready_or_gone() { lab_logged "$1" '\bready\b' || ! lab_alive "$1"; }

lab_ssh() {
    local namespace=$1
    shift
    lab_in "$namespace" ssh -F /dev/null -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
        -o ConnectTimeout=5 -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o StrictHostKeyChecking=yes \
        "$LAB_USER@$LAB_SERVER4" "$@"
}

lab_status() { lab_ssh "${1:-client}" "${2:-status}"; }

lab_counter() { lab_status client 2>/dev/null | "$LAB_TOOL" json --sum "**[keyFingerprint].counters.$1"; }

lab_assigned() {
    lab_status client 2>/dev/null | "$LAB_TOOL" json \
        "**[keyFingerprint=$(ssh-keygen -lf "$LAB_DIR/$1.pub" | cut -d' ' -f2)].assignedIPv$2" | head -n 1
}

lab_tun() { ip -n "$1" -o link show type tun | sed -n '1s/^[0-9]*: \([^:@]*\).*/\1/p'; }

# Of an option that is given twice ssh takes the first.
lab_stock_client() {
    local name=$1 namespace=$2 route
    shift 2
    lab_start "$name" "$namespace" ssh -F /dev/null -N -w 9:any "$@" -p "$LAB_PORT" \
        -i "$LAB_DIR/client2_key" -o BatchMode=yes -o UserKnownHostsFile="$LAB_DIR/known_hosts" \
        -o ExitOnForwardFailure=yes "$LAB_USER@$LAB_SERVER4"
    wait_for 10 ip -n "$namespace" link show tun9 || return 1
    ip -n "$namespace" addr add "$LAB_OWN4" dev tun9
    ip -n "$namespace" addr add "$LAB_OWN6" dev tun9 nodad
    ip -n "$namespace" link set tun9 up
    for route in "${LAB_ROUTES[@]}"; do _lab_route "$namespace" "$route" dev tun9; done
}

# `ssh -w` as a person would set it up by hand: addresses, a route, forwarding and address translation for both families.
lab_stock_tunnel() {
    local address
    cat >"$LAB_DIR/sshd_config" <<EOF
Port $LAB_STOCK_PORT
HostKey $LAB_DIR/host_key
AuthorizedKeysFile $LAB_DIR/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PermitTunnel yes
Ciphers $LAB_STOCK_CIPHER
EOF
    lab_start sshd server "$(command -v sshd)" -D -e -f "$LAB_DIR/sshd_config"
    wait_for 10 _lab_listens server "tcp src :$LAB_STOCK_PORT" || return 1
    lab_start ssh-w client ssh -F /dev/null -N -w 9:9 -p "$LAB_STOCK_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
        -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o ExitOnForwardFailure=yes "root@$LAB_SERVER4"
    wait_for 10 ip -n client link show tun9 && wait_for 10 ip -n server link show tun9 || return 1
    ip -n client addr add 172.31.9.2 peer 172.31.9.1 dev tun9
    ip -n server addr add 172.31.9.1 peer 172.31.9.2 dev tun9
    ip -n client addr add fd31:9::2/64 dev tun9 nodad
    ip -n server addr add fd31:9::1/64 dev tun9 nodad
    ip -n client link set tun9 up
    ip -n server link set tun9 up
    _lab_route client "$LAB_OTHER4/32" dev tun9
    _lab_route client "$LAB_OTHER6/128" dev tun9
    lab_forwarding 1
    lab_in server nft -f - <<EOF
table inet lab_stock {
    chain translate {
        type nat hook postrouting priority srcnat;
        iifname "tun9" oifname "$LAB_EGRESS" masquerade
    }
}
EOF
}

lab_stock_tunnel_end() {
    lab_stop ssh-w
    lab_stop sshd
    lab_in server nft delete table inet lab_stock
    lab_forwarding 0
}
