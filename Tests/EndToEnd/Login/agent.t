#!/usr/bin/env bash
# The keys of a user: ssh-agent with many keys, public and encrypted files whose key it holds, and IdentityAgent in its forms.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/side-by-side.sh"
lab_enter "$@"
lab_test_network
ok "the daemon is ready" lab_daemon || done_testing
cd "$LAB_DIR" || exit 71
ssh-agent -D -a "$LAB_DIR/agent" >/dev/null 2>&1 &
agent=$!
trap 'kill "$agent" 2>/dev/null; _lab_leave' EXIT
export SSH_AUTH_SOCK=$LAB_DIR/agent
wait_for 5 test -S agent
for number in 1 2 3 4 5 6 7 8 9; do
    ssh-keygen -q -t ed25519 -N '' -f "k$number"
    ssh-add -q "k$number"
done
ssh-add -q client_key
cp client_key encrypted && cp client_key.pub encrypted.pub && cp client_key encrypted-alone && chmod 600 encrypted*
for file in encrypted encrypted-alone; do ssh-keygen -q -p -P '' -N secret -f "$file" >/dev/null; done
mkdir only && cp client_key.pub only/token.pub
cp client_key loose && chmod 644 loose && cp client_key group && chmod 640 group

row() { side_by_side "$1" -o "UserKnownHostsFile=$LAB_DIR/known_hosts" "${@:2}"; }
only=(-o IdentitiesOnly=yes)
row "-i of the right file beside ten keys" -i "$LAB_DIR/client_key"
row "-i of an encrypted file that the agent has" -i "$LAB_DIR/encrypted"
row "the same with IdentitiesOnly" "${only[@]}" -i "$LAB_DIR/encrypted"
row "the same without its .pub" "${only[@]}" -i "$LAB_DIR/encrypted-alone"
row "-i of a public key with IdentitiesOnly" "${only[@]}" -i "$LAB_DIR/only/token.pub"
row "-i of a public key beside nine others" -i "$LAB_DIR/only/token.pub"
row "-i of a missing file with its .pub" "${only[@]}" -i "$LAB_DIR/only/token"
row "-i of a missing file with its .pub beside nine others" -i "$LAB_DIR/only/token"
row "-i of another key with IdentitiesOnly" "${only[@]}" -i "$LAB_DIR/stranger_key"
row "a file that others may read, with IdentityAgent none" -o IdentityAgent=none "${only[@]}" -i "$LAB_DIR/loose"
row "a file that the group may read, with IdentityAgent none" -o IdentityAgent=none "${only[@]}" -i "$LAB_DIR/group"
row "PubkeyAuthentication no" -o PubkeyAuthentication=no -i "$LAB_DIR/client_key"
SSH_AUTH_SOCK='' row "IdentityAgent PATH" -o "IdentityAgent=$LAB_DIR/agent" -i "$LAB_DIR/only/token.pub"
SSH_AUTH_SOCK=/nonexistent row "IdentityAgent none" -o IdentityAgent=none "${only[@]}" -i "$LAB_DIR/only/token.pub"
SSH_AUTH_SOCK=/nonexistent row "an agent that does not answer" -i "$LAB_DIR/client_key"

# The server hangs up after six keys: both give up, and neither waits. The next key may be on its way by then: ten tries.
row "ten keys in the agent, the right one last"
tries=0 told=0
while [ "$tries" -lt 10 ]; do
    tries=$((tries + 1))
    lab_in client timeout 5 "$LAB_BIN/packet-tunnel" info -p "$LAB_PORT" -o "UserKnownHostsFile=$LAB_DIR/known_hosts" \
        "$LAB_USER@$LAB_SERVER4" >"$LAB_DIR/tries.log" 2>&1
    ! grep -q 'allows no more attempts.*Too many authentication failures' "$LAB_DIR/tries.log" || told=$((told + 1))
done
is "each time the client says so at once" "$told" "$tries"
for number in 5 6 7 8 9; do ssh-add -q -d "k$number" 2>/dev/null; done
row "five keys in the agent, the right one last"

CFG=$LAB_DIR/cfg
named() {
    printf 'Host *\n UserKnownHostsFile %s\n IdentityAgent %s\n' "$LAB_DIR/known_hosts" "$2" >"$CFG"
    side_by_side "$1" "${@:3}"
}
named "IdentityAgent SSH_AUTH_SOCK" SSH_AUTH_SOCK
# shellcheck disable=SC2016 # the client expands these
named 'IdentityAgent $VARIABLE' '$SSH_AUTH_SOCK'
# shellcheck disable=SC2016
named 'IdentityAgent ${VARIABLE}' '${LAB_DIR}/agent' -i "$LAB_DIR/only/token.pub"
named "IdentityAgent in quotes" "\"$LAB_DIR/agent\""
named "IdentityAgent none in a file" none
done_testing
