#!/usr/bin/env bash
# User certificates: refused by the daemon in words that name the way, and that way, through a stock sshd, carries traffic. Our
# own client uses them where a stock sshd, or a jump host, takes them.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_accounts
socket=/run/packet-tunnel/control.sock
mkdir "${socket%/*}"

# certify NAME PRINCIPAL VALIDITY: a key of alice's own that nobody lists, and a certificate for it.
ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/ca"
certify() {
    ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/$1" &&
        ssh-keygen -q -s "$LAB_DIR/ca" -I "$1" -n "$2" -V "$3" "$LAB_DIR/$1.pub"
}
ok "certificates are signed" eval 'certify good alice -1m:+1h && certify other mallory -1m:+1h && certify old alice -2h:-1h'

# The daemon itself, which lists the certified key's authority in no way.
ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket" || done_testing
said=$(lab_in client ssh -F /dev/null -p "$LAB_PORT" -i "$LAB_DIR/good" -o CertificateFile="$LAB_DIR/good-cert.pub" \
    -o IdentitiesOnly=yes -o BatchMode=yes -o ConnectTimeout=5 -o UserKnownHostsFile="$LAB_DIR/known_hosts" \
    "alice@$LAB_SERVER4" info 2>&1)
like "the daemon refuses a certificate, and the connection does not hang" "$said" "Permission denied"
like "its log names the way that works" "$(lab_log daemon)" \
    'reason="a certificate; certificates work behind a stock sshd with packet-tunnel-subsystem, see packet-tunneld'
ssh-keygen -q -s "$LAB_DIR/ca" -I listed -n "$LAB_USER" "$LAB_DIR/client_key.pub"
like "a listed key counts, whether it has a certificate or not" "$(lab_ssh client info 2>&1)" '"program"'
rm "$LAB_DIR/client_key-cert.pub"

# Behind a stock sshd.
: >"$LAB_DIR/stock_keys_alice"
printf 'TrustedUserCAKeys %s\nInclude %s\n' "$LAB_DIR/ca.pub" "$LAB_SNIPPET" >"$LAB_DIR/snippet"
ok "a stock sshd that trusts the authority runs" lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
# by NAME: the words that log alice in by that certificate.
by() {
    lab_stock_ssh alice | sed "s|-i [^ ]*|-i $LAB_DIR/$1 -o CertificateFile=$LAB_DIR/$1-cert.pub|"
}
ok "a tunnel with a certificate runs" lab_via certified client "$(by good) -s packet-tunnel"
pages "by a certificate"
download "by a certificate" 8388608 "$LAB_WEB4"
upload "by a certificate" 8388608 "[$LAB_WEB6]"
like "the session is the certified user's" "$(lab_in server packet-tunneld -f "$LAB_DIR/daemon.conf" --status)" '"user" : "alice"'
lab_stop certified

