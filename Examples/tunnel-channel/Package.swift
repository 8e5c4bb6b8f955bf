// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "tunnel-channel",
    dependencies: [.package(name: "packet-tunnel", path: "../..")],
    targets: [
        .executableTarget(
            name: "tunnel-channel",
            dependencies: [
                .product(name: "IPPacket", package: "packet-tunnel"),
                .product(name: "PacketTunnel", package: "packet-tunnel"),
                .product(name: "PacketTunnelTestKit", package: "packet-tunnel"),
                .product(name: "SSHTransport", package: "packet-tunnel"),
            ],
            swiftSettings: [.swiftLanguageMode(.v6)]
        )
    ]
)
