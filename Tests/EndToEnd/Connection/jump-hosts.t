#!/usr/bin/env bash
# Packets through jump hosts and proxy commands: stock sshd as one hop and as two, over both families outside.
#
#   client ── first (sshd, in the server's network) ── second (sshd, in the target's) ── packet-tunneld at 198.51.100.1
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
lab_enter "$@"
lab_test_network
before=$(lab_snapshot client)
process() { lab_pid "$1"; }

# hop NAME NS PORT [SETTING...]: an sshd whose host key and user key are its own.
hop() {
    local name=$1 namespace=$2 port=$3
    shift 3
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$LAB_DIR/${name}_host"
    ssh-keygen -q -t ed25519 -N '' -C "$name" -f "$LAB_DIR/${name}_user"
    cp "$LAB_DIR/${name}_user.pub" "$LAB_DIR/${name}_authorized"
    printf '%s\n' "Port $port" "HostKey $LAB_DIR/${name}_host" "AuthorizedKeysFile $LAB_DIR/${name}_authorized" \
        "PidFile none" "StrictModes no" "UsePAM no" "PermitRootLogin prohibit-password" "$@" >"$LAB_DIR/$name.conf"
    lab_start "$name" "$namespace" "$(command -v sshd)" -D -e -f "$LAB_DIR/$name.conf"
    wait_for 10 _lab_listens "$namespace" "tcp src :$port"
}
know() { echo "[$1]:$2 $(cut -d' ' -f1,2 "$3")"; }

ok "the daemon is ready" lab_daemon || done_testing
ok "the first jump host is there" hop first server 2201
ok "the second jump host is there" hop second target 2202
for place in "$LAB_SERVER4" "$LAB_SERVER6"; do know "$place" 2201 "$LAB_DIR/first_host.pub"; done >"$LAB_DIR/known_first"
for place in "$LAB_TARGET4" "$LAB_TARGET6"; do know "$place" 2202 "$LAB_DIR/second_host.pub"; done >"$LAB_DIR/known_second"
for place in "$LAB_EGRESS4" "$LAB_EGRESS6"; do know "$place" "$LAB_PORT" "$LAB_DIR/host_key.pub"; done >"$LAB_DIR/known_server"

# Each host has its own section, key and known_hosts file: what one hop is given must not serve another.
cat >"$LAB_DIR/ssh_config" <<EOF
Host first
    HostName $LAB_SERVER4
Host first6
    HostName $LAB_SERVER6
Host first first6
    Port 2201
    User root
    IdentityFile $LAB_DIR/first_user
    UserKnownHostsFile $LAB_DIR/known_first
Host second
    HostName $LAB_TARGET4
Host second6
    HostName $LAB_TARGET6
Host second second6
    Port 2202
    User root
    IdentityFile $LAB_DIR/second_user
    UserKnownHostsFile $LAB_DIR/known_second
Host server server-by-file
    HostName $LAB_EGRESS4
Host server6
    HostName $LAB_EGRESS6
Host server server6 server-by-file
    Port $LAB_PORT
    User $LAB_USER
    IdentityFile $LAB_DIR/client_key
    UserKnownHostsFile $LAB_DIR/known_server
Host server-by-file
    ProxyJump first
Host through-itself
    ProxyJump through-itself
Host *
    IdentitiesOnly yes
    StrictHostKeyChecking yes
    GlobalKnownHostsFile none
    ServerAliveInterval 1
    ServerAliveCountMax 1
EOF

# up NAME HOST [OPTION...]: a client with that file alone.
up() {
    local name=$1 host=$2 route words=()
    shift 2
    for route in "${LAB_ROUTES[@]}"; do words+=(--route "$route"); done
    lab_start "$name" client "$LAB_BIN/packet-tunnel" up -F "$LAB_DIR/ssh_config" "$@" \
        --address "$LAB_OWN4" --address6 "$LAB_OWN6" "${words[@]}" "$host"
    wait_for 20 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}
carries() {
    ok "$1: the tunnel is up" up "$@"
    pages "$1"
}
stops() {
    lab_stop "$1"
    is "$1: it stops with status 0" "$LAB_STATUS" 0
    is "$1: nothing is left of it" "$(lab_snapshot client)" "$before"
}

