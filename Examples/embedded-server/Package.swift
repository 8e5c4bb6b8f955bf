// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "embedded-server",
    dependencies: [
        .package(name: "packet-tunnel", path: "../.."),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        .executableTarget(
            name: "embedded-server",
            dependencies: [
                .product(name: "IPPacket", package: "packet-tunnel"),
                .product(name: "PacketTunnel", package: "packet-tunnel"),
                .product(name: "PacketTunnelTestKit", package: "packet-tunnel"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
