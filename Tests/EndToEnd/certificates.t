#!/usr/bin/env bash
# User certificates: refused by the daemon in words that name the way, and that way, through a stock sshd, carries traffic.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/traffic.sh"
. "$LAB_HERE/stock.sh"
lab_enter "$@"
lab_is_root || skip_all "users of the test's own need root"
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_network
lab_accounts
lab_install_programs
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
    "refused: a certificate; certificates work behind a stock sshd with packet-tunnel-subsystem, see packet-tunneld"
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
# shellcheck disable=SC2046 # several words
not_ok "a certificate for somebody else is refused" lab_in client timeout 10 $(by other) -s packet-tunnel </dev/null
# shellcheck disable=SC2046
not_ok "so is one that has run out" lab_in client timeout 10 $(by old) -s packet-tunnel </dev/null
like "for that reason" "$(lab_log stock-sshd)" "expired"
done_testing
