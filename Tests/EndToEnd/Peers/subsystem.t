#!/usr/bin/env bash
# A stock sshd as the door to packet-tunneld: by Subsystem, ForceCommand and command=, for users with and without rights.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_accounts
lab_dns
socket=/run/packet-tunnel/control.sock
mkdir "${socket%/*}"

# as USER COMMAND...: what a local process of that user says on standard error; a pipe is its input, another its output.
as() {
    local user=$1
    shift
    lab_in server setpriv --reuid "$user" --regid "$user" --init-groups "$@" 2>&1 >"$LAB_DIR/as.output" < <(:)
}
control() {
    local user=$1
    shift
    lab_in server setpriv --reuid "$user" --regid "$user" --init-groups \
        "$LAB_TOOL" control "$1" "$socket" "${@:2}"
}
status() { lab_in server packet-tunneld -f "$LAB_DIR/daemon.conf" --status; }
# ends NAME STATUS REGEX: a client that cannot have a tunnel.
ends() {
    lab_wait "$1" 20
    is "$1: the client's exit status" "$LAB_STATUS" "$2"
    like "$1: it says why" "$(lab_log "$1")" "$3"
}
gone() { ! pgrep -u "$1" -f packet-tunnel-subsystem; }

# Without a daemon.
ok "a stock sshd takes the shipped snippet" lab_stock_sshd stock-sshd
alice=$(lab_stock_ssh alice) mallory=$(lab_stock_ssh mallory)
said=$(as alice packet-tunnel-subsystem)
is "without a daemon the subsystem ends with 69" "$?" 69
like "and says so" "$said" "^packet-tunnel-subsystem: packet-tunneld does not run"
is "in one line" "$(printf '%s\n' "$said" | wc -l)" 1
lab_via no-daemon client "$alice -s packet-tunnel"
ends no-daemon 69 "packet-tunneld does not run on this host"

# With one.
ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket" || done_testing
is "the control socket is for its owner and a group" "$(stat -c '%a %U %G' "$socket")" "660 root packet-tunnel"
before=$(lab_snapshot client)
ok "a tunnel through the subsystem runs" lab_via via client "$alice -v -o RekeyLimit=16M -s packet-tunnel" \
    --route "$LAB_POOL_DNS4/32" --route "$LAB_POOL_DNS6/128"
pages subsystem
names subsystem "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"
is "the subsystem runs as the user" "$(ps -o user= -p "$(pgrep -x packet-tunnel-s)" | tr -d ' ')" alice
is "and has no capability" "$(awk '/^CapEff/ { print $2 }' "/proc/$(pgrep -u alice -x packet-tunnel-s)/status")" \
    0000000000000000
like "the session is the user's, by the number of the account" "$(status)" '"keyFingerprint" : "uid:4201"'
like "and by its name" "$(status)" '"user" : "alice"'
download subsystem "$LAB_BYTES" "$LAB_WEB4"
upload subsystem "$LAB_BYTES" "[$LAB_WEB6]"
download subsystem 67108864 "[$LAB_WEB6]"
upload subsystem 67108864 "$LAB_WEB4"
# What is on its way during an exchange comes on top of the 16 MB: half as many are enough.
at_least "the keys were exchanged again and again" "$(lab_log via | grep -c 'SSH2_MSG_NEWKEYS received')" \
    "$((LAB_BYTES / 16777216))"

# The line breaks.
pkill -KILL -u alice -f packet-tunnel-subsystem
ok "when the subsystem is killed, the tunnel ends" wait_for 5 lab_logged daemon 'client disconnected'
ok "and the client comes back by itself" wait_for 20 page client "$LAB_WEB4" 1
like "into the same session" "$(lab_log daemon)" 'client (resumed its session|took its session over)'
lab_stop daemon KILL
ok "the socket of a killed daemon stays" test -S "$socket"
ok "and is no obstacle" lab_daemon daemon "ControlSocket $socket"
ok "the client comes back to it" wait_for 40 page client "$LAB_WEB4" 1
lab_stop via
is "the client stops with status 0" "$LAB_STATUS" 0
ok "its command is gone" wait_for 5 gone alice
is "and it leaves nothing" "$(lab_snapshot client)" "$before"

# Super-packets, and a session of one's own choice.
ok "a tunnel through the subsystem for super-packets runs" lab_via gso client \
    "$alice -o SendEnv=PACKET_TUNNEL_SESSION -s packet-tunnel-gso" --channel-type gso \
    --session 00112233445566778899aabbccddeeff
pages "super-packets"
like "the framing is the one for super-packets" "$(status)" '"channelType" : "tun-gso@packet-tunnel.internal"'
like "the session has the name that the client chose" "$(status)" '"name" : "00112233445566778899aabbccddeeff"'
lab_stop gso

# Users without rights, and with them.
# shellcheck disable=SC2086 # several words
like "a terminal is refused" "$(lab_in client timeout 10 $alice -tt packet-tunnel-subsystem 2>&1 </dev/null)" \
    "packets do not go through a terminal"
said=$(as mallory packet-tunnel-subsystem)
is "a local user without rights gets nothing: 77" "$?" 77
like "and hears why" "$said" "may not use"
lab_via mallory client "$mallory -s packet-tunnel"
ends mallory 77 "may not use"
not_ok "nor by speaking to the socket" control mallory tunnel
not_ok "nor may such a user ask" control mallory status
lab_start forger server setpriv --reuid alice --regid alice --init-groups "$LAB_TOOL" control tunnel "$socket" --hold \
    --members '"user": "root", "uid": 0, "keyFingerprint": "SHA256:forged", "peer": {"user": 0}'
