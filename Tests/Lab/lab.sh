# The test lab: a small network of namespaces that exists only as long as the script that asked for it.
#
# A script sources this file and calls `lab_enter "$@"` first. That starts the script anew inside network, mount and
# process namespaces of its own (and a user namespace when it is not root). Devices, addresses, mounts, files under
# $LAB_DIR and processes all belong to these namespaces: when the script ends, by whatever signal, nothing is left.
#
#   client ── server ── target      client2 and office hang on the server too; see network.sh
#
#   lab_enter "$@"                  go inside; returns inside only
#   lab_network                     build the network (network.sh)
#   lab_in NS COMMAND...            run a command in a namespace
#   lab_start NAME NS COMMAND...    run a command in the background; its output goes to $LAB_DIR/NAME.log
#   lab_stop NAME [SIGNAL]          end it, wait, and leave its exit status in $LAB_STATUS
#   lab_alive NAME, lab_pid NAME, lab_log NAME
#   wait_for SECONDS COMMAND...     poll until the command succeeds; fails when the time is over
#   lab_snapshot [NS]               print what a tunnel could leave behind in a namespace (none named: this one)
#
# Environment: LAB_LOGS=DIRECTORY copies all logs there at the end.

LAB_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_ROOT=$(cd "$LAB_HERE/../.." && pwd)
LAB_DIR=/run/lab
LAB_POLL=0.02
PATH=$PATH:/usr/sbin:/sbin

# Starts the calling script again inside the lab, or prepares the lab when it already is inside.
lab_enter() {
    local status=0
    if [ "${LAB_INSIDE:-}" != "$0" ]; then
        lab_run_inside "$@" || status=$?
        exit "$status"
    fi
    _lab_prepare
}

# Runs the calling script inside the lab and returns with its status: for scripts that also have work outside.
lab_run_inside() {
    local spaces=(--net --mount --pid --fork --kill-child --mount-proc) lab status=0 keys
    if ! unshare --net --mount true 2>/dev/null; then
        spaces=(--user --map-root-user "${spaces[@]}")
        if ! unshare --user --map-root-user --net --mount true 2>/dev/null; then
            echo "lab: this system gives an ordinary user no namespaces of its own; run this as root" >&2
            return 77
        fi
    fi
    # Programs go by the account's home, not by HOME: without this the inside had nothing to lay its own over.
    keys=$(getent passwd "$(id -u)" | cut -d: -f6)/.ssh
    mkdir -m 700 "$keys" 2>/dev/null || keys=
    # The death signal takes the lab down even when this shell is killed; a job of its own lets the traps run at once.
    LAB_INSIDE=$0 setpriv --pdeathsig KILL env --default-signal=INT,QUIT,PIPE \
        unshare "${spaces[@]}" "${BASH:-bash}" "$0" "$@" <&0 &
    lab=$!
    # shellcheck disable=SC2064 # the process that runs now is meant
    trap "kill -KILL $lab 2>/dev/null; exit 130" INT
    # shellcheck disable=SC2064
    trap "kill -KILL $lab 2>/dev/null; exit 143" TERM HUP
    wait "$lab" || status=$?
    trap - INT TERM HUP
    [ -z "$keys" ] || rmdir "$keys" 2>/dev/null
    return "$status"
}

_lab_prepare() {
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    mount -t tmpfs -o mode=755 tmpfs /run || exit 71
    mkdir -p "$LAB_DIR/home" /run/netns /run/sshd
    # What a client keeps for the next boot.
    mount -t tmpfs -o mode=755 tmpfs /var/lib || exit 71
    _lab_open_checkout
    # No setting or key of the person who runs this may take part.
    local home
    home=$(getent passwd "$(id -u)" | cut -d: -f6)
    if [ -d "$home/.ssh" ]; then mount -t tmpfs -o mode=700 tmpfs "$home/.ssh"; fi
    export HOME=$LAB_DIR/home
    unset SSH_AUTH_SOCK SSH_CONNECTION http_proxy https_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY all_proxy
    declare -gA LAB_PIDS=()
    trap _lab_leave EXIT
}

