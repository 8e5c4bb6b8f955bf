# What several peers need.

# bench_lacks PROGRAM PACKAGE: names the package when the program is not there.
bench_lacks() { command -v "$1" >/dev/null || echo "$2"; }

bench_our_version() { "$LAB_BIN/packet-tunneld" --version; }

# Starts a program whose log begins with the time at which it was started.
bench_start_client() {
    local name=$1
    shift
    lab_start "$name" client "$BENCH" probe launch "$@"
}

# Address translation for what comes from the peers' own networks, all of which are within one.
bench_translate() {
    lab_forwarding 1
    lab_in server nft -f - <<RULES
table ip bench {
    chain translate {
        type nat hook postrouting priority srcnat;
        ip saddr 172.31.0.0/16 oifname "$LAB_EGRESS" masquerade
    }
}
table ip6 bench {
    chain translate {
        type nat hook postrouting priority srcnat;
        ip6 saddr fd31::/16 oifname "$LAB_EGRESS" masquerade
    }
}
RULES
}

bench_translate_end() {
    lab_in server nft delete table ip bench
    lab_in server nft delete table ip6 bench
    lab_forwarding 0
}

# bench_certificate NAME: a self-signed certificate in $LAB_DIR/NAME.crt, its key in NAME.key.
bench_certificate() {
    [ -e "$LAB_DIR/$1.crt" ] && return
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj "/CN=$1" \
        -keyout "$LAB_DIR/$1.key" -out "$LAB_DIR/$1.crt" 2>/dev/null
}

# bench_tun NS ADDRESS/LENGTH: a tun device that is there before the tunnel, so that starting that is all it takes.
bench_tun() {
    ip -n "$1" tuntap add tun9 mode tun
    ip -n "$1" addr add "$2" dev tun9
    ip -n "$1" link set tun9 up
}

# A stock sshd with its device, tun9, whatever unit a client asks for.
bench_sshd() {
    sed 's/^/tunnel="9" /' "$LAB_DIR/authorized_keys" >"$LAB_DIR/sshd_keys"
    cat >"$LAB_DIR/sshd_config" <<CONFIG
Port $LAB_STOCK_PORT
HostKey $LAB_DIR/host_key
AuthorizedKeysFile $LAB_DIR/sshd_keys
PidFile none
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PermitTunnel point-to-point
Ciphers $LAB_STOCK_CIPHER
CONFIG
    bench_tun server 172.31.9.1/30
    bench_translate
    lab_start sshd server "$(command -v sshd)" -D -e -f "$LAB_DIR/sshd_config"
    wait_for 10 _lab_listens server "tcp src :$LAB_STOCK_PORT"
}

bench_sshd_end() {
    lab_stop sshd
    bench_translate_end
    ip -n server link del tun9
}

bench_ssh_words() {
    BENCH_SSH_WORDS=(ssh -F /dev/null -N -T -p "$1" -i "$LAB_DIR/client_key" -c "$LAB_STOCK_CIPHER" -o BatchMode=yes
        -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o StrictHostKeyChecking=yes -o ExitOnForwardFailure=yes)
}

# bench_our_client CHANNEL-TYPE
bench_our_client() {
    lab_client_words
    bench_start_client ours "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}" --channel-type "$1"
}
