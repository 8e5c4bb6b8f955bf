#!/usr/bin/env bash
# Options of one key in authorized_keys: in force on every protocol and channel type, or the key is refused with file and line.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
keys() { printf '%s %s\n' "$1" "$(cat "$LAB_DIR/client_key.pub")" >"$LAB_DIR/authorized_keys"; }
keys "deny-networks=\"$LAB_OTHER4/32,$LAB_OTHER6/128\""
ok "the daemon is ready" lab_daemon daemon "PermitICMP echo" || done_testing

# Networks that a key may not reach: no ping either, over each channel type and in both families.
for type in gso psiphon openssh; do
    ok "$type: a client is ready" lab_client client client --channel-type "$type" || done_testing
    for address in "$LAB_WEB4" "$LAB_WEB6"; do
        ok "$type: $address answers a ping" lab_in client "$LAB_TOOL" ping "$address"
        ok "$type: $address sends a page" page client "$(case $address in *:*) echo "[$address]" ;; *) echo "$address" ;; esac)"
    done
    for address in "$LAB_OTHER4" "$LAB_OTHER6"; do
        not_ok "$type: no ping reaches $address" lab_in client "$LAB_TOOL" ping "$address"
    done
    lab_stop client
done

# tunnel="7" is one session, whatever the client asks for.
keys 'tunnel="7"'
first=
for words in "gso --session a" "psiphon --session b" "openssh" "gso"; do
    read -ra words <<<"$words"
    ok "tunnel=\"7\": ${words[*]} is ready" lab_client client client --channel-type "${words[@]}" || done_testing
    assigned=$(lab_assigned client_key 4)
    first=${first:-$assigned}
    is "tunnel=\"7\": ${words[*]} has the key's one session" "$assigned" "$first"
    lab_stop client
done

# What is not understood in full costs the key, and the log says where.
for network in 203.0.113.0/024 ::ffff:203.0.113.0/24 203.0.113.0%x/24 203.0.113.1/24 203.0.113; do
    keys "deny-networks=\"$network\""
    not_ok "deny-networks=\"$network\": the key is refused" lab_client client client
    lab_stop client
    ok "the log names file, line and network" \
        wait_for 5 lab_logged daemon "authorized_keys:1: deny-networks=: .?.?$network"
done
done_testing
