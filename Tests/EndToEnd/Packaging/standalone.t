#!/usr/bin/env bash
# The programs on a machine without a Swift toolchain: what they are linked with, how large they are, how soon they start.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
lab_enter "$@"
lab_build_is_there || exit 1
[ "$(basename "$(realpath "$LAB_BIN")")" != debug ] || skip_all "programs for debugging are linked with the toolchain's libraries"

# The toolchain, wherever it is, is out of reach from here on.
toolchain=$(swift -print-target-info 2>/dev/null | sed -n 's|.*"runtimeResourcePath": "\(.*\)/lib/swift".*|\1|p')
[ -z "$toolchain" ] || mount -t tmpfs tmpfs "$toolchain"
not_ok "there is no toolchain" test -e "${toolchain:-/nonexistent}/lib/swift"
milliseconds() { echo $((${EPOCHREALTIME/./} / 1000)); }
for program in packet-tunneld packet-tunnel packet-tunnel-subsystem; do
    file=$LAB_BIN/$program
    libraries=$(ldd "$file")
    not_ok "$program needs no library of Swift" grep -qiE 'swift|foundation|dispatch|blocks' <<<"$libraries"
    not_ok "$program finds every library that it needs" grep -q 'not found' <<<"$libraries"
    started=$(milliseconds)
    for _ in 1 2 3 4 5; do said=$("$file" --version); done
    taken=$((($(milliseconds) - started) / 5))
    like "$program runs" "$said" "^$program [0-9]"
    at_most "and is there at once (milliseconds)" "$taken" 500
    diag "$program: $(($(stat -Lc %s "$file") / 1024)) KiB, $(strip -o /dev/stdout "$file" 2>/dev/null | wc -c | awk '{ print int($1 / 1024) }') KiB without symbols, starts in $taken ms"
done
# The subsystem passes descriptors and speaks no SSH.
not_ok "packet-tunnel-subsystem has no SSH library" grep -qE 'crypto|fido' <<<"$(ldd "$LAB_BIN/packet-tunnel-subsystem")"
done_testing
