#!/usr/bin/env bash
# The package as a library: a package of others that depends on a version of it and calls every operation of the seed, and
# the example programs.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/library.sh"
embedded=$LIBRARY_EXAMPLES/debug/embedded-server
channel=$LIBRARY_EXAMPLES/debug/tunnel-channel
relay=$LIBRARY_EXAMPLES/debug/packet-relay
door=$LIBRARY_EXAMPLES/debug/ssh-server
article=$LIBRARY_EXAMPLES/debug/my-tunnel
if [ -z "${LAB_INSIDE:-}" ]; then
    command -v swift >/dev/null || skip_all "there is no Swift here"
    git -C "$LAB_ROOT" rev-parse --quiet --verify HEAD >/dev/null || skip_all "this is no clone of the repository"
    library_outside
    for example in embedded-server tunnel-channel packet-relay ssh-server; do
        library_build "$example" "$LAB_ROOT/Examples/$example" "$LIBRARY_EXAMPLES"
    done
    library_article
fi
lab_enter "$@"
builds() {
    is "$2 builds" "$(library_status "$1")" 0 || diag "$(library_said "$1")"
}

builds outside "a package that depends on a version"
is "the core alone runs with the defaults" "$("$LIBRARY_OUTSIDE/debug/core" 2>&1)" "capacity 16777212"
is "and needs no C library of ours" "$(ldd "$LIBRARY_OUTSIDE/debug/core" | grep -E 'crypto|gssapi|fido')" ""
lab_test_network
# Alone on a network of its own: the devices have the addresses and routes of both ends.
said=$(unshare --net sh -c 'ip link set lo up && exec "$1"' sh "$LIBRARY_OUTSIDE/debug/seed" 2>&1)
is "every operation of the seed can be called from outside, and does what the seed says" \
    "$(grep -cE '^ok ' <<<"$said") $(grep -v '^ok ' <<<"$said")" "34 "
is "nothing is left behind" "$(ls /run/lab/seed 2>/dev/null)" ""

builds embedded-server "the program that embeds a server"
ok "it sees packets rewritten" "$embedded"
said=$("$embedded" 2>/dev/null)
for family in '10[.][0-9.]+' 'fd1d:[0-9a-f:]+'; do
    like "up: an address of the pool leaves ($family)" "$said" "^up, to the device: +$family 49152 -> "
done
for own in '192.168.1.2' 'fd00::2'; do
    like "down: the client's own address arrives ($own)" "$said" "^down, to the client: .* -> $own 49152\$"
done

builds packet-relay "the program that relays over a socket"
# Both examples leave by the default route.
lab_in server ip route add default via "$LAB_TARGET4"
lab_in server ip -6 route add default via "$LAB_TARGET6"
lab_start relay-server server "$relay" server "$LAB_DIR/relay"
ok "its server is ready" wait_for 10 grep -q ^ready "$LAB_DIR/relay-server.log"
lab_start relay-client client "$relay" client "$LAB_DIR/relay" "${LAB_ROUTES[@]}"
ok "its client is ready" wait_for 10 grep -q ^ready "$LAB_DIR/relay-client.log"
for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
    ok "a page comes through ($address)" lab_in client curl --silent --fail --max-time 10 --output /dev/null "http://$address/"
done
lab_stop relay-client INT
lab_stop relay-server INT
is "it ends in order" "$LAB_STATUS" 0

builds my-tunnel "the program of the article about embedding the server"
mkfifo "$LAB_DIR/return"
lab_start article server sh -c 'exec "$0" <"$1"' "$article" "$LAB_DIR/return"
exec 7>"$LAB_DIR/return"
ok "it serves" wait_for 10 test -S /run/my-tunnel.sock
lab_start relay-client client "$relay" client /run/my-tunnel.sock "${LAB_ROUTES[@]}"
ok "a client is let in" wait_for 10 lab_logged article 'client connected'
lab_stop relay-client INT
ok "its metrics are logged when it goes" wait_for 10 lab_logged article server_packet_metrics
echo >&7
exec 7>&-
ok "Return ends it" wait_for 10 test ! -d "/proc/$(lab_pid article)"
is "and leaves nothing behind" "$(lab_in server ip -oneline link show type tun)" ""
rm -f /run/my-tunnel.sock

builds ssh-server "the program with an SSH server of its own"
builds tunnel-channel "the program that opens the channel by itself"
lab_dns
lab_start door server "$door" "$LAB_PORT" "$LAB_DIR/door-key" "$LAB_DIR/client_key.pub"
ok "its server is ready" wait_for 10 grep -q ^ready "$LAB_DIR/door.log"
is "it answers a command of its own" "$(lab_in client ssh -F none -p "$LAB_PORT" -i "$LAB_DIR/client_key" -o BatchMode=yes \
    -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=error "$LAB_USER@$LAB_SERVER4" whoami)" "$LAB_USER"
lab_stop door INT
is "it ends in order" "$LAB_STATUS" 0
ok "the daemon is ready" lab_daemon daemon || done_testing
# ask DNS-ADDRESS NAME: without any privilege, whoever runs the test.
ask() {
    lab_in client setpriv --bounding-set=-all --inh-caps=-all --ambient-caps=-all --no-new-privs \
        "$channel" "$LAB_USER@$LAB_SERVER4" "$1" "$2" "Port=$LAB_PORT" "IdentityFile=$LAB_DIR/client_key" \
        StrictHostKeyChecking=yes "UserKnownHostsFile=$LAB_DIR/known_hosts" 2>&1
}
before=$(lab_snapshot client)
like "a name through the tunnel over IPv4" "$(ask "$LAB_POOL_DNS4" "$LAB_NAME")" "$LAB_NAME is $LAB_WEB4\$"
like "a name through the tunnel over IPv6" "$(ask "$LAB_POOL_DNS6" "$LAB_NAME")" "$LAB_NAME is $LAB_WEB4\$"
like "the answer comes to the address that asked" "$(ask "$LAB_POOL_DNS4" "$LAB_NAME")" \
    "from $LAB_POOL_DNS4 to 10.111.0.9: "
like "a name that the resolver refuses" "$(ask "$LAB_POOL_DNS4" nobody.invalid)" "nobody.invalid has no address .code 5"
is "the client has no device, route or address more" "$(lab_snapshot client)" "$before"
like "the resolver saw the server ask" "$(lab_log dns)" "from $LAB_EGRESS4"
done_testing
