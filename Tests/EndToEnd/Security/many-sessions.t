#!/usr/bin/env bash
# One key with seventy sessions begins flows as fast as it can, all to one place: the kernel has 64,512 ports to translate them
# to, and looks for a free one the longer the fewer there are. Others are served.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
peer_python=$LAB_ROOT/.build/python-venv/bin/python
"$peer_python" -c 'import paramiko' 2>/dev/null || skip_all "paramiko is missing: Tests/Lab/install.sh tests"
lab_test_network
lab_test_tunnel
in_table() { lab_in server sysctl -n net.netfilter.nf_conntrack_count; }

lab_start flood client2 "$peer_python" -B "$LAB_HERE/ssh/key-share.py" 192.0.2.129 "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" \
    flood 70
ok "a key holds seventy tunnels" wait_for 60 lab_logged flood '^floods 70'
ok "and floods" wait_for 60 lab_logged flood '^began [0-9]{6}'
pages=0
for _ in $(seq 20); do
    [ "$(page client "$LAB_WEB4" 2>&1 | grep -c hello)$(page client "[$LAB_WEB6]" 2>&1 | grep -c hello)" != 11 ] || pages=$((pages + 1))
done
is "another key is served twenty times over each family meanwhile" "$pages" 20
at_most "the kernel remembers no more than a key's share, and what it begins in two seconds" "$(in_table)" 50000
diag "$(lab_log flood | tail -n 1), $(in_table) entries"
lab_stop flood KILL
done_testing
