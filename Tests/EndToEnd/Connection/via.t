#!/usr/bin/env bash
# A command as the connection: what becomes of it, of what it says, and of the way to its own server or jump host.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_network
socket=$LAB_DIR/state/control.sock
# fails NAME STATUS REGEX COMMAND: the client ends with this status, and says this.
fails() {
    lab_start "$1" client "$LAB_BIN/packet-tunnel" up --via "$4"
    lab_wait "$1" 20
    is "$1: the exit status is $2" "$LAB_STATUS" "$2"
    like "$1: it says so" "$(lab_log "$1")" "$3"
}
before=$(lab_snapshot client)
# What has been killed is there until it has been reaped, which may be after the client's own end.
gone() { ! pgrep -x packet-tunnel-s && ! pgrep -x sleep && ! pgrep -f "trap '' TERM"; }

# Commands that carry nothing.
fails missing 69 "is not there.*no-such-command" "no-such-command"
fails silent 69 "has ended with status 3" "exit 3"
fails refusing 77 "has ended with status 77" "exit 77"
fails talking 69 'saying "This account is not available"' "echo This account is not available; exit 1"
fails slow 69 'saying "no tunnel today"' "sleep 2; echo no tunnel today; exit 1"
not_ok "slow: what is no packet does not make it ready" lab_logged slow '\bready\b'
fails killed 69 "by signal 9" 'kill -KILL $$'
like "what it says on its standard error passes through" "$(lab_log missing)" "no-such-command.*not found"
fails inherits 69 "status 1" 'ls -l /proc/self/fd >&2; exit 1'
not_ok "it inherits nothing of ours" grep -qE 'eventpoll|eventfd|tun$|socket:' <<<"$(lab_log inherits | grep -- '->')"
lab_start mixed client "$LAB_BIN/packet-tunnel" up --via true tunnel@nowhere.invalid
lab_wait mixed 10
is "a host beside --via is a usage error" "$LAB_STATUS" 64
lab_start framing client "$LAB_BIN/packet-tunnel" up --via true --channel-type openssh
lab_wait framing 10
is "so is a framing that a stream cannot carry" "$LAB_STATUS" 64
is "the client has nothing left of these" "$(lab_snapshot client)" "$before"

# Without SSH: the subsystem itself, in the server's network.
ok "the daemon is ready" lab_daemon || done_testing
subsystem="nsenter --net=/run/netns/server $LAB_BIN/packet-tunnel-subsystem --socket $socket"
ok "a tunnel through a command runs" lab_via direct client "sleep 1000 & exec $subsystem"
not_ok "it is not called ready before a packet has come back" lab_logged direct '\bready\b'
pages direct
ok "but then it is" wait_for 5 lab_logged direct '\bready\b'
command=$(pgrep -x packet-tunnel-s)
ok "the command has a process group of its own" test "$(ps -o pgid= -p "$command" | tr -d ' ')" = "$command"
ok "a child of it runs" pgrep -g "$command" sleep
kill -TERM "$command"
another() { [ "$(pgrep -x packet-tunnel-s)" != "$command" ] && page client "$LAB_WEB4" 1; }
ok "when it dies, the client starts it again" wait_for 10 another
lab_stop direct
is "the client stops with status 0" "$LAB_STATUS" 0
ok "nothing of the command is left" wait_for 5 gone
is "nor of the device" "$(lab_snapshot client)" "$before"
ok "a tunnel for super-packets runs" lab_via gso client "$subsystem --framing gso" --channel-type gso
pages super-packets
lab_stop gso
ok "a tunnel through a stubborn command runs" lab_via stubborn client \
    "trap '' TERM HUP; $subsystem; while :; do sleep 1; done"
pages stubborn
started=$SECONDS
lab_stop stubborn
is "the client stops all the same" "$LAB_STATUS" 0
at_most "and soon (seconds)" "$((SECONDS - started))" 5
ok "and nothing is left of the command" wait_for 5 gone

# A command that asks the person at the terminal. Of the shells that script(1) may start, some stay in between, and die of
# Ctrl-C themselves: hence the exec.
mkfifo "$LAB_DIR/keyboard"
echo "read -r answer </dev/tty; echo \"heard: \$answer\" >&2; sleep 1000 & exec $subsystem" >"$LAB_DIR/asking"
lab_start terminal client sh -c 'exec script --quiet --return --command "$1" /dev/null <"$0"' "$LAB_DIR/keyboard" \
    "exec $LAB_BIN/packet-tunnel up --via '. $LAB_DIR/asking' --address $LAB_OWN4 --address6 $LAB_OWN6 \
    --route ${LAB_ROUTES[0]} --route ${LAB_ROUTES[1]}"
