// swift-tools-version: 6.2
import PackageDescription

// A package of its own, because every module in it is built with other options than users build with: see `run`.
let package = Package(
    name: "fuzzers",
    dependencies: [
        .package(name: "packet-tunnel", path: "../.."),
        // The server wants a logger, if only a silent one.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .target(name: "CLibFuzzer"),
        .target(name: "CPeerPackets", dependencies: [.product(name: "SSHTransport", package: "packet-tunnel")]),
        .executableTarget(
            name: "fuzz",
            dependencies: [
                "CLibFuzzer", "CPeerPackets",
                .product(name: "EventLoops", package: "packet-tunnel"),
                .product(name: "IPPacket", package: "packet-tunnel"),
                .product(name: "PacketTunnel", package: "packet-tunnel"),
                .product(name: "PacketTunnelTestKit", package: "packet-tunnel"),
                .product(name: "SSHTransport", package: "packet-tunnel"),
                .product(name: "_Parsers", package: "packet-tunnel"),
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Sources/Fuzz",
            swiftSettings: [.swiftLanguageMode(.v6), .enableUpcomingFeature("ExistentialAny")],
            // The sanitizer's library brings a `main` of its own, and the default linker will not have two.
            linkerSettings: [
                .unsafeFlags([
                    "-use-ld=lld", "-Xlinker", "-z", "-Xlinker", "muldefs",
                    // Packets in memory of exactly their length (CPeerPackets).
                    "-Xlinker", "--wrap=ssh_buffer_get", "-Xlinker", "--wrap=ssh_buffer_get_len",
                    "-Xlinker", "--wrap=ssh_channel_from_local",
                ])
            ]
        ),
    ]
)
