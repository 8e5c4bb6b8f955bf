#!/usr/bin/env bash
# SIGHUP to the client: with a terminal it undoes everything and ends, as a service it connects anew, under nohup it goes on.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
before=$(lab_snapshot client)
ok "the daemon is ready" lab_daemon || done_testing
lab_client_words
# up NAME PROGRAM...: a client under another program.
up() {
    local name=$1
    shift
    lab_start "$name" client "$@" "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}"
    wait_for 10 lab_ready_or_gone "$name"
    lab_logged "$name" '\bready\b'
}
times() { [ "$(grep -c '\bready\b' "$LAB_DIR/$1.log")" -ge "$2" ]; }

ok "a client in a terminal is ready" up terminal "$LAB_TOOL" terminal
like "packets pass" "$(page client "$LAB_WEB4" 2>&1)" hello
kill -HUP "$(pgrep -P "$(lab_pid terminal)" packet-tunnel)"
lab_wait terminal 10
is "SIGHUP ends it, with status 0" "$LAB_STATUS" 0
is "nothing is left of it" "$(lab_snapshot client)" "$before"

ok "a client without a terminal is ready" up service setsid
kill -HUP "$(lab_pid service)"
ok "SIGHUP has it connect anew" wait_for 10 times service 2
like "packets pass over IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
like "and over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
like "it says why" "$(lab_log service)" "SIGHUP"
lab_stop service
is "SIGTERM ends it, with status 0" "$LAB_STATUS" 0
is "nothing is left of that either" "$(lab_snapshot client)" "$before"

ok "a client under nohup is ready" up nohup nohup
kill -HUP "$(lab_pid nohup)"
like "packets pass after SIGHUP" "$(page client "$LAB_WEB4" 2>&1)" hello
times nohup 2
is "over the same connection" "$?" 1
lab_stop nohup
is "it is still ended by SIGTERM" "$LAB_STATUS" 0
done_testing
