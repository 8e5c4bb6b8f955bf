# The package as a library: what a stranger's package does with it, built outside of the lab, where the network is.
#
#   library_build NAME PATH SCRATCH [OPTION...]  swift build; what it says is kept, its products are in $SCRATCH/debug
#   library_status NAME, library_said NAME       the exit status and the end of what it said
#   library_article               build the program of the article "Embed the server", as it stands there: my-tunnel
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

# library_code FILE NUMBER: a block of Swift of an article.
library_code() { awk -v number="$2" '/^```swift$/ { found++; inside = 1; next } /^```$/ { inside = 0 } inside && found == number' "$1"; }

library_article() {
    local package=$LIBRARY/my-tunnel article=$LAB_ROOT/Sources/PacketTunnel/PacketTunnel.docc/EmbedTheServer.md
    mkdir -p "$package/Sources/my-tunnel"
    # The clone beside it is this one, so that it shares what the examples have compiled.
    library_code "$article" 1 | sed "s|path: \"../packet-tunnel\"|name: \"packet-tunnel\", path: \"$LAB_ROOT\"|" >"$package/Package.swift"
    library_code "$article" 2 >"$package/Sources/my-tunnel/main.swift"
    library_build my-tunnel "$package" "$LIBRARY_EXAMPLES"
}

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
