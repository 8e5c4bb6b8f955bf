#!/usr/bin/env bash
# "Before you start" of ssh-config/README.md: on a server's host with Docker, and with ufw, nothing gets through until its
# commands are given, as they are written there; the real ufw, and the chains that Docker makes, by the real iptables.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/resolvers.sh"
lab_enter "$@"
[ "$(id -u)" = 0 ] && [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -gt 65536 ] || skip_all "an /etc of the test's own needs root"
lab_has_package ufw || skip_all "ufw is not unpacked: Tests/Lab/install.sh tests"
lab_etc ufw || skip_all "this kernel has no overlay file system"
lab_test_network
lab_in server iptables -n -L >/dev/null 2>&1 || skip_all "this kernel has no iptables"

# commands WORD: what README has between backquotes in the paragraph that begins so.
commands() {
    awk -v start="* **$1" 'index($0, start) == 1 { on = 1 } on && /^(\* \*\*|$)/ && index($0, start) != 1 { exit } on' \
        "$LAB_ROOT/ssh-config/README.md" | tr '\n' ' ' | grep -o '`[^`]*`' | tr -d '`'
}
give() { lab_in server bash -exc "$(commands "$1")"; }
both() { # both WHAT carries|blocks
    if [ "$2" = carries ]; then
        like "$1: a page over IPv4" "$(page client "$LAB_WEB4" 2>&1)" "from $LAB_EGRESS4\$"
        like "$1: and over IPv6" "$(page client "[$LAB_WEB6]" 2>&1)" "from $LAB_EGRESS6\$"
    else
        not_ok "$1: no page over IPv4" page client "$LAB_WEB4" 2
        not_ok "$1: nor over IPv6" page client "[$LAB_WEB6]" 2
    fi
}
lab_test_tunnel
both "without a firewall" carries

# What dockerd lays for both families; the IPv6 half since Docker 27.
for command in iptables ip6tables; do
    for rule in "-N DOCKER-USER" "-N DOCKER" "-A DOCKER-USER -j RETURN" "-P FORWARD DROP" "-A FORWARD -j DOCKER-USER" \
        "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT" "-A FORWARD -o docker0 -j DOCKER" \
        "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT"; do
        # shellcheck disable=SC2086 # several words
        lab_in server "$command" $rule || diag "$command $rule"
    done
done
both "with Docker" blocks
like "README has commands for that" "$(commands "Docker")" "DOCKER-USER"
ok "they can be given" give "Docker"
both "with Docker, after them" carries
lab_stop client
lab_stop daemon
ok "the daemon is ready" lab_daemon
ok "and a client" lab_client client client
both "after a restart of the daemon" carries
for command in iptables ip6tables; do
    lab_in server "$command" -P FORWARD ACCEPT
    lab_in server "$command" -F
    lab_in server "$command" -X
done

# As the package's installation leaves it.
cp /usr/share/ufw/iptables/*.rules /etc/ufw/
cp /usr/share/ufw/ufw.conf /etc/ufw/ 2>/dev/null || echo "ENABLED=no" >/etc/ufw/ufw.conf
mkdir -p /var/lib/ufw
both "with ufw switched off" carries
ok "ufw is switched on" lab_in server ufw --force enable
like "and denies what comes in" "$(lab_in server ufw status verbose)" "deny \(incoming\)"
both "with ufw" blocks
lab_stop client
not_ok "a client cannot even connect" lab_client client client -o ConnectTimeout=2
lab_stop client
like "README has commands for that" "$(commands "ufw on the server")" "ufw route allow"
ok "they can be given" give "ufw on the server"
ok "then the client is ready" lab_client client client
both "with ufw, after them" carries
ok "ufw can be loaded anew" lab_in server ufw reload
both "which changes nothing" carries

# A client's host with ufw, and its kill switch.
lab_stop client
ok "ufw is switched off on the server" lab_in server ufw disable
ok "and on, on the client" lab_in client ufw --force enable
_lab_route client default via "$LAB_SERVER4"
_lab_route client default via "$LAB_SERVER6"
lab_start client client "$LAB_BIN/packet-tunnel" up "$LAB_USER@$LAB_SERVER4" -p "$LAB_PORT" -i "$LAB_DIR/client_key" -F none \
    -o "UserKnownHostsFile=$LAB_DIR/known_hosts" --route default --kill-switch --dns-setup none
ok "a client behind ufw is ready" wait_for 10 lab_logged client '\bready\b'
both "a client behind ufw, with its kill switch" carries
lab_stop client KILL
both "and killed" blocks
ok "down takes the kill switch away" lab_in client "$LAB_BIN/packet-tunnel" down
like "and leaves ufw" "$(lab_in client ufw status)" "Status: active"
lab_in client ufw disable >/dev/null
lab_etc_end
done_testing
