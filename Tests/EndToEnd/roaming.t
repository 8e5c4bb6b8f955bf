#!/usr/bin/env bash
# The network of a laptop changes under a full tunnel, again and again; what runs inside goes on.
#
# Environment: ROAMS is how often each change is made (1); above 1 two of them last a minute, once.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/stock.sh"
lab_enter "$@"
lab_is_root || skip_all "rp_filter and routers of its own need root"
lab_test_network
rounds=${ROAMS:-1}

# Two networks that lead to the server, each with a router that lets nobody else's addresses out.
#
#   laptop ─┬─ eth  198.18.1.0/24, 2001:db8:a1::/64 ── home ─┬─ server
#           └─ wifi 198.18.2.0/24, 2001:db8:a2::/64 ── cafe ─┘
uplink() { # DEVICE ROUTER NUMBER
    local device=$1 router=$2 number=$3
    ip netns add "$router"
    lab_in "$router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=1 \
        net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0
    ip link add "$device" netns laptop type veth peer name lan netns "$router"
    ip link add wan netns "$router" type veth peer name "$router" netns server
    ip -n "$router" link set lan up
    ip -n "$router" link set wan up
    ip -n server link set "$router" up
    ip -n "$router" addr add "198.18.$number.1/24" dev lan
    ip -n "$router" addr add "2001:db8:a$number::1/64" dev lan nodad
    ip -n "$router" addr add "198.18.1$number.2/24" dev wan
    ip -n "$router" addr add "2001:db8:b$number::2/64" dev wan nodad
    ip -n server addr add "198.18.1$number.1/24" dev "$router"
    ip -n server addr add "2001:db8:b$number::1/64" dev "$router" nodad
    ip -n "$router" route add default via "198.18.1$number.1"
    ip -n "$router" -6 route add default via "2001:db8:b$number::1"
    ip -n server route add "198.18.$number.0/24" via "198.18.1$number.2"
    ip -n server -6 route add "2001:db8:a$number::/64" via "2001:db8:b$number::2"
    lab_in "$router" nft -f - <<EOF
table ip6 own {
    chain forward {
        type filter hook forward priority 0
        iifname "lan" ip6 saddr != 2001:db8:a$number::/64 drop
    }
}
EOF
}
ip netns add laptop
ip -n laptop link set lo up
lab_in laptop sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_ra=0
uplink eth home 1
uplink wifi cafe 2
ip -n laptop link set wifi up

# What DHCP and router advertisements do to an interface, in their order.
arrives() { # DEVICE NUMBER METRIC [HOST [GATEWAY]]
    ip -n laptop link set "$1" up
    ip -n laptop addr add "198.18.$2.${4:-7}/24" dev "$1" 2>/dev/null
    ip -n laptop addr add "2001:db8:a$2::${4:-7}/64" dev "$1" nodad 2>/dev/null
    ip -n laptop route replace default via "198.18.$2.${5:-1}" dev "$1" metric "$3"
    ip -n laptop -6 route replace default via "2001:db8:a$2::${5:-1}" dev "$1" metric "$3"
    wait_for 5 port_is "$1" UP
}
leaves() {
    ip -n laptop link set "$1" down
    ip -n laptop addr flush dev "$1" scope global
    wait_for 5 port_is "$1" DOWN
}
# The kernel lets a router's port see the carrier of the other end in its own time, seconds on a loaded machine.
port_is() {
    local router=home
    [ "$1" = eth ] || router=cafe
    ip -n "$router" -br link show lan | grep -q " [A-Z]*$2 "
}

