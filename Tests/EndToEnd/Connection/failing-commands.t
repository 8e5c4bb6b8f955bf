#!/usr/bin/env bash
# Commands that fail, eight at a time, over and over: each ends with its own status, and none by a signal.
#
# Environment: FAILURES is how many there are (160).
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_build_is_there || exit 1
lab_network && lab_keys
total=${FAILURES:-160}
ok "the daemon is ready" lab_daemon daemon "MaxStartups 100" "PerSourcePenalties no" || done_testing
common=(-F none -i "$LAB_DIR/client_key" -o IdentitiesOnly=yes -o ConnectTimeout=20)
known=(-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts")
wrong=(-o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts_wrong")

# one KIND: the exit status of a command that fails in that way, and the one it should have.
one() {
    case $1 in
        0) set -- 69 info "${common[@]}" -p 9 "$LAB_USER@$LAB_SERVER4" ;;
        1) set -- 76 info "${common[@]}" "${wrong[@]}" -p "$LAB_PORT" "$LAB_USER@$LAB_SERVER6" ;;
        2) set -- 77 status -F none -i "$LAB_DIR/stranger_key" -o IdentitiesOnly=yes "${known[@]}" -p "$LAB_PORT" \
            "$LAB_USER@$LAB_SERVER4" ;;
        3) set -- 77 up -F none -i "$LAB_DIR/stranger_key" -o IdentitiesOnly=yes "${known[@]}" -p "$LAB_PORT" \
            "$LAB_USER@$LAB_SERVER6" ;;
    esac
    local expected=$1 status=0
    shift
    lab_in client "$LAB_BIN/packet-tunnel" "$@" >/dev/null 2>&1 </dev/null || status=$?
    echo "$expected $status"
}
worker() { for ((i = $1; i < total; i += 8)); do one $((i % 4)); done; }
workers=()
for ((each = 0; each < 8; each++)); do
    worker "$each" >"$LAB_DIR/statuses.$each" &
    workers+=($!)
done
wait "${workers[@]}"
cat "$LAB_DIR"/statuses.* >"$LAB_DIR/statuses"
is "so many have failed" "$(wc -l <"$LAB_DIR/statuses")" "$total"
is "each with its own status" "$(awk '$1 != $2' "$LAB_DIR/statuses" | sort | uniq -c)" ""
is "none by a signal" "$(awk '$2 > 128' "$LAB_DIR/statuses" | wc -l)" 0
done_testing
