#!/usr/bin/env bash
# A server that means harm: packets for other addresses of the client's host, answers without end, bytes that drive terminals.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
peer_python=$LAB_ROOT/.build/python-venv/bin/python
"$peer_python" -c 'import asyncssh' 2>/dev/null || skip_all "asyncssh is missing: Tests/Lab/install.sh tests"
lab_test_network
own4=${LAB_OWN4%/*} own6=${LAB_OWN6%/*}
lab_start hostile server "$peer_python" -B -u "$LAB_HERE/ssh/hostile-server.py" "" "$LAB_PORT" "$LAB_DIR/host_key" \
    "$LAB_DIR/authorized_keys" 0.1 "$own4" "$own6" "$LAB_CLIENT4" "$LAB_CLIENT6" "$LAB_TARGET4" "$LAB_TARGET6"
ok "the hostile server listens" wait_for 10 lab_logged hostile listening || done_testing

# What programs of the client's host, and of hosts behind it, are reached by.
lab_in client sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
lab_start hear client "$LAB_TOOL" hear 9999
ok "a program hears" wait_for 5 lab_logged hear hearing
lab_in client nft -f - <<'E2'
table inet seen {
    chain forwarded {
        type filter hook forward priority 0
        udp dport 9999 counter
    }
}
E2
ok "the client is up" lab_client client client --channel-type openssh
# In each round the good address comes first, and the others after it.
rounds() { [ "$(grep -c -x "$own6" "$LAB_DIR/hear.log")" -ge "$1" ]; }
ok "packets for its own address arrive" wait_for 15 rounds 5
is "over IPv4 and IPv6, and for nobody else" "$(grep -v hearing "$LAB_DIR/hear.log" | sort -u | tr '\n' ' ')" \
    "$(printf '%s\n' "$own4" "$own6" | sort | tr '\n' ' ')"
like "nothing is forwarded" "$(lab_in client nft list table inet seen)" "counter packets 0 "
lab_stop client
like "what was refused is counted" "$(lab_log client)" "invalid_destination_address"

# asks NAME STATUS: the exit status of `info`, at what size and after which time.
asks() {
    local start=$SECONDS
    lab_start "$1" client "$LAB_BIN/packet-tunnel" info -F none -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        -o StrictHostKeyChecking=yes -o UserKnownHostsFile="$LAB_DIR/known_hosts" "$1@$LAB_SERVER6"
    memory=0
    while lab_alive "$1" && [ $((SECONDS - start)) -lt 30 ]; do
        now=$(awk '/^VmRSS:/ { print $2 }' "/proc/$(lab_pid "$1")/status" 2>/dev/null)
        [ "${now:-0}" -le "$memory" ] || memory=$now
        sleep 0.05
    done
    lab_wait "$1" 5
    is "$1: the exit status is $2" "$LAB_STATUS" "$2"
    at_most "$1: it has ended in time" $((SECONDS - start)) 14
    at_most "$1: it has stayed below 100 MB" "$memory" 100000
}
asks good 0
asks controls 0
like "controls: what a terminal would obey is written out" "$(lab_log controls)" 'u001b\[2J.u009b1m.u202etxt.u2066.u0007'
is "controls: nothing raw is left" "$(LC_ALL=C grep -c -P '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80\xae' "$LAB_DIR/controls.log")" 0
asks endless 76
like "endless: it says so" "$(lab_log endless)" "more than"
asks endless-error 75
asks silent 75
done_testing
