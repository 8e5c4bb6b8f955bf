#!/usr/bin/env bash
# A newcomer's first packet by README's text alone: every command of "Set up a server and a client" as it is written there, each
# side with an /etc, a home and a /usr/local/bin of its own. Only the build is taken as done.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
[ "$(id -u)" = 0 ] && [ "$(awk 'NR == 1 { print $3 }' /proc/self/uid_map)" -gt 65536 ] || skip_all "an /etc of one's own needs root"
lab_test_network
mkdir "$LAB_DIR/try" "$LAB_DIR/try-work"
mount -t overlay -o "lowerdir=/etc,upperdir=$LAB_DIR/try,workdir=$LAB_DIR/try-work" overlay /mnt ||
    skip_all "this kernel has no overlay file system"
umount /mnt

# The internet of this test has addresses that the shipped configuration does not deny.
web=203.0.114.10 resolver=203.0.114.53
ip -n target addr add "$web/32" dev lo
ip -n target addr add "$resolver/32" dev lo
_lab_route server default via "$LAB_TARGET4"
_lab_route server default via "$LAB_TARGET6"
lab_start dns target dnsmasq --no-daemon --conf-file=/dev/null --no-resolv --no-hosts --pid-file= --bind-interfaces \
    --listen-address="$resolver" --address="/www.example.com/$web"

# commands WHERE: the block of README whose first line is a comment that begins so, without that line.
commands() {
    awk -v where="    # $1" '/^## /{ in_section = /^## Set up a server and a client/ } !in_section { next }
        /^$/ { in_block = 0 } in_block { print substr($0, 5) } index($0, where) == 1 { in_block = 1 }' "$LAB_ROOT/README.md"
}
# side NAME COMMAND: runs that in the side's namespaces, which its first command makes.
cat >"$LAB_DIR/side.sh" <<'END'
name=$1 home=$2
mkdir -p "$home/.ssh" "$LAB_DIR/$name-etc" "$LAB_DIR/$name-work" "$LAB_DIR/$name-run" "$LAB_DIR/$name-lib"
mount -t overlay -o "lowerdir=/etc,upperdir=$LAB_DIR/$name-etc,workdir=$LAB_DIR/$name-work" overlay /etc
mount -t tmpfs tmpfs /usr/local/bin
mount --bind "$LAB_DIR/$name-lib" /var/lib
mkdir -p /run/packet-tunnel
mount --bind "$LAB_DIR/$name-run" /run/packet-tunnel
rm -f /etc/resolv.conf
echo "hosts: files dns" >/etc/nsswitch.conf
case $name in
    server) echo "nameserver $resolver" >/etc/resolv.conf ;;
    client) printf '127.0.0.1 localhost\n%s vpn.example\n' "$LAB_SERVER4" >/etc/hosts; echo "nameserver 192.0.2.99" >/etc/resolv.conf ;;
esac
echo made
exec sleep infinity
END
export LAB_DIR LAB_SERVER4 resolver
mkdir -p "$LAB_DIR/work/.build"
ln -s "$LAB_BIN" "$LAB_DIR/work/.build/release"
ln -s "$LAB_ROOT/ssh-config" "$LAB_DIR/work/ssh-config"
for name in server client; do
    lab_start "$name-side" "$name" unshare --mount --propagation private "$BASH" "$LAB_DIR/side.sh" "$name" "$LAB_DIR/$name-home"
    wait_for 5 lab_logged "$name-side" made
done
words() { # words NAME
    echo nsenter --mount="/proc/$(lab_pid "$1-side")/ns/mnt" --net="/run/netns/$1" env HOME="$LAB_DIR/$1-home" \
        PATH="/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin" "$BASH" -c
}
# run NAME WHERE: the commands one after the other, in the directory with the sources; each has to succeed.
run() {
    # shellcheck disable=SC2046
    timeout 30 $(words "$1") "cd '$LAB_DIR/work' && set -ex; $(commands "$2")"
}
start() { # start LOG NAME WHERE
    # shellcheck disable=SC2046
    lab_start "$1" "$2" $(words "$2") "cd '$LAB_DIR/work' && set -e; $(commands "$3")"
}

for where in "on the client: a key" "on the server, as root" "on the server, in a second terminal" "on the client, as root" \
    "on the client, in a second terminal"; do
    ok "README has commands $where" test -n "$(commands "$where")"
done
start_time=$SECONDS
ok "the client makes a key" run client "on the client: a key"
cp "$LAB_DIR/client-home/.ssh/tunnel_key.pub" "$LAB_DIR/work/"
start daemon server "on the server, as root"
ok "the server is ready" wait_for 20 lab_logged daemon '\bready\b' || done_testing
fingerprint=$(run server "on the server, in a second terminal" 2>/dev/null | awk '{ print $2 }')
like "its fingerprint is shown" "$fingerprint" "^SHA256:"
# A person answers the question about the host key, once it names that fingerprint.
# shellcheck disable=SC2046
lab_start client client "$LAB_TOOL" terminal --answer yes --expect "$fingerprint" $(words client) \
    "cd '$LAB_DIR/work' && set -e; $(commands "on the client, as root")"
ok "the client asks about that fingerprint, and is ready" wait_for 30 lab_logged client '\bready\b' || done_testing
like "the first packet brings a page, by a name that the server looks up" \
    "$(run client "on the client, in a second terminal" 2>&1)" "hello"
at_most "all of that takes less than three minutes (s)" "$((SECONDS - start_time))" 180
lab_stop client
# shellcheck disable=SC2046
is "the resolvers are those of before" "$($(words client) 'cat /etc/resolv.conf')" "nameserver 192.0.2.99"
is "and no device is left" "$(ip -n client -o link show type tun)" ""
done_testing
