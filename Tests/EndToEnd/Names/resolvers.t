#!/usr/bin/env bash
# Programs of the client's host ask the tunnel's resolver while it is up, and afterwards whom they asked before: by the file,
# systemd-resolved, openresolv and Debian's resolvconf, after a stop, after kill -9 and after the next boot.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/network/resolvers.sh"
lab_enter "$@"
lab_is_root() { [ "$(id -u)" = 0 ] && [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -gt 65536 ]; }
lab_is_root || skip_all "an /etc of the test's own needs root"
lab_etc || skip_all "this kernel has no overlay file system"
lab_etc_end
lab_test_network
lab_dns
ok "the daemon is ready" lab_daemon || done_testing
outside=$(sha256sum /etc/resolv.conf)

# up NAME [OPTION...]: a client for everything, with the server's own resolvers.
up() {
    lab_start "$1" client "$LAB_BIN/packet-tunnel" up "$LAB_USER@$LAB_SERVER4" -p "$LAB_PORT" -i "$LAB_DIR/client_key" \
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" "${@:2}"
    wait_for 20 lab_ready_or_gone "$1"
    lab_alive "$1" && lab_logged "$1" '\bready\b'
}
down() { lab_in client "$LAB_BIN/packet-tunnel" down --force; }
address() { lab_in client timeout 10 getent "ahosts$1" "$LAB_NAME" | awk 'NR == 1 { print $1 }'; }
names() {
    is "$1: a program finds an IPv4 address by its name" "$(address v4)" "$LAB_WEB4"
    is "$1: and an IPv6 address" "$(address v6)" "$LAB_WEB6"
}
# restored WHAT OPTION...: the tunnel is up and ends in each of three ways.
restored() {
    local what=$1 before
    shift
    before=$(lab_resolver_file)
    ok "$what: the client is ready" up client "$@" || return
    like "$what: the line before says what was done" "$(grep -B 9 -w ready "$LAB_DIR/client.log")" "DNS is set"
    names "$what"
    lab_stop client
    is "$what: after its end all is as before" "$(lab_resolver_file)" "$before"
    ok "$what: again" up client "$@"
    lab_stop client KILL
    ok "$what: killed, and taken down" down
    is "$what: all is as before" "$(lab_resolver_file)" "$before"
    ok "$what: again" up client "$@"
    lab_stop client KILL
    lab_reboot
    ok "$what: after kill -9 and a boot the client is ready" up client "$@"
    names "$what"
    lab_stop client
    is "$what: and all is as before" "$(lab_resolver_file)" "$before"
}

# The file, in each of its forms.
for form in plain link dangling missing mounted; do
    lab_etc
    printf '# by hand\nnameserver 192.0.2.99\noptions trust-ad edns0' >"$LAB_DIR/other.conf"
    case $form in
        plain) install -m 0640 -g 4 "$LAB_DIR/other.conf" /etc/resolv.conf ;;
        link) ln -s ../run/lab/other.conf /etc/resolv.conf ;;
        dangling) ln -s ../run/lab/none.conf /etc/resolv.conf ;;
        mounted) touch /etc/resolv.conf && mount --bind "$LAB_DIR/other.conf" /etc/resolv.conf ;;
    esac
    restored "$form file" --route default
    [ "$form" != link ] || is "a link's target was left alone" "$(tail -c 5 "$LAB_DIR/other.conf")" edns0
    lab_etc_end
done

lab_etc
echo "nameserver 192.0.2.99" >/etc/resolv.conf
before=$(lab_resolver_file)
ok "with --dns and a network alone the client is ready" up client --dns "$LAB_RESOLVER4" --route "${LAB_ROUTES[0]}"
is "the file stays as it is" "$(lab_resolver_file)" "$before"
like "and a line says what --dns does" "$(lab_log client)" "DNS is not set: .*--dns"
lab_stop client
ok "with --dns-setup none and a default route, too" up client --route default --dns-setup none
is "the file stays as it is" "$(lab_resolver_file)" "$before"
lab_stop client
ok "with --dns-setup file, IPv6 outside and an IPv6 resolver the client is ready" \
    up client -o "HostName=$LAB_SERVER6" --dns fd11:1111::53 --dns-setup file --dns-search tunnel.example \
    --route "${LAB_ROUTES[0]}" --route "${LAB_ROUTES[1]}"
names "IPv6 resolver"
is "a name of one word is completed" "$(lab_in client getent ahostsv4 www | awk 'NR == 1 { print $1 }')" "$LAB_WEB4"
ok "a second tunnel takes the file" up second --device tun2 --session second --address 10.111.7.2/32 --address6 none \
    --dns "$LAB_RESOLVER4" --dns-setup file
