#!/usr/bin/env bash
# The seams of Sources/CLibSSH/README.md, in the archive of this system and in the daemon that was linked with it.
. "$(dirname "$0")/../../Lab/lab.sh"
. "$LAB_HERE/tap.sh"
. "$LAB_HERE/programs/compile.sh"
lab_enter "$@"
lab_build_is_there || exit 1
command -v nm >/dev/null || skip_all "needs the binutils"
shim=$LAB_ROOT/Sources/CLibSSH
archive=$(gcc -print-file-name=libssh.a 2>/dev/null || clang -print-file-name=libssh.a)
mapfile -t options < <(grep -o -- '--wrap=[a-z_]*' "$LAB_ROOT/Package.swift" | sed 's/^/-Wl,/')
diag "$archive, ${options[*]}"

# bypasses ARCHIVE: calls by which bytes of a socket could pass that nobody would notice.
bypasses() {
    nm -u "$1" 2>/dev/null | sed -n 's/^ *U //p' | sort -u |
        grep -xE '(__)?(recv|recvfrom|recvmsg|recvmmsg|send|sendto|sendmsg|sendmmsg|poll|ppoll|epoll_wait|select|pselect|readv|writev|preadv2?|splice)(_chk|64)?' |
        while read -r name; do printf '%s\n' "${options[@]}" | grep -qx -- "-Wl,--wrap=$name" || echo "$name"; done
}
undefined() { nm -u "$archive" 2>/dev/null | grep -qx " *U $1"; }
# The calls in the daemon: on any processor, what a disassembler shows names its target.
calls() { grep -cE "[[:space:]]<?__wrap_$1(@plt)?>?\$|<__wrap_$1>" "$LAB_DIR/calls"; }
objdump --disassemble --no-show-raw-insn "$LAB_BIN/packet-tunneld" | grep -E '<__wrap_' | grep -vE '^[0-9a-f]+ <' >"$LAB_DIR/calls"

is "the archive moves no bytes of a socket by other calls than those that are wrapped" "$(bypasses "$archive")" ""
for name in ssh_buffer_add_buffer ssh_buffer_pass_bytes_end ssh_packet_encrypt ssh_send_rekex recv send poll; do
    ok "the archive calls $name across its objects" undefined "$name"
    at_least "the daemon goes to the shim for $name" "$(calls "$name")" 1
    diag "$name: $(calls "$name") calls"
done

# An archive that was compiled otherwise.
cp "$archive" "$LAB_DIR/other.a"
objcopy --redefine-sym recv=recvmsg --redefine-sym poll=ppoll "$LAB_DIR/other.a"
is "an archive that reads by other calls would be noticed" "$(bypasses "$LAB_DIR/other.a" | tr '\n' ' ')" "ppoll recvmsg "
cp "$archive" "$LAB_DIR/other.a"
objcopy --redefine-sym recv=__recv_chk --redefine-sym poll=__poll_chk "$LAB_DIR/other.a"
is "and one with checked calls comes by the same seams" "$(bypasses "$LAB_DIR/other.a")" ""
ok "a program with checked calls is built" lab_compile "$LAB_DIR/fortified" -D_FORTIFY_SOURCE=2 "$LAB_HERE/ssh/fortified.c" \
    "$shim"/*.c -I"$shim/include" "${options[@]}" || done_testing
like "which it has" "$(nm "$LAB_DIR/fortified" | sed 's/.* //' | tr '\n' ' ')" '__wrap___poll_chk.*__wrap___recv_chk'
is "and by them it receives" "$("$LAB_DIR/fortified")" "seams 10000"

# Versions that the shim was not made for.
# version MAJOR MINOR: the shim, compiled with headers that claim to be this version.
version() {
    local headers=$LAB_DIR/headers
    rm -rf "$headers" && mkdir -p "$headers/libssh"
    cp "$(dirname "$(find /usr/include -name libssh_version.h | head -n 1)")"/*.h "$headers/libssh"
    sed -i -e "s/\(LIBSSH_VERSION_MAJOR *\) .*/\1 $1/" -e "s/\(LIBSSH_VERSION_MINOR *\) .*/\1 $2/" "$headers/libssh/libssh_version.h"
    cc -fsyntax-only -I"$headers" -I"$shim/include" "$shim/init.c" 2>&1
}
like "headers before 0.10 are an error that says so" "$(version 0 9)" 'error: .*needs libssh 0[.]10 or later'
like "headers after 0.12 are a warning that says so" "$(version 0 13)" 'warning: .*newer than 0[.]12'
not_ok "those after are no error" grep -q 'error:' <<<"$(version 0 13)"
is "those of this system are neither" "$(cc -fsyntax-only -Wall -Wextra -I"$shim/include" "$shim/init.c" 2>&1)" ""
done_testing
