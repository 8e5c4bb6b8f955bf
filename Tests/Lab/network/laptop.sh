# A laptop with two networks, for roaming.sh.
#
#   roaming_network      make the laptop, two networks that lead to the server, and a name of the server's

# Two networks that lead to the server, each with a router that lets nobody else's addresses out.
#
#   laptop ─┬─ eth  198.18.1.0/24, 2001:db8:a1::/64 ── home ─┬─ server, with a second address of each family
#           └─ wifi 198.18.2.0/24, 2001:db8:a2::/64 ── cafe ─┘  and the name server of the world outside
ROAMING_NAME=vpn.example ROAMING_DNS=198.18.53.53
ROAMING_SECOND4=192.0.2.201 ROAMING_SECOND6=2001:db8:1::201

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

roaming_network() {
    [ -z "${LAB_LOGS:-}" ] || mkdir -p "$LAB_LOGS"
    LAB_ROUTES=()
    ip netns add laptop
    ip -n laptop link set lo up
    lab_in laptop sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
        net.ipv6.conf.default.accept_ra=0
    uplink eth home 1
    uplink wifi cafe 2
    ip -n laptop link set wifi up
    ip -n client link set outer down
    ip -n server addr add "$ROAMING_SECOND4/32" dev lo
    ip -n server addr add "$ROAMING_SECOND6/128" dev lo nodad
    ip -n server addr add "$ROAMING_DNS/32" dev lo
    echo "[$ROAMING_NAME]:$LAB_PORT $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")" >>"$LAB_DIR/known_hosts"
    echo "nameserver $ROAMING_DNS" >"$LAB_DIR/resolv.conf"
    : >"$LAB_DIR/names"
    # In the foreground, but with a process for each TCP connection: one whose client has moved away must not hold up the rest.
    lab_start names server dnsmasq --keep-in-foreground --user=root --log-facility=- --conf-file=/dev/null \
        --no-resolv --no-hosts --pid-file= --addn-hosts="$LAB_DIR/names" --bind-interfaces --listen-address="$ROAMING_DNS"
    wait_for 10 _lab_listens server "udp src :53"
}
