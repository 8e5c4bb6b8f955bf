#!/usr/bin/env bash
# The network of a laptop changes under a full tunnel, again and again; what runs inside goes on.
#
# Environment: ROAMS is how often each change is made (1); above 1 three of them last a minute, once over each family.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/stock.sh"
. "$LAB_HERE/network/roaming.sh"
lab_enter "$@"
roaming_begin

for ((number = 1; number <= rounds; number++)); do
    for filter in 1 2 0; do
        for family in 4 6; do
            what="IPv$family outside, rp_filter $filter"
            place=LAB_SERVER$family
            changes=("${told[@]}")
            # Silence takes its time, and is the same for every filter.
            if [ "$number" = 1 ] || [ "$filter" = 1 ]; then changes+=("${untold[@]}"); fi
            if [ "$number$filter" = 21 ]; then changes+=(long_blip long_silence long_stopped renewed_again); fi
            round "${!place}" "$filter" "${changes[@]}" restart
        done
    done
done
roaming_verdict
like "the client tells how long it was away" "$(lab_log client)" 'resumed after [0-9.]+(ms|s)'

# Another network beside the one in use, and a better one: the old line goes on until the new one carries.
pauses() {
    awk -v a="$at" '$1 == "pause" && $2 + $3 > a && $3 > most { most = $3 } END { print most + 0 }' "$LAB_DIR/pull.log"
}
lab_in laptop sysctl -qw net.ipv4.conf.all.rp_filter=2
for family in 4 6; do
    what="both networks over IPv$family"
    place=LAB_SERVER$family address=${!place}
    arrives wifi 2 600
    leaves eth
    name_is "$address"
    tunnel "$ROAMING_NAME"
    ok "$what: a download runs" stream_begins
    for number in 1 2 3; do
        at=$EPOCHREALTIME
        arrives eth 1 100
        wait_for 5 eval '[ "$(grep -c resumed "$LAB_DIR/client.log")" -ge $((2 * number - 1)) ]'
        pauses | tee -a "$LAB_DIR/pauses"
        leaves eth
        wait_for 5 eval '[ "$(grep -c resumed "$LAB_DIR/client.log")" -ge $((2 * number)) ]'
    done >"$LAB_DIR/pauses.one"
    diag "$what: longest pauses (s): $(tr '\n' ' ' <"$LAB_DIR/pauses.one")"
    stream_ends
    lab_stop client
done
at_most "nothing is interrupted while the new line is made (longest pause, median, s)" "$(_median <"$LAB_DIR/pauses")" 0.3

# Killed: what it has left is gone with the next start.
what="killed"
tunnel "$ROAMING_NAME"
lab_stop client KILL
tunnel "$ROAMING_NAME"
lab_stop client
not_ok "no rule is left after kill -9 and another start" eval "ip -n laptop rule | grep -q 'proto 112'"
not_ok "nor for IPv6" eval "ip -n laptop -6 rule | grep -q 'proto 112'"
done_testing
