# A laptop whose network changes under a tunnel, and the server's with it. For tests that source tap.sh and stock.sh.
#
#   roaming_begin                    the lab with all of this and a daemon; ROAMS is how often each change is made, in rounds
#   roaming_verdict                  how long the tunnel may have been away
#   round ADDRESS RP_FILTER CHANGE...  a full tunnel through these changes: a download goes on, nothing is left
#   tunnel HOST                      the tunnel alone
#   change NAME                      make one change, and note how long the tunnel took to be back
#   at_most_median WHAT KIND SECONDS  check the median of told, untold or restarts, and show those of each change
#
# A change is told where the kernel says that the network is another one; otherwise silence is all there is to notice. What is
# counted starts when the network is back. The variables what, host, words and command belong to the test: the name of the
# round, the server's host where it is not ROAMING_NAME, further words of the client, and a command for --via.

. "$LAB_HERE/network/laptop.sh"

# What the kernel tells a host about, and what shows by silence alone.
told=(blip to_wifi to_ethernet gateway gateway_again renewed renewed_again twice)
untold=(moved moved_again silence stopped renewed_again)
rounds=${ROAMS:-1}

roaming_begin() {
    lab_is_root || skip_all "rp_filter and routers of its own need root"
    lab_test_network
    roaming_network
    lab_daemon || done_testing
}
roaming_verdict() {
    at_most_median "the tunnel is back soon where the kernel tells" told 1
    diag "the longest of them: $(longest told)"
    at_most_median "where nothing tells it takes little longer" untold 5
    at_most_median "after a restart of the daemon the tunnel is back" restarts 1
}
# The address that the server's name has from now on.
name_is() {
    echo "$1 $ROAMING_NAME" >"$LAB_DIR/names"
    kill -HUP "$(lab_pid names)"
    wait_for 5 _has_name "$1"
}
_has_name() {
    local type=A
    case $1 in *:*) type=AAAA ;; esac
    [ "$(lab_in server dig +short +time=1 +tries=1 "@$ROAMING_DNS" "$ROAMING_NAME" "$type")" = "$1" ]
}

