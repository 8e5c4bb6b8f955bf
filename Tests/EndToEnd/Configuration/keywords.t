#!/usr/bin/env bash
# Every keyword of packet-tunneld.conf does what its manual says: each is changed once, and the difference is seen.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns
ip -n server link add spare type veth peer name spare-end
ip -n server link set spare up
ip -n server link set spare-end up
ip -n server addr add 198.51.100.77/32 dev spare

daemon_number=0 daemon=
# with 'Keyword value'...: a daemon with these lines beside the lab's own; the one before is stopped.
with() {
    lab_stop "${daemon:-none}"
    daemon_number=$((daemon_number + 1)) daemon=daemon$daemon_number
    lab_daemon "$daemon" "$@"
}
stops() { lab_stop "${daemon:-none}"; }
# saw KEYWORD COMMAND...: the keyword's difference.
seen=()
saw() {
    seen+=("$1")
    ok "$@"
}
cannot() {
    seen+=("$1")
    not_ok "$@"
}
login() { lab_ssh client info; }
# What stock ssh prints about a connection.
verbose() { lab_ssh client -vv "$@" info 2>&1; }
closes_within() {
    lab_in client timeout "$1" bash -c "exec 3<>/dev/tcp/$LAB_SERVER4/$LAB_PORT && cat <&3 >/dev/null"
}
threads() { grep -lx 'ptun-loop-.*' /proc/"$(lab_pid "$daemon")"/task/*/comm | wc -l; }
root_status() { "$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$daemon.conf" --status; }
tunnel() { lab_client "client-$daemon" client; }
tunnel_ends() { lab_stop "client-$daemon" INT; }
web() { page client "$LAB_WEB4" 2; }
name() { lab_in client dig +short +time=1 +tries=1 "@$LAB_POOL_DNS4" "$1" A | grep -q .; }

# The SSH server.
with "Port 2244" "ListenAddress 192.0.2.1:2299" "ListenAddress 192.0.2.1"
saw ListenAddress lab_in server sh -c 'ss -Hltn | grep -q 192.0.2.1:2299'
saw Port lab_in server sh -c 'ss -Hltn | grep -q 192.0.2.1:2244'
with "HostKey $LAB_DIR/other_host_key"
cannot HostKey login
with "AuthorizedKeysFile none"
cannot AuthorizedKeysFile login
cp "$LAB_DIR/authorized_keys" "$LAB_DIR/open_keys"
chmod 666 "$LAB_DIR/open_keys"
with "AuthorizedKeysFile $LAB_DIR/open_keys" "StrictModes yes"
strict=no
login >/dev/null 2>&1 || strict=yes
with "AuthorizedKeysFile $LAB_DIR/open_keys" "StrictModes no" 
saw StrictModes eval '[ $strict = yes ] && login'
with "AllowUsers somebody"
cannot AllowUsers login
with "DenyUsers $LAB_USER@192.0.2.0/25"
cannot DenyUsers login
# with_key KEY: a login with that key alone.
with_key() {
    lab_in client ssh -F /dev/null -p "$LAB_PORT" -i "$LAB_DIR/$1" -o BatchMode=yes -o IdentitiesOnly=yes \
        -o UserKnownHostsFile="$LAB_DIR/known_hosts" "$LAB_USER@$LAB_SERVER4" info
}
with "MaxAuthTries 1"
with_key stranger_key >/dev/null 2>&1
saw MaxAuthTries lab_logged "$daemon" 'too many authentication failures'
with "LoginGraceTime 1"
saw LoginGraceTime closes_within 4
with "MaxStartups 1"
lab_start holder client2 "$LAB_TOOL" hold 192.0.2.129 "$LAB_PORT"
wait_for 5 lab_logged holder held
cannot MaxStartups login
lab_stop holder KILL
with "PerSourceMaxStartups 1"
hold() {
    lab_start "holder$1" client "$LAB_TOOL" hold "$LAB_SERVER4" "$LAB_PORT" --from "$1"
    wait_for 5 lab_logged "holder$1" held
}
hold "$LAB_CLIENT4"
cannot PerSourceMaxStartups login
lab_stop "holder$LAB_CLIENT4" KILL
with "PerSourceMaxStartups 1" "PerSourceNetBlockSize 24"
ip -n client addr add 192.0.2.9/25 dev outer
hold 192.0.2.9
cannot PerSourceNetBlockSize login
lab_stop holder192.0.2.9 KILL
with "PerSourcePenalties authfail:30s"
with_key stranger_key >/dev/null 2>&1
cannot PerSourcePenalties with_key client_key
with "PerSourcePenalties authfail:30s" "PerSourcePenaltyExemptList 192.0.2.0/24"
with_key stranger_key >/dev/null 2>&1
saw PerSourcePenaltyExemptList with_key client_key
with "ClientAliveInterval 1"
stall() { lab_start "stalled$daemon" client ssh -F /dev/null -N -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
    -o UserKnownHostsFile="$LAB_DIR/known_hosts" "$LAB_USER@$LAB_SERVER4"
    wait_for 5 lab_logged "$daemon" accepted && kill -STOP "$(lab_pid "stalled$daemon")"; }
stall
saw ClientAliveInterval wait_for 8 lab_logged "$daemon" 'no sign of life|keepalive'
lab_stop "stalled$daemon" KILL
with "ClientAliveInterval 1" "ClientAliveCountMax 0"
stall
sleep 5
cannot ClientAliveCountMax lab_logged "$daemon" 'connection ended'
lab_stop "stalled$daemon" KILL
with "Compression yes" "Ciphers aes128-ctr" "MACs hmac-sha2-512" "KexAlgorithms ecdh-sha2-nistp521"
said=$(verbose -C)
saw Compression grep -q 'server->client.*compression: zlib@openssh.com' <<<"$said"
saw Ciphers grep -q 'server->client cipher: aes128-ctr' <<<"$said"
saw MACs grep -q 'MAC: hmac-sha2-512 ' <<<"$said"
saw KexAlgorithms grep -q 'kex: algorithm: ecdh-sha2-nistp521' <<<"$said"
with "CongestionControl reno"
congestion() { root_status | grep -o '"congestionControl" : "[a-z]*"'; }
tunnel
saw CongestionControl grep -q '"reno"' <<<"$(congestion)"
tunnel_ends
with "RekeyLimit 1M" "LogLevel DEBUG" "LogFormat json"
lab_start rekeyed client ssh -F /dev/null -vv -N -w 9:any -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
    -o UserKnownHostsFile="$LAB_DIR/known_hosts" "$LAB_USER@$LAB_SERVER4"
wait_for 5 ip -n client link show tun9
ip -n client addr add "$LAB_OWN4" dev tun9
ip -n client link set tun9 up
ip -n client route add "$LAB_WEB4" dev tun9
lab_in client curl --silent --output /dev/null --max-time 5 "http://$LAB_WEB4/blob/3000000"
saw RekeyLimit eval '[ "$(lab_log rekeyed | grep -c "SSH2_MSG_NEWKEYS received")" -gt 1 ]'
saw LogFormat lab_logged "$daemon" '^\{.*"message":"ready"'
lab_stop rekeyed

# Addresses and the device.
with "AddressPool 10.64.0.0/16" "AddressPool6 fd00:77::/64" "TunDevice odd7" "MTU 1380" "Loops 3" \
    "StateDirectory $LAB_DIR/odd" "ControlSocket odd.sock" "PidFile $LAB_DIR/odd.pid" "EgressInterface spare" "LogLevel QUIET"
sleep 1
saw TunDevice ip -n server link show odd7
saw MTU eval 'ip -n server link show odd7 | grep -q "mtu 1380"'
saw AddressPool eval 'ip -n server addr show odd7 | grep -q 10.64.'
saw AddressPool6 eval 'ip -n server addr show odd7 | grep -q fd00:77:'
saw Loops eval '[ "$(threads)" = 3 ]'
saw EgressInterface eval 'lab_in server nft list ruleset | grep -q spare'
saw StateDirectory test -S "$LAB_DIR/odd/odd.sock"
saw ControlSocket root_status
saw PidFile eval '[ "$(cat "$LAB_DIR/odd.pid")" = "$(lab_pid $daemon)" ]'
cannot LogLevel lab_logged "$daemon" ready

# Sessions and traffic.
with "SessionExpiry 1"
tunnel && tunnel_ends
saw SessionExpiry wait_for 6 lab_logged "$daemon" 'session ended.*expired|expired.*session ended|reason=expired'
with "DNSFlowTracking yes" "DNSResolver $LAB_DNS4" "DenyDomains denied.example"
tunnel
saw DNSResolver name "$LAB_NAME"
saw DNSFlowTracking eval 'root_status | grep -q "\"resolver\" : \"$LAB_DNS4\""'
saw DenyDomains eval 'lab_in client dig +time=1 +tries=1 "@$LAB_POOL_DNS4" denied.example A | grep -q REFUSED'
tunnel_ends
with "DenyNetworks $LAB_DENY,$LAB_WEB4/32"
tunnel
cannot DenyNetworks web
tunnel_ends
with "PermitTCPPorts 81" "PermitUDPPorts 54"
tunnel
cannot PermitTCPPorts web
cannot PermitUDPPorts eval 'lab_in client dig +short +time=1 +tries=1 "@$LAB_DNS4" "$LAB_NAME" A | grep -q "^[0-9]"'
tunnel_ends
with "PermitICMP both" "MaxFlows 16"
tunnel
saw PermitICMP lab_in client ping -c 1 -W 2 "$LAB_WEB4"
saw MaxFlows eval 'lab_status client info | grep -q "\"maxFlows\" : 16"'
tunnel_ends
with "PermitTCPPorts 81" "Refuse drop"
tunnel
saw Refuse eval 'page client "$LAB_WEB4" 2 2>&1 | grep -q "timed out"'
tunnel_ends
with "PermitICMP both" "Fragments refuse"
tunnel
cannot Fragments lab_in client ping -c 1 -W 2 -s 3000 "$LAB_WEB4"
tunnel_ends
with "MaxFlowsPerKey 64"
tunnel
saw MaxFlowsPerKey eval 'root_status | grep -q "\"flowsGrantedLimit\" : 64"'
tunnel_ends
with "QueueLimit 128K"
saw QueueLimit eval '"$LAB_BIN/packet-tunneld" -f "$LAB_DIR/$daemon.conf" -T | grep -qx "QueueLimit 128K"'
stops
# These two are seen by tests of their own: sudo.t, and the ones without IPv6.
saw SudoNetworkConfiguration grep -q SudoNetworkConfiguration "$LAB_ROOT/Tests/EndToEnd/Host/sudo.t"
saw AllowNoIPv6 eval '"$LAB_BIN/packet-tunneld" -T -f "$LAB_DIR/$daemon.conf" -o "AllowNoIPv6 yes" | grep -qx "AllowNoIPv6 yes"'
# What it opens is seen in neighbours.t.
saw PermitNetworks eval '"$LAB_BIN/packet-tunneld" -T -f "$LAB_DIR/$daemon.conf" -o "PermitNetworks 192.0.2.0/24" | grep -qx "PermitNetworks 192.0.2.0/24"'

missing=$(comm -23 <("$LAB_BIN/packet-tunneld" --example | sed -n 's/^#\([A-Z][A-Za-z0-9]*\) .*/\1/p' | grep -vx Include | sort -u) \
    <(printf '%s\n' "${seen[@]}" | sort -u))
is "no keyword was left out" "$missing" ""
done_testing
