# The package as a library: what a stranger's package does with it, built outside of the lab, where the network is.
#
#   library_build NAME PATH SCRATCH [OPTION...]  swift build; what it says is kept, its products are in $SCRATCH/debug
#   library_status NAME, library_said NAME       the exit status and the end of what it said
#   library_outside               build the package of Tests/Outside, which depends on a tagged clone by version
#
# Everything lies below .build/library and is built anew only where something has changed.

LIBRARY=$LAB_ROOT/.build/library
LIBRARY_OUTSIDE=$LIBRARY/outside/.build
# One for both, because they share nearly everything that has to be compiled.
LIBRARY_EXAMPLES=$LIBRARY/examples

library_build() {
    local name=$1 path=$2 scratch=$3 status=0
    shift 3
    mkdir -p "$LIBRARY"
    swift build --package-path "$path" --scratch-path "$scratch" "$@" >"$LIBRARY/$name.log" 2>&1 || status=$?
    echo "$status" >"$LIBRARY/$name.status"
}

library_status() { cat "$LIBRARY/$1.status"; }
library_said() { { grep -E "error|warning" "$LIBRARY/$1.log" || tail -n 5 "$LIBRARY/$1.log"; } | sort -u | head -n 10; }

# SwiftPM remembers which commit a version stood for, so every commit of ours is a version of its own.
library_clone() {
    local clone=$LIBRARY/packet-tunnel
    rm -rf "$clone"
    git clone --quiet "$LAB_ROOT" "$clone" || return
    git -C "$clone" tag "0.1.$(git -C "$clone" log -1 --format=%ct)"
}

# Builds the package of Tests/Outside against a tagged clone of this repository, as somebody else's package would.
library_outside() {
    local package=$LIBRARY/outside
    library_clone || return
    mkdir -p "$package"
    # Files that have not changed keep their time, so that they are not compiled again.
    cp --recursive --preserve=timestamps --update "$LAB_ROOT/Tests/Outside/." "$package/"
    rm -f "$package/Package.resolved" "$LIBRARY_OUTSIDE/workspace-state.json"
    PACKET_TUNNEL_CLONE=$LIBRARY/packet-tunnel library_build outside "$package" "$LIBRARY_OUTSIDE" \
        --security-path "$LIBRARY/security"
}
