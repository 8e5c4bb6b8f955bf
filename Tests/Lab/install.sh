#!/usr/bin/env bash
# Installs the Debian packages that building and testing need, and only those that are missing.
#
#   Tests/Lab/install.sh          what the example needs
#   Tests/Lab/install.sh tests    what the tests need on top
#
# Says one line for each thing it does. Needs root or sudo only when something is missing.
set -u

# g++ brings the C++ library of the release's own compiler, which programs with a static Swift library are linked with.
build=(libssh-dev libc-ares-dev libssl-dev zlib1g-dev libkrb5-dev g++)
lab=(iproute2 util-linux nftables conntrack openssh-client curl dnsmasq-base bind9-dnsutils iperf3 procps)
tests=(openssh-server perl ethtool iputils-ping python3-venv sudo)
# SSH libraries of others, to be talked to in the tests. They stay inside .build.
libraries=(asyncssh==2.21.0 paramiko==3.5.1)
venv=$(dirname "${BASH_SOURCE[0]}")/../../.build/python-venv

# Resolver services and a firewall to be tried by the tests. They exclude each other, or change their host, so they are not
# installed but unpacked, inside .build.
services=("systemd-resolved systemd libsystemd-shared dbus-daemon" openresolv resolvconf
    "ufw iptables libip4tc2 libip6tc2 libxtables12 netbase libnfnetlink0")
unpacked=$(dirname "${BASH_SOURCE[0]}")/../../.build/resolvers

say() { printf '  install: %s\n' "$*"; }
fail() {
    printf '  install: %s\n' "$*" >&2
    exit 69
}

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# The toolchain cannot come from Debian: it is in no Debian release yet.
check_swift() {
    local version
    command -v swift >/dev/null ||
        fail "no Swift toolchain in PATH; install Swift 6.2 or later from https://www.swift.org/install/linux/ and try again"
    version=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9]*\.[0-9]*\).*/\1/p' | head -n 1)
    if [ "$(printf '6.2\n%s\n' "${version:-0}" | sort -V | head -n 1)" != 6.2 ]; then
        fail "the Swift toolchain in PATH is ${version:-of an unknown version}; 6.2 or later is needed"
    fi
}

# The static archive of libssh 0.12 needs a library that no package names.
needs_security_keys() {
    local version
    version=$(dpkg-query -W -f='${Version}' libssh-dev 2>/dev/null)
    [ -n "$version" ] || version=$(apt-cache policy libssh-dev 2>/dev/null | sed -n 's/^ *Candidate: //p')
    dpkg --compare-versions "${version:-0}" ge 0.12
}

install_missing() {
    local as_root=()
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "missing: $*. Install them as root: apt-get install $*"
        as_root=(sudo)
    fi
    say "apt-get update"
    "${as_root[@]}" apt-get -qq update || say "the package lists could not be renewed; trying with the old ones"
    say "apt-get install $*"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install "$@" >/dev/null ||
        fail "apt-get could not install all of: $*"
    # The tests start sshd themselves, on a network of their own. A service that was not there before stays off.
    case " $* " in *" openssh-server "*)
        if [ -d /run/systemd/system ]; then
            say "switching off the ssh service that came with openssh-server"
            "${as_root[@]}" systemctl disable --now --quiet ssh.service ssh.socket 2>/dev/null
        fi ;;
    esac
}

# Made by the system's Python: one of a version manager may lie in a home that the lab hides. The note at the end says
# what is in there, so that a run that was cut off begins anew.
install_libraries() {
    local note=$venv/installed
    if [ "$(cat "$note" 2>/dev/null)" = "${libraries[*]}" ]; then
        say "the Python libraries are there"
        return
    fi
    say "pip install ${libraries[*]}"
    rm -rf "$venv"
    /usr/bin/python3 -m venv "$venv" &&
        "$venv/bin/pip" --quiet --disable-pip-version-check install "${libraries[@]}" ||
        fail "pip could not install all of: ${libraries[*]}"
    echo "${libraries[*]}" >"$note"
}

# Debian's packages have files beside /usr that belong below it.
unpack_services() {
    local group name package directory program
    for group in "${services[@]}"; do
        name=${group%% *}
        [ ! -e "$unpacked/$name/unpacked" ] || continue
        say "apt-get download $group"
        rm -rf "${unpacked:?}/$name"
        mkdir -p "$unpacked/$name/download" "$unpacked/$name/etc" "$unpacked/$name/usr"
        # shellcheck disable=SC2086 # several packages
        if ! (cd "$unpacked/$name/download" && apt-get -qq download $group 2>/dev/null); then
            say "not there, and its tests are left out: $name"
            continue
        fi
        for package in "$unpacked/$name/download"/*.deb; do dpkg-deb -x "$package" "$unpacked/$name"; done
        for directory in bin sbin lib; do
            [ ! -d "$unpacked/$name/$directory" ] || cp -a "$unpacked/$name/$directory" "$unpacked/$name/usr/"
        done
        # Links that the installation would make.
        for program in "$unpacked/$name/usr/sbin"/ip*tables-nft*; do
            [ ! -e "$program" ] || ln -sf "${program##*/}" "${program/-nft/}"
        done
        rm -rf "$unpacked/$name/download"
        touch "$unpacked/$name/unpacked"
    done
}

main() {
    local wanted=("${build[@]}" "${lab[@]}") missing=() package
    [ "${1:-}" != tests ] || wanted+=("${tests[@]}")
    check_swift
    command -v dpkg-query >/dev/null ||
        fail "this is no Debian system; install what corresponds to: ${wanted[*]}"
    ! needs_security_keys || wanted+=(libfido2-dev)
    for package in "${wanted[@]}"; do
        installed "$package" || missing+=("$package")
    done
    if [ "${#missing[@]}" -gt 0 ]; then
        install_missing "${missing[@]}"
    fi
    say "all ${#wanted[@]} packages are there"
    [ "${1:-}" != tests ] || { install_libraries && unpack_services; }
}

main "$@"