blip() {
    leaves eth
    sleep "${1:-3}"
    now_back arrives eth 1 100
}
long_blip() { blip 60; }
to_wifi() {
    arrives wifi 2 600
    now_back leaves eth
}
# Both are there for a moment: nothing need be lost.
to_ethernet() {
    now_back arrives eth 1 100
    wait_until_back
    leaves wifi
}
renewed() {
    ip -n laptop addr flush dev eth scope global
    now_back arrives eth 1 100 8
}
renewed_again() {
    ip -n laptop addr flush dev eth scope global
    now_back arrives eth 1 100
}
gateway() {
    ip -n home addr add 198.18.1.254/24 dev lan
    ip -n home addr add 2001:db8:a1::254/64 dev lan nodad
    ip -n home addr del 198.18.1.1/24 dev lan
    ip -n home addr del 2001:db8:a1::1/64 dev lan
    ip -n home addr add 198.18.1.254/24 dev lan 2>/dev/null
    now_back arrives eth 1 100 7 254
}
gateway_again() {
    ip -n home addr add 2001:db8:a1::1/64 dev lan nodad
    ip -n home addr flush dev lan scope global
    ip -n home addr add 198.18.1.1/24 dev lan
    ip -n home addr add 2001:db8:a1::1/64 dev lan nodad
    now_back arrives eth 1 100
}
restart() {
    lab_stop daemon
    now_back lab_daemon
}
silence() {
    lab_in home nft add table inet silence
    lab_in home nft 'add chain inet silence forward { type filter hook forward priority 0; policy drop; }'
    sleep "${1:-8}"
    now_back lab_in home nft delete table inet silence
}
long_silence() { silence 50; }
# The client does nothing for a time, and the network is another one then.
stopped() {
    kill -STOP "$(lab_pid client)"
    leaves eth
    sleep "${1:-6}"
    arrives eth 1 100 9
    now_back kill -CONT "$(lab_pid client)"
}
long_stopped() { stopped 60; }

now_back() {
    "$@" >/dev/null 2>&1
    back_since=$EPOCHREALTIME
}
carries() { lab_in laptop curl --silent --output /dev/null --max-time "$1" "http://$LAB_WEB4/"; }
wait_until_back() {
    local end=$((SECONDS + 40))
    until carries 0.4; do
        [ "$SECONDS" -lt "$end" ] || return 1
    done
    took=$(awk -v a="$back_since" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }')
}
# change NAME WANTED: makes a change, and notes in TIMES how long the tunnel took to be back.
change() {
    took=40
    "$1"
    [ "$1" = to_ethernet ] || wait_until_back
    diag "$what: $1: back after $took s"
    printf '%s %s\n' "$took" "$1" >>"$LAB_DIR/$2"
}
median() { sort -n "$LAB_DIR/$1" | awk '{ v[NR] = $1 } END { print NR ? (v[int((NR + 1) / 2)] + v[int(NR / 2 + 1)]) / 2 : "inf" }'; }
longest() { sort -n "$LAB_DIR/$1" | tail -n 1; }

export STREAM_END=$LAB_DIR/stream-end
stream_begins() {
    rm -f "$STREAM_END"
    lab_start source target "$LAB_PYTHON" "$LAB_HERE/probe.py" stream "$LAB_WEB4" 8001 down
    wait_for 10 lab_logged source listening || return 1
    lab_start pull laptop "$LAB_PYTHON" "$LAB_HERE/probe.py" pull "$LAB_WEB4" 8001
    wait_for 10 lab_logged pull begun
}
stream_ends() {
    touch "$STREAM_END"
    lab_wait source 60
    lab_wait pull 60
    like "$what: a download was sent" "$(lab_log source)" '^sha256 [1-9]'
    is "$what: and has arrived whole, the same connection through every change" \
        "$(lab_log pull | grep sha256)" "$(lab_log source | grep sha256)"
}

LAB_ROUTES=()
# The words of the client that differ: none, a jump host's, or a command.
words=() command=''
# tunnel ADDRESS: a full tunnel from the laptop to the server at that address.
tunnel() {
    if [ -n "$command" ]; then
        ok "$what: the client runs" lab_via client laptop "$command" --route default --device tun-laptop || done_testing
    else
        ok "$what: the client is ready" \
            lab_client client laptop --route default -o "HostName=$1" "${words[@]}" || done_testing
    fi
    ok "$what: a page comes through the tunnel" carries 5
    is "$what: and the tunnel is what leads there" \
        "$(ip -n laptop route get "$LAB_WEB4" | grep -o 'dev [a-z0-9-]*')" "dev tun-laptop"
}

