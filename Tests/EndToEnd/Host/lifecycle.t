#!/usr/bin/env bash
# Starting, stopping, being killed and starting again.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/traffic.sh"
lab_enter "$@"
lab_test_network
server_before=$(lab_snapshot server) client_before=$(lab_snapshot client)

# The first start makes the host key; later ones leave it alone.
rm "$LAB_DIR/host_key" "$LAB_DIR/host_key.pub"
ok "the daemon starts without a host key" lab_daemon
is "it has made one that only its owner can read" "$(stat -c %a "$LAB_DIR/host_key")" 600
host_key=$(sha256sum <"$LAB_DIR/host_key")
lab_stop daemon
is "it stops with status 0 on SIGTERM" "${LAB_STATUS:-}" 0
is "nothing is left on the server" "$(lab_snapshot server)" "$server_before"
ok "it starts again" lab_daemon
is "with the same host key" "$(sha256sum <"$LAB_DIR/host_key")" "$host_key"
ssh-keygen -y -f "$LAB_DIR/host_key" >"$LAB_DIR/host_key.pub"
lab_know_host "$LAB_DIR/host_key.pub" >"$LAB_DIR/known_hosts"

for signal in INT TERM; do
    ok "the client is ready" lab_client client client
    pages "before SIG$signal"
    lab_stop client "$signal"
    is "the client stops with status 0 on SIG$signal" "${LAB_STATUS:-}" 0
    is "and leaves nothing" "$(lab_snapshot client)" "$client_before"
done

ok "the client is ready over an IPv6 connection" lab_client client6 client -o "HostName=$LAB_SERVER6"
pages "over IPv6 outside"
lab_stop daemon INT
is "the daemon stops with status 0 on SIGINT while a client is connected" "${LAB_STATUS:-}" 0
is "and leaves nothing" "$(lab_snapshot server)" "$server_before"
lab_stop client6
is "the client leaves nothing either" "$(lab_snapshot client)" "$client_before"

ok "the daemon is ready" lab_daemon
# The best route to the server leads into the void; who says which interface gets there.
ip -n client link add void type veth peer name unheard
ip -n client link set void up
_lab_route client "$LAB_SERVER4/32" dev void
_lab_route client "$LAB_SERVER6/128" dev void
lab_start lost client "$LAB_BIN/packet-tunnel" info "$LAB_USER@$LAB_SERVER4" -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
    -o ConnectTimeout=2 -o StrictHostKeyChecking=no -o "UserKnownHostsFile=$LAB_DIR/known_hosts"
lab_wait lost 10
is "without -B the server is not reached" "$LAB_STATUS" 69
ok "with -B the client is ready" lab_client client client -B outer
pages "with -B"
lab_stop client
is "and stops with status 0" "${LAB_STATUS:-}" 0
ok "with -B the client is ready over IPv6 outside" lab_client client6 client -B outer -o "HostName=$LAB_SERVER6"
pages "with -B over IPv6 outside"
lab_stop client6
lab_start lost client "$LAB_BIN/packet-tunnel" info "$LAB_USER@$LAB_SERVER4" -B nosuch0
lab_wait lost 10
is "an interface that is not there is a usage error" "$LAB_STATUS" 64
like "which is named" "$(lab_log lost)" "there is no interface nosuch0"
ip -n client link del void
is "and all is as before" "$(lab_snapshot client)" "$client_before"
lab_stop daemon

# Killed, both of them, in the middle of a download.
ok "the daemon is ready" lab_daemon
ok "the client is ready" lab_client client client
lab_start download client curl --silent --output /dev/null "http://$LAB_WEB4/blob/100000000000"
wait_for 10 eval "ip -n client -s -o link show type tun | grep -qE 'RX: .* [0-9]{7,}'"
lab_stop client KILL
lab_stop daemon KILL
lab_stop download
ok "after kill -9 the daemon starts again" lab_daemon
ok "and the client" lab_client client client
pages "after kill -9"
is "the server has one tun device" "$(ip -n server -o link show type tun | wc -l)" 1
is "and the client too" "$(ip -n client -o link show type tun | wc -l)" 1
lab_stop client
lab_stop daemon
is "nothing of the killed daemon is left" "$(lab_snapshot server)" "$server_before"
is "nothing of the killed client is left" "$(lab_snapshot client)" "$client_before"

# The daemon is killed alone; the client comes back by itself, or at least says so and ends.
ok "the daemon is ready" lab_daemon
ok "the client is ready" lab_client client client
lab_stop daemon KILL
ok "the daemon starts again" lab_daemon
returned() { page client "$LAB_WEB4" 1; }
ok "the client takes its tunnel up again by itself" wait_for 30 returned
pages "after the server's restart"
done_testing
