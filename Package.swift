// swift-tools-version: 6.2
import PackageDescription

/// The upcoming language features every module of the package is written against.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]

/// Modules that handle packet bytes: every unsafe construct has to be marked, and noncopyable views may be declared.
let packetPath: [SwiftSetting] =
    common + [
        .strictMemorySafety(),
        .enableExperimentalFeature("Lifetimes"),
    ]

let package = Package(
    name: "packet-tunnel",
    products: [
        .library(name: "IPPacket", targets: ["IPPacket"]),
        .library(name: "PacketTunnel", targets: ["PacketTunnel"]),
        .library(name: "PacketTunnelTestKit", targets: ["PacketTunnelTestKit"]),
        .library(name: "EventLoops", targets: ["EventLoops"]),
        .library(name: "LinuxNetwork", targets: ["EventLoops", "LinuxNetwork"]),
        // Links libssh, as CLibSSH says below; the products above need no C library.
        .library(name: "SSHTransport", targets: ["EventLoops", "SSHTransport"]),
        // Not for users: what has no product of its own and is fuzzed by a package of its own (Tests/Fuzzers).
        .library(name: "_Parsers", targets: ["OpenSSHSyntax", "TunnelConfiguration", "TunnelControl"]),
        .executable(name: "packet-tunneld", targets: ["packet-tunneld"]),
        .executable(name: "packet-tunnel", targets: ["packet-tunnel"]),
        .executable(name: "packet-tunnel-bench", targets: ["packet-tunnel-bench"]),
        .executable(name: "packet-tunnel-subsystem", targets: ["packet-tunnel-subsystem"]),
    ],
    dependencies: [
        // Owner: the programs. Options, `--help` and usage errors.
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        // Owner: EventLoop. The heap of its timers.
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        // Owner: PacketTunnel. Levels and metadata of every log line; whoever embeds the core chooses where they go.
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        // Owner: the programs. SIGTERM and SIGINT as a sequence.
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        // Owner: LinuxNetwork. Runs `nft` and reads what it says.
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        .target(name: "IPPacket", swiftSettings: packetPath),
        .target(
            name: "PacketTunnel",
            dependencies: ["IPPacket", .product(name: "Logging", package: "swift-log")],
            swiftSettings: packetPath
        ),

        // The texts of OpenSSH's files and command lines: patterns, times, sizes, addresses, options, quoting.
        .target(name: "OpenSSHSyntax", dependencies: ["IPPacket"], swiftSettings: common),

        // Adapters: each knows one outside thing.
        .target(name: "CEventLoops"),
        .target(
            name: "EventLoops",
            dependencies: ["CEventLoops", "PacketTunnel", .product(name: "HeapModule", package: "swift-collections")],
            swiftSettings: common
        ),
        .target(name: "CLinuxNetwork"),
        .target(
            name: "LinuxNetwork",
            dependencies: [
                "CLinuxNetwork", "EventLoops", "IPPacket", "PacketTunnel",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "CLibSSH",
            exclude: ["README.md"],
            linkerSettings: [
                // The static archive: the shim needs functions that the shared library hides.
                .linkedLibrary(":libssh.a"),
                .linkedLibrary("crypto"), .linkedLibrary("z"), .linkedLibrary("gssapi_krb5"),
                // The seams of open.c and receive.c. SwiftPM takes them from dependencies of tools version 6.2 and up.
                .unsafeFlags([
                    "-Xlinker", "--wrap=ssh_buffer_add_buffer", "-Xlinker", "--wrap=ssh_buffer_pass_bytes_end",
                    "-Xlinker", "--wrap=ssh_packet_encrypt", "-Xlinker", "--wrap=ssh_send_rekex",
                    "-Xlinker", "--wrap=recv", "-Xlinker", "--wrap=send", "-Xlinker", "--wrap=poll",
                    "-Xlinker", "--wrap=__recv_chk", "-Xlinker", "--wrap=__poll_chk",
                ]),
            ]
        ),
        .target(
            name: "CNameServers",
            // c-ares: the one resolver whose sockets can be marked and routed before they are connected. Static like libssh, so that
            // programs run where it is not installed.
            linkerSettings: [.linkedLibrary(":libcares.a")]
        ),
        .target(
            name: "SSHTransport",
            dependencies: [
                "CLibSSH", "CNameServers", "EventLoops", "IPPacket", "OpenSSHSyntax", "PacketTunnel",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .target(name: "CTunnelControl"),
        .target(
            name: "TunnelControl",
            dependencies: [
                "CTunnelControl", "EventLoops", "PacketTunnel", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "TunnelConfiguration",
            dependencies: [
                "IPPacket", "OpenSSHSyntax", "PacketTunnel", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .target(
            name: "PacketTunnelTestKit",
            dependencies: ["IPPacket", "PacketTunnel", .product(name: "Logging", package: "swift-log")],
            swiftSettings: common
        ),

        // Programs: arguments, wiring, exit code.
        .executableTarget(
            name: "packet-tunneld",
            dependencies: [
                "EventLoops", "IPPacket", "LinuxNetwork", "OpenSSHSyntax", "PacketTunnel", "SSHTransport",
                "TunnelConfiguration", "TunnelControl",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: common
        ),
        .executableTarget(
            name: "packet-tunnel",
            dependencies: [
                "EventLoops", "IPPacket", "LinuxNetwork", "OpenSSHSyntax", "PacketTunnel", "SSHTransport",
                "TunnelConfiguration",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "UnixSignals", package: "swift-service-lifecycle"),
            ],
            swiftSettings: common
        ),
        .executableTarget(
            name: "packet-tunnel-bench",
            dependencies: [
                "EventLoops", "IPPacket", "OpenSSHSyntax", "PacketTunnel", "PacketTunnelTestKit", "SSHTransport",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .executableTarget(
            name: "packet-tunnel-subsystem",
            dependencies: [
                "OpenSSHSyntax", "PacketTunnel", "TunnelConfiguration", "TunnelControl",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common
        ),

        .testTarget(name: "ClientProgramTests", dependencies: ["packet-tunnel", "IPPacket"], swiftSettings: common),
        .testTarget(
            name: "PacketTunnelBenchTests",
            dependencies: [
                "packet-tunnel-bench", .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: common
        ),
        // The tree itself: its layout, and its documents beside its manifest.
        .testTarget(name: "RepositoryTests", swiftSettings: common),
        .testTarget(name: "OpenSSHSyntaxTests", dependencies: ["IPPacket", "OpenSSHSyntax"], swiftSettings: common),
        .testTarget(name: "IPPacketTests", dependencies: ["IPPacket", "PacketTunnelTestKit"], swiftSettings: common),
        .testTarget(
            name: "PacketTunnelTests",
            dependencies: [
                "IPPacket", "PacketTunnel", "PacketTunnelTestKit", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        // Not a test target, because it has to be optimised and to replace the allocator of the whole program.
        .target(name: "CAllocationCounter", path: "Tests/CAllocationCounter"),
        .executableTarget(
            name: "packet-path",
            dependencies: [
                "CAllocationCounter", "IPPacket", "PacketTunnel", "PacketTunnelTestKit",
                .product(name: "Logging", package: "swift-log"),
            ],
            path: "Tests/PacketPath",
            swiftSettings: common
        ),
        .executableTarget(
            name: "lab-tool",
            dependencies: [
                "CTunnelControl", "EventLoops", "IPPacket", "PacketTunnelTestKit",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Tests/LabTool",
            swiftSettings: common
        ),
        .testTarget(name: "EventLoopsTests", dependencies: ["EventLoops", "PacketTunnel"], swiftSettings: common),
        .testTarget(
            name: "LinuxNetworkTests",
            dependencies: [
                "CLinuxNetwork", "EventLoops", "IPPacket", "LinuxNetwork", "PacketTunnel", "PacketTunnelTestKit",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "SSHTransportTests",
            dependencies: [
                "CLibSSH", "EventLoops", "IPPacket", "OpenSSHSyntax", "PacketTunnel", "PacketTunnelTestKit",
                "SSHTransport", .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "TunnelControlTests",
            dependencies: [
                "CTunnelControl", "EventLoops", "PacketTunnel", "PacketTunnelTestKit", "TunnelControl",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
        .testTarget(
            name: "TunnelConfigurationTests",
            dependencies: [
                "IPPacket", "OpenSSHSyntax", "PacketTunnel", "PacketTunnelTestKit", "TunnelConfiguration",
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: common
        ),
    ]
)
