#!/usr/bin/env bash
# Keys that take their time to be found: a slow name service and a huge key file cost those who wait for them, and nobody else.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/compile.sh"
lab_enter "$@"
lab_test_network
ok "a slow name service can be built" \
    lab_compile "$LAB_DIR/slow-names.so" -shared -fPIC "$LAB_HERE/machine/slow-names.c" -ldl || done_testing
ok "a peer that fails to log in can be built" \
    lab_compile "$LAB_DIR/failed-logins" "$LAB_HERE/ssh/failed-logins.c" || done_testing
mkdir -m 755 "$LAB_DIR/keys"
cat "$LAB_DIR/client_key.pub" "$LAB_DIR/client2_key.pub" >"$LAB_DIR/keys/$LAB_USER"
# daemon NAME PATTERNS: with one loop, so that everybody is on it.
daemon() {
    lab_daemon_config "$LAB_DIR/$1.conf" "AuthorizedKeysFile $2" "StrictModes no" "Loops 1" "PerSourcePenalties no"
    lab_start "$1" server env LD_PRELOAD="$LAB_DIR/slow-names.so" "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$1.conf"
    wait_for 10 lab_ready_or_gone "$1"
}
offers() { lab_in client2 "$LAB_DIR/failed-logins" 192.0.2.129 "$LAB_PORT" "$@"; }
# The most milliseconds that a page took, of twenty in a row.
slowest() {
    local number
    for number in $(seq 20); do
        lab_in client curl --silent --output /dev/null --max-time 10 --write-out '%{time_total}\n' "http://$1/"
    done | awk '{ if ($1 > most) most = $1 } END { printf "%d\n", most * 1000 }'
}

daemon plain "$LAB_DIR/keys/%u"
offers slow1 6 >/dev/null
not_ok "where no path needs a home directory, the name service is not asked" lab_logged plain 'asked about'
lab_stop plain

daemon homes "$LAB_DIR/keys/%u %h/.nothing"
ok "a client is ready" lab_client client client || done_testing
slowest "$LAB_WEB4" >/dev/null
for number in 1 2 3; do lab_start "slow$number" client2 "$LAB_DIR/failed-logins" 192.0.2.129 "$LAB_PORT" "slow$number" 6; done
ok "three strangers wait for the name service" wait_for 5 eval '[ "$(lab_log homes | grep -c "asked about slow")" -ge 3 ]'
at_most "pages over IPv4 do not (milliseconds)" "$(slowest "$LAB_WEB4")" 1500
at_most "nor over IPv6 (milliseconds)" "$(slowest "[$LAB_WEB6]")" 1500
for number in 1 2 3; do lab_wait "slow$number" 20; done
is "a connection asks once for a user, not for each key" "$(lab_log homes | grep -c 'asked about slow')" 3

# Ten thousand keys: the wire form begins the same in all of them, and nobody has their private halves.
head -c 315000 /dev/urandom | base64 --wrap=42 | sed 's/^/ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA/' >>"$LAB_DIR/keys/$LAB_USER"
sleep 3
offers "$LAB_USER" 6 >/dev/null
ticks() { awk '{ print $14 + $15 }' "/proc/$(lab_pid homes)/stat"; }
before=$(ticks)
offers "$LAB_USER" 60 >/dev/null
diag "sixty offers against 10,000 keys: $(($(ticks) - before)) hundredths of a second of processor time"
at_most "a file that has not changed is not read again (hundredths of a second)" "$(($(ticks) - before))" 150
done_testing
