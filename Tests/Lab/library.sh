# The package as a library: what a stranger's package does with it, built outside of the lab, where the network is.
#
#   library_build NAME PATH SCRATCH [OPTION...]  swift build; what it says is kept, its products are in $SCRATCH/debug
#   library_status NAME, library_said NAME       the exit status and the end of what it said
#   library_embedder              write a package that depends on a tagged clone of this repository by version
#
# Everything lies below .build/library and is built anew only where something has changed.

LIBRARY=$LAB_ROOT/.build/library
LIBRARY_USER=$LIBRARY/user/.build
LIBRARY_EVERYTHING=$LIBRARY/everything
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
library_embedder() {
    local clone=$LIBRARY/packet-tunnel user=$LIBRARY/user version
    rm -rf "$clone" "$user/Package.resolved"
    git clone --quiet "$LAB_ROOT" "$clone" || return
    version=0.1.$(git -C "$clone" log -1 --format=%ct)
    git -C "$clone" tag "$version" || return
    mkdir -p "$user/Sources/user"
    library_write "$user/Package.swift" <<EOF
// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "user",
    dependencies: [.package(url: "file://$clone", from: "0.1.0")],
    targets: [
        .executableTarget(name: "user", dependencies: [.product(name: "PacketTunnel", package: "packet-tunnel")]),
        .executableTarget(
            name: "everything",
            dependencies: ["IPPacket", "PacketTunnel", "PacketTunnelTestKit", "SSHTransport"].map {
                .product(name: $0, package: "packet-tunnel")
            }
        ),
    ]
)
EOF
    library_write "$user/Sources/user/main.swift" <<'EOF'
import PacketTunnel

let configuration = try ServerConfiguration().validated()
let pool = try AddressPool(ipv4: configuration.ipv4Pool, ipv6: configuration.ipv6Pool)
print("capacity", pool.capacity)
EOF
    mkdir -p "$user/Sources/everything"
    library_write "$user/Sources/everything/main.swift" <<'EOF'
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import SSHTransport

// What no linker could leave out.
let server = SSHServerConfiguration()
print("libssh", SSHLibrary.version, server.keyExchanges.filter { SSHLibrary.knows($0, in: .keyExchange) }.count)
print(IPAddress("192.0.2.1").map { "\($0)" } ?? "", ServerConfiguration().mtu, type(of: MemoryDevice.self))
EOF
}

# Leaves a file alone that says the same already, so that it is not compiled again.
library_write() {
    local text
    text=$(cat)
    [ "$(cat "$1" 2>/dev/null)" = "$text" ] || printf '%s\n' "$text" >"$1"
}