like "its resolver is asked now" "$(cat /etc/resolv.conf)" "nameserver $LAB_RESOLVER4\$"
lab_stop client
like "when the first ends, the second's stays" "$(cat /etc/resolv.conf)" "nameserver $LAB_RESOLVER4\$"
ok "the first is there again" up client --dns fd11:1111::53 --dns-setup file
lab_stop client KILL
lab_stop second
is "when the second ends, and the first was killed, all is as before" "$(lab_resolver_file)" "$before"
ok "the client is ready" up client --route default
echo "nameserver 192.0.2.77" >/etc/resolv.conf
lab_stop client
is "what another program has written meanwhile stays" "$(cat /etc/resolv.conf)" "nameserver 192.0.2.77"
ok "the client is ready" up client --route default
lab_stop client KILL
echo "nameserver 192.0.2.78" >/etc/resolv.conf
ok "taken down after a kill" down
is "what another program has written meanwhile stays" "$(cat /etc/resolv.conf)" "nameserver 192.0.2.78"
ok "the client is ready" up client --route default
ok "down stops a running client" lab_in client "$LAB_BIN/packet-tunnel" down
ok "which ends" lab_wait client 1
is "with status 0" "$LAB_STATUS" 0
is "and the file is as it was" "$(cat /etc/resolv.conf)" "nameserver 192.0.2.78"
not_ok "without systemd-resolved --dns-setup resolved fails" up client --route default --dns-setup resolved
like "and says so" "$(lab_log client)" "systemd-resolved does not answer"
is "and the file is as it was" "$(cat /etc/resolv.conf)" "nameserver 192.0.2.78"
lab_etc_end

if lab_has_package systemd-resolved; then
    lab_etc systemd-resolved
    echo "nameserver 192.0.2.99" >/etc/resolv.conf
    restored "systemd-resolved is installed and does not run" --route default
    is "so the file was written" "$(grep -c 'by.*/etc/resolv.conf' "$LAB_DIR/client.log")" 1
    ok "systemd-resolved runs" lab_resolved || diag "$(lab_log resolved)"
    ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
    restored "systemd-resolved" --route default
    ok "systemd-resolved: the client is ready" up client --route default
    like "for every name" "$(lab_in client resolvectl status "$(lab_tun client)")" "~[.]"
    like "its stub is asked" "$(lab_in client cat /etc/resolv.conf)" "nameserver 127.0.0.53"
    lab_stop client
    mount --bind /dev/null /usr/bin/resolvectl
    restored "systemd-resolved without resolvectl" --route default --dns-setup resolved
    umount /usr/bin/resolvectl
    rm /etc/resolv.conf
    echo "nameserver 192.0.2.99" >/etc/resolv.conf
    restored "systemd-resolved beside a file that names another resolver" --route default
    lab_resolved_end
    lab_etc_end
else
    diag "systemd-resolved is not unpacked: Tests/Lab/install.sh tests"
fi

if lab_has_package openresolv; then
    lab_etc openresolv
    echo "nameserver 192.0.2.99" >/etc/resolv.conf
    restored "openresolv is installed and does not write the file" --route default
    # From 3.13 on it takes a file that somebody else wrote only when it is told to (-u), as its service is at the boot.
    boot() {
        echo "nameserver 192.0.2.98" | lab_in client resolvconf -a eth0.dhcp
        lab_in client resolvconf -u
    }
    boot
    before=$(lab_resolver_file)
    # What the boot itself takes back, before any interface is there.
    lab_reboot() {
        rm -rf /run/packet-tunnel /run/resolvconf
        ok "openresolv: taken down at the boot" down
        is "openresolv: the boot finds the file as before" "$(lab_resolver_file)" "$before"
        boot
    }
    restored "openresolv" --route default
    like "it wrote the file" "$(lab_log client)" "by.*resolvconf"
    lab_etc_end
    rm -rf /run/resolvconf
else
    diag "openresolv is not unpacked: Tests/Lab/install.sh tests"
fi

if lab_has_package resolvconf; then
    lab_etc resolvconf
    ln -s ../run/resolvconf/resolv.conf /etc/resolv.conf
    boot() {
        mkdir -p /run/resolvconf/interface
        lab_in client resolvconf --enable-updates
        echo "nameserver 192.0.2.98" | lab_in client resolvconf -a eth0.dhcp
    }
    boot
    lab_reboot() { rm -rf /run/packet-tunnel /run/resolvconf && boot; }
    restored "Debian's resolvconf" --route default
    like "the file was written, too, because it went on naming another" "$(lab_log client)" "by.*resolvconf.*/etc/resolv.conf"
    lab_etc_end
else
    diag "resolvconf is not unpacked: Tests/Lab/install.sh tests"
fi
is "nothing was written outside" "$(sha256sum /etc/resolv.conf)" "$outside"
done_testing