# What DHCP and router advertisements do to an interface, in their order. Where the link was down they come over it first, which
# the kernel lets them in its own time, seconds on a loaded machine.
arrives() { # DEVICE NUMBER METRIC [HOST [GATEWAY]]
    local gateway=198.18.$2.${5:-1} was_down=no
    port_is "$1" UP || was_down=yes
    ip -n laptop link set "$1" up
    wait_for 5 port_is "$1" UP
    ip -n laptop addr add "198.18.$2.${4:-7}/24" dev "$1" 2>/dev/null
    ip -n laptop addr add "2001:db8:a$2::${4:-7}/64" dev "$1" nodad 2>/dev/null
    [ "$was_down" = no ] || wait_for 5 lab_in laptop ping -c 1 -W 0.2 "$gateway"
    ip -n laptop route replace default via "$gateway" dev "$1" metric "$3"
    ip -n laptop -6 route replace default via "2001:db8:a$2::${5:-1}" dev "$1" metric "$3"
}
leaves() {
    ip -n laptop link set "$1" down
    ip -n laptop addr flush dev "$1" scope global
    wait_for 5 port_is "$1" DOWN
}
port_is() {
    local router=home
    [ "$1" = eth ] || router=cafe
    ip -n "$router" -br link show lan | grep -q " [A-Z]*$2 " && ip -n laptop -br link show "$1" | grep -q " [A-Z]*$2 "
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
# Another address, and yet another one while the login from the first is under way, at any moment of it.
twice() {
    ip -n laptop addr flush dev eth scope global
    arrives eth 1 100 9
    sleep "$(awk -v r="$RANDOM" 'BEGIN { print 0.02 + 0.2 * r / 32768 }')"
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
# The server's name gets another address of the same server, and the old one is silent.
moved() { _move "$address" "$(_second)"; }
moved_again() { _move "$(_second)" "$address"; }
_second() { case $address in *:*) echo "$ROAMING_SECOND6" ;; *) echo "$ROAMING_SECOND4" ;; esac; }
_move() { # FROM TO
    local family=ip
    case $1 in *:*) family=ip6 ;; esac
    lab_in server nft add table inet moved
    lab_in server nft 'add chain inet moved input { type filter hook input priority 0; }'
    lab_in server nft flush chain inet moved input
    lab_in server nft add rule inet moved input "$family" daddr "$1" tcp dport "{ $LAB_PORT, $LAB_STOCK_PORT }" drop
    sleep 3
    now_back name_is "$2"
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
# How a change is noticed.
_kind() {
    case $1 in
        silence | long_silence | moved | moved_again | stopped | long_stopped) echo untold ;;
        restart) echo restarts ;;
        *) echo told ;;
    esac
}
change() {
    took=40
    "$1"
    [ "$1" = to_ethernet ] || wait_until_back
    diag "$what: $1: back after $took s"
    printf '%s %s\n' "$took" "$1" >>"$LAB_DIR/times.$(_kind "$1")"
}
_median() { sort -n | awk '{ v[NR] = $1 } END { print NR ? (v[int((NR + 1) / 2)] + v[int(NR / 2 + 1)]) / 2 : "inf" }'; }
at_most_median() {
    local name
    for name in $(cut -d' ' -f2 "$LAB_DIR/times.$2" | sort -u); do
        grep " $name\$" "$LAB_DIR/times.$2" | sort -n >"$LAB_DIR/times.one"
        diag "$name: $(wc -l <"$LAB_DIR/times.one") times, median $(_median <"$LAB_DIR/times.one") s," \
            "longest $(tail -n 1 "$LAB_DIR/times.one" | cut -d' ' -f1) s"
    done
    at_most "$1 (median, s)" "$(_median <"$LAB_DIR/times.$2")" "$3"
}
longest() { sort -n "$LAB_DIR/times.$1" | tail -n 1; }

export STREAM_END=$LAB_DIR/stream-end
stream_begins() {
    rm -f "$STREAM_END"
    lab_start source target "$LAB_TOOL" stream "$LAB_WEB4" 8001 down
    wait_for 10 lab_logged source listening || return 1
    lab_start pull laptop "$LAB_TOOL" pull "$LAB_WEB4" 8001
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

host='' words=() command=''
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
    local filter=$2 name
    address=$1
    shift 2
    lab_in laptop sysctl -qw net.ipv4.conf.all.rp_filter="$filter" net.ipv4.conf.default.rp_filter="$filter" \
        net.ipv4.conf.eth.rp_filter="$filter" net.ipv4.conf.wifi.rp_filter="$filter"
    leaves wifi
    arrives eth 1 100
    wait_for 10 lab_in laptop ping -c1 -W1 "$address"
    lab_in server nft delete table inet moved 2>/dev/null
    name_is "$address"
    before=$(lab_snapshot laptop)
    tunnel "${host:-$ROAMING_NAME}"
    assigned=$(lab_assigned client_key 4)
    ok "$what: a download runs" stream_begins
    for name in "$@"; do
        [ "$name" = restart ] || change "$name"
    done
    stream_ends
    [ -n "$command" ] || is "$what: the session has the same address" "$(lab_assigned client_key 4)" "$assigned"
    case " $* " in *" restart "*) change restart ;; esac
    # Somebody outside is answered by the address that was asked.
    lab_web laptop laptop-web
    like "$what: who comes in from outside is answered" \
        "$(lab_in server curl --silent --max-time 3 "http://198.18.1.7/" 2>&1)" hello
    lab_stop laptop-web
    [ -z "${LAB_LOGS:-}" ] || cp "$LAB_DIR/client.log" "$LAB_LOGS/client $what.log"
    lab_stop client
    arrives eth 1 100
    is "$what: nothing is left" "$(lab_snapshot laptop)" "$before"
}
