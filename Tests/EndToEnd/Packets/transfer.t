#!/usr/bin/env bash
# Large transfers over both families, intact, while the keys are exchanged again and again.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
lab_enter "$@"
lab_test_network
lab_test_tunnel "RekeyLimit 256M"
# transfers TYPE BYTES: through the client that runs.
transfers() {
    local type=$1 process address
    process=$(lab_pid client)
    for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
        download "$type" "$2" "$address"
        upload "$type" "$2" "$address"
    done
    is "$type: the client is the same process as before" "$(lab_pid client)" "$process"
    ok "$type: and still runs" lab_alive client
    not_ok "$type: no connection was lost meanwhile" \
        lab_logged client 'reconnect|connection (lost|closed)|disconnected'
}
transfers gso "$LAB_BYTES"
for type in psiphon openssh; do
    lab_stop client
    ok "$type: the client is ready" lab_client client client --channel-type "$type"
    transfers "$type" "${TRANSFER_BYTES:-268435456}"
done

# Our own programs do not tell when they exchange keys. Stock ssh does, and here the server alone asks for it.
lab_stop client
lab_stop daemon
ok "a daemon that renews the keys every 16 MB is ready" lab_daemon daemon "RekeyLimit 16M"
ok "stock ssh connects" lab_stock_client stock client2 -v
expected=$(lab_blob_hash 134217728)
for address in "$LAB_WEB4" "[$LAB_WEB6]"; do
    got=$(lab_in client2 curl --silent --max-time 60 "http://$address/blob/134217728" | sha256sum | cut -d' ' -f1)
    is "a download from $address with stock ssh is intact" "$got" "$expected"
done
at_least "the keys were exchanged many times meanwhile" "$(lab_log stock | grep -c 'SSH2_MSG_NEWKEYS received')" 8
done_testing
