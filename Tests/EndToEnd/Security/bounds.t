#!/usr/bin/env bash
# Strangers who have not logged in: what they cost in memory, places and log lines has a bound, and others still log in.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/compile.sh"
lab_enter "$@"
lab_test_network
ok "a peer that fails to log in can be built" \
    lab_compile "$LAB_DIR/failed-logins" "$LAB_HERE/ssh/failed-logins.c" || done_testing
# The server's addresses towards the second client, whence all attacks come.
near4=192.0.2.129 near6=2001:db8:12::1
logins=${LOGINS:-10} failures=${FAILURES:-600} silent=${SILENT:-300}

ok "the daemon is ready, with its own defaults" lab_daemon daemon || done_testing
daemon=$(lab_pid daemon)
# The most that it has ever been.
resident() { awk '/^VmHWM:/ { print $2 }' "/proc/$daemon/status"; }
log_size() { stat -c %s "$LAB_DIR/daemon.log"; }
# login NS KEY ADDRESS: a stock client, whose place the daemon gives or refuses.
login() {
    lab_in "$1" ssh -F /dev/null -p "$LAB_PORT" -i "$LAB_DIR/$2" -o BatchMode=yes -o ConnectTimeout=5 -o IdentitiesOnly=yes \
        -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o StrictHostKeyChecking=yes "$LAB_USER@$3" info >/dev/null 2>&1
}
# Logins of a newcomer: each from an address of its own, from which nobody has ever logged in.
newcomers() {
    local number succeeded=0
    for number in $(seq "$logins"); do
        ip -n client addr add "192.0.2.$((number + 10))/25" dev outer 2>/dev/null
        lab_in client ssh -F /dev/null -b "192.0.2.$((number + 10))" -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
            -o ConnectTimeout=5 -o IdentitiesOnly=yes -o UserKnownHostsFile="$LAB_DIR/known_hosts" \
            "$LAB_USER@$LAB_SERVER4" info >/dev/null 2>&1 && succeeded=$((succeeded + 1))
        ip -n client addr del "192.0.2.$((number + 10))/25" dev outer
    done
    echo "$succeeded"
}
regulars() {
    local number succeeded=0
    for number in $(seq "$logins"); do login client client_key "$1" && succeeded=$((succeeded + 1)); done
    echo "$succeeded"
}

before=$(resident)
for host in "$near4" "$near6"; do
    lab_start "unread-$host" client2 "$LAB_TOOL" unread "$host" "$LAB_PORT" 10 3
    ok "ten peers ask and take no answer ($host)" wait_for 20 lab_logged "unread-$host" '^sent'
    diag "$(lab_log "unread-$host"), $(resident) KiB resident"
    lab_wait "unread-$host" 10
done
at_most "what they leave in memory is less than 1 MiB each (KiB)" "$(($(resident) - before))" 10240
ok "the log says so" lab_logged daemon 'too many messages before login|asks and takes no answer'

ok "a client logs in over IPv4" login client client_key "$LAB_SERVER4"
ok "a client logs in over IPv6" login client client_key "$LAB_SERVER6"
sources=()
for number in 131 132 133 134 135; do
    ip -n client2 addr add "192.0.2.$number/25" dev outer
    sources+=("192.0.2.$number")
done
lab_start five client2 "$LAB_TOOL" hold "$near4" "$LAB_PORT" --again --count "$silent" "${sources[@]/#/--from=}"
ok "$silent silent connections from five addresses" wait_for 30 lab_logged five held
is "a known address logs in, every time" "$(regulars "$LAB_SERVER4")" "$logins"
at_least "newcomers log in, nine of ten" "$(newcomers)" "$((logins * 9 / 10))"
lab_stop five KILL
sources=()
for number in 1 2 3 4 5; do
    ip -n client2 addr add "2001:db8:12::a:$number/64" dev outer nodad
    sources+=("2001:db8:12::a:$number")
done
lab_start network client2 "$LAB_TOOL" hold "$near6" "$LAB_PORT" --again --count "$silent" "${sources[@]/#/--from=}"
ok "$silent silent connections from one IPv6 network" wait_for 30 lab_logged network held
is "a known address logs in, every time" "$(regulars "$LAB_SERVER6")" "$logins"
at_least "newcomers log in, nine of ten" "$(newcomers)" "$((logins * 9 / 10))"
lab_stop network KILL

size=$(log_size)
lab_start failures client2 "$LAB_DIR/failed-logins" "$near6" "$LAB_PORT" stranger "$failures"
is "a known address logs in beside $failures failed logins, every time" "$(regulars "$LAB_SERVER4")" "$logins"
at_least "newcomers log in beside them, nine of ten" "$(newcomers)" "$((logins * 9 / 10))"
lab_wait failures 60
diag "$(lab_log failures)"
at_most "what they leave in the log is little (bytes)" "$(($(log_size) - size))" 32768
ok "their address is refused for a while" lab_logged daemon PerSourcePenalties
is "the daemon is the same process" "$(lab_pid daemon)" "$daemon"
done_testing
