# The steps of the demonstration, and how they report. Sourced by `run`.

if [ -t 1 ]; then
    BOLD=$'\e[1m' GREEN=$'\e[32m' RED=$'\e[31m' GREY=$'\e[2m' PLAIN=$'\e[0m'
else
    BOLD='' GREEN='' RED='' GREY='' PLAIN=''
fi

title() { printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"; }
note() { printf '  %s\n' "$*"; }
show() { sed "s/^/         $GREY/; s/\$/$PLAIN/"; }

# result PASS|FAIL WHAT [DETAIL]
result() {
    local color=$GREEN
    [ "$1" = PASS ] || color=$RED
    printf '  %s%s%s  %-48s  %s\n' "$color" "$1" "$PLAIN" "$2" "${3:-}"
    printf '%s\t%s\t%s\n' "$1" "$2" "${3:-}" >&3
}

# expect WHAT TEXT PATTERN [DETAIL]: passes when the text matches the extended regular expression.
expect() {
    if printf '%s\n' "$2" | grep -qE -- "$3"; then
        result PASS "$1" "${4:-$(printf '%s' "$2" | tr '\n' ' ')}"
    else
        result FAIL "$1" "got: $(printf '%s' "${2:-nothing}" | head -n 1)"
    fi
}

summary() {
    local passed failed verdict what detail
    title "summary"
    # Descriptor 4 reads the table from its start.
    while IFS=$'\t' read -r verdict what detail; do
        printf '  %-4s  %-48s\n' "$verdict" "$what"
        case $verdict in PASS) passed=$((${passed:-0} + 1)) ;; *) failed=$((${failed:-0} + 1)) ;; esac
    done <&4
    printf '\n  %s passed, %s failed, in %s s\n' "${passed:-0}" "${failed:-0}" "$1"
    [ "${failed:-0}" -eq 0 ] && [ "${passed:-0}" -gt 0 ]
}

prepare_network() {
    if [ ! -r /dev/net/tun ] || [ ! -w /dev/net/tun ]; then
        result FAIL "the machine has tun devices" "/dev/net/tun cannot be opened by this user; run this as root"
        return 1
    fi
    lab_network && lab_keys && lab_web target && lab_dns && lab_iperf_server
    result PASS "a target with web, name and iperf3 servers" "$LAB_WEB4 and $LAB_WEB6"
    expect "the client cannot reach it yet" "$(fetch "$LAB_WEB4" 2>&1)" "Could.?n.t connect|Failed to connect|unreachable" \
        "no route to $LAB_WEB4"
}

fetch() { lab_in client curl --silent --show-error --max-time 5 "http://$1/" 2>&1; }

measure_direct_path() {
    lab_direct_path on
    DIRECT_UP=$(lab_iperf client "$LAB_TARGET4" --time 2)
    DIRECT_DOWN=$(lab_iperf client "$LAB_TARGET4" --time 2 --reverse)
    lab_direct_path off
}

start_tunnel() {
    local type
    SERVER_BEFORE=$(lab_snapshot server) CLIENT_BEFORE=$(lab_snapshot client)
    if ! lab_daemon; then
        result FAIL "packet-tunneld starts" "$(lab_log daemon | tail -n 1)"
        return 1
    fi
    result PASS "packet-tunneld starts" "port $LAB_PORT of $LAB_SERVER4"
    if ! lab_client client client; then
        result FAIL "packet-tunnel connects" "$(lab_log client | tail -n 1)"
        return 1
    fi
    type=$( (lab_log client; lab_log daemon) | grep -oE 'tun(-[a-z]+)?@[a-z.-]+[a-z]' | head -n 1)
    if [ -n "$type" ]; then
        result PASS "an SSH channel of our own type is open" "$type"
    else
        result FAIL "an SSH channel of our own type is open" "neither log names its type"
    fi
}

show_addresses() {
    result PASS "the client chose its own addresses" "$(lab_in client ip -brief addr show dev "$(lab_tun client)" |
        awk '{ for (i = 3; i <= NF; i++) if ($i !~ /^fe80/) printf "%s ", $i }')"
}

