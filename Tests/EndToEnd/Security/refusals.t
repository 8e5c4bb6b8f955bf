#!/usr/bin/env bash
# What the SSH server refuses: channels that are asked for wrongly, each with its code, and what a key's rules forbid.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
peer_python=$LAB_ROOT/.build/python-venv/bin/python
"$peer_python" -c 'import paramiko' 2>/dev/null || skip_all "paramiko is missing: Tests/Lab/install.sh tests"
lab_test_network
lab_dns

# peer KEY STEP...: a client with that key, see paramiko-peer.py.
peer() {
    local key=$1
    shift
    lab_in client timeout 120 "$peer_python" -B "$LAB_HERE/ssh/paramiko-peer.py" "$LAB_SERVER4" "$LAB_PORT" "$LAB_USER" \
        "$LAB_DIR/$key" "$@" 2>"$LAB_DIR/peer.log"
}
# keys ['OPTIONS KEYNAME'...]: the authorized_keys file, with a line for each.
keys() {
    local line
    for line in "$@"; do
        printf '%s%s\n' "${line% *}${line:+ }" "$(cat "$LAB_DIR/${line##* }.pub")"
    done >"$LAB_DIR/authorized_keys"
}
own4=10.55.0.2 own6=fd55::2
daemon_lives() {
    is "$1: the daemon is the same process" "$(lab_pid daemon)" "$daemon"
    ok "$1: and runs" lab_alive daemon
}
resident() { awk '/^VmRSS:/ { print $2 }' "/proc/$daemon/status"; }
descriptors() { find "/proc/$daemon/fd" -mindepth 1 | wc -l; }

ok "the daemon is ready" lab_daemon daemon "StrictModes no" || done_testing
daemon=$(lab_pid daemon)
any=000000017fffffff

# Opens that ask for something wrong. Afterwards the same connection opens the right thing.
alive='exec info'
refusal() {
    local what=$1 code=$2
    shift 2
    local said
    said=$(peer client_key login "open $*" "$alive" "open tun@openssh.com $any" "query $LAB_POOL_DNS4 $own4 $LAB_NAME")
    like "$what: refused with code $code" "$(sed -n 2p <<<"$said")" "^refused $code "
    like "$what: the connection lives" "$(sed -n 3p <<<"$said")" '"transparentDNS'
    is "$what: and can have a tunnel" "$(sed -n '4,$p' <<<"$said" | tr '\n' ' ')" "open $LAB_WEB4 "
}
refusal "ethernet" 1 tun@openssh.com 000000027fffffff
refusal "mode 0" 1 tun@openssh.com 000000007fffffff
refusal "mode 3" 1 tun@openssh.com 000000037fffffff
refusal "an impossible unit" 1 tun@openssh.com 000000017ffffffe
refusal "a negative unit" 1 tun@openssh.com 00000001ffffffff
refusal "no payload" 1 tun@openssh.com
refusal "a mode without a unit" 1 tun@openssh.com 00000001
refusal "half a unit" 1 tun@openssh.com 000000017fff
refusal "bytes too many" 1 tun@openssh.com 000000017fffffff00
refusal "an unknown type" 3 nonsense@nowhere.example
refusal "a forwarded port" 3 direct-tcpip
daemon_lives "wrong opens"

# RFC 4252 section 6: the connection ends, and the reason is SSH_DISCONNECT_PROTOCOL_ERROR (2).
refused_early="ended before login address=$LAB_CLIENT4 .*reason=.message 90 is not allowed before authentication"
early_refusals() { [ "$(lab_log daemon | grep -c "$refused_early")" -ge "$1" ]; }
early() {
    local said before
    before=$(lab_log daemon | grep -c "$refused_early")
    said=$(peer client_key "early $*" login)
    is "$1 before the login: the answer is a disconnection" "$(sed -n 1p <<<"$said")" \
        "disconnected 2 message 90 is not allowed before authentication"
    like "$1 before the login: nobody logs in afterwards" "$(sed -n 2p <<<"$said")" '^not logged in'
    ok "$1 before the login: the log says what, and of whom" wait_for 5 early_refusals "$((before + 1))"
}
sessions=$(peer client_key login "exec status" | tail -n 1)
early tun@psiphon.ca
early tun@openssh.com "$any"
early tun-gso@packet-tunnel.internal
early session
is "no session has come of these" "$(peer client_key login "exec status" | tail -n 1)" "$sessions"
daemon_lives "a channel before the login"

# A second tunnel on a connection.
said=$(peer client_key login "open tun@psiphon.ca" "query $LAB_POOL_DNS4 $own4 $LAB_NAME" "open tun@openssh.com $any" \
    "ended 0" "query $LAB_POOL_DNS6 $own6 $LAB_NAME" "$alive")
is "the first tunnel of a connection carries packets" "$(sed -n 3p <<<"$said")" "$LAB_WEB4"
is "a second one opens" "$(sed -n 4p <<<"$said")" open
is "and ends the first" "$(sed -n 5p <<<"$said")" ended
is "and carries packets itself" "$(sed -n 6p <<<"$said")" "$LAB_WEB6"
like "on the same connection" "$(sed -n 7p <<<"$said")" '"transparentDNS'

# A thousand in a row, refused ones and good ones: what the first hundred cost is not asked for again.
thousand() {
    local what=$1 expected=$2 memory files
    shift 2
    peer client_key login "many 100 $*" >/dev/null
    memory=$(resident) files=$(descriptors)
    said=$(peer client_key login "many 1000 $*" "$alive" "open tun@openssh.com $any" \
        "query $LAB_POOL_DNS4 $own4 $LAB_NAME")
    like "$what: each gets the same answer" "$(sed -n 2p <<<"$said")" "^1000 $expected[^;]*\$"
    like "$what: the connection lives" "$(sed -n 3p <<<"$said")" '"transparentDNS'
    is "$what: and carries packets" "$(sed -n 5p <<<"$said")" "$LAB_WEB4"
    ok "$what: the descriptors come back" wait_for 10 eval '[ "$(descriptors)" -le "'"$files"'" ]'
    at_most "$what: memory stays (KiB)" "$(resident)" "$((memory + 3072))"
    diag "$memory KiB before, $(resident) KiB after, $(descriptors) descriptors"
}
thousand "a thousand unknown types" "refused 3" nonsense@nowhere.example
thousand "a thousand ethernet tunnels" "refused 1" tun@openssh.com 000000027fffffff
thousand "a thousand tunnels of stock ssh" open tun@openssh.com "$any"
thousand "a thousand tunnels of Psiphon's type" open tun@psiphon.ca
daemon_lives "thousands of opens"

# What the line of a key says. The file is read anew for every connection.
ask4="query $LAB_POOL_DNS4 $own4 $LAB_NAME"
tunnel="open tun@openssh.com $any"
reaches() { lab_in client curl --silent --show-error --max-time "${2:-5}" "http://$1/" 2>&1; }
with_tunnel() { lab_client client client; }

keys "permit-ports=\"53\" client_key"
ok "permit-ports=: the tunnel is up" with_tunnel
is "permit-ports=: a port on the list" "$(lab_in client dig +short +time=2 +tries=2 "@$LAB_POOL_DNS4" "$LAB_NAME" A)" \
    "$LAB_WEB4"
not_ok "permit-ports=: another port is not reached over IPv4" reaches "$LAB_WEB4" 2
not_ok "permit-ports=: nor over IPv6" reaches "[$LAB_WEB6]" 2
at_least "permit-ports=: and counted" "$(lab_counter upstream_packet_rejected_disallowed_tcp_destination_port)" 1
lab_stop client

keys "deny-networks=\"$LAB_OTHER4/32,$LAB_OTHER6/128\" client_key"
ok "deny-networks=: the tunnel is up" with_tunnel
like "deny-networks=: what it does not name is reached" "$(reaches "$LAB_WEB4")" hello
like "deny-networks=: over both families" "$(reaches "[$LAB_WEB6]")" hello
not_ok "deny-networks=: what it names is not reached over IPv4" reaches "$LAB_OTHER4" 2
not_ok "deny-networks=: nor over IPv6" reaches "[$LAB_OTHER6]" 2
lab_stop client

# The name server of the lab knows all names below LAB_NAME, and says REFUSED itself to those of others.
keys "deny-domains=\"secret.$LAB_NAME\" client_key"
said=$(peer client_key login "$tunnel" "query $LAB_POOL_DNS4 $own4 secret.$LAB_NAME" \
    "query $LAB_POOL_DNS6 $own6 below.secret.$LAB_NAME" "query $LAB_POOL_DNS4 $own4 public.$LAB_NAME")
is "deny-domains=: a query over IPv4 is answered REFUSED" "$(sed -n 3p <<<"$said")" REFUSED
is "deny-domains=: and over IPv6, for a name below" "$(sed -n 4p <<<"$said")" REFUSED
is "deny-domains=: another name gets the resolver's answer" "$(sed -n 5p <<<"$said")" "$LAB_WEB4"
# The same over TCP, where a query comes in segments: nothing of a refused one is answered by the resolver.
outcome() { # outcome ADDRESS NAME: the records, or the code that there are none
    local said
    said=$(lab_in client dig +tcp +time=3 +tries=1 "@$1" "$2" A 2>&1)
    awk '/^[^;].*\tA\t/ { print $NF; found = 1 } /status: / { sub(/.*status: /, ""); sub(/,.*/, ""); code = $0 }
        END { if (!found) print code }' <<<"$said"
}
ok "deny-domains=: the tunnel is up" with_tunnel
for address in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6" "$LAB_DNS4" "$LAB_DNS6"; do
    is "deny-domains=: over TCP to $address REFUSED" "$(outcome "$address" "Secret.$LAB_NAME")" REFUSED
    is "deny-domains=: another name over TCP to $address" "$(outcome "$address" "public.$LAB_NAME")" "$LAB_WEB4"
done
# More than the resolver takes connections at a time: each refused one is closed there, too.
for ((i = 0; i < 40; i++)); do outcome "$LAB_POOL_DNS4" "n$i.secret.$LAB_NAME"; done | sort | uniq -c >"$LAB_DIR/many"
is "deny-domains=: forty refusals in a row" "$(tr -s ' ' <"$LAB_DIR/many")" " 40 REFUSED"
is "deny-domains=: and then the resolver answers" "$(outcome "$LAB_POOL_DNS4" "public.$LAB_NAME")" "$LAB_WEB4"
at_least "deny-domains=: every refusal is counted" "$(lab_counter upstream_packet_rejected_disallowed_domain)" 44
lab_stop client
not_ok "deny-domains=: nobody was asked for the name" lab_logged dns 'query.* (n?[0-9]*\.|below\.)?secret\.'

keys "rate=512K client_key"
ok "rate=: the tunnel is up" with_tunnel
started=$(date +%s%N)
lab_in client curl --silent --max-time 60 --output /dev/null "http://$LAB_WEB4/blob/4194304"
took=$((($(date +%s%N) - started) / 1000000))
at_least "rate=: 4 MiB at 512 KiB a second take long (ms)" "$took" 5500
at_most "rate=: but not much longer than that (ms)" "$took" 16000
at_least "rate=: what is too much is counted" "$(lab_counter downstream_packet_rejected_rate_limit)" 1
lab_stop client

keys "sessions=1 client_key"
lab_start holder client "$peer_python" -B -u "$LAB_HERE/ssh/paramiko-peer.py" "$LAB_SERVER4" "$LAB_PORT" "$LAB_USER" \
    "$LAB_DIR/client_key" login "open tun@openssh.com 0000000100000001" "$ask4" "ended 0" "ended 0" "ended 0"
ok "sessions=1: the first session is there" wait_for 10 lab_logged holder "$LAB_WEB4"
said=$(peer client_key login "open tun@openssh.com 0000000100000002" "brief tun@psiphon.ca" \
    "open tun@openssh.com $any" "$alive")
full="the key has as many sessions in use as it may have"
like "sessions=1: a second one, of another unit, is refused" "$(sed -n 2p <<<"$said")" '^refused 4 '
ok "sessions=1: the log says why" lab_logged daemon "channel refused .*code=4 .*reason=.$full.* type=tun@openssh\.com"
like "sessions=1: where the name comes after the open, the channel ends at once" "$(sed -n 3p <<<"$said")" '^ended at once'
ok "sessions=1: the log says why, too" lab_logged daemon "tunnel refused .*reason=.$full"
like "sessions=1: any unit is another one, too" "$(sed -n 4p <<<"$said")" '^refused 4 '
like "sessions=1: the connection lives" "$(sed -n 5p <<<"$said")" '"transparentDNS'
not_ok "sessions=1: the first one is left alone" lab_logged holder '^ended'
# The other loop may still have the session when the first packet comes, which is lost then.
said=$(peer client_key login "open tun@openssh.com 0000000100000001" "$ask4" "$ask4")
is "sessions=1: but may be taken over" "$(sed -n '2p;4p' <<<"$said" | tr '\n' ' ')" "open $LAB_WEB4 "
lab_stop holder

keys "expiry-time=\"20200101\" client_key" " client2_key"
is "expiry-time= in the past: the key is denied" "$(peer client_key login)" denied
ok "expiry-time= in the past: the log says so" lab_logged daemon 'expiry-time= has passed'
is "expiry-time= in the past: another key is let in" "$(peer client2_key login)" "logged in"
keys "expiry-time=\"21000101\" client_key"
is "expiry-time= in the future: the key is let in" "$(peer client_key login "$tunnel" "$ask4" | tail -n 1)" "$LAB_WEB4"

keys "restrict client_key" "restrict,port-forwarding client2_key"
said=$(peer client_key login "$tunnel" "open tun@psiphon.ca" "$alive")
is "restrict: the key may log in" "$(sed -n 1p <<<"$said")" "logged in"
like "restrict: but has no tunnel" "$(sed -n 2p <<<"$said")" '^refused 1 '
ok "restrict: the log says why" lab_logged daemon 'channel refused .*code=1 .*reason=.this key may not open a tunnel'
like "restrict: of any type" "$(sed -n 3p <<<"$said")" '^refused 1 '
like "restrict: and may ask for info" "$(sed -n 4p <<<"$said")" '"transparentDNS'
is "restrict,port-forwarding: has one" "$(peer client2_key login "$tunnel" "$ask4" | tail -n 1)" "$LAB_WEB4"

keys "tunnel=\"3\" client_key"
said=$(peer client_key login "open tun@openssh.com 0000000100000004" "$tunnel" "$ask4" "exec status")
like "tunnel=\"3\": another unit is refused" "$(sed -n 2p <<<"$said")" '^refused 1 '
ok "tunnel=\"3\": the log says why" lab_logged daemon 'channel refused .*code=1 .*reason=.this key may only use tunnel 3'
is "tunnel=\"3\": any unit means that one" "$(sed -n '3,4p' <<<"$said" | tr '\n' ' ')" "open $LAB_WEB4 "
like "tunnel=\"3\": the session is unit 3's" "$(sed -n 5p <<<"$said")" '"unit 3"'

keys "permit-prots=80 client_key" " client2_key"
is "an unknown option: its key is denied" "$(peer client_key login)" denied
ok "an unknown option: the log has file, line and what was meant" \
    lab_logged daemon 'authorized_keys:1.*permit-prots.*permit-ports'
is "an unknown option: the next key is let in" "$(peer client2_key login "$tunnel" "$ask4" | tail -n 1)" "$LAB_WEB4"
daemon_lives "rules"
done_testing