ok "who claims to be somebody else" wait_for 5 lab_logged forger '"reply" *: *"accepted"'
said=$(status)
like "is who the kernel says" "$said" '"keyFingerprint" : "uid:4201"'
not_ok "and nobody else" grep -qE 'forged|"user" : "root"' <<<"$said"
lab_stop forger
ok "a client of another user is there" lab_client other client2 -i "$LAB_DIR/client2_key"
not_ok "a user is shown no session of others" grep -q '"user" : "tunnel"' <<<"$(control alice status)"
ok "root is" grep -q '"user" : "tunnel"' <<<"$(status)"

# Bad manners.
files=$(find "/proc/$(lab_pid daemon)/fd" -mindepth 1 | wc -l)
lab_start hostile server setpriv --reuid alice --regid alice --init-groups \
    "$LAB_TOOL" control rude "$socket"
ok "whatever is sent is answered or closed" wait_for 10 lab_logged hostile '^done'
like "a socket whose close would wait is refused" "$(lab_log hostile)" 'answer: .*neither a pipe nor a UNIX stream'
like "a stream that descriptors come in is ended" "$(lab_log hostile)" 'buried: .*passes descriptors'
# slowest ADDRESS: the most milliseconds that a page took of thirty in a row; 2000 for one that did not come.
slowest() {
    local number
    for number in $(seq 30); do
        lab_in client2 curl --silent --output /dev/null --max-time 2 --write-out '%{time_total}\n' "http://$1/"
    done | awk '{ if ($1 > most) most = $1 } END { printf "%d\n", most * 1000 }'
}
for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
    worst=$(slowest "$address")
    diag "$address: $worst ms"
    at_most "others are served meanwhile, at once: $address (milliseconds)" "$worst" 1000
done
lab_wait hostile 30
is "no bad manners broke their own test" "$LAB_STATUS" 0
ok "descriptors come back" wait_for 20 eval \
    '[ "$(find "/proc/$(lab_pid daemon)/fd" -mindepth 1 | wc -l)" -le '"$files"' ]'
lab_stop other

# The configuration's rules for users hold here, too.
lab_stop daemon
is "a daemon that stops takes its socket along" "$(ls "${socket%/*}")" ""
ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket" "DenyUsers alice"
lab_via denied client "$alice -s packet-tunnel"
ends denied 77 "user alice may not use this server"
lab_stop daemon
ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket" "AllowUsers alice@127.0.0.1" "PermitTCPPorts 443"
ok "a tunnel runs" lab_via allowed client "$alice -s packet-tunnel"
not_ok "a port that the configuration does not permit is not reached" page client "$LAB_WEB4" 1
lab_stop allowed
lab_stop daemon
ok "the daemon is ready" lab_daemon daemon "ControlSocket $socket"

# As root with no more than the capabilities of the systemd unit.
lab_stop daemon
capabilities=$(sed -n 's/^CapabilityBoundingSet=//p' "$LAB_ROOT/ssh-config/systemd/packet-tunneld.service" |
    tr 'A-Z ' 'a-z,' | sed 's/cap_/+/g')
lab_daemon_config "$LAB_DIR/daemon.conf" "ControlSocket $socket"
lab_start daemon server setpriv --bounding-set="-all,$capabilities" \
    packet-tunneld -f "$LAB_DIR/daemon.conf"
ok "the daemon with $capabilities is ready" wait_for 10 lab_logged daemon '\bready\b'
is "the control socket is for its owner and a group" "$(stat -c '%a %U %G' "$socket")" "660 root packet-tunnel"
ok "a tunnel through the subsystem runs" lab_via bounded client "$alice -s packet-tunnel"
pages "few capabilities"
lab_stop bounded
like "a pipe that only its owner may open is refused, where it could be made to wait" \
    "$(control alice tunnel)" '"reply" *: *"refused"'

# ForceCommand for the group, as the snippet suggests it, and command= for one key.
lab_stop stock-sshd
sed -n -e 's/^#\([^ ].*\)/\1/p' -e 's/^#\(    .*\)/\1/p' "$LAB_SNIPPET" >"$LAB_DIR/forced"
ok "a stock sshd takes the snippet's blocks" lab_stock_sshd forced-sshd "$LAB_SNIPPET" "$LAB_DIR/forced"
ok "ForceCommand gives a tunnel to who asks for a shell" lab_via forced client "$alice -T"
pages ForceCommand
lab_stop forced
ok "and super-packets to who asks for those" lab_via forced-gso client "$alice -s packet-tunnel-gso" --channel-type gso
pages "ForceCommand with super-packets"
lab_stop forced-gso
lab_stop forced-sshd
printf 'restrict,command="%s --session laptop" %s\n' "$LAB_PREFIX/packet-tunnel-subsystem" \
    "$(cat "$LAB_DIR/alice_key.pub")" >"$LAB_DIR/stock_keys_alice"
ok "a stock sshd runs" lab_stock_sshd command-sshd
ok "command= gives a tunnel to its key" lab_via command client "$alice -T"
pages command=
like "with the session that the key's line names" "$(status)" '"name" : "laptop"'
lab_stop command
done_testing
