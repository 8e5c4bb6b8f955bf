// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "packet-relay",
    dependencies: [
        .package(name: "packet-tunnel", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .executableTarget(
            name: "packet-relay",
            dependencies: [
                .product(name: "EventLoops", package: "packet-tunnel"),
                .product(name: "IPPacket", package: "packet-tunnel"),
                .product(name: "LinuxNetwork", package: "packet-tunnel"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "PacketTunnel", package: "packet-tunnel"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
