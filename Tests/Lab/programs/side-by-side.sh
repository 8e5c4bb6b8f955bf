# Stock ssh and our client side by side on the same files of OpenSSH: sourced by tests that compare what the two make of them.
#
#   side_by_side NAME [OPTION...]   a row: both log in and ours carries a page, or both refuse; DESTINATION is who and where
#
# Environment of a row: CFG is the file that -F names (none without it), DESTINATION the host (default: the server's address).

# Starts a tunnel, takes a page through it, and ends it. What it said is in $LAB_DIR/ours.log.
carries_a_page() {
    local carried=1
    lab_start ours client "$LAB_BIN/packet-tunnel" up "$@" --route "$LAB_WEB4/32" --address6 none
    wait_for 10 lab_ready_or_gone ours
    if lab_alive ours && page client "$LAB_WEB4" >/dev/null 2>&1; then carried=0; fi
    lab_stop ours
    return "$carried"
}

stock_logs_in() {
    lab_in client timeout 10 ssh -o BatchMode=yes "$@" info >"$LAB_DIR/stock.out" 2>&1 </dev/null
}

side_by_side() {
    local name=$1 stock=refused ours=refused words
    shift
    words=(-F "${CFG:-none}" -p "$LAB_PORT" "$@" "${DESTINATION:-$LAB_USER@$LAB_SERVER4}")
    ! stock_logs_in "${words[@]}" || stock=carried
    ! carries_a_page "${words[@]}" || ours=carried
    is "$name: $stock" "$ours" "$stock"
}