exec 9>"$LAB_DIR/keyboard"
echo secret >&9
ok "a command hears what is typed" wait_for 10 lab_logged terminal 'heard: secret'
ok "and carries a tunnel" wait_for 10 page client "$LAB_WEB4" 1
printf '\003' >&9
lab_wait terminal 10
is "Ctrl-C stops the client as told" "$LAB_STATUS" 0
exec 9>&-
ok "and nothing of the command is left" wait_for 5 gone
is "nor of the device" "$(lab_snapshot client)" "$before"

# A command that worked and works no more is tried again, less and less often.
echo "$subsystem" >"$LAB_DIR/command"
ok "a tunnel runs" lab_via fading client "echo try >&2; . $LAB_DIR/command"
pages fading
echo "exit 1" >"$LAB_DIR/command"
pkill -TERM -x packet-tunnel-s
tries() { [ "$(lab_log fading | grep -c '^try')" -ge "$1" ]; }
ok "it is tried again" wait_for 10 tries 4
sleep 3
at_most "but not all the time" "$(lab_log fading | grep -c '^try')" 12
echo "$subsystem" >"$LAB_DIR/command"
ok "and works when it works again" wait_for 30 page client "$LAB_WEB4" 1
lab_stop fading

# Through stock ssh, whose own way must stay out of the tunnel.
command -v sshd >/dev/null || done_testing
printf 'Subsystem packet-tunnel %s --socket %s\n' "$LAB_BIN/packet-tunnel-subsystem" "$socket" >"$LAB_DIR/snippet"
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_root"
ok "a stock sshd runs" lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
cp "$LAB_DIR/client_key" "$LAB_DIR/root_key"
root=$(lab_stock_ssh root)
ok "a tunnel for everything runs" lab_via everything client "$root -s packet-tunnel" --route default
pages everything
is "the way to the server stays out of it" "$(ip -n client -o route get "$LAB_SERVER4" | grep -c 'dev outer')" 1
ok "another destination does not" eval "ip -n client -o route get 203.0.113.99 | grep -q 'dev ptun0'"
lab_stop everything
is "and nothing is left" "$(lab_snapshot client)" "$before"
lab_stop stock-sshd
ok "a stock sshd runs" lab_stock_sshd stock-sshd "$LAB_DIR/snippet"
# shellcheck disable=SC2086 # several words
lab_in client $root -o ControlMaster=yes -o ControlPath="$LAB_DIR/master" -f -N
ok "a tunnel through a shared connection runs" lab_via shared client \
    "$root -o ControlPath=$LAB_DIR/master -s packet-tunnel"
pages shared
lab_stop shared

# With a jump host, to which only the client's default route leads.
jump=192.0.2.240
ip -n server addr add "$jump/32" dev lo
_lab_route client default via "$LAB_SERVER4"
before=$(lab_snapshot client)
echo "[$jump]:$((LAB_STOCK_PORT + 1)) $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
cat >"$LAB_DIR/ssh_config" <<EOF
User root
IdentityFile $LAB_DIR/root_key
UserKnownHostsFile $LAB_DIR/known_hosts
BatchMode yes
EOF
printf '%s\n' "ListenAddress $jump" "PermitOpen $LAB_SERVER4:$LAB_STOCK_PORT" >"$LAB_DIR/jump_snippet"
ok "a jump host's sshd runs" eval 'LAB_STOCK_PORT=$((LAB_STOCK_PORT + 1)) lab_stock_sshd jump "$LAB_DIR/jump_snippet"'
ok "a tunnel for everything by a jump host runs" lab_via jumping client \
    "ssh -F $LAB_DIR/ssh_config -J $jump:$((LAB_STOCK_PORT + 1)) -p $LAB_STOCK_PORT -s $LAB_SERVER4 packet-tunnel" \
    --route default
pages "by a jump host"
like "the connection comes from the jump host" "$(lab_log stock-sshd)" "Accepted publickey for root from $LAB_SERVER4 "
like "the way to the jump host stays out of the tunnel" \
    "$(ip -n client -o route get "$jump" ipproto tcp dport $((LAB_STOCK_PORT + 1)))" 'dev outer'
like "that of others does not" "$(ip -n client -o route get 192.0.2.241)" 'dev ptun0'
lab_stop jumping
is "and nothing is left" "$(lab_snapshot client)" "$before"
done_testing
