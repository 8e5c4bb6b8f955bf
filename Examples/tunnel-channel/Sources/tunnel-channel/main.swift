// Asks for the address of a name through a packet tunnel, with nothing but an SSH connection: no tun device, no route,
// no root. The query is one IP packet in one frame on the tunnel's channel, and the answer is another.
//
//   tunnel-channel [user@]host DNS-ADDRESS NAME [OPTION=VALUE...]
//
// DNS-ADDRESS is the server's transparent resolver, which `ssh host info` names; the options are those of ssh_config(5).

import EventLoops
import Glibc
import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import SSHTransport

func fail(_ message: String, status: Int32) -> Never {
    let line = "tunnel-channel: \(message)\n"
    write(STDERR_FILENO, line, line.utf8.count)
    exit(status)
}

/// What waits for the answer on the channel. Belongs to the loop of the channel.
final class AnswerReader: PacketTransportReceiver {
    private let port: UInt16
    private var stream: [UInt8] = []

    init(port: UInt16) { self.port = port }

    /// Cuts the stream into packets: each has its length before it, in two bytes.
    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        stream += bytes.bytes.withUnsafeBytes { Array($0) }
        while stream.count >= 2, case let length = Int(stream[0]) << 8 | Int(stream[1]), stream.count >= 2 + length {
            show(Array(stream[2..<(2 + length)]))
            stream.removeFirst(2 + length)
        }
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) { fail(reason, status: 69) }

    private func show(_ packet: [UInt8]) {
        guard let facts = try? PacketSummary(validating: packet.span.bytes), facts.transport == .udp,
            facts.destinationPort == port
        else { return }
        let message = Array(packet[facts.headerLength...])
        guard let reply = try? DNSQuestion(parsing: message.span.bytes), reply.isResponse else { return }
        print(
            "\(packet.count) bytes from \(facts.source) to \(facts.destination):",
            reply.name,
            answer(in: message, reply)
        )
        exit(reply.responseCode == 0 ? 0 : 1)
    }

    /// The first record, if it is an address: a pointer to the name, type, class, time to live, length (RFC 1035 §4.1.3).
    private func answer(in message: [UInt8], _ reply: DNSQuestion) -> String {
        let record = Array(message.dropFirst(DNSQuestion.headerLength + reply.questionLength))
        guard record.count >= 16, record[2...3] == [0, 1] else { return "has no address (code \(reply.responseCode))" }
        return "is " + record[12..<16].map { String($0) }.joined(separator: ".")
    }
}

func query(for name: String) -> [UInt8] {
    let labels = name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
    return [0x70, 0x74, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + labels + [0, 0, 1, 0, 1]
}

let words = CommandLine.arguments
guard words.count >= 4, let resolver = IPAddress(words[2]) else {
    fail("usage: tunnel-channel [user@]host DNS-ADDRESS NAME [OPTION=VALUE...]", status: 64)
}
do {
    var configuration = try SSHClientConfiguration(destination: words[1])
    for option in words.dropFirst(4) { try configuration.setOption(option) }
    let client = try SSHClient(connecting: configuration)
    print("logged in to \(client.host) as \(client.user), \(client.security)")

    // Any address will do: the server puts the one that it leases in its place.
    let own = resolver.isIPv4 ? IPAddress(ipv4: 0x0a6f_0009) : IPAddress(bits: 0xfd11 << 112 | 9)
    let packet = PacketBuilder.udp(
        source: own,
        destination: resolver,
        sourcePort: 50_000,
        destinationPort: 53,
        payload: query(for: words[3])
    )
    let loop = try EventLoop(name: "tunnel-channel")
    try client.openTunnel(on: loop, offers: [SSHTunnelOffer(.psiphon)]) { tunnel in
        tunnel.channel.setReceiver(AnswerReader(port: 50_000))
        _ = tunnel.channel.write(MemoryFrames.frame(packet, as: .psiphon).span.bytes)
    }
    loop.schedule(after: 5_000_000_000) { fail("no answer within 5 s", status: 75) }
    while true { pause() }
} catch let error as SSHClientError {
    fail(error.reason, status: 69)
}
