// A packet tunnel server inside a program of your own: its transport and its policy are yours. No SSH, no root, no
// network: the device is memory. One packet goes up, its answer comes down, and both are printed before and after the
// server has had them. Exit status 0 if they were rewritten as expected.

import Glibc
import IPPacket
import Logging
import PacketTunnel
import PacketTunnelTestKit

/// The server's end of a connection to a client. Belongs to its loop.
final class OwnTransport: PacketTransport, @unchecked Sendable {
    let loop: any PacketLoop
    let writableByteCount = 1 << 20
    let preferredWriteSize = 32_768
    private(set) var sent: [[UInt8]] = []
    private var receiver: (any PacketTransportReceiver)?

    init(on loop: any PacketLoop) { self.loop = loop }

    func setReceiver(_ receiver: any PacketTransportReceiver) { self.receiver = receiver }

    /// Takes what the server sends to the client.
    func write(_ bytes: RawSpan) -> Int {
        sent.append(bytes.withUnsafeBytes { Array($0) })
        return bytes.byteCount
    }

    /// Hands the server what the client has sent, and says that this is all for now.
    func receive(_ message: [UInt8]) {
        var message = message
        var span = message.mutableSpan
        var bytes = span.mutableBytes
        receiver?.transportDidReceive(&bytes)
        receiver?.transportDidFinishReceiving()
    }

    func close() {
        loop.execute {
            self.receiver?.transportDidClose(reason: "closed")
            self.receiver = nil
        }
    }
}

func show(_ title: String, _ packet: [UInt8]) throws -> PacketSummary {
    let facts = try PacketSummary(validating: packet.span.bytes)
    print(title, facts.source, facts.sourcePort, "->", facts.destination, facts.destinationPort)
    return facts
}

/// Sends a datagram up and its answer down; true if the server rewrote both as it should.
func exchange(from own: String, to host: String, over transport: OwnTransport, loop: ManualLoop) throws -> Bool {
    guard let own = IPAddress(own), let host = IPAddress(host) else { return false }
    let question = PacketBuilder.udp(source: own, destination: host, destinationPort: 443, payload: [1, 2, 3])
    _ = try show("up, from the client:  ", question)
    loop.perform { transport.receive(MemoryFrames.frame(question, as: .psiphon)) }
    guard let forwarded = device.takeWritten().first else { return false }
    let leased = try show("up, to the device:    ", forwarded.bytes).source

    let answer = PacketBuilder.udp(source: host, destination: leased, sourcePort: 443, destinationPort: 49_152)
    _ = try show("down, from the device:", answer)
    let alreadySent = transport.sent.count
    device.inject(answer)
    loop.run()
    let messages = Array(transport.sent.dropFirst(alreadySent))
    guard let delivered = MemoryFrames.packets(in: messages, as: .psiphon)?.first else { return false }
    _ = try show("down, to the client:  ", delivered.bytes)

    // The policy below forbids every other port.
    let forbidden = PacketBuilder.udp(source: own, destination: host, destinationPort: 25)
    loop.perform { transport.receive(MemoryFrames.frame(forbidden, as: .psiphon)) }
    return device.takeWritten().isEmpty && server.addressPool.index(of: leased) != nil
        && forwarded.bytes
            == PacketBuilder.udp(source: leased, destination: host, destinationPort: 443, payload: [1, 2, 3])
        && delivered.bytes
            == PacketBuilder.udp(source: host, destination: own, sourcePort: 443, destinationPort: 49_152)
}

var configuration = ServerConfiguration()
configuration.policy = TrafficPolicy(deniedNetworks: ["10.0.0.0/8", "fc00::/7"].compactMap { IPPrefix($0) })
var hooks = ClientHooks()
hooks.allowsUDPPort = { _, port in port == 443 }

let loop = ManualLoop()
let device = MemoryDevice(on: loop)
let lane = PacketTunnelServer.Lane(loop: loop, device: device)
let server = try PacketTunnelServer(configuration: configuration, lanes: [lane], logger: Logger(label: "example"))
server.start()
loop.run()
let transport = OwnTransport(on: loop)
let alice = SessionIdentity(user: "alice", keyFingerprint: "whatever your login proves")
try loop.perform { try server.clientConnected(alice, transport: transport, framing: .psiphon, hooks: hooks) }
let ipv4 = try exchange(from: "192.168.1.2", to: "203.0.113.10", over: transport, loop: loop)
let ipv6 = try exchange(from: "fd00::2", to: "2001:db8::10", over: transport, loop: loop)
await ManualLoop.drive([loop]) { await server.stop() }
exit(ipv4 && ipv6 ? 0 : 1)