carries "one-hop" server -J first
download "one-hop" 16777216 "$LAB_WEB4"
upload "one-hop" 16777216 "[$LAB_WEB6]"
is "the server sees the jump host alone" \
    "$(lab_log daemon | grep -o 'client connected.*' | grep -c "$LAB_CLIENT4")" 0
stops "one-hop"
carries "one-hop6" server6 -o ProxyJump=first6
stops "one-hop6"
carries "by-file" server-by-file
stops "by-file"
carries "two-hops6" server -J first6,second6
stops "two-hops6"
carries "command" server -o "ProxyCommand=ssh -F $LAB_DIR/ssh_config -W [%h]:%p first"
download "command" 16777216 "[$LAB_WEB6]"
stops "command"
no_ssh() { ! pgrep -x ssh; }
ok "no proxy command is left" wait_for 5 no_ssh

# The client's own address changes under a running transfer: everything on the way is dead, and nobody says so.
carries "two-hops" server -J first,second
moves() {
    # Not of the same prefix: the kernel would remove it with the first one.
    ip -n client addr add 192.0.2.99/32 dev outer
    ip -n client addr del "$LAB_CLIENT4/25" dev outer
    ip -n client route replace 192.0.2.0/25 dev outer src 192.0.2.99
}
seen() { [ "$(grep -c '\bready\b' "$LAB_DIR/two-hops.log")" -ge "$1" ]; }
lab_start slow client curl --silent --show-error --limit-rate 1M --max-time 60 -o "$LAB_DIR/got" \
    "http://$LAB_WEB4/blob/8388608"
begun() { [ -s "$LAB_DIR/got" ]; }
ok "a transfer has begun" wait_for 10 begun
moves
ok "the client is back through both jump hosts" wait_for 30 seen 2
lab_wait slow 60
is "the transfer ends well" "$LAB_STATUS" 0
is "and is intact" "$(sha256sum <"$LAB_DIR/got" | cut -d' ' -f1)" "$(lab_blob_hash 8388608)"
lab_stop two-hops
ip -n client addr add "$LAB_CLIENT4/25" dev outer noprefixroute
ip -n client route replace 192.0.2.0/25 dev outer src "$LAB_CLIENT4"
ip -n client addr del 192.0.2.99/32 dev outer
before=$(lab_snapshot client)

# fails NAME STATUS REGEX HOST [OPTION...]: every hop speaks for itself.
fails() {
    local name=$1 status=$2 words=$3
    shift 3
    lab_start "$name" client "$LAB_BIN/packet-tunnel" info -F "$LAB_DIR/ssh_config" -o ConnectTimeout=5 "$@"
    lab_wait "$name" 20
    is "$name: the exit status is $status" "$LAB_STATUS" "$status"
    like "$name: it says whose fault it is" "$(lab_log "$name")" "$words"
}
sed "s|known_first|known_second|" "$LAB_DIR/ssh_config" >"$LAB_DIR/wrong_host"
sed "s|first_user|second_user|" "$LAB_DIR/ssh_config" >"$LAB_DIR/wrong_key"
fails "refusing-hop" 77 "jump host first: .*refuses to log in root" server -F "$LAB_DIR/wrong_key" -J first
fails "unknown-hop" 76 "jump host first: .*$LAB_SERVER4.* is not known" server -F "$LAB_DIR/wrong_host" -J first
fails "hop-is-not-there" 69 "jump host first:9: .*refuses the connection" server -J first:9
fails "second-is-not-there" 69 "jump host second:9: .*cannot reach.*|jump host first: .*cannot reach" server -J first,second:9
fails "server-is-not-there" 69 "jump host first: .*cannot reach.*port 9" server -p 9 -J first
fails "loop" 78 "ProxyJump" through-itself
fails "no-such-command" 69 "proxy command .*status 127" server -o ProxyCommand=no-such-command
fails "false-command" 69 "proxy command .*status 3" server -o "ProxyCommand=sh -c 'exit 3'"
is "the client has nothing left of these" "$(lab_snapshot client)" "$before"
done_testing
