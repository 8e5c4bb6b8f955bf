# A stock sshd in front of packet-tunneld, with the files of ssh-config/ and users of its own. Needs root: ordinary users
# cannot become others.
#
#   lab_accounts            alice, who may use the control socket, and mallory, who may not, and keys for both
#   lab_install_programs    our programs where the files of ssh-config/ expect them
#   lab_stock_sshd NAME [FILE...]  start sshd with these snippets included, the shipped one if none is given
#   lab_stock_ssh USER      the words of an ssh command that logs USER in there, for `--via`
#   lab_via NAME NS COMMAND [OPTION...]  start `packet-tunnel up --via COMMAND` and wait until it is ready

LAB_SNIPPET=$LAB_ROOT/ssh-config/sshd_config.d/50-packet-tunnel.conf
LAB_PREFIX=/usr/local/bin

lab_is_root() { [ "$(id -u)" = 0 ] && [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -gt 65536 ]; }

# Files of this mount namespace lie over the host's: nobody outside sees these users.
lab_accounts() {
    local file name identifier=4200
    for file in passwd group shadow; do cp "/etc/$file" "$LAB_DIR/$file"; done
    echo "packet-tunnel:x:4299:alice" >>"$LAB_DIR/group"
    for name in alice mallory; do
        identifier=$((identifier + 1))
        mkdir -p "$LAB_DIR/home/$name"
        echo "$name:x:$identifier:$identifier::$LAB_DIR/home/$name:/bin/sh" >>"$LAB_DIR/passwd"
        echo "$name:x:$identifier:" >>"$LAB_DIR/group"
        echo "$name:*:19000:0:99999:7:::" >>"$LAB_DIR/shadow"
        chown "$identifier:$identifier" "$LAB_DIR/home/$name"
        ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$LAB_DIR/${name}_key"
        cp "$LAB_DIR/${name}_key.pub" "$LAB_DIR/stock_keys_$name"
    done
    for file in passwd group shadow; do mount --bind "$LAB_DIR/$file" "/etc/$file"; done
    cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_root"
}

lab_install_programs() {
    local program
    mkdir -p "$LAB_PREFIX"
    mount -t tmpfs -o mode=755 tmpfs "$LAB_PREFIX"
    for program in packet-tunneld packet-tunnel packet-tunnel-subsystem; do
        install -m 0755 "$LAB_BIN/$program" "$LAB_PREFIX/" || return
    done
}

lab_stock_sshd() {
    local name=$1 snippet
    shift
    [ $# -gt 0 ] || set -- "$LAB_SNIPPET"
    {
        printf '%s\n' "Port $LAB_STOCK_PORT" "HostKey $LAB_DIR/host_key" \
            "AuthorizedKeysFile $LAB_DIR/stock_keys_%u" "PidFile none" "StrictModes no" "UsePAM no" \
            "PermitRootLogin prohibit-password"
        printf 'Include %s\n' "$@"
    } >"$LAB_DIR/$name.conf"
    lab_in server "$(command -v sshd)" -t -f "$LAB_DIR/$name.conf" || return
    lab_start "$name" server "$(command -v sshd)" -D -e -f "$LAB_DIR/$name.conf"
    wait_for 10 _lab_listens server "tcp src :$LAB_STOCK_PORT"
}

lab_stock_ssh() {
    echo "ssh -F /dev/null -p $LAB_STOCK_PORT -i $LAB_DIR/$1_key -o BatchMode=yes -o IdentitiesOnly=yes" \
        "-o UserKnownHostsFile=$LAB_DIR/known_hosts -o StrictHostKeyChecking=yes $1@$LAB_SERVER4"
}

lab_via() {
    local name=$1 namespace=$2 command=$3 route words=()
    shift 3
    for route in "${LAB_ROUTES[@]}"; do words+=(--route "$route"); done
    lab_start "$name" "$namespace" "$LAB_BIN/packet-tunnel" up --via "$command" \
        --address "$LAB_OWN4" --address6 "$LAB_OWN6" "${words[@]}" "$@"
    wait_for 20 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}
