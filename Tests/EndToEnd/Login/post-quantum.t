#!/usr/bin/env bash
# Key exchanges that hold against a quantum computer: on both ends where libssh has them, and by ssh(1) and sshd where not.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_network

# The best that a list of names has, by our own order.
best() {
    local name
    for name in mlkem768x25519-sha256 sntrup761x25519-sha512 sntrup761x25519-sha512@openssh.com curve25519-sha256; do
        ! grep -qx "$name" <<<"$1" || { echo "$name"; return; }
    done
}
stock=$(ssh -Q kex)
library=$("$LAB_BIN/packet-tunneld" --version)
case $library in
    *' 0.1'[01].*) ours=curve25519-sha256 both=curve25519-sha256 ;;
    *) ours=mlkem768x25519-sha256 both=$(best "$stock") ;;
esac
diag "$library; $(ssh -V 2>&1)"
# A name with a dot or a plus, as a regular expression.
literal() { sed 's/[.+]/[&]/g' <<<"$1"; }

ok "the daemon is ready" lab_daemon || done_testing
said=$(lab_ssh client -v info 2>&1)
like "stock ssh and our server agree on $both" "$said" "kex: algorithm: $(literal "$both")\b"
[ "$ours" = curve25519-sha256 ] ||
    not_ok "and ssh has nothing to warn of" grep -qiE 'post-quantum|store now' <<<"$(lab_ssh client info 2>&1)"
like "info says so" "$said" "\"keyExchange\" : \"$(literal "$both")\""
like "and names the cipher" "$said" '"cipher" : "(chacha20|aes)[^"]*"'
like "and the host key" "$said" '"hostKey" : "ssh-ed25519"'
like "and so does the daemon's log" "$(lab_log daemon)" "login accepted .*security=.$(literal "$both"), .*, host key ssh-ed25519"

ok "the client is ready" lab_client client client || done_testing
like "our own two ends agree on $ours, and the client's log says so" "$(lab_log client)" \
    "ready .*security=.$(literal "$ours"), aes256-gcm@openssh.com, host key ssh-ed25519"
like "status has it for the session" "$(lab_status)" "\"keyExchange\" : \"$(literal "$ours")\""
pages "our own ends"
lab_stop client

# What the library lacks is no obstacle: the defaults of our server without curves of NIST, and with them on demand.
not_ok "curves of NIST are refused" lab_ssh client -o KexAlgorithms=ecdh-sha2-nistp256 info
not_ok "codes over plain text are refused" lab_ssh client -o Ciphers=aes256-ctr -o MACs=hmac-sha2-256 info
lab_stop daemon
ok "the daemon with both is ready" lab_daemon daemon "KexAlgorithms +ecdh-sha2-nistp256" "MACs +hmac-sha2-256"
like "curves of NIST work" "$(lab_ssh client -o KexAlgorithms=ecdh-sha2-nistp256 info)" '"ecdh-sha2-nistp256"'
like "codes over plain text work" "$(lab_ssh client -o Ciphers=aes256-ctr -o MACs=hmac-sha2-256 info)" \
    '"mac" : "hmac-sha2-256"'
lab_stop daemon

# Through a stock sshd, by ssh(1).
ok "the daemon is ready" lab_daemon
printf 'LogLevel DEBUG1\nSubsystem packet-tunnel %s --socket %s\n' "$LAB_BIN/packet-tunnel-subsystem" \
    "$LAB_DIR/state/control.sock" >"$LAB_DIR/snippet"
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_$(id -un)"
cp "$LAB_DIR/client_key" "$LAB_DIR/$(id -un)_key"
ok "a stock sshd runs" lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
# It has no answer for us; what counts is how far we came.
lab_in client "$LAB_BIN/packet-tunnel" info "$(id -un)@$LAB_SERVER4" -F none -p "$LAB_STOCK_PORT" -i "$LAB_DIR/client_key" \
    -o "UserKnownHostsFile=$LAB_DIR/known_hosts" >/dev/null 2>&1
like "our client and a stock sshd agree on $both" "$(lab_log stock-sshd)" "kex: algorithm: $(literal "$both")\b"
stock_ssh=$(lab_stock_ssh "$(id -un)")
ok "a tunnel by ssh(1), through sshd's subsystem, runs" lab_via via client "${stock_ssh/ssh /ssh -v } -s packet-tunnel"
pages "ssh and sshd"
expected=$(best "$stock")
like "ssh has agreed on $expected" "$(lab_log via)" "kex: algorithm: $(literal "$expected")\b"
like "and so has sshd" "$(lab_log stock-sshd)" "kex: algorithm: $(literal "$expected")\b"
not_ok "which is no mere curve" test "$expected" = curve25519-sha256
lab_stop via
done_testing
