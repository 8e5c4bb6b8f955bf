#!/usr/bin/env bash
# The package as a library: a package that depends on a version of it, and both example programs.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/library.sh"
embedded=$LIBRARY_EXAMPLES/debug/embedded-server
channel=$LIBRARY_EXAMPLES/debug/tunnel-channel
if [ -z "${LAB_INSIDE:-}" ]; then
    command -v swift >/dev/null || skip_all "there is no Swift here"
    git -C "$LAB_ROOT" rev-parse --quiet --verify HEAD >/dev/null || skip_all "this is no clone of the repository"
    library_embedder && library_build user "$LIBRARY/user" "$LIBRARY_USER" --security-path "$LIBRARY/security" \
        --product user && library_build everything "$LIBRARY/user" "$LIBRARY_EVERYTHING" \
        --security-path "$LIBRARY/security" --product everything
    for example in embedded-server tunnel-channel; do
        library_build "$example" "$LAB_ROOT/Examples/$example" "$LIBRARY_EXAMPLES"
    done
fi
lab_enter "$@"
builds() {
    is "$2 builds" "$(library_status "$1")" 0 || diag "$(library_said "$1")"
}

builds user "a package that depends on a version"
is "and runs with the defaults" "$("$LIBRARY_USER/debug/user" 2>&1)" "capacity 16777212"
is "without libssh and what goes with it" "$(find "$LIBRARY_USER/debug/" -path '*SSH*' -name '*.o')" ""

builds everything "a program with every library of that version"
like "it runs, with the libssh of this system in it" "$("$LIBRARY_EVERYTHING/debug/everything" 2>&1 | head -n 1)" \
    '^libssh 0[.]1[0-9][.][0-9]+ [2-9]$'

builds embedded-server "the program that embeds a server"
ok "it sees packets rewritten" "$embedded"
said=$("$embedded" 2>/dev/null)
for family in '10[.][0-9.]+' 'fd1d:[0-9a-f:]+'; do
    like "up: an address of the pool leaves ($family)" "$said" "^up, to the device: +$family 49152 -> "
done
for own in '192.168.1.2' 'fd00::2'; do
    like "down: the client's own address arrives ($own)" "$said" "^down, to the client: .* -> $own 49152\$"
done

builds tunnel-channel "the program that opens the channel by itself"
lab_test_network
lab_dns
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
