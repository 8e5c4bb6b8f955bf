#!/usr/bin/env bash
# The same changes of the network as in roaming.t, through one jump host, through two, and by a command that starts anew.
#
# Environment: ROAMS is how often each change is made (1).
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/stock.sh"
. "$LAB_HERE/network/roaming.sh"
lab_enter "$@"
command -v sshd >/dev/null || skip_all "sshd is not installed"
roaming_begin

# A stock sshd in the server's network, as a jump host and for the command, and one behind it.
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_root"
cp "$LAB_DIR/client_key" "$LAB_DIR/root_key"
printf 'Subsystem packet-tunnel %s --socket %s\n' "$LAB_BIN/packet-tunnel-subsystem" "$LAB_DIR/state/control.sock" \
    >"$LAB_DIR/snippet"
printf '%s\n' "IdentityFile $LAB_DIR/root_key" "UserKnownHostsFile $LAB_DIR/known_hosts" StrictHostKeyChecking=yes \
    BatchMode=yes >"$LAB_DIR/jump_config"
for place in "$ROAMING_NAME" "$LAB_TARGET4" "$LAB_TARGET6"; do
    echo "[$place]:$LAB_STOCK_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")"
done >>"$LAB_DIR/known_hosts"
for place in "$LAB_EGRESS4" "$LAB_EGRESS6"; do
    echo "[$place]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")"
done >>"$LAB_DIR/known_hosts"
ok "a stock sshd runs" lab_stock_sshd sshd "$LAB_DIR/snippet" || done_testing
lab_start sshd-behind target "$(command -v sshd)" -D -e -f "$LAB_DIR/sshd.conf"
ok "another one runs behind it" wait_for 10 _lab_listens target "tcp src :$LAB_STOCK_PORT" || done_testing

# passes WHAT ADDRESS: the round of one way.
passes() {
    local changes=("${told[@]}")
    what=$1
    # Silence takes its time.
    [ "$number" != 1 ] || changes+=("${untold[@]}")
    round "$2" $((number % 3)) "${changes[@]}" restart
}
for ((number = 1; number <= rounds; number++)); do
    for family in 4 6; do
        place=LAB_SERVER$family behind=LAB_TARGET$family inside=LAB_EGRESS$family
        host=${!inside}
        words=(-F "$LAB_DIR/jump_config" -J "root@$ROAMING_NAME:$LAB_STOCK_PORT")
        passes "through a jump host over IPv$family" "${!place}"
        words=(-F "$LAB_DIR/jump_config" -J "root@$ROAMING_NAME:$LAB_STOCK_PORT,root@[${!behind}]:$LAB_STOCK_PORT")
        passes "through two jump hosts over IPv$family" "${!place}"
        words=() host=''
        command="ssh -F $LAB_DIR/jump_config -p $LAB_STOCK_PORT -s root@$ROAMING_NAME packet-tunnel"
        passes "by a command over IPv$family" "${!place}"
        command=''
    done
done
roaming_verdict
done_testing
