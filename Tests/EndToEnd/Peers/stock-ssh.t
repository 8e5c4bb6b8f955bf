#!/usr/bin/env bash
# Stock `ssh -w` as the client: any unit and a chosen one, large transfers, new keys, every cipher, ten at once, and
# what is not served.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
lab_enter "$@"
lab_test_network
lab_dns
[ "$LAB_BYTES" -le 1073741824 ] || LAB_BYTES=1073741824
size=$((LAB_BYTES / 4)) small=33554432

# person NAME NUMBER OPTION...: `ssh OPTION...` from the client's host, and the addresses of its device once that is
# there. NUMBER tells the clients of this host apart.
person() {
    local name=$1 number=$2 before device
    shift 2
    before=$(devices)
    lab_start "$name" client ssh -F /dev/null -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
        -o ConnectTimeout=5 -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -o ExitOnForwardFailure=yes \
        "$@" "$LAB_USER@$LAB_SERVER4"
    wait_for 15 new_device "$before" || return 1
    device=$(new_device "$before")
    DEVICES[$name]=$device
    ip -n client addr add "10.111.$number.2/24" dev "$device"
    ip -n client addr add "fd11:1111:$number::2/64" dev "$device" nodad
    ip -n client link set "$device" up
    # A program that is bound to a device takes that device's route.
    for route in "${LAB_ROUTES[@]}" "$LAB_POOL_DNS4/32" "$LAB_POOL_DNS6/128"; do
        _lab_route client "$route" dev "$device" metric "$((100 + number))"
    done
    # The client makes its device before the server has agreed.
    wait_for 10 fetch --interface "$device" "http://$LAB_WEB4/"
}
declare -A DEVICES=()
devices() { ip -n client -o link show type tun | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; }
new_device() { comm -13 <(printf '%s\n' "$1") <(devices) | grep -m 1 .; }
# With the device of NAME: its pages, and transfers over one family both ways.
pages_of() { pages "$1" --interface "${DEVICES[$1]}"; }
transfers_of() {
    download "$1" "$2" "$3" --interface "${DEVICES[$1]}"
    upload "$1" "$2" "$3" --interface "${DEVICES[$1]}"
}
# assigned UNIT: the address of that unit's session, by what the server says.
assigned() { lab_status client 2>/dev/null | "$LAB_TOOL" json "**[name=unit $1].assignedIPv4"; }

keep_alive=("ClientAliveInterval 2" "ClientAliveCountMax 2")
ok "the daemon is ready" lab_daemon daemon "${keep_alive[@]}" || done_testing

ok "any:any: the tunnel is up" person any 1 -N -w any:any
pages_of any
names any "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"
transfers_of any "$LAB_BYTES" "$LAB_WEB4"
transfers_of any "$small" "[$LAB_WEB6]"
lab_stop any

ok "any:7: the tunnel is up" person seven 7 -N -w any:7 -v -o RekeyLimit=16M
pages_of seven
names seven "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"
transfers_of seven "$size" "$LAB_WEB4"
transfers_of seven "$size" "[$LAB_WEB6]"
at_least "seven: the keys were exchanged every 16 MB" "$(lab_log seven | grep -c 'SSH2_MSG_NEWKEYS received')" \
    "$((size / 16777216 * 2))"
lease=$(assigned 7)
like "seven: the session is unit 7's" "$lease" '^10\.'
lab_stop seven KILL
ok "killed and started again with the same unit it is up" person seven 7 -N -w any:7
is "and has the lease it had" "$(assigned 7)" "$lease"
pages_of seven
lab_stop seven

ok "with -C the tunnel is up" person plain 2 -N -C -v -w any:any
like "but a server that is not told to compresses nothing" "$(lab_log plain)" 'kex: server->client .*compression: none'
pages_of plain
lab_stop plain
lab_stop daemon
ok "a daemon that compresses is ready" lab_daemon daemon "${keep_alive[@]}" "Compression yes"
ok "with -C the tunnel is up" person compressed 2 -N -C -v -w any:any
like "and is compressed" "$(lab_log compressed)" 'kex: server->client .*compression: zlib@openssh\.com'
pages_of compressed
transfers_of compressed "$small" "$LAB_WEB4"
lab_stop compressed

# The second list of ciphers that ssh tells of is the server's.
ciphers=$(lab_ssh client -vv info 2>&1 | sed -n 's/^debug2: ciphers ctos: //p' | tr -d '\r' | sed -n 2p)
like "the server offers ciphers" "$ciphers" ,
for cipher in ${ciphers//,/ }; do
    ok "$cipher: the tunnel is up" person "$cipher" 3 -N -v -c "$cipher" -w any:any
    like "$cipher is in use" "$(lab_log "$cipher")" "kex: server->client cipher: $cipher"
    pages_of "$cipher"
    transfers_of "$cipher" "$small" "$LAB_WEB4"
    lab_stop "$cipher"
done

for number in 1 2 3 4 5 6 7 8 9 10; do
    ok "ten at once: number $number is up" person "ten$number" "$number" -N -w "any:$number"
done
for number in 1 2 3 4 5 6 7 8 9 10; do
    fetch --interface "${DEVICES[ten$number]}" "http://$LAB_WEB4/blob/$small" >"$LAB_DIR/ten$number.4" 2>&1 &
    running+=("$!")
    fetch --interface "${DEVICES[ten$number]}" "http://[$LAB_WEB6]/blob/$small" >"$LAB_DIR/ten$number.6" 2>&1 &
    running+=("$!")
    downloads+=("$LAB_DIR/ten$number.4" "$LAB_DIR/ten$number.6")
done
wait "${running[@]}"
is "ten at once: twenty downloads at the same time are intact" \
    "$(sha256sum "${downloads[@]}" | cut -d' ' -f1 | sort | uniq -c | awk '{ print $1, $2 }')" "20 $(lab_blob_hash "$small")"
rm -f "${downloads[@]}"
is "ten at once: each has an address of its own" \
    "$(for number in 1 2 3 4 5 6 7 8 9 10; do assigned "$number"; done | sort -u | wc -l)" 10
for number in 1 2 3 4 5 6 7 8 9 10; do lab_stop "ten$number"; done

# What is asked beside a tunnel.
like "info is answered" "$(lab_ssh client info)" '"transparentDNS'
like "status is answered" "$(lab_ssh client status)" '"keyFingerprint"'
# What ssh says itself, about a terminal that it does not have, goes elsewhere.
said=$(lab_ssh client 2>"$LAB_DIR/shell.err")
is "a shell is not given" "$?" 1
like "and the server says what it is" "$said" '^This SSH server carries IP packets and has no shell\. Commands: .*\.$'
is "in one line" "$(wc -l <<<"$said")" 1
not_ok "another command is not run" lab_ssh client uname
ok "without -N the tunnel is up, too" person shell 4 -w any:any
pages_of shell
ok "and the person is told" wait_for 5 lab_logged shell 'has no shell.*The tunnel is up'
lab_stop shell

not_ok "an ethernet tunnel is not opened" person ethernet 5 -N -o Tunnel=ethernet -w any:any
ok "ssh says why" lab_logged ethernet 'administratively prohibited.*layer 3'
lab_stop ethernet
ok "and so does the log of the server" lab_logged daemon 'channel refused.*layer 3'
ok "the daemon runs" lab_alive daemon
done_testing
