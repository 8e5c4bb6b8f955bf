internal import ArgumentParser
internal import Glibc

/// How fast the tunnel is, beside the tunnels that a user would pick instead.
///
/// - `packet-tunnel-bench tunnels`, the default, runs each tunnel between network namespaces of its own and measures all
///   of them the same way, in turn, round after round. It needs root, or user namespaces and a `/dev/net/tun` that
///   everyone may open; release builds of `packet-tunneld`, `packet-tunnel` and `lab-tool` beside it; and `iperf3`.
/// - `packet-tunnel-bench micro` measures what single steps of the packet path cost.
/// - `packet-tunnel-bench ciphers` measures one SSH channel over loopback with each cipher.
///
/// Namespaces, routes and peers are the test lab's (`Tests/Lab/bench.sh`, `Tests/Lab/peers`); this program asks for them
/// over a pipe and is left with measuring and arithmetic. `probe` is what it runs inside the namespaces.
@main
struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "packet-tunnel-bench",
        abstract: "Measures the packet tunnel beside its peers.",
        discussion: """
            Build for release first:
              swift build -c release --static-swift-stdlib --product packet-tunneld
              swift build -c release --static-swift-stdlib --product packet-tunnel
              swift build -c release --static-swift-stdlib --product packet-tunnel-bench
              swift build -c release --static-swift-stdlib --product lab-tool

            Examples:
              packet-tunnel-bench
              packet-tunnel-bench --rounds 3 --seconds 3 --peers ssh-w,gso --measures down,up
              packet-tunnel-bench --install-peers --json result.json --svg result.svg
            """,
        subcommands: [TunnelsCommand.self, MicroCommand.self, CiphersCommand.self, ProbeCommand.self],
        defaultSubcommand: TunnelsCommand.self
    )
}
