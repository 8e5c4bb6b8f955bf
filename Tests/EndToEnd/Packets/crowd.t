#!/usr/bin/env bash
# Many clients on one daemon: what an idle one costs, and that active ones get the same.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
bench=$LAB_BIN/packet-tunnel-bench
[ -x "$bench" ] || skip_all "$bench is missing: swift build -c release --static-swift-stdlib --product packet-tunnel-bench"
clients=${CLIENTS:-500} talking=200
ok "the daemon is ready" lab_daemon daemon "MaxStartups 100:30:200" || done_testing
daemon=$(lab_pid daemon)
lab_start echo target "$bench" probe echo "$LAB_WEB4" 7007
wait_for 10 lab_logged echo listening

resident() { awk '/^VmRSS:/ { print $2 }' "/proc/$daemon/status"; }
# Clock ticks of the processor, and how often a loop of the daemon went to sleep.
ticks() { awk '{ print $14 + $15 }' "/proc/$daemon/stat"; }
sleeps() {
    cat /proc/"$daemon"/task/*/status |
        awk '/^Name:/ { loop = /ptun-loop/ } loop && /^voluntary_ctxt_switches:/ { n += $2 } END { print n }'
}
descriptors() { find "/proc/$daemon/fd" -mindepth 1 | wc -l; }
# crowd NAME COUNT ECHO: a program that is that many clients.
crowd() {
    mkfifo "$LAB_DIR/$1.commands"
    lab_start "$1" client sh -c 'exec "$@" <"$0"' "$LAB_DIR/$1.commands" "$bench" probe crowd \
        "$LAB_USER@$LAB_SERVER4" --count "$2" --echo "$3" --port 7007 --seconds 3 -o "Port=$LAB_PORT" \
        -o "IdentityFile=$LAB_DIR/client_key" -o IdentitiesOnly=yes -o BatchMode=yes \
        -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -o StrictHostKeyChecking=yes -o ServerAliveInterval=0
}

# The first ones pay for what all share.
crowd first 20 "$LAB_WEB4"
exec 8>"$LAB_DIR/first.commands"
ok "a few clients are there" wait_for 20 lab_logged first '^open=20'
before=$(resident) files=$(descriptors)
crowd many "$clients" "$LAB_WEB4"
exec 9>"$LAB_DIR/many.commands"
ok "$clients more clients are there" wait_for 120 lab_logged many "^open=$clients"
is "each takes one descriptor" "$(($(descriptors) - files))" "$clients"
at_most "and memory (KiB)" "$((($(resident) - before) / clients))" 48
diag "$(((($(resident) - before) * 1024) / clients)) bytes each; $(resident) KiB in all"

# A period of idleness, to be measured by the clock: nothing happens that could be awaited.
sleep 2
used=$(ticks) slept=$(sleeps)
sleep 5
at_most "idle clients cost next to no processor time (ticks of 10 ms in 5 s)" "$(($(ticks) - used))" 3
at_most "and hardly wake the daemon (in 5 s)" "$(($(sleeps) - slept))" 100
diag "$(($(ticks) - used)) ticks, $(($(sleeps) - slept)) wake-ups in 5 s"

# Active ones, each as fast as it is answered.
echo "$talking" >&9
ok "$talking clients talk" wait_for 20 lab_logged many fairness=
said=$(lab_log many | grep fairness=)
diag "$said"
at_least "all of them get nearly the same (Jain's index)" "$(sed 's/.*fairness=//' <<<"$said")" 0.8
at_least "none gets nothing" "$(sed 's/.*least=\([0-9.]*\).*/\1/' <<<"$said")" 1
not_ok "none has lost its connection" lab_logged many closed

exec 8>&- 9>&-
lab_wait first 20
lab_wait many 20
ok "when they are gone, so are their descriptors" wait_for 20 eval '[ "$(descriptors)" -le "$((files - 20))" ]'
lab_stop daemon
done_testing
