import IPPacket
import Logging
import PacketTunnel
import PacketTunnelTestKit

/// A server or a client, one connection, and a flow that it knows.
final class Path {
    private let loop = ManualLoop()
    private let device: MemoryDevice
    private let transport: MemoryTransport
    private let framing: ChannelFraming
    private let version: IPVersion
    private let side: Side
    private let server: PacketTunnelServer?
    private let client: PacketTunnelClient?
    private let local: IPAddress
    private let remote: IPAddress
    /// Where packets towards the client have to go.
    private var assigned: IPAddress

    init(side: Side, framing: ChannelFraming, version: IPVersion) throws {
        self.side = side
        self.framing = framing
        self.version = version
        local = version == .v4 ? IPAddress(ipv4: 0xc0a8_0102) : IPAddress(bits: 0xfd00_0001 << 96 | 2)
        remote = version == .v4 ? IPAddress(ipv4: 0x0101_0101) : IPAddress(bits: 0x2606_4700 << 96 | 0x1111)
        assigned = local
        device = MemoryDevice(on: loop)
        transport = MemoryTransport(on: loop)
        let logger = Logger(label: "path", factory: { _ in SwiftLogNoOpLogHandler() })
        switch side {
        case .server:
            var configuration = ServerConfiguration()
            configuration.policy.fragments = .carry
            configuration.policy.refusals = .reject
            let server = try PacketTunnelServer(
                configuration: configuration,
                lanes: [PacketTunnelServer.Lane(loop: loop, device: device)],
                logger: logger
            )
            server.start()
            loop.run()
            let identity = SessionIdentity(user: "user", keyFingerprint: "key")
            let (transport, framing) = (transport, framing)
            try loop.perform { () throws(SessionError) in
                var hooks = ClientHooks()
                hooks.reportDNSQuality = { _, _, _ in }
                try server.clientConnected(identity, transport: transport, framing: framing, hooks: hooks)
            }
            (self.server, client) = (server, nil)
        case .client:
            var configuration = ClientConfiguration()
            configuration.policy.fragments = .carry
            configuration.policy.refusals = .reject
            let client = try PacketTunnelClient(
                configuration: configuration,
                loop: loop,
                device: device,
                logger: logger
            )
            client.start()
            let (transport, framing) = (transport, framing)
            loop.perform { client.connect(transport, framing: framing) { _ in } }
            (server, self.client) = (nil, client)
        }
        loop.run()
        if side == .server { try learnAssignedAddress() }
        device.recordsPackets = false
        transport.recordsMessages = false
        transport.poisonsMemory = false
    }

    private func learnAssignedAddress() throws {
        transport.deliver(MemoryFrames.frame(packet(.datagram, from: local, to: remote).bytes, as: framing))
        guard let written = device.takeWritten().first else { return }
        assigned = try PacketSummary(validating: written.bytes.span.bytes).source
    }

    // MARK: Scenarios

    /// From the transport to the device: upstream on a server, downstream on a client.
    func towardsDevice(_ traffic: Traffic) -> Scenario {
        let (source, destination) = side == .server ? (local, remote) : (remote, local)
        let template = packet(traffic, from: source, to: destination)
        guard traffic != .fragments else { return fragmentsTowardsDevice(from: source, to: destination) }
        // As many as fit one SSH message, as a peer with traffic sends them.
        let count = traffic == .superPacket ? 1 : 32_000 / (template.bytes.count + 6)
        let frames = (0..<count).map { number in
            var next = template
            if traffic == .segments { advance(&next.bytes, by: number) }
            return MemoryFrames.frame(next.bytes, offload: next.offload, as: framing)
        }
        let (loop, transport) = (loop, transport)
        let message = Array(frames.joined())
        guard traffic != .prohibited else {
            return scenario(traffic, "transport to device", template, count: count) {
                transport.deliverTogether(frames)
                // Time passes, so that some of them are answered.
                loop.advance(by: .milliseconds(20))
            }
        }
        guard framing != .openSSH else {
            return scenario(traffic, "transport to device", template, count: count) {
                transport.deliverTogether(frames)
            }
        }
        guard traffic == .halting else {
            return scenario(traffic, "transport to device", template, count: count) { transport.deliver(message) }
        }
        let pieces = [Array(message[..<1_001]), Array(message[1_001..<1_003]), Array(message[1_003...])]
        return scenario(traffic, "transport to device", template, count: count) {
            for piece in pieces { transport.deliver(piece) }
        }
    }

    /// From the device to the transport: downstream on a server, upstream on a client.
    func towardsTransport(_ traffic: Traffic) -> Scenario {
        let (source, destination) = side == .server ? (remote, assigned) : (local, remote)
        let template = packet(traffic, from: source, to: destination)
        let count = traffic == .superPacket ? 4 : 32
        let (device, loop, transport) = (device, loop, transport)
        if traffic == .fragments { return fragmentsTowardsTransport(from: source, to: destination) }
        if traffic == .prohibited {
            return scenario(traffic, "device to transport", template, count: count) {
                device.inject(template, count: count)
                loop.advance(by: .milliseconds(20))
            }
        }
        if traffic == .halting {
            return scenario(traffic, "device to transport", template, count: count) {
                transport.block()
                device.inject(template, count: count)
                loop.advance(by: .milliseconds(1))
                transport.allow(.max)
            }
        }
        return scenario(traffic, "device to transport", template, count: count) {
            device.inject(template, count: count)
        }
    }

