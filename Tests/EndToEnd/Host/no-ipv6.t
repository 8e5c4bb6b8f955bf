#!/usr/bin/env bash
# Hosts without IPv6: switched off, absent from the kernel; and containers, which may write no kernel setting.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/compile.sh"
lab_enter "$@"
lab_test_network
mkdir "$LAB_DIR/empty"
ok "a kernel that can be without IPv6 is there" \
    lab_compile "$LAB_DIR/kernel-without" "$LAB_HERE/machine/kernel-without.c" || done_testing
# without_ipv6 COMMAND...: as on a kernel with ipv6.disable=1, as far as that can be played.
without_ipv6="unshare -m sh -c 'mount --bind $LAB_DIR/empty /proc/sys/net/ipv6 && exec \"\$@\"' sh $LAB_DIR/kernel-without ipv6"
# As in a container that may administrate its network and nothing else.
read_only="unshare -m sh -c 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec \"\$@\"' sh"
# daemon NAME WAY [LINE...]
daemon() {
    local name=$1 way=$2
    shift 2
    lab_daemon_config "$LAB_DIR/$name.conf" "$@"
    eval "lab_start $name server $way $LAB_BIN/packet-tunneld -f $LAB_DIR/$name.conf"
    wait_for 10 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}
# client NAME WAY [OPTION...]
client() {
    local name=$1 way=$2 words
    shift 2
    lab_client_words
    printf -v words '%q ' "${LAB_CLIENT_WORDS[@]}" "$@"
    eval "lab_start $name client $way $LAB_BIN/packet-tunnel $words"
    wait_for 10 lab_ready_or_gone "$name"
    lab_alive "$name" && lab_logged "$name" '\bready\b'
}
four() { like "$1: a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"; }
six() { like "$1: a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"; }
server_before=$(lab_snapshot server) client_before=$(lab_snapshot client)

not_ok "a kernel without IPv6: the daemon does not start" daemon none "$without_ipv6"
lab_wait none 10
is "with status 69" "$LAB_STATUS" 69
like "and says what to do" "$(lab_log none)" 'this kernel has no IPv6.*set AllowNoIPv6 yes'
ok "the keyword exists" "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/none.conf" -o "AllowNoIPv6=yes"
ok "with it the daemon is ready" daemon without "$without_ipv6" "AllowNoIPv6 yes"
is "it says so once" "$(lab_log without | grep -c 'IPv6 is not configured')" 1
ok "a client is ready on such a kernel by itself" client client "$without_ipv6"
is "and says so once" "$(lab_log client | grep -c 'IPv6 is not configured')" 1
four "without IPv6 at both ends"
lab_stop client
is "the client leaves nothing" "$(lab_snapshot client)" "$client_before"
lab_stop without
is "nor does the daemon" "$(lab_snapshot server)" "$server_before"

for side in server client; do
    lab_in "$side" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ok "disable_ipv6=1: the daemon is ready" daemon off ""
ok "and the client" client client ""
four "disable_ipv6=1"
lab_stop client

# Nothing can go beside the tunnel while no interface has IPv6.
ok "with /proc/sys read-only, too, the client is ready" client client "$read_only"
is "and says so once" "$(lab_log client | grep -c 'IPv6 is not configured')" 1
four "/proc/sys read-only and IPv6 off"
lab_stop client
# The tunnel's own interface cannot be given IPv6 there, and another one has it: what was meant for the tunnel would go beside.
lab_in client sysctl -qw net.ipv6.conf.outer.disable_ipv6=0
ip -n client -6 addr replace "$LAB_CLIENT6/64" dev outer nodad
not_ok "with IPv6 on another interface the client does not start" client closed "$read_only"
like "and says what to do" "$(lab_log closed)" '--sysctl net.ipv6.conf.default.disable_ipv6=0.*--allow-no-ipv6'
ok "with --allow-no-ipv6 it does" client client "$read_only" --allow-no-ipv6
four "--allow-no-ipv6"
lab_stop client
lab_stop off
not_ok "nor does the daemon" daemon closed "$read_only"
like "which says what to do" "$(lab_log closed)" '--sysctl net.ipv[46].*=[01]'
for side in server client; do
    lab_in "$side" sysctl -qw net.ipv6.conf.all.disable_ipv6=0 net.ipv6.conf.default.disable_ipv6=0
done
for device in outer; do ip -n client -6 addr replace "$LAB_CLIENT6/64" dev "$device" nodad; done
ip -n server -6 addr replace "$LAB_EGRESS6/64" dev "$LAB_EGRESS" nodad noprefixroute
ip -n target -6 addr replace "$LAB_TARGET6/64" dev uplink nodad noprefixroute
_lab_route server 2001:db8:2::/64 dev "$LAB_EGRESS" src "$LAB_EGRESS6"
_lab_route server 2001:db8:3::/64 via "$LAB_TARGET6"

# What netlink can do instead is done by netlink: the rest was set from outside.
server_before=$(lab_snapshot server)
lab_in server sysctl -qw net.ipv6.conf.all.forwarding=1
ok "/proc/sys read-only: the daemon is ready" daemon container "$read_only"
ok "and the client" client client "$read_only"
four "/proc/sys read-only"
six "/proc/sys read-only"
lab_stop client
lab_stop container
is "the daemon stops with status 0" "$LAB_STATUS" 0
lab_in server sysctl -qw net.ipv6.conf.all.forwarding=0
is "nothing is left on the server" "$(lab_snapshot server)" "$server_before"
done_testing
