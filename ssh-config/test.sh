#!/usr/bin/env bash
# Tries the files of this directory as they are: packet-tunneld with the shipped configuration, a private sshd with the
# shipped snippet, and stock ssh with the shipped client file push packets through a network of namespaces that vanishes
# with this script. Needs root and a release build; prints TAP.
. "$(dirname "$0")/../Tests/Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/stock.sh"
lab_enter "$@"
lab_test_accounts
mkdir -p /run/packet-tunnel

shipped=$LAB_ROOT/ssh-config/packet-tunneld.conf
ok "the shipped configuration passes its check" "$LAB_BIN/packet-tunneld" -t -f "$shipped"
# What the lab has to have its own way goes before the file, as -o lines.
words=()
lab_daemon_config "$LAB_DIR/lab.conf"
while read -r keyword value; do words+=(-o "$keyword=$value"); done <"$LAB_DIR/lab.conf"
lab_start daemon server "$LAB_BIN/packet-tunneld" -f "$shipped" "${words[@]}" -o ControlSocket=/run/packet-tunnel/control.sock
ok "the daemon is ready with it" wait_for 10 lab_logged daemon '\bready\b' || done_testing

ok "a stock sshd starts with the shipped snippet" lab_stock_sshd stock-sshd
ok "a tunnel through its subsystem runs" lab_via via client "$(lab_stock_ssh alice) -s packet-tunnel"
like "it carries a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "it carries a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
lab_stop via
# The line of the shipped example, with alice's key in the place of the one that nobody has.
sed -n "s|^\(restrict,command=.*\) ssh-ed25519 .*|\1 $(cat "$LAB_DIR/alice_key.pub")|p" \
    "$LAB_ROOT/ssh-config/authorized_keys.example" >"$LAB_DIR/stock_keys_alice"
ok "a tunnel by command= of the example of authorized keys runs" lab_via command client "$(lab_stock_ssh alice) -T"
like "it carries a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "it carries a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
# shellcheck disable=SC2046 # several words
is "its key can do nothing else" \
    "$(lab_in client $(lab_stock_ssh alice) -W "$LAB_WEB4:80" 2>&1 </dev/null | grep -c prohibited)" 1
lab_stop command

lab_start ssh client ssh -F "$LAB_ROOT/ssh-config/ssh_config.d/50-packet-tunnel.conf" -N \
    -o HostName="$LAB_SERVER4" -o Port="$LAB_PORT" -o User="$LAB_USER" -o TunnelDevice=7:any -i "$LAB_DIR/client_key" \
    -o UserKnownHostsFile="$LAB_DIR/known_hosts" -o BatchMode=yes packet-tunnel
has_address() { [ "$(ip -n client -o address show dev tun7 up | grep -cE ' (10[.]254[.]254[.]1|fd1d:.*)/')" = 2 ]; }
ok "stock ssh with the shipped file gives its device addresses" wait_for 10 has_address
for route in "${LAB_ROUTES[@]}"; do ip -n client route add "$route" dev tun7; done
like "it carries a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
like "it carries a page over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
done_testing
