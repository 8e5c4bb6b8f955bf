#!/usr/bin/env bash
# Server and client as an ordinary user, with what ssh-config/sudoers.d permits and nothing else.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
command -v sudo >/dev/null || skip_all "sudo is not installed"
[ -w /dev/net/tun ] || skip_all "/dev/net/tun is missing"
lab_tun_for_everybody || skip_all "ordinary users may not open /dev/net/tun here"
lab_test_accounts
lab_dns
# These, too, lie over the host's for this test alone, like the accounts.
echo "packet-tunnel-admin:x:4298:alice" >>"$LAB_DIR/group"
mount -t tmpfs -o mode=755 tmpfs /etc/sudoers.d
sudoers=$LAB_ROOT/ssh-config/sudoers.d/packet-tunnel
install -m 0440 "$sudoers" /etc/sudoers.d/
like "visudo takes the shipped file" "$(visudo -cf /etc/sudoers.d/packet-tunnel 2>&1)" "parsed OK"

install -d -o alice -g alice -m 0700 "$LAB_DIR/state" "$LAB_DIR/home/alice/run" "$LAB_DIR/home/alice/keys"
for key in host_key client_key; do install -o alice -g alice -m 0600 "$LAB_DIR/$key" "$LAB_DIR/home/alice/keys/"; done
chmod a+r "$LAB_DIR/authorized_keys"
home=$LAB_DIR/home/alice
# user NAME: the words that make a command that user's.
user() { echo "setpriv --reuid $1 --regid $1 --init-groups env HOME=$home XDG_RUNTIME_DIR=$home/run"; }
# may NAMESPACE USER COMMAND...: whether sudo would run that for the user, without running it.
may() {
    local namespace=$1 user=$2
    shift 2
    # shellcheck disable=SC2046 # several words
    lab_in "$namespace" $(user "$user") sudo -n -l "$@"
}
ok "alice may set a forwarding switch" may server alice sysctl -q -w net/ipv4/conf/eth0.7/forwarding=1
not_ok "but nothing beside it" may server alice sysctl -q -w net/ipv4/ip_forward=1 kernel/core_pattern=1
not_ok "nor by a detour" may server alice sysctl -q -w net/ipv4/../../kernel/sysrq=1
not_ok "nor load a program into an interface" may server alice ip link set dev ptun0 xdp object /tmp/x
ok "alice may have connections of an address forgotten" may server alice conntrack -D -f ipv6 -s fd00::/64
not_ok "but not all of the host's" may server alice conntrack -F
not_ok "nor another command" may server alice ip netns exec x sh
not_ok "nor a shell" may server alice sh
not_ok "mallory may not" may server mallory sysctl -q -w net/ipv4/ip_forward=1

server_before=$(lab_snapshot server) client_before=$(lab_snapshot client)
# daemon NAME USER: the daemon as that user.
daemon() {
    lab_daemon_config "$LAB_DIR/$1.conf" "SudoNetworkConfiguration yes" "SessionExpiry 2" "HostKey $home/keys/host_key"
    # shellcheck disable=SC2046
    lab_start "$1" server $(user "$2") packet-tunneld -f "$LAB_DIR/$1.conf"
    wait_for 20 lab_ready_or_gone "$1"
    lab_logged "$1" '\bready\b'
}
client() {
    lab_client_words
    _lab_set_option -i "$home/keys/client_key"
    # shellcheck disable=SC2046
    lab_start "$1" client $(user alice) packet-tunnel "${LAB_CLIENT_WORDS[@]}" "${@:2}"
    wait_for 20 lab_ready_or_gone "$1"
    lab_logged "$1" '\bready\b'
}
has_no_privilege() {
    is "$1: it is alice's" "$(stat -c %U "/proc/$(lab_pid "$1")")" alice
    is "$1: and has no capability" "$(awk '/^CapEff/ { print $2 }' "/proc/$(lab_pid "$1")/status")" 0000000000000000
}
ok "the daemon is ready" daemon daemon alice || done_testing
has_no_privilege daemon
resolvers_before=$(cat /etc/resolv.conf)
ok "the client is ready" client client --sudo --dns-setup file || done_testing
has_no_privilege client
like "programs ask the tunnel's resolver" "$(cat /etc/resolv.conf)" "by packet-tunnel"
is "and find a name" "$(lab_in client getent ahostsv4 "$LAB_NAME" | awk 'NR == 1 { print $1 }')" "$LAB_WEB4"
like "a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
like "a name" "$(lab_in client dig +short +time=2 +tries=2 "@$LAB_POOL_DNS4" "$LAB_NAME" A)" "$LAB_WEB4"
lab_stop client
is "the client stops with status 0" "$LAB_STATUS" 0
is "and leaves nothing" "$(lab_snapshot client)" "$client_before"
is "and the resolvers of before" "$(cat /etc/resolv.conf)" "$resolvers_before"

tracked() {
    lab_in server conntrack -L -f ipv4 -s "$LAB_POOL4" 2>/dev/null
    lab_in server conntrack -L -f ipv6 -s "$LAB_POOL6" 2>/dev/null
}
at_least "the kernel tracks what the client did" "$(tracked | wc -l)" 3
ok "a session that ends" wait_for 20 lab_logged daemon 'session ended .*reason=expired'
is "takes its connections with it" "$(tracked)" ""

# Killed, and seen to by the next start.
ok "the client is ready again" client client --sudo --dns-setup file
like "a page" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
lab_stop client KILL
lab_stop daemon KILL
at_least "the kernel tracks what the client did" "$(tracked | wc -l)" 1
# shellcheck disable=SC2046
ok "down takes back what it has left" lab_in client $(user alice) packet-tunnel down --sudo
is "its resolvers, too" "$(cat /etc/resolv.conf)" "$resolvers_before"
ok "after kill -9 the daemon starts again" daemon daemon alice
is "and nothing of the whole pool is tracked" "$(tracked)" ""
ok "and the client" client client --sudo
like "and a page comes" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
lab_stop client
lab_stop daemon
is "the daemon stops with status 0" "$LAB_STATUS" 0
is "nothing is left on the server" "$(lab_snapshot server)" "$server_before"
is "nor on the client" "$(lab_snapshot client)" "$client_before"

# Without the right, or without asking for it.
ok "the daemon is ready" daemon daemon alice
not_ok "without --sudo alice has no tunnel" client bare
lab_wait bare 10
is "that is not permitted: 77" "$LAB_STATUS" 77
like "the line says what to do" "$(lab_log bare)" '--sudo'
lab_stop daemon
sed -i '/conntrack/d' /etc/sudoers.d/packet-tunnel
not_ok "a daemon that may not have connections forgotten does not start" daemon forgetful alice
lab_wait forgetful 10
is "that is not permitted: 77" "$LAB_STATUS" 77
like "the line names the command" "$(lab_log forgetful)" 'conntrack -D'
is "and nothing is left" "$(lab_snapshot server)" "$server_before"
rm /etc/sudoers.d/packet-tunnel
not_ok "without the file in sudoers.d the daemon does not start" daemon denied alice
lab_wait denied 10
is "that is not permitted, either: 77" "$LAB_STATUS" 77
is "and nothing is left" "$(lab_snapshot server)" "$server_before"
done_testing
