#!/usr/bin/env bash
# The outer connection breaks again and again; what runs inside the tunnel goes on.
#
# Environment: RESUMES is how often it is killed (10).
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
resumes=${RESUMES:-10}
session=$(printf 'a1%.0s' {1..16})
ok "the daemon is ready" lab_daemon daemon || done_testing
alive=(-o ServerAliveInterval=1 -o ServerAliveCountMax=1)
ok "the client is ready" lab_client client client --session "$session" "${alive[@]}" || done_testing
process=$(lab_pid client)
assigned4=$(lab_assigned client_key 4) assigned6=$(lab_assigned client_key 6)
like "it has an address" "$assigned4" '^10\.'

# One stream in either direction, one of each family. Whoever only receives says nothing of itself after a break.
export STREAM_END=$LAB_DIR/stream-end
streams() {
    rm -f "$STREAM_END"
    lab_start "source$1" target "$LAB_TOOL" stream "$LAB_WEB4" "80$1" down
    lab_start "sink$1" target "$LAB_TOOL" stream "$LAB_WEB6" "80$1" up
    wait_for 10 lab_logged "source$1" listening && wait_for 10 lab_logged "sink$1" listening || return 1
    lab_start "pull$1" client "$LAB_TOOL" pull "$LAB_WEB4" "80$1"
    lab_start "push$1" client "$LAB_TOOL" push "$LAB_WEB6" "80$1"
    wait_for 10 lab_logged "pull$1" begun && wait_for 10 lab_logged "sink$1" begun
}
streams_end() {
    local name sent
    touch "$STREAM_END"
    for name in "source$2" "sink$2" "pull$2" "push$2"; do lab_wait "$name" 60; done
    for pair in "IPv4 download:source$2:pull$2" "IPv6 upload:push$2:sink$2"; do
        IFS=: read -r name sent received <<<"$pair"
        like "$1: the $name was sent" "$(lab_log "$sent")" '^sha256 [1-9]'
        is "$1: and has arrived, the same connection to the end" "$(lab_log "$received" | grep sha256)" \
            "$(lab_log "$sent" | grep sha256)"
    done
}

outer() { lab_in "$1" ss -HKtn state established "$2 = :$LAB_PORT" 2>/dev/null | grep -q .; }
# From either side in turn: one's own kernel says so at once, the other hears of it by a reset.
kill_outer() {
    if [ $(($1 % 2)) = 0 ]; then outer client dport; else outer server sport; fi
}
ready() { [ "$(grep -c '\bready\b' "$LAB_DIR/client.log")" -ge "$1" ]; }
moment() { sleep "$(awk -v r="$RANDOM" -v a="$1" -v b="$2" 'BEGIN { print a + (b - a) * r / 32768 }')"; }

ok "streams run both ways" streams 1
: >"$LAB_DIR/kills"
killed=0 back=0
for ((round = 1; round <= resumes; round++)); do
    moment 0.6 1.8
    echo "$EPOCHREALTIME" >>"$LAB_DIR/kills"
    seen=$(grep -c '\bready\b' "$LAB_DIR/client.log")
    if kill_outer "$round"; then killed=$((killed + 1)); fi
    if wait_for 30 ready $((seen + 1)); then back=$((back + 1)); fi
done
is "the outer connection was killed each time" "$killed" "$resumes"
is "and each time the client came back" "$back" "$resumes"
moment 0.6 1.0
streams_end "after $resumes breaks" 1

# The gap of one kill is the longest pause that has not ended before it and has begun before the next.
gaps() {
    awk -v what="$1" '
        FILENAME ~ /kills$/ { kill[++kills] = $1; next }
        $1 == "pause" { for (i = kills; i > 0 && kill[i] > $2 + $3; i--); if (i && $3 > gap[i]) gap[i] = $3 }
        END {
            for (i = 1; i <= kills; i++) list = list " " gap[i] + 0
            count = split(list, sorted, " ")
            for (i = 2; i <= count; i++) for (j = i; j > 1 && sorted[j] + 0 < sorted[j - 1] + 0; j--) {
                swap = sorted[j]; sorted[j] = sorted[j - 1]; sorted[j - 1] = swap
            }
            last = int(0.95 * count + 0.999)
            printf "%s: gap median %.3f s, 95th percentile %.3f s, longest %.3f s\n", what,
                (sorted[int((count + 1) / 2)] + sorted[int(count / 2 + 1)]) / 2, sorted[last], sorted[count]
        }' "$LAB_DIR/kills" "$LAB_DIR/$2.log"
}
diag "$(gaps "download" pull1)"
diag "$(gaps "upload" sink1)"
at_most "the median gap of the download is short (s)" "$(gaps d pull1 | sed 's/.*median \([0-9.]*\).*/\1/')" 3