    private func fragmentsTowardsDevice(from source: IPAddress, to destination: IPAddress) -> Scenario {
        let pieces = fragments(from: source, to: destination)
        let frames = pieces.map { MemoryFrames.frame($0, as: framing) }
        let transport = transport
        return scenario(.fragments, "transport to device", MemoryPacket(pieces[0]), count: frames.count) {
            transport.deliverTogether(frames)
        }
    }

    private func fragmentsTowardsTransport(from source: IPAddress, to destination: IPAddress) -> Scenario {
        let pieces = fragments(from: source, to: destination).map { MemoryPacket($0) }
        let device = device
        return scenario(.fragments, "device to transport", pieces[0], count: pieces.count) {
            for piece in pieces { device.inject(piece, count: 1) }
        }
    }

    /// A query to a resolver and its answer, each of them measured; one flow, as of a resolver that forwards.
    func exchange() -> Scenario {
        func message(from source: IPAddress, to destination: IPAddress, isResponse: Bool) -> [UInt8] {
            var payload = [UInt8](repeating: 0, count: 80)
            if isResponse { payload[2] = 0x80 }
            return PacketBuilder.udp(
                source: source,
                destination: destination,
                sourcePort: isResponse ? 53 : 40_000,
                destinationPort: isResponse ? 40_000 : 53,
                payload: payload
            )
        }
        let query = MemoryFrames.frame(message(from: local, to: remote, isResponse: false), as: framing)
        let answer = MemoryPacket(message(from: remote, to: assigned, isResponse: true))
        let (device, transport) = (device, transport)
        return scenario(.datagram, "a DNS query and its answer", answer, count: 2) {
            transport.deliver(query)
            device.inject(answer, count: 1)
        }
    }

    private func scenario(
        _ traffic: Traffic,
        _ way: String,
        _ packet: MemoryPacket,
        count: Int,
        run: @escaping () -> Void
    ) -> Scenario {
        Scenario(
            name: "\(side), \(framing), \(way), IP\(version), \(traffic.name)",
            packetsPerRun: count,
            bytesPerRun: count * packet.bytes.count,
            run: run
        )
    }

    /// What has come out at either end: proof that the packets were carried.
    var carriedCount: Int { device.writtenCount + transport.writtenCount }

    private func packet(_ traffic: Traffic, from source: IPAddress, to destination: IPAddress) -> MemoryPacket {
        let headerLength = version == .v4 ? 20 : 40
        switch traffic {
        case .datagram, .halting:
            return MemoryPacket(
                PacketBuilder.udp(
                    source: source,
                    destination: destination,
                    payload: [UInt8](repeating: 7, count: 128 - headerLength - 8)
                )
            )
        case .segments, .superPacket:
            let isSuper = traffic == .superPacket
            let payload = isSuper ? 64_000 : 1_500 - headerLength - 20
            let bytes = PacketBuilder.tcp(
                source: source,
                destination: destination,
                payload: [UInt8](repeating: 9, count: payload)
            )
            return isSuper ? partial(bytes, at: headerLength + 16) : MemoryPacket(bytes)
        case .refused:
            var bytes = PacketBuilder.udp(source: source, destination: destination, payload: [1, 2, 3, 4])
            // A UDP length that is not the packet's.
            bytes[headerLength + 5] = 7
            return MemoryPacket(bytes)
        case .prohibited:
            // Private on the server, link-local on the client: what each of them refuses.
            let denied = IPAddress(version == .v4 ? "169.254.66.66" : "fe80::66") ?? destination
            return MemoryPacket(PacketBuilder.udp(source: source, destination: denied, payload: [1, 2, 3, 4]))
        case .fragments:
            return MemoryPacket(fragments(from: source, to: destination)[0])
        }
    }

    private func fragments(from source: IPAddress, to destination: IPAddress) -> [[UInt8]] {
        let payload = [UInt8](repeating: 5, count: 4_000)
        return PacketBuilder.fragments(
            of: PacketBuilder.udp(source: source, destination: destination, payload: payload),
            mtu: 1_500,
            identification: 1
        )
    }

    private func partial(_ packet: [UInt8], at offset: Int) -> MemoryPacket {
        var bytes = packet
        let sum = PacketBuilder.pseudoHeaderSum(bytes)
        (bytes[offset], bytes[offset + 1]) = (UInt8(sum >> 8), UInt8(sum & 0xff))
        return MemoryPacket(bytes, offload: PacketOffload(segmentSize: 1_400, checksumIsPartial: true))
    }

    /// Makes a segment the one that follows `count` segments later.
    private func advance(_ segment: inout [UInt8], by count: Int) {
        let start = version == .v4 ? 20 : 40
        let sequence = UInt32(1 + count * (segment.count - start - 20))
        for index in 0..<4 {
            segment[start + 4 + index] = UInt8(truncatingIfNeeded: sequence >> UInt32(24 - index * 8))
        }
        if version == .v4 { (segment[4], segment[5]) = (UInt8(count >> 8), UInt8(count & 0xff)) }
        PacketBuilder.recomputeChecksums(&segment)
    }
}
