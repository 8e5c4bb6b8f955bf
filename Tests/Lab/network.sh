# The lab's network. Addresses are of the ranges set aside for documentation (RFC 5737, RFC 3849), except for the
# office, which is private on purpose: a client of the tunnel must never reach it.
#
#   client  192.0.2.2   ─┐
#                        ├─ server ── 198.51.100.0/24 ── target, with 203.0.113.0/24 and 2001:db8:3::/64 behind it
#   client2 192.0.2.130 ─┘    └────── 172.20.0.0/24 ─── office
#
# The clients know the server and nothing behind it; the target knows the server's outer address and nothing before
# it. So a packet passes from client to target and back only when a tunnel carries it and the server translates it.

LAB_SERVER4=192.0.2.1 LAB_SERVER6=2001:db8:1::1
LAB_CLIENT4=192.0.2.2 LAB_CLIENT6=2001:db8:1::2
LAB_EGRESS=egress LAB_EGRESS4=198.51.100.1 LAB_EGRESS6=2001:db8:2::1
LAB_TARGET4=198.51.100.2 LAB_TARGET6=2001:db8:2::2
LAB_OFFICE4=172.20.0.2 LAB_OFFICE6=fd99::2
# Services of the target. The first pair is reached through the tunnel, the second is kept for a comparison that
# runs at the same time, the last pair is refused by the server's configuration.
LAB_WEB4=203.0.113.10 LAB_WEB6=2001:db8:3::10
LAB_OTHER4=203.0.113.20 LAB_OTHER6=2001:db8:3::20
LAB_DNS4=203.0.113.53 LAB_DNS6=2001:db8:3::53
LAB_REFUSED4=203.0.113.200 LAB_REFUSED6=2001:db8:3:0:200::1
# What the tunnel adds: the clients' own addresses (each client has the same), their resolver, and the server's pools
# with the transparent name server in each.
LAB_OWN4=10.111.0.2/24 LAB_OWN6=fd11:1111::2/64 LAB_RESOLVER4=10.111.0.53
LAB_POOL4=10.0.0.0/8 LAB_POOL6=fd70:7475:6e::/104
LAB_POOL_DNS4=10.0.0.2 LAB_POOL_DNS6=fd70:7475:6e::2
LAB_ROUTES=(203.0.113.0/24 2001:db8:3::/64)
# What the server's policy forbids here: the default list without the documentation ranges that stand for the internet.
LAB_DENY=0.0.0.0/8,10.0.0.0/8,100.64.0.0/10,127.0.0.0/8,169.254.0.0/16,172.16.0.0/12,192.168.0.0/16,224.0.0.0/3
LAB_DENY=$LAB_DENY,203.0.113.192/26,::/127,fc00::/7,fe80::/10,ff00::/8,2001:db8:3:0:200::/80

lab_network() {
    local namespace
    for namespace in client client2 server target office; do
        ip netns add "$namespace"
        # Addresses are usable at once: nobody else is on these links.
        lab_in "$namespace" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
            net.ipv6.conf.default.accept_ra=0
        ip -n "$namespace" link set lo up
    done
    _lab_choose_congestion_control
    _lab_link client outer "$LAB_CLIENT4/25" "$LAB_CLIENT6/64" server clients "$LAB_SERVER4/25" "$LAB_SERVER6/64"
    _lab_link client2 outer 192.0.2.130/25 2001:db8:12::2/64 server clients2 192.0.2.129/25 2001:db8:12::1/64
    _lab_link target uplink "$LAB_TARGET4/24" "$LAB_TARGET6/64" server "$LAB_EGRESS" "$LAB_EGRESS4/24" "$LAB_EGRESS6/64"
    _lab_link office uplink "$LAB_OFFICE4/24" "$LAB_OFFICE6/64" server office 172.20.0.1/24 fd99::1/64
    _lab_route client2 "$LAB_SERVER4/32" via 192.0.2.129
    _lab_route office default via 172.20.0.1
    _lab_route server "${LAB_ROUTES[0]}" via "$LAB_TARGET4"
    _lab_route server "${LAB_ROUTES[1]}" via "$LAB_TARGET6"
    for address in "$LAB_WEB4" "$LAB_OTHER4" "$LAB_DNS4" "$LAB_REFUSED4"; do
        ip -n target addr add "$address/32" dev lo
    done
    for address in "$LAB_WEB6" "$LAB_OTHER6" "$LAB_DNS6" "$LAB_REFUSED6"; do
        ip -n target addr add "$address/128" dev lo nodad
    done
    _lab_resolver
}

# _lab_link NS DEVICE IPV4/LENGTH IPV6/LENGTH NS DEVICE IPV4/LENGTH IPV6/LENGTH
_lab_link() {
    ip link add "$2" netns "$1" type veth peer name "$6" netns "$5"
    while [ $# -gt 0 ]; do
        ip -n "$1" link set "$2" up
        ip -n "$1" addr add "$3" dev "$2" noprefixroute
        ip -n "$1" addr add "$4" dev "$2" noprefixroute nodad
        _lab_route "$1" "$(_lab_prefix "$3")" dev "$2" src "${3%/*}"
        _lab_route "$1" "$(_lab_prefix "$4")" dev "$2" src "${4%/*}"
        shift 4
    done
}

_lab_route() {
    local namespace=$1 family=-4
    shift
    case $* in *:*) family=-6 ;; esac
    # shellcheck disable=SC2086 # two words, or none
    ip "$family" -n "$namespace" route replace "$@" $LAB_CONGESTION_CONTROL
}

_lab_prefix() { "$LAB_PYTHON" -c 'import ipaddress, sys; print(ipaddress.ip_interface(sys.argv[1]).network)' "$1"; }

# The same congestion control on every path, or a comparison compares that. A namespace may be denied a default of its
# own, so the routes carry it.
_lab_choose_congestion_control() {
    LAB_CONGESTION_CONTROL="congctl cubic" LAB_CUBIC=(-C cubic)
    if ! ip -n client route add 192.0.2.3/32 dev lo congctl cubic 2>/dev/null; then
        LAB_CONGESTION_CONTROL="" LAB_CUBIC=()
    fi
    ip -n client route flush 192.0.2.3/32 2>/dev/null || true
}

# Programs that look up names in the lab ask the clients' resolver address, which no machine has.
_lab_resolver() {
    echo "nameserver $LAB_RESOLVER4" >"$LAB_DIR/resolv.conf"
    echo "hosts: files dns" >"$LAB_DIR/nsswitch.conf"
    local file
    for file in resolv.conf nsswitch.conf; do
        if [ -e "/etc/$file" ]; then mount --bind "$LAB_DIR/$file" "/etc/$file"; fi
    done
}

# The path from client to target without any tunnel, for comparisons: plain forwarding, switched `on` or `off`.
lab_direct_path() {
    local value=0 verb=del
    if [ "$1" = on ]; then value=1 verb=replace; fi
    lab_in server sysctl -qw "net.ipv4.ip_forward=$value" "net.ipv6.conf.all.forwarding=$value"
    ip -n client route "$verb" 198.51.100.0/24 via "$LAB_SERVER4"
    ip -n client -6 route "$verb" 2001:db8:2::/64 via "$LAB_SERVER6"
    ip -n target route "$verb" 192.0.2.0/25 via "$LAB_EGRESS4"
    ip -n target -6 route "$verb" 2001:db8:1::/64 via "$LAB_EGRESS6"
}