# Some tests are other users, who run these programs, too: where the home of the person who runs this is closed to them, both
# are shown at an open place.
_lab_open_checkout() {
    local root=$LAB_ROOT open=/run/lab-checkout programs=/run/lab-programs
    ! setpriv --reuid 65534 --regid 65534 --clear-groups test -r "$LAB_HERE/lab.sh" -a -x "$LAB_BIN" 2>/dev/null || return 0
    mkdir "$open" && mount --bind "$root" "$open" || exit 71
    LAB_ROOT=$open LAB_HERE=$open${LAB_HERE#"$root"}
    [ -d "$LAB_BIN" ] || return 0
    mkdir "$programs" && mount --bind "$LAB_BIN" "$programs" || exit 71
    LAB_BIN=$programs LAB_TOOL=$programs/lab-tool
}

_lab_leave() {
    if [ -n "${LAB_LOGS:-}" ]; then
        mkdir -p "$LAB_LOGS" && cp "$LAB_DIR"/*.log "$LAB_LOGS" 2>/dev/null
    fi
}

lab_in() {
    local namespace=$1
    shift
    nsenter --net="/run/netns/$namespace" -- "$@"
}

lab_start() {
    local name=$1 namespace=$2
    shift 2
    # `env` undoes the ignored interrupt that a shell gives its background jobs.
    nsenter --net="/run/netns/$namespace" -- env --default-signal=INT,QUIT,PIPE "$@" \
        </dev/null >"$LAB_DIR/$name.log" 2>&1 &
    LAB_PIDS[$name]=$!
    # Until then the process is still the shell's copy, and a signal would meet the wrong program.
    wait_for 5 _lab_has_become "$!" "${1##*/}" || true
}

# True when the process runs the named program, or has ended.
_lab_has_become() {
    local words
    [ -d "/proc/$1" ] || return 0
    { read -r -d '' words <"/proc/$1/cmdline"; } 2>/dev/null || return 0
    case $words in nsenter | */nsenter | env | */env) return 1 ;; esac
    [ "${words##*/}" != "${BASH##*/}" ] || [ "$2" = "${BASH##*/}" ]
}

lab_pid() { printf '%s\n' "${LAB_PIDS[$1]:-}"; }
lab_log() { cat "$LAB_DIR/$1.log" 2>/dev/null; }

lab_alive() {
    local state
    state=$(ps -o state= -p "${LAB_PIDS[$1]:-0}" 2>/dev/null) && [ "$state" != Z ]
}

# Waits for the end of NAME for at most SECONDS; its exit status is in $LAB_STATUS (124 when it did not end).
lab_wait() {
    LAB_STATUS=124
    # The shell would report here that it saw a process die of a signal.
    {
        wait_for "$2" _lab_ended "$1" || return 1
        LAB_STATUS=0
        wait "${LAB_PIDS[$1]}" || LAB_STATUS=$?
    } 2>/dev/null
    unset "LAB_PIDS[$1]"
}

_lab_ended() { ! lab_alive "$1"; }

lab_stop() {
    local name=$1 signal=${2:-TERM}
    [ -n "${LAB_PIDS[$name]:-}" ] || return 0
    kill -s "$signal" "${LAB_PIDS[$name]}" 2>/dev/null
    if ! lab_wait "$name" 10; then
        kill -s KILL "${LAB_PIDS[$name]}" 2>/dev/null
        lab_wait "$name" 5
        return 1
    fi
}

wait_for() {
    local seconds=$1 end
    shift
    end=$((SECONDS + seconds + 1))
    until "$@" >/dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep "$LAB_POLL"
    done
}

# True when the log of NAME has a line that matches the extended regular expression.
lab_logged() { grep -qiE -- "$2" "$LAB_DIR/$1.log"; }

# Only what a tunnel sets up: neighbours, counters and lifetimes come and go by themselves.
lab_snapshot() {
    local in=()
    [ -z "${1:-}" ] || in=(lab_in "$1")
    {
        "${in[@]}" ip -o link show | sed -e 's/ state [A-Z]*//' -e 's/,LOWER_UP//' -e 's/NO-CARRIER,//'
        "${in[@]}" ip -o addr show | sed 's/ valid_lft.*//'
        "${in[@]}" ip -4 route show table all
        "${in[@]}" ip -6 route show table all | sed 's/ expires [0-9]*sec//'
        "${in[@]}" ip -4 rule show
        "${in[@]}" ip -6 rule show
        "${in[@]}" nft --stateless list ruleset
        "${in[@]}" find /proc/sys/net -path '*/neigh/*' -prune -o \
            \( -name '*forwarding*' -o -name ip_forward -o -name rp_filter -o -name accept_ra \) \
            -exec grep -H . {} + | sort
    } 2>/dev/null
}

. "$LAB_HERE/network/network.sh"
. "$LAB_HERE/network/services.sh"
. "$LAB_HERE/programs/tunnel.sh"
