#!/usr/bin/env bash
# Runs a command on this checkout as another Debian release would: its libraries, its programs, this machine's kernel and
# Swift toolchain.
#
#   Tests/Lab/machine/distribution.sh RELEASE [COMMAND...]     RELEASE is bookworm, trixie, forky, ...
#
# Without a command: the example and Tests/run, as the README has them. Once, debootstrap makes the release's tree below
# /var/cache/packet-tunnel-distributions (or $DISTRIBUTIONS); it is brought up to date each time, and the build in it is kept.
# All that needs the Internet comes first; the command has mounts, processes and a network of its own, and what it sees of
# this machine is the toolchain, read-only. Nothing is left but the tree: to be rid of that, remove its directory.
# Needs root, debootstrap, and the Internet.
set -u

release=${1:?a Debian release, such as trixie}
shift
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
cache=${DISTRIBUTIONS:-/var/cache/packet-tunnel-distributions}
tree=$cache/$release
checkout=/root/packet-tunnel

say() { printf '  %s: %s\n' "$release" "$*"; }
fail() {
    say "$*" >&2
    exit 69
}

main() {
    [[ $release =~ ^[a-z]+$ ]] || fail "this is not the name of a Debian release"
    [ "$(id -u)" = 0 ] || fail "needs root"
    command -v debootstrap >/dev/null || fail "needs debootstrap: apt-get install debootstrap"
    # The program in PATH may be a wrapper.
    toolchain=$(swift -print-target-info 2>/dev/null | sed -n 's|.*"runtimeResourcePath": "\(.*\)/usr/lib/swift".*|\1|p')
    [ -x "$toolchain/usr/bin/swift" ] || fail "no Swift toolchain in PATH"
    mkdir -p "$cache"
    # One at a time in a tree: the lock goes with this script.
    exec 9>"$cache/$release.lock"
    flock --nonblock 9 || fail "somebody else is using $tree"
    [ -e "$tree/etc/debian_version" ] || make_tree
    copy_checkout
    # The mounts belong to processes of their own and go with the last of them, however this ends.
    in_tree online prepare || fail "could not be prepared"
    in_tree offline "$@"
}

# Under another name until it is whole.
make_tree() {
    local mirror script=/usr/share/debootstrap/scripts/$release
    mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' | sed -n 's/^Debian http/http/p' | head -n 1)
    mirror=${mirror:-http://deb.debian.org/debian}
    # Every release that debootstrap does not know yet is made as Debian unstable is.
    [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
    say "debootstrap from $mirror"
    rm -rf --one-file-system "$tree.partial"
    debootstrap --variant=minbase "$release" "$tree.partial" "$mirror" "$script" >"$cache/$release.log" 2>&1 ||
        fail "debootstrap failed: $(tail -n 1 "$cache/$release.log")"
    mv "$tree.partial" "$tree"
}

# The files as they are here, in a repository of their own: a work tree of git points elsewhere. The build stays.
copy_checkout() {
    local copy=$tree$checkout
    mkdir -p "$copy"
    find "$copy" -mindepth 1 -maxdepth 1 ! -name .build -exec rm -rf {} +
    (cd "$root" && git ls-files --cached --others --exclude-standard -z | xargs -0 ls -d 2>/dev/null | tar --create --files-from -) |
        tar --extract --directory "$copy" || fail "the checkout cannot be copied"
    git -C "$copy" init --quiet && git -C "$copy" add --all &&
        git -C "$copy" -c user.name=tests -c user.email=tests@localhost -c commit.gpgsign=false commit --quiet --message "as it is" ||
        fail "the copy cannot be committed"
}

# in_tree online|offline COMMAND...: runs one of the functions below, or a program, with the tree as its root.
in_tree() {
    local network=$1 spaces=(--mount --pid --fork --kill-child --propagation private)
    shift
    [ "$network" = online ] || spaces+=(--net)
    setpriv --pdeathsig KILL unshare "${spaces[@]}" bash "$here/distribution-root.sh" "$network" "$tree" "$toolchain" "$checkout" "$@" 9>&-
}

main "$@"; exit
