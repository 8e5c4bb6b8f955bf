#!/usr/bin/env bash
# A daemon that follows its files: a key that is taken away, expires or is denied ends its tunnels within seconds, SIGHUP has
# the configuration read anew, and nobody else loses a packet.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_web
keys=$LAB_DIR/keys
mkdir -m 755 "$keys"
cp "$LAB_DIR/client_key.pub" "$keys/tunnel"
cp "$LAB_DIR/client2_key.pub" "$keys/other"
chmod 644 "$keys"/*
configuration=("AuthorizedKeysFile $keys/%u" "PidFile $LAB_DIR/daemon.pid" "StrictModes no")
ok "the daemon is ready" lab_daemon daemon "${configuration[@]}" || done_testing
daemon=$(lab_pid daemon)
is "PidFile has its number" "$(cat "$LAB_DIR/daemon.pid")" "$daemon"
lines() { lab_log daemon | grep -cE -- "$1"; }
hangup() {
    local before
    before=$(lines 'configuration (not )?reloaded')
    lab_daemon_config "$LAB_DIR/daemon.conf" "${configuration[@]}" "$@"
    kill -HUP "$daemon"
    wait_for 5 eval "[ \"\$(lines 'configuration (not )?reloaded')\" -gt $before ]"
}

ok "a client is ready" lab_client tunnel client || done_testing
ok "and one of another user, by stock ssh" lab_stock_client stock client2 -o User=other || done_testing
serves() {
    like "$1: the first client is served over IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
    like "$1: the first client is served over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
}
serves "at first"

rm "$keys/other"
ok "a key that is taken away ends its tunnel within seconds" wait_for 8 eval '! lab_alive stock'
ok "and the log says why" lab_logged daemon 'connection ended .*the key is no longer accepted: there are no keys .*user=other'
serves "beside it"

{ printf 'expiry-time="%s" ' "$(date -u -d '+6 seconds' +%Y%m%d%H%M%SZ)"; cat "$LAB_DIR/client2_key.pub"; } >"$keys/other"
ok "a key that is about to expire is let in" lab_stock_client stock2 client2 -o User=other
ok "its tunnel ends when it expires" wait_for 15 eval '! lab_alive stock2'
ok "and the log says why" lab_logged daemon 'connection ended .*no longer accepted.*expiry-time= has passed.* user=other'
cp "$LAB_DIR/client2_key.pub" "$keys/other"

ok "a denied user's tunnel is there" lab_stock_client stock3 client2 -o User=other
ok "SIGHUP has the configuration read" hangup "DenyUsers other" "LogLevel DEBUG"
ok "the denied user's tunnel ends" wait_for 8 eval '! lab_alive stock3'
ok "and the log names the rule" lab_logged daemon 'connection ended .*no longer accepted: DenyUsers other.* user=other'
ok "the log names what has changed" lab_logged daemon 'configuration reloaded changed=.DenyUsers LogLevel'
serves "after SIGHUP"

ok "SIGHUP with another rule for networks" hangup "DenyNetworks $LAB_DENY,$LAB_WEB4/32,$LAB_WEB6/128"
ok "is in force for a client that is there, over IPv4" wait_for 5 eval '! page client "$LAB_WEB4"'
ok "and over IPv6" wait_for 5 eval '! page client "[$LAB_WEB6]"'
ok "the log names the networks" lab_logged daemon "denied networks have changed denied=.*$LAB_WEB4/32"
ok "SIGHUP without that rule" hangup
ok "lets packets pass again" wait_for 5 page client "$LAB_WEB4"
serves "after the rule"

ok "SIGHUP with a change that takes a restart" hangup "MTU 1400"
ok "says which" lab_logged daemon 'take effect after a restart' 
ok "and names the keyword" lab_logged daemon 'keywords=MTU'
echo "Nonsense yes" >>"$LAB_DIR/daemon.conf"
kill -HUP "$daemon"
ok "a broken file is reported, with its line" wait_for 5 lab_logged daemon 'daemon.conf:[0-9]+.*Nonsense|Nonsense.*daemon.conf:[0-9]+'
serves "after a broken file"
is "the first client has never connected anew" "$(lines 'client (resumed|connected).*user=tunnel|user=tunnel.*client (resumed|connected)')" 1
is "the daemon is the same process" "$(lab_pid daemon)" "$daemon"
lab_stop tunnel INT
ok "SIGTERM stops the daemon" lab_stop daemon
is "with success" "$LAB_STATUS" 0
not_ok "PidFile is gone" test -e "$LAB_DIR/daemon.pid"
done_testing
