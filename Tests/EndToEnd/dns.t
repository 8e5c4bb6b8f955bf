#!/usr/bin/env bash
# Names through the transparent address of each family, over UDP and over TCP.
. "$(dirname "$0")/../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
lab_dns
lab_test_tunnel
ask() {
    local server=$1 type=$2
    shift 2
    lab_in client dig +short +time=2 +tries=2 "$@" "@$server" "$LAB_NAME" "$type" 2>&1
}
for server in "$LAB_POOL_DNS4" "$LAB_POOL_DNS6"; do
    is "$server knows the IPv4 address" "$(ask "$server" A)" "$LAB_WEB4"
    is "$server knows the IPv6 address" "$(ask "$server" AAAA)" "$LAB_WEB6"
    is "$server answers over TCP" "$(ask "$server" A +tcp)" "$LAB_WEB4"
done
is "the client's own resolver address answers" "$(ask "$LAB_RESOLVER4" A)" "$LAB_WEB4"
is "and answers over TCP" "$(ask "$LAB_RESOLVER4" AAAA +tcp)" "$LAB_WEB6"
like "a program finds a page by its name" "$(page client "$LAB_NAME" 2>&1)" "hello"
like "the resolver saw the server ask, not the client" "$(lab_log dns)" "from ($LAB_EGRESS4|$LAB_EGRESS6)"
done_testing
