#!/usr/bin/env bash
# What a person gets wrong: one line that says what and what to do, the right exit status, nothing left.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
server_before=$(lab_snapshot server) client_before=$(lab_snapshot client)

# refused NAME STATUS REGEX: the program NAME ended by itself, as it should have.
refused() {
    local said
    lab_wait "$1" 15
    said=$(lab_log "$1")
    like "$1: the exit status is $2" "$LAB_STATUS" "^($2)\$"
    # What is to be copied stands in a line of its own, moved in.
    is "$1: one thing is said" "$(printf '%s\n' "$said" | grep -c '^[^ ]')" 1
    like "$1: it says what is wrong" "$said" "$3"
    lab_stop "$1"
}
unchanged() {
    is "$1: nothing is left on the server" "$(lab_snapshot server)" "$server_before"
    is "$1: nothing is left on the client" "$(lab_snapshot client)" "$client_before"
}
client() {
    local name=$1
    shift
    lab_client_words
    while [ $# -gt 0 ]; do
        _lab_set_option "$1" "$2"
        shift 2
    done
    lab_start "$name" client "$LAB_BIN/packet-tunnel" "${LAB_CLIENT_WORDS[@]}"
}
# daemon NAME ['Keyword value'...], with the command in front of it in the array `before`
before=()
daemon() {
    lab_daemon_config "$LAB_DIR/$1.conf" "${@:2}"
    lab_start "$1" server "${before[@]}" "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$1.conf"
}

client server-absent
refused server-absent 69 "$LAB_SERVER4.*$LAB_PORT|refused"
unchanged server-absent

lab_start no-such-host client "$LAB_BIN/packet-tunnel" up tunnel@nowhere.invalid
refused no-such-host '69|75' 'nowhere\.invalid'
lab_start no-host client "$LAB_BIN/packet-tunnel" up
lab_wait no-host 5
is "no-host: the exit status is 64" "$LAB_STATUS" 64
lab_start no-such-option client "$LAB_BIN/packet-tunnel" up "$LAB_USER@$LAB_SERVER4" --adress 10.0.0.1/8
lab_wait no-such-option 5
is "no-such-option: the exit status is 64" "$LAB_STATUS" 64
client wrong-address --address 10.111.0.2/33
lab_wait wrong-address 5
is "wrong-address: the exit status is 64" "$LAB_STATUS" 64

# With a server that runs well.
ok "the daemon is ready" lab_daemon daemon || done_testing
running=$(lab_snapshot server)
client wrong-key -i "$LAB_DIR/stranger_key"
refused wrong-key 77 'denied|refused|accept|auth|key'
client no-key -i "$LAB_DIR/no_such_key"
refused no-key '66|69|77|78' 'no_such_key'
client wrong-host-key -o "UserKnownHostsFile=$LAB_DIR/known_hosts_wrong"
refused wrong-host-key 76 'SHA256:.*SHA256:'
like "wrong-host-key: the key that the server showed is named" "$(lab_log wrong-host-key)" \
    "$(ssh-keygen -lf "$LAB_DIR/host_key.pub" | cut -d' ' -f2 | sed 's/[+]/\\+/g')"
client unknown-host-key -o UserKnownHostsFile=/dev/null
refused unknown-host-key 76 'SHA256:'
is "the client has nothing left of these" "$(lab_snapshot client)" "$client_before"
mkdir -p "$LAB_DIR/other-state"
daemon port-in-use "AddressPool 172.31.0.0/16" "AddressPool6 fd71:7475:6e::/104" "TunDevice ptun9" \
    "StateDirectory $LAB_DIR/other-state"
refused port-in-use '69|75' "port.*$LAB_PORT|$LAB_PORT.*in use|address already in use"
is "the running server is as it was" "$(lab_snapshot server)" "$running"
ok "and serves on" lab_client client client
lab_stop client
lab_stop daemon
unchanged running

# Without what the programs need.
ok "an empty device directory can be had" unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/net'
hide_tun=(unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/net && exec "$@"' sh)
before=("${hide_tun[@]}")
daemon no-tun-device
refused no-tun-device '69|77' '/dev/net/tun'
unchanged no-tun-device
before=(setpriv --bounding-set=-net_admin --inh-caps=-net_admin)
daemon no-capability
refused no-capability 77 'CAP_NET_ADMIN|root|permi'
unchanged no-capability
before=()

# Configurations that cannot work.
ip -n server route add 10.99.0.0/24 dev office
clash_before=$(lab_snapshot server)
daemon pool-clash
refused pool-clash '69|78' 'AddressPool.*10\.0\.0\.0/8.*10\.99\.0\.0/24|10\.99\.0\.0/24.*10\.0\.0\.0/8'
is "pool-clash: nothing is left on the server" "$(lab_snapshot server)" "$clash_before"
ip -n server route del 10.99.0.0/24

daemon unknown-keyword "AdressPool 10.0.0.0/8"
refused unknown-keyword 78 "unknown-keyword\.conf.*[0-9].*AdressPool.*AddressPool"
daemon wrong-value "MTU many"
refused wrong-value 78 "wrong-value\.conf.*[0-9].*MTU"
daemon no-such-interface "EgressInterface nowhere0"
refused no-such-interface '69|78' 'nowhere0'
daemon no-keys "AuthorizedKeysFile $LAB_DIR/no_such_file"
lab_start no-configuration server "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/no_such_file.conf"
refused no-configuration '66|78' 'no_such_file\.conf'
lab_stop no-keys
printf 'Port many\nMTU none\n' >"$LAB_DIR/two.conf"
lab_start check server "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/two.conf"
lab_wait check 5
is "check: the exit status is 78" "$LAB_STATUS" 78
like "check: the first problem is listed" "$(lab_log check)" "two\.conf.*1.*Port"
like "check: the second problem is listed, too" "$(lab_log check)" "two\.conf.*2.*MTU"
lab_daemon_config "$LAB_DIR/good.conf"
ok "a good configuration passes the check" lab_in server "$LAB_BIN/packet-tunneld" -t -f "$LAB_DIR/good.conf"
unchanged configurations
done_testing
