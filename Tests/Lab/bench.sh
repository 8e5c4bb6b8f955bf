#!/usr/bin/env bash
# The lab's side of `packet-tunnel-bench`, which starts this and talks to it over a pipe: one command a line, answered by
# what the command printed and a line `=== STATUS`. Everything the benchmark starts, it starts through here, so all of
# it is gone when the pipe closes.
#
#   missing PEER                  the Debian packages that PEER lacks, none when it can run
#   version PEER                  which one it is
#   up PEER                       start its server
#   connect                       start its client, and do not wait for it
#   started                       when the client was started, in nanoseconds
#   down                          end both
#   facts                         the target's address, then what gives iperf3 the right congestion control
#   usage                         processor time and memory of the tunnel's processes; see `probe usage`
#   run NS COMMAND...             run a command in a namespace, and print what it says
#   start NAME NS COMMAND...      run one in the background
#   await NAME SECONDS REGEX      until its log has a matching line; the log is the answer
#   finish NAME SECONDS           wait for its end; its log is the answer
#   stop NAME                     end it
#
# A peer is a file in peers/ that defines peer_missing, peer_version, peer_up, peer_connect and peer_down, and names what
# is started with lab_start and carries the tunnel in PEER_SERVER and PEER_CLIENT. Only one is up at a time, and each carries
# $BENCH_NETWORK from the client to the target.
. "$(dirname "$0")/lab.sh"
lab_enter "$@"
. "$LAB_HERE/peers/common.sh"
set -f

BENCH=$LAB_BIN/packet-tunnel-bench
# What the tunnels carry: IPv4, or IPv6 where BENCH_FAMILY is 6. The connections outside are of IPv4.
BENCH_NETWORK=${LAB_ROUTES[0]} BENCH_TARGET=$LAB_WEB4
[ "${BENCH_FAMILY:-4}" = 4 ] || { BENCH_NETWORK=${LAB_ROUTES[1]} BENCH_TARGET=$LAB_WEB6; }
PEER_SERVER=() PEER_CLIENT=() PEER_IS_UP=

bench_missing() {
    bench_lacks iperf3 iperf3
    _bench_load "$1" && peer_missing
}

bench_version() { _bench_load "$1" && peer_version; }

bench_up() {
    _bench_load "$1" || return
    PEER_IS_UP=1
    peer_up || { _bench_reasons; return 1; }
}

# What the peer's programs said last.
_bench_reasons() {
    local name
    for name in "${PEER_SERVER[@]}" "${PEER_CLIENT[@]}"; do lab_log "$name" 2>/dev/null | tail -n 2; done
}

bench_connect() { peer_connect; }

bench_started() {
    local name
    for name in "${PEER_CLIENT[@]}"; do sed -n '1s/^started=/&/p' "$LAB_DIR/$name.log"; done
}

bench_facts() { echo "$BENCH_TARGET" "${LAB_CUBIC[@]}"; }

bench_down() {
    [ -n "$PEER_IS_UP" ] || return 0
    PEER_IS_UP=
    peer_down
}

_bench_load() {
    case $1 in *[!a-z-]* | common | '') return 64 ;; esac
    [ -r "$LAB_HERE/peers/$1.sh" ] || return 66
    PEER_SERVER=() PEER_CLIENT=()
    . "$LAB_HERE/peers/$1.sh"
}

bench_usage() {
    local end name words
    for end in server client; do
        local -n names=PEER_${end^^}
        words=()
        for name in "${names[@]}"; do words+=("$(lab_pid "$name")"); done
        [ "${#words[@]}" -eq 0 ] || "$BENCH" probe usage "$end" "${words[@]}" || return
    done
}

bench_run() {
    local namespace=$1
    shift
    lab_in "$namespace" timeout --kill-after=2 120 "$@"
}

bench_start() { lab_start "$@"; }

bench_await() {
    wait_for "$2" _bench_logged_or_ended "$1" "$3"
    lab_log "$1"
    lab_logged "$1" "$3"
}

_bench_logged_or_ended() { lab_logged "$1" "$2" || ! lab_alive "$1"; }

bench_finish() {
    local name=$1
    lab_wait "$name" "$2" || lab_stop "$name" KILL
    lab_log "$name"
    return "$LAB_STATUS"
}

bench_stop() { lab_stop "$1"; }

bench_prepare() { lab_network && lab_keys; }

exec 3<&0 </dev/null
set -- prepare
while :; do
    command=$1
    shift
    status=0
    "bench_$command" "$@" >"$LAB_DIR/answer" 2>&1 || status=$?
    cat "$LAB_DIR/answer"
    echo "=== $status"
    read -r -u 3 line || break
    # shellcheck disable=SC2086 # the words of the command; nothing in them needs quotes
    set -- $line
done