# One datagram each way of addressing, caught on both ends of the tunnel.
show_rewriting() {
    local family address end picture assigned
    for family in 4 6; do
        address=$LAB_WEB4
        [ "$family" = 4 ] || address=$LAB_WEB6
        for end in client server; do
            lab_start "packet$family-$end" "$end" \
                "$LAB_TOOL" capture "$(lab_tun "$end")" 4242
            wait_for 5 lab_logged "packet$family-$end" 'listening on'
        done
        lab_in client bash -c "echo 'carried over SSH' >/dev/udp/$address/4242"
        lab_wait "packet$family-client" 3
        lab_wait "packet$family-server" 3
        if picture=$("$LAB_TOOL" packet-diff "$LAB_DIR/packet$family-client.log" \
            "$LAB_DIR/packet$family-server.log" 2>&1); then
            assigned=$(printf '%s\n' "$picture" | awk '/^server/ { print $3 }')
            result PASS "the server assigned it an IPv$family address" "$assigned"
            result PASS "an IPv$family packet before and after rewriting" \
                "$(printf '%s\n' "$picture" | sed -n 's/^changed: //p')"
        else
            result FAIL "an IPv$family packet before and after rewriting" "$(printf '%s\n' "$picture" | tail -n 1)"
        fi
        printf '%s\n' "$picture" | show
    done
}

fetch_pages() {
    # The answer names the server's address: the target has no route to anything behind it.
    expect "a web page over IPv4" "$(fetch "$LAB_WEB4")" "hello .* from $LAB_EGRESS4\$"
    expect "a web page over IPv6" "$(fetch "[$LAB_WEB6]")" "hello .* from $LAB_EGRESS6\$"
}

resolve_names() {
    expect "a name through the transparent address (IPv4)" "$(ask "$LAB_POOL_DNS4" A)" "^$LAB_WEB4\$" \
        "$LAB_POOL_DNS4 says: $LAB_NAME is at $LAB_WEB4"
    expect "a name through the transparent address (IPv6)" "$(ask "$LAB_POOL_DNS6" AAAA)" "^$LAB_WEB6\$" \
        "$LAB_POOL_DNS6 says: $LAB_NAME is at $LAB_WEB6"
    expect "a page by name, with the client's own resolver" "$(fetch "$LAB_NAME")" "hello" \
        "the client asked $LAB_RESOLVER4"
}

ask() { lab_in client dig +short +time=2 +tries=2 "@$1" "$LAB_NAME" "$2" 2>&1; }

meet_the_policy() {
    local before counted
    before=$(lab_counter upstream_packet_rejected_invalid_destination_address)
    if lab_in client curl --silent --max-time 1 "http://$LAB_REFUSED4/" >/dev/null; then
        result FAIL "a forbidden destination is refused" "$LAB_REFUSED4 answered"
        return
    fi
    counted=$(($(lab_counter upstream_packet_rejected_invalid_destination_address) - before))
    if [ "$counted" -gt 0 ]; then
        result PASS "a forbidden destination is refused" \
            "$LAB_REFUSED4: invalid_destination_address, $counted packets counted"
    else
        result FAIL "a forbidden destination is refused" "it is, but the server's status counts nothing"
    fi
}

measure_tunnel() {
    local up down
    up=$(lab_iperf client "$LAB_WEB4" --time 3)
    down=$(lab_iperf client "$LAB_WEB4" --time 3 --reverse)
    printf '         %sone TCP stream, Mbit/s      %8s %8s%s\n' "$GREY" up down "$PLAIN"
    printf '         %swithout a tunnel            %8s %8s%s\n' "$GREY" "$DIRECT_UP" "$DIRECT_DOWN" "$PLAIN"
    printf '         %sthrough the tunnel          %8s %8s%s\n' "$GREY" "$up" "$down" "$PLAIN"
    if [ "$up" -gt 0 ] && [ "$down" -gt 0 ] && [ "$DIRECT_UP" -gt 0 ] && [ "$DIRECT_DOWN" -gt 0 ]; then
        result PASS "throughput beside the same path without it" "$up up, $down down Mbit/s"
    else
        result FAIL "throughput beside the same path without it" "a measurement got nothing through"
    fi
}

stop_tunnel() {
    local status
    lab_stop client INT
    status=${LAB_STATUS:-0}
    lab_stop daemon TERM
    if [ "$status" = 0 ] && [ "${LAB_STATUS:-0}" = 0 ]; then
        result PASS "both programs end when asked to" "Ctrl-C here, SIGTERM there; exit status 0"
    else
        result FAIL "both programs end when asked to" "exit status $status and $LAB_STATUS"
    fi
    unchanged client "$CLIENT_BEFORE"
    unchanged server "$SERVER_BEFORE"
}

unchanged() {
    local after
    after=$(lab_snapshot "$1")
    if [ "$2" = "$after" ]; then
        result PASS "nothing is left behind on the $1" "interfaces, addresses, routes, translation, forwarding"
    else
        result FAIL "nothing is left behind on the $1" "what changed:"
        diff <(echo "$2") <(echo "$after") | show
    fi
}
