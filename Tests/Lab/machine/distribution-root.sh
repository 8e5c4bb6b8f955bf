# The inside of distribution.sh: makes a tree the root of this process, and runs a command in it.
#
#   distribution-root.sh online|offline TREE TOOLCHAIN CHECKOUT [COMMAND...]
#
# In mount and process namespaces of its own, and offline in a network namespace, too.
set -u
network=$1 tree=$2 toolchain=$3 checkout=$4
shift 4

# show PATH: something of this machine, read-only at the same place in the tree.
show() {
    [ -e "$1" ] || return 0
    if [ -d "$1" ]; then mkdir -p "$tree$1"; else mkdir -p "$tree$(dirname "$1")" && touch "$tree$1"; fi
    mount --bind "$1" "$tree$1" && mount -o remount,bind,ro "$tree$1"
}

make_devices() {
    local name
    mount -t tmpfs -o mode=755 tmpfs "$tree/dev"
    mkdir -p "$tree/dev/net" "$tree/dev/pts" "$tree/dev/shm"
    for name in null zero full random urandom tty net/tun; do
        touch "$tree/dev/$name"
        mount --bind "/dev/$name" "$tree/dev/$name"
    done
    mount -t devpts -o newinstance,ptmxmode=666 devpts "$tree/dev/pts"
    mount -t tmpfs tmpfs "$tree/dev/shm"
    ln -s pts/ptmx "$tree/dev/ptmx"
    ln -s /proc/self/fd "$tree/dev/fd"
    ln -s fd/0 "$tree/dev/stdin"
    ln -s fd/1 "$tree/dev/stdout"
    ln -s fd/2 "$tree/dev/stderr"
}

# git fetches the packages from where this machine's git would.
show_sources() {
    local key base
    rm -f "$tree/root/.gitconfig"
    git config --get-regexp '^url\.' | while read -r key base; do
        git config --file "$tree/root/.gitconfig" --add "$key" "$base"
        key=${key#url.} key=${key%.*}
        case $key in /*) show "${key%/}" ;; esac
    done
}

# Libraries that the toolchain was linked with and the tree does not have: those of this machine, and what they need.
lend_libraries() {
    local lent=$tree/usr/local/lib/swift-toolchain missing name file round
    mkdir -p "$lent"
    echo /usr/local/lib/swift-toolchain >"$tree/etc/ld.so.conf.d/zz-swift-toolchain.conf"
    for round in 1 2 3 4 5 6 7 8; do
        chroot "$tree" ldconfig
        missing=$(chroot "$tree" sh -c "ldd '$toolchain'/usr/bin/* '$toolchain'/usr/lib/swift/linux/*.so \
            /usr/local/lib/swift-toolchain/* 2>/dev/null" | sed -n 's/^\t\(lib[^ ]*\) => not found$/\1/p' | sort -u)
        for name in $missing; do
            file=$(ldconfig -p | sed -n "s|^\t$name (.*=> ||p" | head -n 1)
            [ -z "$file" ] || [ -e "$lent/$name" ] || cp --dereference "$file" "$lent/$name"
        done
    done
}

# What needs the Internet: the release's packages, the Python libraries, the sources of the Swift packages.
prepare() {
    local run=(chroot "$tree" env HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive) log=$tree/root/prepare.log
    show /etc/resolv.conf
    show_sources
    # A mirror may be a snapshot, whose lists have run out; debootstrap takes them, too.
    echo 'Acquire::Check-Valid-Until "false";' >"$tree/etc/apt/apt.conf.d/snapshot"
    # As an installed system has it: sudo looks up the name of the machine each time.
    printf '127.0.0.1 localhost\n127.0.1.1 %s\n::1 localhost\n' "$(uname --nodename)" >"$tree/etc/hosts"
    # No service starts in here.
    printf '#!/bin/sh\nexit 101\n' >"$tree/usr/sbin/policy-rc.d"
    chmod 755 "$tree/usr/sbin/policy-rc.d"
    {
        "${run[@]}" apt-get -qq update && "${run[@]}" apt-get -qq -y full-upgrade &&
            "${run[@]}" apt-get -qq -y --no-install-recommends install ca-certificates git binutils tzdata
    } >"$log" 2>&1 || { tail -n 3 "$log"; return 1; }
    lend_libraries
    # Certificates of this machine's own network count in here, too.
    show /etc/ssl/certs/ca-certificates.crt
    "${run[@]}" sh -c "cd $checkout && Tests/Lab/install.sh tests && swift package resolve" >>"$log" 2>&1 ||
        { tail -n 5 "$log"; return 1; }
    # From now on the sources come from what has been fetched.
    local repository
    rm -f "$tree/root/.gitconfig"
    for repository in "$tree$checkout"/.build/repositories/*/; do
        repository=${repository%/}
        git config --file "$tree/root/.gitconfig" --add "url.${repository#"$tree"}.insteadOf" \
            "$(git --git-dir "$repository" config remote.origin.url)"
    done
}

# The machine's own root disappears: nothing of it is to be reached, and namespaces within need a root that is a mount.
enter() {
    cd "$tree" && mkdir -p .old && pivot_root . .old && cd / && umount --lazy /.old && rmdir /.old || exit 71
    exec env -i PATH="$PATH" HOME=/root LANG=C.UTF-8 \
        TERM="${TERM:-dumb}" sh -c 'cd "$0" && exec "$@"' "$checkout" "$@"
}

main() {
    mount --bind "$tree" "$tree"
    mount -t proc proc "$tree/proc"
    mount -t sysfs sysfs "$tree/sys" 2>/dev/null
    mount -t tmpfs -o mode=1777 tmpfs "$tree/tmp"
    mount -t tmpfs -o mode=755 tmpfs "$tree/run"
    make_devices
    show "$toolchain"
    export PATH="$toolchain/usr/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    if [ "$network" = online ]; then
        prepare
        return
    fi
    ip link set lo up
    if [ $# = 0 ]; then set -- sh -c 'Examples/localhost-tunnel/run && exec Tests/run'; fi
    enter "$@"
}

main "$@"; exit
