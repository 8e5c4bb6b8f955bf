#!/usr/bin/env bash
# known_hosts in every form that people have it: what stock ssh accepts carries a page, and what it refuses is refused.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/side-by-side.sh"
lab_enter "$@"
lab_test_network
ok "the daemon is ready" lab_daemon || done_testing
key=$(cut -d' ' -f1,2 "$LAB_DIR/host_key.pub") other=$(cut -d' ' -f1,2 "$LAB_DIR/other_host_key.pub")
host="[$LAB_SERVER4]:$LAB_PORT" net="${LAB_SERVER4%.*}" file=$LAB_DIR/hosts
echo "$LAB_SERVER4 vpn.example" >"$LAB_DIR/etc-hosts"
mount --bind "$LAB_DIR/etc-hosts" /etc/hosts

# row NAME TEXT: TEXT, as printf takes it, is the known_hosts file.
row() {
    # shellcheck disable=SC2059 # the text is a format
    printf "$2" >"$file"
    side_by_side "$1" -i "$LAB_DIR/client_key" -o StrictHostKeyChecking=yes -o GlobalKnownHostsFile=none \
        -o "UserKnownHostsFile=$file" "${@:3}"
}
row "a plain line" "$host $key\n"
printf '%s\n' "$host $key" >"$file" && ssh-keygen -q -H -f "$file" >/dev/null 2>&1
row "a hashed name" "$(cat "$file")\n"
row "the hash of another name" "$(sed 's/|1|./|1|A/' "$file")\n"
row "CRLF" "$host $key a comment\r\n"
row "blanks in front, and tabs" " \t$host\t${key/ /\\t}\n"
row "a wildcard for everybody" "* $key\n"
row "a wildcard without the port" "$net.* $key\n"
row "the address without the port" "$LAB_SERVER4 $key\n"
row "another key for the address without the port" "$LAB_SERVER4 $other\n"
row "a wildcard with the port" "[$net.*]:$LAB_PORT $key\n"
row "a wildcard for the port" "[$net.*]:* $key\n"
row "a list" "example.org,$host,[2001:db8:1::1]:$LAB_PORT $key\n"
row "a host that is excluded" "!$host,[$net.*]:$LAB_PORT $key\n"
row "a host that is excluded behind its pattern" "[$net.*]:*,!$host $key\n"
row "another host that is excluded" "!example.org,$host $key\n"
row "a revoked key" "@revoked * $key\n$host $key\n"
row "a revoked key behind a blank" " @revoked * $key\n$host $key\n"
row "a revoked key behind tabs and blanks" "\t \t@revoked $host $key\n$host $key\n"
row "a key that is revoked after its own line" "$host $key\n@revoked * $key\n"
row "a key that is revoked by CRLF lines" "$host $key\r\n@revoked * $key\r\n"
row "a key that is revoked for another host" "@revoked example.org $key\n$host $key\n"
row "another key that is revoked" "@revoked $host $other\n$host $key\n"
row "an authority beside the key" "@cert-authority * $other\n$host $key\n"
row "an authority alone" "@cert-authority * $key\n"
row "an unknown marker" "@new * $key\n"
row "a changed key" "$host $other\n"
row "two keys, one of them right" "$host $other\n$host $key\n"
row "an unknown type first" "$host ssh-unknown AAAA\n$host $key\n"
row "a byte order mark" "\xef\xbb\xbf$host $key\n"
row "no last newline" "$host $key"
row "nothing" ""
row "a marker before a tab" "@revoked\t*\t$key\n$host $key\n"
like "which is said to revoke nothing" "$(lab_log ours)" "$file:1: .*revokes nothing: write a blank"
row "a marker before tabs alone" "@revoked\t$host\t${key/ /\\t}\n$host $key\n"
# One that stock ssh overlooks.
printf '%s\n' "$host $key" "@revoked $LAB_SERVER4 $key" >"$file"
not_ok "a revoked key that stock ssh accepts is refused" carries_a_page -F none -p "$LAB_PORT" \
    -i "$LAB_DIR/client_key" -o GlobalKnownHostsFile=none -o "UserKnownHostsFile=$file" "$LAB_USER@$LAB_SERVER4"
DESTINATION=$LAB_USER@vpn.example
row "a name" "[vpn.example]:$LAB_PORT $key\n"
row "a name in capitals" "[VPN.Example]:$LAB_PORT $key\n"
row "CheckHostIP no, the address has another key" "[vpn.example]:$LAB_PORT $key\n$host $other\n" -o CheckHostIP=no
DESTINATION=$LAB_USER@VPN.Example row "capitals on the command line" "[vpn.example]:$LAB_PORT $key\n"

# Files that are named in the configuration. "none" on the command line would hide them.
mkdir "$LAB_DIR/khd" "$LAB_DIR/a b"
for name in "$LAB_DIR/khd/vpn.example" "$LAB_DIR/a b/kh"; do echo "[vpn.example]:$LAB_PORT $key" >"$name"; done
echo "alias $key" >"$LAB_DIR/alias"
echo "$key" >"$LAB_DIR/revoked"
CFG=$LAB_DIR/cfg
export LAB_DIR
named() {
    printf 'Host *\n GlobalKnownHostsFile none\n StrictHostKeyChecking yes\n IdentityFile %s\n %s\n' \
        "$LAB_DIR/client_key" "$2" >"$CFG"
    side_by_side "$1"
}
named "%h" "UserKnownHostsFile $LAB_DIR/khd/%h"
named "%k, and a second file" "UserKnownHostsFile /nonexistent $LAB_DIR/khd/%k"
named "a quoted name with a blank" "UserKnownHostsFile \"$LAB_DIR/a b/kh\""
named "a variable" "UserKnownHostsFile \${LAB_DIR}/khd/vpn.example"
named "none" "UserKnownHostsFile none"
named "an alias" "$(printf 'HostKeyAlias ALIAS\n UserKnownHostsFile %s' "$LAB_DIR/alias")"
named "KnownHostsCommand" "$(printf 'KnownHostsCommand /bin/cat %s\n UserKnownHostsFile none' "$LAB_DIR/khd/%h")"
named "KnownHostsCommand that fails" "$(printf 'KnownHostsCommand /bin/false\n UserKnownHostsFile none')"
named "RevokedHostKeys" "$(printf 'RevokedHostKeys %s\n UserKnownHostsFile %s' "$LAB_DIR/revoked" "$LAB_DIR/khd/%h")"
ssh-keygen -q -t ed25519 -N '' -f "$LAB_DIR/another"
for kind in key sha1 sha256; do
    for name in host_key another; do
        echo "$kind: $(cat "$LAB_DIR/$name.pub")" >"$LAB_DIR/specification"
        ssh-keygen -k -q -f "$LAB_DIR/$kind-$name" "$LAB_DIR/specification"
        named "RevokedHostKeys, a binary list of $name by $kind" \
            "$(printf 'RevokedHostKeys %s\n UserKnownHostsFile %s' "$LAB_DIR/$kind-$name" "$LAB_DIR/khd/%h")"
    done
done
head -c 60 "$LAB_DIR/key-another" >"$LAB_DIR/cut"
named "RevokedHostKeys, a binary list that is cut off" \
    "$(printf 'RevokedHostKeys %s\n UserKnownHostsFile %s' "$LAB_DIR/cut" "$LAB_DIR/khd/%h")"
named "RevokedHostKeys that is missing" \
    "$(printf 'RevokedHostKeys /nonexistent\n UserKnownHostsFile %s' "$LAB_DIR/khd/%h")"
done_testing
