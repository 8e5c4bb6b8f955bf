# What lies outside of a tunnel: ways out for both families, resolvers, programs that use them, and a watch on what leaves.
#
#   lab_outside               give the client's host default routes, and resolvers beyond its link that know $name
#   watch, watched WHAT       hold that nothing but the tunnel's own connections leaves the client's host meanwhile
#   programs, programs_end    programs of all kinds that want out, as fast as they fail

outside4=198.18.53.53 outside6=2001:db8:53::53 name=vpn.tunnel.example

lab_outside() {
    ip -n server addr add "$outside4/32" dev lo
    ip -n server addr add "$outside6/128" dev lo nodad
    _lab_route client default via "$LAB_SERVER4"
    _lab_route client default via "$LAB_SERVER6"
    lab_start resolver server dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --log-queries \
        --bind-interfaces --listen-address="$outside4,$outside6" --address="/$name/$LAB_SERVER4" --address="/$name/$LAB_SERVER6"
    wait_for 5 _lab_listens server "udp src :53"
    printf 'nameserver %s\nnameserver %s\n' "$outside4" "$outside6" >"$LAB_DIR/resolv.conf"
    for port in "$LAB_PORT" "$LAB_STOCK_PORT"; do
        echo "[$name]:$port $(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub")"
    done >>"$LAB_DIR/known_hosts"
    cat >"$LAB_DIR/programs.sh" <<END
while :; do
    for place in $LAB_WEB4 [$LAB_WEB6] $LAB_NAME; do curl --silent --max-time 1 --output /dev/null "http://\$place/" & done
    dig +tries=1 +time=1 @$outside4 $LAB_NAME A >/dev/null & dig +tries=1 +time=1 @$outside6 $LAB_NAME AAAA >/dev/null &
    dig +tries=1 +time=1 @$LAB_DNS4 $LAB_NAME A >/dev/null & ping -c 1 -W 1 $LAB_WEB6 >/dev/null & ping -c 1 -W 1 $LAB_WEB4 >/dev/null &
    sleep 0.1
    wait
done 2>/dev/null
END
}

# watch, watched: what leaves in the clear meanwhile. The client asks for its server's name by TCP; nobody else here does.
watch() {
    local peers="$outside4:53,$outside6:53" port
    for port in "$LAB_PORT" "$LAB_STOCK_PORT"; do peers+=",$LAB_SERVER4:$port,$LAB_SERVER6:$port"; done
    lab_start underlay client "$LAB_TOOL" underlay outer "$peers" "$name"
    wait_for 5 lab_logged underlay listening
}
watched() {
    lab_stop underlay
    is "$1" "$(grep ^clear: "$LAB_DIR/underlay.log" | sort | uniq -c | head -n 12)" ""
}
programs() { lab_start programs client setsid bash "$LAB_DIR/programs.sh"; }
programs_end() { kill -KILL -- "-$(lab_pid programs)" 2>/dev/null; lab_wait programs 5; }
