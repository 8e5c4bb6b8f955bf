# Programs in C: peers that speak by libssh, as this system has it, and what stands between a program and its kernel.
#
#   lab_compile PROGRAM FILE... [LINKER OPTION...]    0 if it was built; what the compiler said is in $LAB_DIR/compile.log

lab_compile() {
    local program=$1 compiler=cc libraries=(-l:libssh.a -lcrypto -lz -lgssapi_krb5)
    shift
    command -v cc >/dev/null || compiler=clang
    # The archive of 0.12 needs one more; Sources/CLibSSH/library.c asks in the same way.
    if printf '%s\n' '#include <libssh/libssh.h>' '#if LIBSSH_VERSION_INT >= SSH_VERSION_INT(0, 12, 0)' \
        '#if __has_include(<fido.h>)' security_keys '#endif' '#endif' | "$compiler" -E -P - | grep -q '^security_keys'; then
        libraries+=(-lfido2)
    fi
    "$compiler" -Wall -Wextra -O2 -o "$program" "$@" "${libraries[@]}" >"$LAB_DIR/compile.log" 2>&1 ||
        { cat "$LAB_DIR/compile.log"; return 1; }
}