round() { # ADDRESS RP_FILTER CHANGE...
    local address=$1 filter=$2 name
    shift 2
    lab_in laptop sysctl -qw net.ipv4.conf.all.rp_filter="$filter" net.ipv4.conf.default.rp_filter="$filter" \
        net.ipv4.conf.eth.rp_filter="$filter" net.ipv4.conf.wifi.rp_filter="$filter"
    leaves wifi
    arrives eth 1 100
    wait_for 10 lab_in laptop ping -c1 -W1 "$address"
    before=$(lab_snapshot laptop)
    tunnel "$address"
    assigned=$(lab_assigned client_key 4)
    ok "$what: a download runs" stream_begins
    for name in "$@"; do
        case $name in
            silence | long_silence) change "$name" untold ;;
            *) if [ -n "$command" ]; then change "$name" by_command; else change "$name" told; fi ;;
        esac
    done
    stream_ends
    [ -n "$command" ] || is "$what: the session has the same address" "$(lab_assigned client_key 4)" "$assigned"
    # Somebody outside is answered by the address that was asked.
    lab_web laptop laptop-web
    like "$what: who comes in from outside is answered" \
        "$(lab_in server curl --silent --max-time 3 "http://198.18.1.7/" 2>&1)" hello
    lab_stop laptop-web
    lab_stop client
    arrives eth 1 100
    is "$what: nothing is left" "$(lab_snapshot laptop)" "$before"
}

lab_daemon || done_testing
ip -n client link set outer down
all=(blip to_wifi to_ethernet gateway gateway_again renewed renewed_again)
long=()
[ "$rounds" = 1 ] || long=(long_blip long_silence)
for ((number = 1; number <= rounds; number++)); do
    what="IPv4 outside, rp_filter 1"
    round "$LAB_SERVER4" 1 "${all[@]}" silence "${long[@]}"
    long=()
    what="IPv6 outside"
    round "$LAB_SERVER6" 2 "${all[@]}"
    for filter in 0 2; do
        what="IPv4 outside, rp_filter $filter"
        round "$LAB_SERVER4" "$filter" to_wifi to_ethernet renewed renewed_again
    done
done
# Through a stock sshd: as a jump host, and by a command.
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/stock_keys_root"
cp "$LAB_DIR/client_key" "$LAB_DIR/root_key"
printf 'Subsystem packet-tunnel %s --socket %s\n' "$LAB_BIN/packet-tunnel-subsystem" "$LAB_DIR/state/control.sock" \
    >"$LAB_DIR/snippet"
printf '%s\n' "IdentityFile $LAB_DIR/root_key" "UserKnownHostsFile $LAB_DIR/known_hosts" StrictHostKeyChecking=yes \
    >"$LAB_DIR/jump_config"
ok "a stock sshd runs" lab_stock_sshd sshd "$LAB_DIR/snippet" || done_testing
through=(to_wifi to_ethernet renewed renewed_again)
what="through a jump host"
words=(-F "$LAB_DIR/jump_config" -J "root@$LAB_SERVER4:$LAB_STOCK_PORT")
round "$LAB_SERVER4" 1 gateway gateway_again "${through[@]}"
words=()
# Each change starts ssh anew, which takes its time where many programs want the processor.
if [ "$rounds" -gt 1 ]; then
    what="by a command" command="$(lab_stock_ssh root) -s packet-tunnel"
    round "$LAB_SERVER4" 1 "${through[@]}"
    command=''
fi
at_most "the tunnel is back soon where the kernel tells (median, s)" "$(median told)" 1
at_most "and never takes long (s)" "$(longest told)" 5
at_most "where nothing tells it takes little longer (median, s)" "$(median untold)" 5

what="daemon restarted"
leaves wifi
arrives eth 1 100
tunnel "$LAB_SERVER4"
for ((number = 1; number <= rounds; number++)); do change restart restarts; done
at_most "after a restart of the daemon the tunnel is back (median, s)" "$(median restarts)" 2
what="client stopped meanwhile"
change stopped stops
[ "$rounds" = 1 ] || change long_stopped stops
at_most "after the client was stopped the tunnel is back (median, s)" "$(median stops)" 5
like "the client tells how long it was away" "$(lab_log client)" 'resumed after [0-9.]+ s'

# Killed: what it has left is gone with the next start.
arrives eth 1 100
lab_stop client KILL
tunnel "$LAB_SERVER4"
lab_stop client
not_ok "no rule is left after kill -9 and another start" eval "ip -n laptop rule | grep -q 'proto 112'"
not_ok "nor for IPv6" eval "ip -n laptop -6 rule | grep -q 'proto 112'"
done_testing
