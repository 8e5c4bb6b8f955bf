#!/usr/bin/env bash
# SSH libraries that are neither OpenSSH nor libssh on the other end: paramiko and asyncssh as clients of the server,
# and asyncssh as a server for the client.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
peer_python=$LAB_ROOT/.build/python-venv/bin/python
"$peer_python" -c 'import asyncssh, paramiko' 2>/dev/null ||
    skip_all "asyncssh or paramiko is missing: Tests/Lab/install.sh tests"
lab_test_network
lab_dns
ok "the daemon is ready" lab_daemon daemon || done_testing
own4=10.55.0.2 own6=fd55::2 any=000000017fffffff

paramiko() {
    lab_in client timeout 60 "$peer_python" -B "$LAB_HERE/ssh/paramiko-peer.py" "$LAB_SERVER4" "$LAB_PORT" "$LAB_USER" \
        "$LAB_DIR/client_key" login "$@" 2>"$LAB_DIR/paramiko.log"
}
asyncssh() {
    lab_in client timeout 60 "$peer_python" -B "$LAB_HERE/ssh/asyncssh-peer.py" "$LAB_SERVER4" "$LAB_PORT" "$LAB_USER" \
        "$LAB_DIR/client2_key" "$LAB_DIR/known_hosts" "$@" 2>"$LAB_DIR/asyncssh.log"
}
queries=("query $LAB_POOL_DNS4 $own4 $LAB_NAME" "query $LAB_POOL_DNS6 $own6 $LAB_NAME"
    "query $LAB_DNS4 $own4 $LAB_NAME" "query $LAB_DNS6 $own6 $LAB_NAME" "packets 200 $LAB_POOL_DNS4 $own4 $LAB_NAME")
# answers NAME OUTPUT: the lines that an open and these queries come to.
answers() {
    is "$1: the channel opens" "$(sed -n 1p <<<"$2")" open
    is "$1: the transparent name server answers over IPv4" "$(sed -n 2p <<<"$2")" "$LAB_WEB4"
    is "$1: and over IPv6" "$(sed -n 3p <<<"$2")" "$LAB_WEB6"
    is "$1: a name server on the internet answers over IPv4" "$(sed -n 4p <<<"$2")" "$LAB_WEB4"
    is "$1: and over IPv6" "$(sed -n 5p <<<"$2")" "$LAB_WEB6"
    is "$1: of 200 packets in a row none is lost" "$(sed -n 6p <<<"$2")" "200 answered"
}
answers "paramiko, tun@psiphon.ca" "$(paramiko "open tun@psiphon.ca" "${queries[@]}" | sed 1d)"
answers "paramiko, tun@openssh.com" "$(paramiko "open tun@openssh.com $any" "${queries[@]}" | sed 1d)"
answers "asyncssh, tun@psiphon.ca" "$(asyncssh "open tun@psiphon.ca" "${queries[@]}")"
answers "asyncssh, tun@openssh.com" "$(asyncssh "open tun@openssh.com" "${queries[@]}")"

# asyncssh makes a device of its own out of the channel. It grants once for a megabyte, which OpenSSH would not.
lab_start device client env GREETING=OpenSSH_0.0 "$peer_python" -B -u "$LAB_HERE/ssh/asyncssh-peer.py" "$LAB_SERVER4" \
    "$LAB_PORT" "$LAB_USER" "$LAB_DIR/client2_key" "$LAB_DIR/known_hosts" "forward 5"
if ok "asyncssh, forward_tun: the device is there" wait_for 10 ip -n client link show tun5; then
    ip -n client addr add "$LAB_OWN4" dev tun5
    ip -n client addr add "$LAB_OWN6" dev tun5 nodad
    ip -n client link set tun5 up
    for route in "${LAB_ROUTES[@]}"; do _lab_route client "$route" dev tun5; done
    like "asyncssh, forward_tun: a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" hello
    like "asyncssh, forward_tun: a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" hello
    size=4194304
    is "asyncssh, forward_tun, claiming to be OpenSSH: it waits for more than OpenSSH would, and gets it" \
        "$(lab_in client curl --silent --max-time 60 "http://$LAB_WEB4/blob/$size" | sha256sum | cut -d' ' -f1)" \
        "$(lab_blob_hash "$size")"
fi
lab_stop device
lab_stop daemon

# The other way round: a server that makes a device and does nothing else, so the rest is set up by hand.
lab_start asyncssh-server server "$peer_python" -B -u "$LAB_HERE/ssh/asyncssh-server.py" "$LAB_SERVER4" "$LAB_PORT" \
    "$LAB_DIR/host_key" "$LAB_DIR/authorized_keys"
ok "asyncssh as the server is ready" wait_for 10 lab_logged asyncssh-server listening
ok "our client opens a tunnel there" lab_client far client --channel-type openssh
ok "it is a layer 3 one" lab_logged asyncssh-server 'tun requested'
ok "and asyncssh makes a device of it" wait_for 10 lab_tun server
device=$(lab_tun server)
ip -n server link set "$device" up
_lab_route server "${LAB_OWN4%/*}/32" dev "$device"
_lab_route server "${LAB_OWN6%/*}/128" dev "$device"
lab_forwarding 1
lab_in server nft -f - <<END
table inet lab {
    chain translate {
        type nat hook postrouting priority srcnat;
        iifname "$device" oifname "$LAB_EGRESS" masquerade
    }
}
END
like "a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
size=8388608
expected=$(lab_blob_hash "$size")
is "a download of $size bytes is intact" \
    "$(lab_in client curl --silent --max-time 60 "http://$LAB_WEB4/blob/$size" | sha256sum | cut -d' ' -f1)" "$expected"
is "an upload of $size bytes is intact" \
    "$(head -c "$size" "$LAB_DIR/blob" | lab_in client curl --silent --max-time 60 --header "Content-Length: $size" \
        --header "Transfer-Encoding:" --upload-file - "http://[$LAB_WEB6]/")" "$size $expected"
lab_stop far
is "the client leaves cleanly" "$LAB_STATUS" 0
done_testing
