#!/usr/bin/env bash
# Logins with every kind of key, from a file and from the agent, eight of eight, at once and over long paths.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_build_is_there || exit 1
lab_network && lab_keys
times=${LOGINS:-8}
types="rsa ecdsa ed25519"
for type in $types; do
    size=()
    [ "$type" != rsa ] || size=(-b 3072)
    ssh-keygen -q -t "$type" "${size[@]}" -N '' -C "$type" -f "$LAB_DIR/$type"
    cat "$LAB_DIR/$type.pub" >>"$LAB_DIR/authorized_keys"
done
ok "the daemon is ready" lab_daemon daemon "MaxStartups 100" "PerSourcePenalties no" || done_testing
for delay in 20 200; do
    for place in "$LAB_SERVER4" "$LAB_SERVER6"; do
        case $place in *:*) near=::1 name=6 ;; *) near=127.0.0.1 name=4 ;; esac
        lab_start "relay$name-$delay" client "$LAB_TOOL" relay "$near" $((3000 + delay)) "$place" \
            "$LAB_PORT" "$delay"
        ok "a path of $delay ms over IPv$name" wait_for 10 lab_logged "relay$name-$delay" listening
    done
done

# logins OPTION... HOST: how many of so many at once are let in, whose own greeting is the first that is tried.
logins() {
    local i pids=() good=0
    for ((i = 0; i < times; i++)); do
        lab_in client timeout 30 "$LAB_BIN/packet-tunnel" info -F none -o StrictHostKeyChecking=no \
            -o UserKnownHostsFile=/dev/null -o ConnectTimeout=20 "$@" >"$LAB_DIR/answer.$i" 2>&1 </dev/null &
        pids+=($!)
    done
    for ((i = 0; i < times; i++)); do
        if wait "${pids[i]}" && grep -q '"mtu"' "$LAB_DIR/answer.$i"; then good=$((good + 1)); fi
    done
    [ "$good" = "$times" ] || head -n 2 "$LAB_DIR"/answer.* >&2
    echo "$good"
}
agent_log=$LAB_DIR/agent
eval "$(ssh-agent -a "$agent_log.sock")" >/dev/null
trap 'kill "$SSH_AGENT_PID"' EXIT
for type in $types; do
    ssh-add -q -D 2>/dev/null
    ssh-add -q "$LAB_DIR/$type"
    for delay in 0 20 200; do
        # The families take turns.
        for source in file agent; do
            case $delay$source in
                0file | 20agent | 200file) at=$LAB_SERVER4 near=127.0.0.1 ;;
                *) at=$LAB_SERVER6 near=::1 ;;
            esac
            words=(-p "$LAB_PORT" "$LAB_USER@$at")
            [ "$delay" = 0 ] || words=(-p $((3000 + delay)) "$LAB_USER@$near")
            [ "$source" = agent ] || words=(-o IdentitiesOnly=yes -i "$LAB_DIR/$type" "${words[@]}")
            is "$type from the $source over $delay ms" "$(logins "${words[@]}")" "$times"
        done
    done
done
is "a refused key before an RSA key over 20 ms" \
    "$(logins -o IdentitiesOnly=yes -i "$LAB_DIR/stranger_key" -i "$LAB_DIR/rsa" -p 3020 "$LAB_USER@127.0.0.1")" "$times"
done_testing
