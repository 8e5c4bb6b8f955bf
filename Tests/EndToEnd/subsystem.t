#!/usr/bin/env bash
# A stock sshd as the door to packet-tunneld: by Subsystem, ForceCommand and command=, for users with and without rights.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/stock.sh"
lab_enter "$@"
lab_is_root || skip_all "users of the test's own need root"
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_network
lab_accounts
lab_install_programs
socket=/run/packet-tunnel/control.sock
mkdir "${socket%/*}"

# as USER COMMAND...: what a local process of that user says on standard error; a pipe is its input, another its output.
as() {
    local user=$1
    shift
    lab_in server setpriv --reuid "$user" --regid "$user" --init-groups "$@" \
        2>&1 >"$LAB_DIR/as.output" < <(:)
}
pages() {
    like "$1: a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
    like "$1: a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
}

# Without a daemon.
ok "a stock sshd takes the shipped snippet" lab_stock_sshd stock-sshd
alice=$(lab_stock_ssh alice) mallory=$(lab_stock_ssh mallory)
said=$(as alice packet-tunnel-subsystem)
is "without a daemon the subsystem ends with 69" "$?" 69
like "and says so" "$said" "^packet-tunnel-subsystem: packet-tunneld does not run"
is "in one line" "$(printf '%s\n' "$said" | wc -l)" 1
not_ok "a client gives up, too" lab_via no-daemon client "$alice -s packet-tunnel"
lab_wait no-daemon 10
is "with the same status" "$LAB_STATUS" 69
like "and the same line" "$(lab_log no-daemon)" "packet-tunneld does not run on this host"

ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket" || done_testing
is "the control socket is for its owner and a group" "$(stat -c '%a %U %G' "$socket")" "660 root packet-tunnel"
ok "a tunnel through the subsystem is ready" lab_via via client "$alice -s packet-tunnel"
pages "subsystem"
lab_in server packet-tunneld -f "$LAB_DIR/daemon.conf" --status
done_testing