is "the session has the same IPv4 address as before" "$(lab_assigned client_key 4)" "$assigned4"
is "and the same IPv6 address" "$(lab_assigned client_key 6)" "$assigned6"
is "the client is the same process" "$(lab_pid client)" "$process"
at_least "the daemon has seen it come back" \
    "$(lab_log daemon | grep -cE 'client (resumed its session|took its session over)')" "$resumes"
not_ok "no session has ended" lab_logged daemon 'session ended'

# In quick succession, in the middle of a handshake, too.
ok "streams run again" streams 2
for round in {1..12}; do
    moment 0.02 0.4
    lab_in client ss -HKtn "dport = :$LAB_PORT" >/dev/null 2>&1
done
carries() { page client "$LAB_WEB4" 1 && page client "[$LAB_WEB6]" 1; }
ok "a burst of breaks: the tunnel carries again" wait_for 30 carries
streams_end "after a burst of breaks" 2

# The host moves to another address. Nobody tells the old connection; the client notices by itself.
ok "streams run again" streams 3
moment 0.3 0.6
seen=$(grep -c '\bready\b' "$LAB_DIR/client.log")
# Not of the same network, or it would go with the first (it would be secondary to it).
ip -n client addr add 192.0.2.77/32 dev outer
_lab_route client 192.0.2.0/25 dev outer src 192.0.2.77
ip -n client addr del "$LAB_CLIENT4/25" dev outer
ok "the client comes back from another address" wait_for 30 ready $((seen + 1))
streams_end "after a move" 3
is "with the same address in the tunnel" "$(lab_assigned client_key 4)" "$assigned4"
like "the server sees the new address" "$(lab_in server ss -Htn state established "sport = :$LAB_PORT")" '192\.0\.2\.77'

# The client's own addresses within the tunnel change; the server learns them when the client connects anew.
tun=$(lab_tun client)
ip -n client addr add 10.222.0.9/24 dev "$tun"
ip -n client addr add fd22:2222::9/64 dev "$tun" nodad
ip -n client addr del "$LAB_OWN4" dev "$tun"
ip -n client addr del "$LAB_OWN6" dev "$tun"
for route in "${LAB_ROUTES[@]}"; do _lab_route client "$route" dev "$tun"; done
not_ok "a source that this connection did not begin with is refused" page client "$LAB_WEB4" 1
at_least "and counted" "$(lab_counter upstream_packet_rejected_invalid_source_address)" 1
seen=$(grep -c '\bready\b' "$LAB_DIR/client.log")
kill_outer 0
ok "the client comes back" wait_for 30 ready $((seen + 1))
ok "its new IPv4 address is learnt" wait_for 10 page client "$LAB_WEB4" 2
ok "and its new IPv6 address" wait_for 10 page client "[$LAB_WEB6]" 2
is "the assigned address stays" "$(lab_assigned client_key 4)" "$assigned4"

# Whoever knows the name of a session, but has another key, gets nothing.
lab_client thief client2 -i "$LAB_DIR/client2_key" --session "$session" >/dev/null 2>&1
ok "a session's name with another key is refused, and logged" \
    wait_for 10 lab_logged daemon 'tunnel refused .*belongs to another'
not_ok "nothing goes through" page client2 "$LAB_WEB4" 1
is "the key has no session" "$(lab_assigned client2_key 4)" ""
wait_for 5 lab_logged thief 'not connected'
sleep 2
server_figure() {
    lab_in server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/daemon.conf" --status | "$LAB_TOOL" json "server.$1"
}
at_least "the daemon counts it" "$(server_figure foreignSessionNames)" 1
at_least "beside the packets that it has read" "$(server_figure packetsRead)" 100
at_most "and it does not try again and again without a pause" "$(lab_log daemon | grep -c 'tunnel refused')" 12
like "the owner goes on over IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
like "and over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
is "with the same address" "$(lab_assigned client_key 4)" "$assigned4"
lab_stop daemon
ok "the daemon's last words tell of the refused name" lab_logged daemon 'server stopped .*foreign_names=[1-9]'
done_testing
