# What a test says: one line per claim in the Test Anything Protocol, read by `prove`.
#
#   ok WHAT COMMAND...        holds when the command succeeds
#   not_ok WHAT COMMAND...    holds when the command fails
#   is WHAT GOT EXPECTED      holds when both texts are the same
#   like WHAT GOT REGEX       holds when the text matches the extended regular expression
#   at_least WHAT GOT LEAST, at_most WHAT GOT MOST   compare numbers
#   diag TEXT...              a remark for whoever reads the output
#   skip_all REASON           ends a test that cannot run here
#   done_testing              the last line of every test

TAP_COUNT=0 TAP_FAILED=0

diag() { printf '%s\n' "$*" | sed 's/^/# /'; }

_tap() {
    TAP_COUNT=$((TAP_COUNT + 1))
    if [ "$1" = 0 ]; then
        printf 'ok %s - %s\n' "$TAP_COUNT" "$2"
        return 0
    fi
    TAP_FAILED=$((TAP_FAILED + 1))
    printf 'not ok %s - %s\n' "$TAP_COUNT" "$2"
    [ -z "${3:-}" ] || diag "$3"
    return 1
}

ok() {
    local what=$1 status=0
    shift
    # In this shell, not in a substitution: what a command starts has to be known here afterwards.
    "$@" >"$LAB_DIR/said" 2>&1 || status=$?
    _tap "$status" "$what" "$* (exit status $status) $(head -c 500 "$LAB_DIR/said")"
}

not_ok() {
    local what=$1 status=0
    shift
    "$@" >"$LAB_DIR/said" 2>&1 || status=$?
    _tap "$((status == 0))" "$what" "succeeded: $* $(head -c 500 "$LAB_DIR/said")"
}

is() {
    local status=0
    [ "$2" = "$3" ] || status=1
    _tap "$status" "$1" "got:      ${2:-nothing}
expected: $3"
}

like() {
    local status=0
    printf '%s\n' "$2" | grep -qiE -- "$3" || status=1
    _tap "$status" "$1" "got:             ${2:-nothing}
does not match:  $3"
}

at_least() { _tap "$(awk -v a="${2:-0}" -v b="$3" 'BEGIN { print !(a + 0 >= b + 0) }')" "$1" "${2:-nothing} is below $3"; }
at_most() { _tap "$(awk -v a="${2:-inf}" -v b="$3" 'BEGIN { print !(a + 0 <= b + 0) }')" "$1" "${2:-nothing} is above $3"; }

skip_all() {
    echo "1..0 # SKIP $*"
    exit 0
}

# Where something failed, the last lines of every program's log are what one wants to see next.
done_testing() {
    local log
    echo "1..$TAP_COUNT"
    [ "$TAP_FAILED" -gt 0 ] || exit 0
    for log in "$LAB_DIR"/*.log; do
        diag "--- ${log##*/}"
        tail -n 12 "$log" | sed 's/^/#   /'
    done
    exit 1
}

# What nearly every test begins with: the network, keys and a web server, or a word on why it cannot run here.
lab_test_network() {
    if [ ! -w /dev/net/tun ]; then
        skip_all "/dev/net/tun cannot be opened by this user"
    fi
    lab_build_is_there || exit 1
    lab_network && lab_keys && lab_web target
}

# Starts the daemon and one client, or ends the test with what they said.
lab_test_tunnel() {
    ok "the daemon is ready" lab_daemon daemon "$@" || done_testing
    ok "the client is ready" lab_client client client || done_testing
}

page() { lab_in "$1" curl --silent --show-error --max-time "${3:-5}" "http://$2/"; }
