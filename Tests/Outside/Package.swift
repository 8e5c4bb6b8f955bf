// swift-tools-version: 6.2
import PackageDescription

// What somebody else's package sees of this one: a version of a clone, and its products.
// `Tests/EndToEnd/Packaging/library.t` makes the clone and says where it is.
let clone = Context.environment["PACKET_TUNNEL_CLONE"] ?? "/nonexistent"

func product(_ name: String) -> Target.Dependency { .product(name: name, package: "packet-tunnel") }

let package = Package(
    name: "outside",
    dependencies: [
        .package(url: "file://\(clone)", from: "0.1.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // The core alone, which needs no C library.
        .executableTarget(
            name: "core",
            dependencies: [product("PacketTunnel")],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
        // Every operation of the seed.
        .executableTarget(
            name: "seed",
            dependencies: [
                product("EventLoops"), product("IPPacket"), product("LinuxNetwork"), product("PacketTunnel"),
                product("PacketTunnelTestKit"), product("SSHTransport"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        ),
    ]
)
