#!/usr/bin/env bash
# Kernels that lack something: what they have is asked for, and what they lack is done without. No version is compared.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
. "$LAB_HERE/programs/compile.sh"
lab_enter "$@"
lab_test_network
lab_dns
lab_start udp4 target "$LAB_TOOL" echo 5300 "$LAB_WEB4"
lab_start udp6 target "$LAB_TOOL" echo 5300 "$LAB_WEB6"
ok "a kernel that pretends to be older is there" \
    lab_compile "$LAB_DIR/kernel-without" "$LAB_HERE/machine/kernel-without.c" || done_testing

ok "a peer that speaks UDP is there" eval 'wait_for 5 lab_logged udp4 listening && wait_for 5 lab_logged udp6 listening'

# From here on our programs run on it.
mkdir "$LAB_DIR/programs"
for program in packet-tunneld packet-tunnel; do
    printf '#!/bin/sh\nexec %s newer-calls %s "$@"\n' "$LAB_DIR/kernel-without" "$LAB_BIN/$program" >"$LAB_DIR/programs/$program"
    chmod 755 "$LAB_DIR/programs/$program"
done
LAB_BIN=$LAB_DIR/programs
ok "without UDP super-packets the daemon is ready" lab_daemon || done_testing
ok "and so is the client" lab_client client client || done_testing
for name in daemon client; do
    is "$name: it runs under the filter" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$(lab_pid "$name")/status")" 2
done
pages "without UDP super-packets"
names "without UDP super-packets" "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"
download "without UDP super-packets" 16777216 "$LAB_WEB4"
upload "without UDP super-packets" 16777216 "[$LAB_WEB6]"
for address in "$LAB_WEB4" "$LAB_WEB6"; do
    is "40 datagrams of one send come through one by one, and back: $address" \
        "$(lab_in client "$LAB_TOOL" batch "$address" 5300 40)" 40
done
lab_stop client

# Without close_range(2). What libssh opens after the fork, /dev/null, is its own.
printf 'exec ls -l /proc/self/fd >%s 2>&1\n' "$LAB_DIR/inherited" >"$LAB_DIR/proxy"
lab_in client timeout 20 "$LAB_BIN/packet-tunnel" info -F none -o "ProxyCommand=sh $LAB_DIR/proxy" \
    -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -i "$LAB_DIR/client_key" -p "$LAB_PORT" "$LAB_USER@$LAB_SERVER4" >/dev/null 2>&1
like "without close_range a proxy command runs" "$(cat "$LAB_DIR/inherited")" '2 -> '
is "and has the standard descriptors alone" \
    "$(grep -- '->' "$LAB_DIR/inherited" | grep -vE ' [012] -> | -> (/proc/[0-9]+/fd|/dev/null)$')" ""
done_testing
