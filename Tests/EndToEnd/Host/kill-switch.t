#!/usr/bin/env bash
# --kill-switch through twenty kill -9, however the tunnel is made: over IPv6 outside, by a name that is made whole, through a
# jump host, by a command, and without root. Captured on the underlay, with programs of all kinds that want out.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/outside.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_accounts
lab_dns
lab_outside
resolvers=$(cat /etc/resolv.conf)
ROUNDS=20
ok "the daemon is ready" lab_daemon || done_testing
: >"$LAB_DIR/none.conf"
ok "a stock sshd is there for the jump" lab_stock_sshd stock-sshd "$LAB_DIR/none.conf"

AS=() DOWN=(down --force)
# up WORD...: the client with these words.
up() {
    lab_start client client "${AS[@]}" "$LAB_BIN/packet-tunnel" up --route default --kill-switch "$@"
    wait_for 20 lab_ready_or_gone client
    lab_alive client && lab_logged client '\bready\b'
}
ours=(-p "$LAB_PORT" -i "$LAB_DIR/client_key" -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts")
# through_kills WHAT WORD...
through_kills() {
    local what=$1 round
    shift
    # With --via the first packet shows that a server is there, so that something has to be sent.
    programs
    ok "$what: the client is ready" up "$@" || { programs_end && return; }
    watch
    for ((round = 1; round <= ROUNDS; round++)); do
        lab_stop client KILL
        up "$@" || ok "$what: round $round: the client is ready again" false || {
            diag "$(lab_log client)" "$(lab_in client nft list table inet packet_tunnel_kill_switch)"
            break
        }
    done
    like "$what: the tunnel carries a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$what: and over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
    lab_stop client KILL
    not_ok "$what: killed once more, nothing goes out" lab_in client curl --silent --max-time 2 "http://$LAB_WEB4/"
    watched "$what: nothing at all left in the clear through $ROUNDS kill -9"
    ok "$what: down takes it away" lab_in client "${AS[@]}" "$LAB_BIN/packet-tunnel" "${DOWN[@]}"
    is "$what: no table is left" "$(lab_in client nft list tables)" ""
    is "$what: the resolvers are those of before" "$(cat /etc/resolv.conf)" "$resolvers"
    ok "$what: the network is there again" lab_in client ping -c 1 -W 2 "$outside6"
    programs_end
}
through_kills "IPv4 outside" "${ours[@]}" "$LAB_USER@$LAB_SERVER4"
through_kills "IPv6 outside" "${ours[@]}" "$LAB_USER@$LAB_SERVER6"
through_kills "a name that is made whole" "${ours[@]}" -o CanonicalizeHostname=yes -o "CanonicalDomains=${name#*.}" \
    -o CanonicalizeFallbackLocal=no "$LAB_USER@${name%%.*}"
printf 'Host jump\n HostName %s\n User root\n Port %s\n IdentityFile %s\nHost *\n UserKnownHostsFile %s\n' \
    "$name" "$LAB_STOCK_PORT" "$LAB_DIR/client_key" "$LAB_DIR/known_hosts" >"$LAB_DIR/jump.conf"
through_kills "a jump host by its name" -F "$LAB_DIR/jump.conf" -J jump "${ours[@]}" "$LAB_USER@$LAB_SERVER6"
lab_stop stock-sshd

# By a command: stock ssh, to the subsystem of a stock sshd.
socket=/run/packet-tunnel/control.sock
lab_stop daemon
mkdir -p "${socket%/*}"
ok "the daemon has the usual socket" lab_daemon daemon "ControlSocket $socket"
ok "a stock sshd with the subsystem runs" lab_stock_sshd stock-sshd
for server in "$LAB_SERVER4" "$LAB_SERVER6"; do
    through_kills "--via ssh to $server" --via "$(lab_stock_ssh alice | sed "s/@.*/@$server/") -s packet-tunnel"
done

# Without root.
if command -v sudo >/dev/null && lab_tun_for_everybody; then
    echo "packet-tunnel-admin:x:4298:alice" >>"$LAB_DIR/group"
    mount -t tmpfs -o mode=755 tmpfs /etc/sudoers.d
    install -m 0440 "$LAB_ROOT/ssh-config/sudoers.d/packet-tunnel" /etc/sudoers.d/
    home=$LAB_DIR/home/alice
    install -d -o alice -g alice -m 0700 "$home/run"
    install -o alice -g alice -m 0600 "$LAB_DIR/client_key" "$home/client_key"
    AS=(setpriv --reuid alice --regid alice --init-groups env HOME="$home" XDG_RUNTIME_DIR="$home/run") DOWN=(down --force --sudo)
    ours=("${ours[@]/$LAB_DIR\/client_key/$home\/client_key}")
    through_kills "--sudo, IPv6 outside" --sudo "${ours[@]}" "$LAB_USER@$LAB_SERVER6"
else
    diag "without sudo, or a /dev/net/tun for everybody, --sudo is left out"
fi
done_testing
