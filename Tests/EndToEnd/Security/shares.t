#!/usr/bin/env bash
# One key that takes as much as it gets: addresses, connections and commands have a bound for each key, and others are served.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
peer_python=$LAB_ROOT/.build/python-venv/bin/python
"$peer_python" -c 'import paramiko' 2>/dev/null || skip_all "paramiko is missing: Tests/Lab/install.sh tests"
lab_test_network
{
    cat "$LAB_DIR/client_key.pub"
    printf 'sessions=9 '
    cat "$LAB_DIR/client2_key.pub"
} >"$LAB_DIR/authorized_keys"
lab_test_tunnel
share() {
    lab_in client2 "$peer_python" -B "$LAB_HERE/ssh/key-share.py" 192.0.2.129 "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" "$@"
}
serves() {
    like "$1: another key is served over IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
    like "$1: another key is served over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
}
fingerprint=$(ssh-keygen -lf "$LAB_DIR/client2_key.pub" | cut -d' ' -f2)
root_status() { "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/daemon.conf" --status; }
key_figure() { root_status | "$LAB_TOOL" json --sum "keys.*[keyFingerprint=$fingerprint].$1"; }
leases() { root_status | "$LAB_TOOL" json --count "sessions.*[keyFingerprint=$fingerprint]"; }

like "a key opens tunnels under twenty names" "$(share sessions 20)" 'opened 20'
is "it holds nine leases, used or not" "$(leases)" 9
serves "twenty names"

flows() { root_status | "$LAB_TOOL" json --sum "flows.*[keyFingerprint=$fingerprint].flowsGranted"; }
lab_start eight client2 "$peer_python" -B "$LAB_HERE/ssh/key-share.py" 192.0.2.129 "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" \
    tunnels 8
ok "a key holds eight tunnels" wait_for 20 lab_logged eight '^holds 8'
at_most "all of them together have a share of flows" "$(flows)" 32768
at_least "which is no small one" "$(flows)" 16384
lab_stop eight KILL
ok "it is given back" wait_for 20 eval '[ "$(flows)" = 0 ]'

# Six tunnels begin 54,000 flows at once, which the kernel would remember for half a minute at least.
tracked() { root_status | "$LAB_TOOL" json --sum "tracking.*[keyFingerprint=$fingerprint].$1"; }
in_table() { lab_in server sysctl -n net.netfilter.nf_conntrack_count; }
lab_start flows client2 "$peer_python" -B "$LAB_HERE/ssh/key-share.py" 192.0.2.129 "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" \
    flows 6
ok "a key begins 54,000 flows" wait_for 60 lab_logged flows '^began 54000'
at_most "the kernel remembers few of them" "$(in_table)" 20000
serves "many flows"
lab_stop flows KILL
ok "what is beyond the key's allowance is counted" wait_for 10 eval '[ "$(lab_counter upstream_packet_rejected_rate_limit)" -ge 1 ]'

said=$(share commands 400)
diag "$said"
at_most "commands beyond a hundred at once, and ten in a second, are not run" "$(cut -d' ' -f2 <<<"$said")" 300
at_least "the status says so" "$(key_figure refusedCommands)" 1
serves "many commands"

said=$(share idle 45)
diag "$said"
at_most "connections without a tunnel have a bound" "$(cut -d' ' -f2 <<<"$said")" 33
at_least "the status says so, too" "$(key_figure endedConnections)" 1
serves "many connections"

lab_stop client INT
lab_stop daemon
ok "a daemon that grants a key less is ready" lab_daemon daemon "MaxFlowsPerKey 1024" || done_testing
ok "a client of another key, too" lab_client client client || done_testing
lab_start flows client2 "$peer_python" -B "$LAB_HERE/ssh/key-share.py" 192.0.2.129 "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" \
    flood 6
ok "in time the kernel remembers more of a key than its share, and that is deleted" \
    wait_for 60 eval '[ "$(tracked deletedConnections)" -ge 1 ]'
at_most "the status has what is left" "$(tracked trackedConnections)" 1024
serves "many flows over time"
lab_stop flows KILL
done_testing
