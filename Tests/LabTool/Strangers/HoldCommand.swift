internal import ArgumentParser
internal import Glibc
internal import IPPacket

/// `hold`: peers that take places at a server and do nothing with them.
struct HoldCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hold",
        abstract: "Connects, prints \"held\", and holds on until it is killed."
    )

    @OptionGroup
    var place: EndpointArguments

    @Option(help: "How many connections.")
    var count = 1

    @Option(
        name: .customLong("from"),
        help: "An address of this host. Given again, connections are made from all of them."
    )
    var sources: [IPAddress] = []

    @Option(help: "Every other connection begins with a greeting and so many bytes that mean nothing.")
    var noise = 0

    @Flag(help: "Takes a new place for each one that is lost.")
    var again = false

    func run() throws {
        signal(SIGPIPE, SIG_IGN)
        var peers = (0..<count).map { connect($0) }
        // A greeting is the sign that the server has taken it in.
        _ = try? peers.first??.receive(atMost: 10)
        Output.line("held")
        var entries: [pollfd] = []
        repeat {
            entries = peers.map { pollfd(fd: $0?.descriptor ?? -1, events: Int16(POLLIN), revents: 0) }
            guard poll(&entries, nfds_t(entries.count), -1) >= 0 else { continue }
            for (index, entry) in entries.enumerated() where entry.revents != 0 {
                if let peer = peers[index], let bytes = try? peer.receive(atMost: 4_096), !bytes.isEmpty { continue }
                peers[index] = nil
                guard again else { continue }
                // As a program would that wants to keep its place; not so fast that it does nothing else.
                usleep(2_000)
                peers[index] = connect(index)
            }
        } while true
    }

    private func connect(_ index: Int) -> Socket? {
        let source = sources.isEmpty ? nil : sources[index % sources.count]
        let peer = try? Socket.connected(SOCK_STREAM, to: place.endpoint, from: source, timeout: 3)
        if noise > 0, index % 2 == 1 {
            try? peer?.send(Array("SSH-2.0-x\r\n".utf8) + (0..<noise).map { UInt8(truncatingIfNeeded: $0) })
        }
        return peer
    }
}
