#!/usr/bin/env bash
# A login over a link-local address, which means something on one interface alone: the client names it, the daemon's rules do not.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
server=$(ip -n server -6 -o addr show dev clients scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
like "the server has a link-local address" "$server" '^fe80:'
printf '%s %s\n' "[$server%outer]:$LAB_PORT" "$(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
# info KEY: its answer, and its exit status.
info() {
    local status=0
    lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info -F none -i "$LAB_DIR/$1" -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes \
        -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -p "$LAB_PORT" "$LAB_USER@$server%outer" >"$LAB_DIR/said" 2>&1 </dev/null ||
        status=$?
    echo "$status"
}
ok "the daemon is ready" lab_daemon daemon "ListenAddress ::" || done_testing
is "a listed key logs in" "$(info client_key)" 0
like "and is answered" "$(cat "$LAB_DIR/said")" '"program" : "packet-tunneld"'
like "the log names address and interface" "$(lab_log daemon)" "login accepted address=fe80:[^ ]*%clients .*user=$LAB_USER"
is "a key that is not listed is refused" "$(info stranger_key)" 77
like "for that reason" "$(lab_log daemon)" 'address=fe80:.*the key is not listed'
words=(up "$LAB_USER@$server%outer" -p "$LAB_PORT" -i "$LAB_DIR/client_key" --address "$LAB_OWN4" --address6 "$LAB_OWN6"
    -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts")
for route in "${LAB_ROUTES[@]}"; do words+=(--route "$route"); done
lab_start client client "$LAB_BIN/packet-tunnel" "${words[@]}"
ok "a tunnel is ready" wait_for 10 lab_logged client '\bready\b'
like "it carries IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
like "it carries IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
lab_stop client
lab_stop daemon

# Rules about addresses.
own=$(ip -n client -6 -o addr show dev outer scope link | sed 's/.*inet6 \([^/]*\).*/\1/')
{ printf 'from="%s" ' "$own"; cat "$LAB_DIR/client_key.pub"; } >"$LAB_DIR/authorized_keys"
ok "the daemon is ready with from=" lab_daemon from "ListenAddress ::"
is "from= permits the address without its interface" "$(info client_key)" 0
lab_stop from
{ printf 'from="!fe80::/10,*" '; cat "$LAB_DIR/client_key.pub"; } >"$LAB_DIR/authorized_keys"
ok "the daemon is ready with from=!" lab_daemon denied "ListenAddress ::"
is "and refuses it by its network" "$(info client_key)" 77
like "the log says so, and not that the key is not listed" "$(lab_log denied)" 'address=fe80:.*from= does not permit this address'
lab_stop denied
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/authorized_keys"
ok "the daemon is ready with DenyUsers" lab_daemon users "ListenAddress ::" "DenyUsers $LAB_USER@fe80::/10"
is "DenyUsers refuses by the network, too" "$(info client_key)" 77
like "the log says so" "$(lab_log users)" 'address=fe80:.*(denied|not allowed|DenyUsers)'
done_testing
