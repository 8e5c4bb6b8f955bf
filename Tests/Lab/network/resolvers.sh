# The ways in which a host's programs find their resolver, each the real program, on an /etc of the test's own.
#
#   lab_etc [PACKAGE...]      lay an empty layer over /etc, with the files of Debian packages that install.sh has unpacked
#   lab_etc_end               take it away
#   lab_has_package PACKAGE   whether it has been unpacked
#   lab_resolved              start a message bus and systemd-resolved in the namespace `client`
#   lab_resolved_end
#   lab_resolver_file         print what /etc/resolv.conf is: kind, mode, owner, target, and every byte
#   lab_reboot                let everything vanish that a boot lets vanish

LAB_PACKAGES=$LAB_ROOT/.build/resolvers
LAB_LAYERS=()

lab_has_package() { [ -e "$LAB_PACKAGES/$1/unpacked" ]; }

lab_etc() {
    local package etc=/etc usr=/usr
    for package in "$@"; do
        etc=$LAB_PACKAGES/$package/etc:$etc usr=$LAB_PACKAGES/$package/usr:$usr
    done
    rm -rf "$LAB_DIR/etc" "$LAB_DIR/etc-work"
    mkdir -p "$LAB_DIR/etc" "$LAB_DIR/etc-work"
    mount -t overlay -o "lowerdir=$etc,upperdir=$LAB_DIR/etc,workdir=$LAB_DIR/etc-work" overlay /etc || return
    LAB_LAYERS=(/etc)
    if [ $# -gt 0 ]; then
        mount -t overlay -o "lowerdir=$usr" overlay /usr || return
        LAB_LAYERS+=(/usr)
    fi
    rm -f /etc/resolv.conf
    echo "hosts: files dns" >/etc/nsswitch.conf
}

lab_etc_end() {
    local layer
    for layer in "${LAB_LAYERS[@]}"; do umount --recursive --lazy "$layer"; done
    LAB_LAYERS=()
}

lab_resolver_file() {
    stat -c '%F %a %u:%g %N' /etc/resolv.conf 2>/dev/null || { echo missing && return; }
    od -c /etc/resolv.conf 2>/dev/null || echo "leads nowhere"
}

# What lies in /run is gone, and the boot has another name; a mount lasts as long as the boot in which it was made.
lab_reboot() {
    rm -rf /run/packet-tunnel /run/resolvconf
    cat /proc/sys/kernel/random/uuid >"$LAB_DIR/boot_id"
    mount --bind "$LAB_DIR/boot_id" /proc/sys/kernel/random/boot_id
}

lab_resolved() {
    local daemon=/usr/lib/systemd/systemd-resolved
    mkdir -p /run/dbus /run/systemd
    echo "systemd-resolve:x:4996:4996::/:/usr/sbin/nologin" >>/etc/passwd
    echo "systemd-resolve:x:4996:" >>/etc/group
    cat >"$LAB_DIR/bus.conf" <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_type="method_call"/>
    <allow send_type="method_return"/>
    <allow send_type="error"/>
    <allow send_type="signal"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>
</busconfig>
END
    lab_start bus client dbus-daemon --config-file="$LAB_DIR/bus.conf" --nofork --nopidfile
    wait_for 5 test -S /run/dbus/system_bus_socket || return
    lab_start resolved client "$daemon"
    wait_for 10 lab_in client busctl --auto-start=no --timeout=2 call org.freedesktop.resolve1 \
        /org/freedesktop/resolve1 org.freedesktop.DBus.Peer Ping
}

lab_resolved_end() {
    lab_stop resolved
    lab_stop bus
    rm -rf /run/dbus /run/systemd/resolve
}
