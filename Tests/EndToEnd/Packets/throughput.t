#!/usr/bin/env bash
# One TCP stream is at least as fast as through stock `ssh -w`, in the same minute on the same network.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
rounds=${ROUNDS:-3} seconds=${SECONDS_EACH:-2}
command -v sshd >/dev/null || skip_all "sshd is not installed"
lab_test_tunnel
lab_iperf_server
lab_stock_tunnel || skip_all "stock sshd does not run here: $(lab_log ssh-w | tail -n 1)"

median() { printf '%s\n' "$@" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
declare -A rates=()
for ((round = 0; round < rounds; round++)); do
    for direction in up down; do
        reverse=()
        [ "$direction" = up ] || reverse=(--reverse)
        rates[stock-$direction]+=" $(lab_iperf client "$LAB_OTHER4" --time "$seconds" "${reverse[@]}")"
        rates[ours-$direction]+=" $(lab_iperf client "$LAB_WEB4" --time "$seconds" "${reverse[@]}")"
    done
done
for direction in up down; do
    # shellcheck disable=SC2086 # a list of numbers
    stock=$(median ${rates[stock-$direction]}) ours=$(median ${rates[ours-$direction]})
    diag "$direction, Mbit/s: ssh -w${rates[stock-$direction]}; ours${rates[ours-$direction]}"
    at_least "the stock tunnel carries something $direction" "$stock" 1
    at_least "ours carries at least as much $direction ($ours beside $stock Mbit/s)" "$ours" "$stock"
done
done_testing
