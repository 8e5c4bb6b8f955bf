#!/usr/bin/env bash
# Files of a daemon that are not what they should be: copies beside key files, and a disk that is full at the first start.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_test_network
mkdir -m 755 "$LAB_DIR/keys"
cp "$LAB_DIR/client_key.pub" "$LAB_DIR/keys/alice"
for copy in alice~ alice.bak alice.dpkg-old '#alice#' .alice.swp; do cp "$LAB_DIR/keys/alice" "$LAB_DIR/keys/$copy"; done
ok "the daemon is ready" lab_daemon daemon "AuthorizedKeysFile $LAB_DIR/keys/%u" "PerSourcePenalties no" || done_testing
# info_as USER ADDRESS: the exit status of `info` as that user.
info_as() {
    lab_in client "$LAB_BIN/packet-tunnel" info -F none -i "$LAB_DIR/client_key" -o IdentitiesOnly=yes \
        -o StrictHostKeyChecking=yes -o "UserKnownHostsFile=$LAB_DIR/known_hosts" -p "$LAB_PORT" "$1@$2" \
        >"$LAB_DIR/said" 2>&1 </dev/null
    echo $?
}
for server in "$LAB_SERVER4" "$LAB_SERVER6"; do
    is "$server: alice is a user" "$(info_as alice "$server")" 0
    for copy in alice~ alice.bak alice.dpkg-old '#alice#' .alice.swp; do
        is "$server: $copy is none, although such a file has the key" "$(info_as "$copy" "$server")" 77
    done
done
like "the log says why" "$(lab_log daemon)" 'there are no keys for this user.* user=alice~'
lab_stop daemon

# One page for files: the inode of another one fits, and not a byte in it.
mkdir "$LAB_DIR/full"
mount -t tmpfs -o size=4k tmpfs "$LAB_DIR/full"
head -c 4096 /dev/zero >"$LAB_DIR/full/other"
not_ok "a daemon does not start without room for its host key" lab_daemon full "HostKey $LAB_DIR/full/host_key"
lab_wait full 5
is "that is a matter of its files" "$LAB_STATUS" 69
like "it says what is wrong, and where" "$(lab_log full)" "$LAB_DIR/full/host_key: cannot be written: (No space left on device|the disk is full)"
is "no empty key is left, nor anything else" "$(ls -A "$LAB_DIR/full")" other
rm "$LAB_DIR/full/other"
mount -o remount,size=1m "$LAB_DIR/full"
ok "with room it starts" lab_daemon full "HostKey $LAB_DIR/full/host_key"
is "with a whole key of its own" "$(stat -c %a "$LAB_DIR/full/host_key")" 600
fingerprint=$(ssh-keygen -lf "$LAB_DIR/full/host_key" | cut -d' ' -f2)
like "whose fingerprint it tells" "$(lab_log full)" "fingerprint=${fingerprint//+/\\+}"
lab_stop full
umount "$LAB_DIR/full"
done_testing