# Our own client logs in to a stock sshd by certificate, as ssh does: there and at jump hosts.
printf 'TrustedUserCAKeys %s\nPermitTunnel yes\nAllowTcpForwarding yes\n' "$LAB_DIR/ca.pub" >"$LAB_DIR/by-ca"
lab_stop stock-sshd
: >"$LAB_DIR/stock_keys_root"
ok "a stock sshd that permits tunnels runs" lab_stock_sshd stock-sshd "$LAB_DIR/by-ca"
ok "certificates for root are signed" eval 'certify root root -1m:+1h && certify old-root root -2h:-1h && certify not-root alice -1m:+1h'
mkdir "$LAB_DIR/apart" && mv "$LAB_DIR/root-cert.pub" "$LAB_DIR/apart/"
cp "$LAB_DIR/apart/root-cert.pub" "$LAB_DIR/moved"
cp "$LAB_DIR/root" "$LAB_DIR/beside" && cp "$LAB_DIR/apart/root-cert.pub" "$LAB_DIR/beside-cert.pub"
cp "$LAB_DIR/root" "$LAB_DIR/locked" && cp "$LAB_DIR/apart/root-cert.pub" "$LAB_DIR/locked-cert.pub"
ssh-keygen -q -p -P '' -N secret -f "$LAB_DIR/locked"
# logs_in WHAT OPTION...: stock ssh and ours, both or neither; the jump leads to the daemon.
logs_in() {
    local what=$1 stock=refused ours=refused words
    shift
    words=(-F none -p "$LAB_STOCK_PORT" "$@" -o GlobalKnownHostsFile=none -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -o IdentitiesOnly=yes)
    ! lab_in client timeout 10 ssh -o BatchMode=yes "${words[@]}" "root@$LAB_SERVER4" true >/dev/null 2>&1 </dev/null || stock=accepted
    lab_in client timeout 10 "$LAB_BIN/packet-tunnel" info "${words[@]}" "root@$LAB_SERVER4" >"$LAB_DIR/ours.log" 2>&1 </dev/null
    ! lab_logged ours 'does not answer "info"' || ours=accepted
    is "$what: $stock" "$ours" "$stock"
}
unset SSH_AUTH_SOCK
logs_in "a key without its certificate" -i "$LAB_DIR/root"
logs_in "CertificateFile" -i "$LAB_DIR/root" -o CertificateFile="$LAB_DIR/moved"
logs_in "a certificate beside its key" -i "$LAB_DIR/beside"
logs_in "CertificateFile of another key" -i "$LAB_DIR/old" -o CertificateFile="$LAB_DIR/moved"
logs_in "CertificateFile of another key before the right one" -i "$LAB_DIR/root" -o CertificateFile="$LAB_DIR/good-cert.pub" \
    -o CertificateFile="$LAB_DIR/moved"
logs_in "a CertificateFile that is missing" -i "$LAB_DIR/beside" -o CertificateFile=/nonexistent
logs_in "a certificate that has run out" -i "$LAB_DIR/old-root"
logs_in "a certificate for somebody else" -i "$LAB_DIR/not-root"
logs_in "a certificate of a locked key" -i "$LAB_DIR/locked"
ssh-agent -D -a "$LAB_DIR/agent" >/dev/null 2>&1 &
agent=$!
trap 'kill "$agent" 2>/dev/null; _lab_leave' EXIT
export SSH_AUTH_SOCK=$LAB_DIR/agent
wait_for 5 test -S "$LAB_DIR/agent"
ssh-add -q "$LAB_DIR/beside" 2>/dev/null
logs_in "a certificate of a locked key that the agent has" -i "$LAB_DIR/locked"
logs_in "a certificate that the agent has" -o IdentitiesOnly=no
unset SSH_AUTH_SOCK
for host in "$LAB_SERVER4" "$LAB_SERVER6"; do
    printf 'Host jump\n HostName %s\n User root\n Port %s\n IdentityFile %s\n CertificateFile %s\nHost *\n IdentitiesOnly yes\n UserKnownHostsFile %s\n' \
        "$host" "$LAB_STOCK_PORT" "$LAB_DIR/root" "$LAB_DIR/moved" "$LAB_DIR/known_hosts" >"$LAB_DIR/jump.conf"
    lab_start jumped client "$LAB_BIN/packet-tunnel" up -F "$LAB_DIR/jump.conf" -J jump -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        --route "$LAB_WEB4/32" --route "$LAB_WEB6/128" "$LAB_USER@$host"
    ok "through a jump host that wants a certificate, at $host, a tunnel is ready" wait_for 10 lab_logged jumped '\bready\b'
    like "which carries a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "and over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
    lab_stop jumped
done
lab_stop stock-sshd
ok "the stock sshd with the subsystem runs again" lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
# shellcheck disable=SC2046 # several words
not_ok "a certificate for somebody else is refused" lab_in client timeout 10 $(by other) -s packet-tunnel </dev/null
# shellcheck disable=SC2046
not_ok "so is one that has run out" lab_in client timeout 10 $(by old) -s packet-tunnel </dev/null
like "for that reason" "$(lab_log stock-sshd)" "expired"
done_testing
