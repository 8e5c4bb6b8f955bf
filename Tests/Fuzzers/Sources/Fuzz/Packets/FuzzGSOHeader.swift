import IPPacket
import Logging
import PacketTunnelTestKit

@testable import PacketTunnel

/// Any bytes from a client that speaks `tun-gso`, and any packet from the device: whatever passes a whole server is a
/// packet that it may have let through, with an offload that holds.
func fuzzGSOHeader(_ input: Input) -> Int32 {
    var input = input
    let isFramed = input.byte() & 1 != 0
    let downstreamLength = input.number() % 400
    let downstream = input.take(downstreamLength)
    let stream = input.rest()
    guard let fixture = try? ServerFixture() else { return 0 }
    // Half of the inputs are one packet behind a header that delimits it, since few streams would be by chance.
    fixture.receive(isFramed && stream.count > 4 ? frame(stream) : stream)
    fixture.inject(downstream)
    return 0
}

private func frame(_ bytes: [UInt8]) -> [UInt8] {
    let packet = bytes[4...]
    return [UInt8(packet.count >> 8 & 0xff), UInt8(packet.count & 0xff), bytes[0] & 1, 0, bytes[2], bytes[3]] + packet
}

private final class ServerFixture {
    let loop = ManualLoop()
    let device: MemoryDevice
    let server: PacketTunnelServer
    let transport: MemoryTransport
    let identity = SessionIdentity(user: "user", keyFingerprint: "key")

    init() throws {
        device = MemoryDevice(on: loop)
        transport = MemoryTransport(on: loop)
        var configuration = ServerConfiguration()
        configuration.policy.permittedICMP = [.echo, .errors]
        configuration.policy.fragments = .carry
        configuration.policy.refusals = .reject
        configuration.dnsResolvers = { DNSResolvers(ipv4: [IPAddress(ipv4: 0x0909_0909)]) }
        server = try PacketTunnelServer(
            configuration: configuration,
            lanes: [PacketTunnelServer.Lane(loop: loop, device: device)],
            logger: Logger(label: "fuzz", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        server.start()
        loop.run()
        var hooks = ClientHooks()
        hooks.allowsDomain = { $0 != "a" }
        let (identity, transport, connectionHooks) = (identity, transport, hooks)
        try loop.perform { () throws(SessionError) in
            try server.clientConnected(identity, transport: transport, framing: .gso, hooks: connectionHooks)
        }
    }

    deinit {
        // Gives all packet memory back, so that the leak detector has an opinion.
        for worker in server.workers { loop.perform { worker.stop() } }
        loop.run()
    }

    func receive(_ stream: [UInt8]) {
        transport.deliver(stream)
        loop.run()
        guard let session = server.sessions.sessions.first?.session else { return check(false, "a session") }
        for packet in device.takeWritten() {
            let bytes = packet.bytes.span.bytes
            guard let summary = (try? PacketSummary(validating: bytes)) ?? (try? PacketSummary(fragment: bytes)) else {
                check(false, "only packets are written")
                continue
            }
            check(summary.source == session.address(summary.version), "the source is the assigned address")
            let isResolver = summary.destination == IPAddress(ipv4: 0x0909_0909)
            let isPermitted = TrafficPolicy().permits(destination: summary.destination, version: summary.version)
            check(isPermitted || isResolver, "the destination is permitted")
            check((try? packet.offload.validate(summary: summary, mtu: 1_500, minimumSegmentSize: 1)) != nil, "offload")
        }
    }

    func inject(_ bytes: [UInt8]) {
        guard bytes.count >= 1, let session = server.sessions.sessions.first?.session else { return }
        var packet = bytes
        // Often enough to the client, or nothing of it would be looked at.
        if packet[0] >> 4 == 4, packet.count >= 20 { write(session.ipv4.ipv4, 16, &packet) }
        if packet[0] >> 4 == 6, packet.count >= 40 {
            for index in 0..<16 {
                packet[24 + index] = UInt8(truncatingIfNeeded: session.ipv6.bits >> UInt128(120 - 8 * index))
            }
        }
        device.inject(packet)
        _ = transport.takeMessages()
    }

    private func write(_ value: UInt32, _ offset: Int, _ packet: inout [UInt8]) {
        for index in 0..<4 { packet[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index)) }
    }
}
