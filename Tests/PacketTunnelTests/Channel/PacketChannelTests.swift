import IPPacket
import PacketTunnel
import PacketTunnelTestKit
import Testing

@Suite("A packet channel", .timeLimit(.minutes(5)))
struct PacketChannelTests {
    private static func packet(_ version: IPVersion, size: Int = 100) -> [UInt8] {
        let (own, host) = version == .v4 ? ("192.168.1.2", "203.0.113.9") : ("fd00::2", "2001:db8::9")
        guard let source = IPAddress(own), let destination = IPAddress(host) else { return [] }
        return PacketBuilder.udp(source: source, destination: destination, payload: .init(repeating: 7, count: size))
    }

    private static func pair(_ loop: ManualLoop, _ framing: ChannelFraming) -> (PacketChannel, PacketChannel) {
        let (one, other) = MemoryTransport.pair(loop, loop)
        return (PacketChannel(transport: one, framing: framing), PacketChannel(transport: other, framing: framing))
    }

    @Test("carries packets of both families in every framing", arguments: ChannelFraming.allCases, IPVersion.allCases)
    func carries(framing: ChannelFraming, version: IPVersion) async throws {
        let loop = ManualLoop()
        let (near, far) = Self.pair(loop, framing)
        let sent = (0..<5).map { Self.packet(version, size: 100 * ($0 + 1)) }
        let received = await ManualLoop.drive([loop]) {
            var received: [[UInt8]] = []
            for packet in sent {
                try? await near.writePacket(packet)
                if let arrived = try? await far.readPacket() { received.append(arrived) }
            }
            return received
        }
        #expect(received == sent)
    }

    @Test("hands out the packets as a sequence that ends when the other side closes")
    func sequence() async throws {
        let loop = ManualLoop()
        let (near, far) = Self.pair(loop, .psiphon)
        let packet = Self.packet(.v4)
        let count = await ManualLoop.drive([loop]) {
            for _ in 0..<3 { try? await near.writePacket(packet) }
            near.close()
            var count = 0
            for await arrived in far.packets where arrived == packet { count += 1 }
            return count
        }
        #expect(count == 3)
    }

    @Test("interrupts whoever reads when it is closed, and whoever writes")
    func closeInterrupts() async throws {
        let loop = ManualLoop()
        let transport = MemoryTransport(on: loop, writableByteCount: 0)
        let channel = PacketChannel(transport: transport)
        let packet = Self.packet(.v6)
        let errors = await ManualLoop.drive([loop]) {
            async let reading = Self.error { _ = try await channel.readPacket() }
            async let writing = Self.error { try await channel.writePacket(packet) }
            for _ in 0..<20 { await Task.yield() }
            channel.close()
            return await [reading, writing]
        }
        #expect(errors == [.closed(reason: "closed"), .closed(reason: "closed")])
        #expect(transport.isClosed)
    }

    @Test("lets a task that waits be cancelled, and loses no packet by it")
    func cancellation() async throws {
        let loop = ManualLoop()
        let (near, far) = Self.pair(loop, .psiphon)
        let packet = Self.packet(.v4)
        let (error, arrived) = await ManualLoop.drive([loop]) {
            let waiting = Task { await Self.error { _ = try await far.readPacket() } }
            for _ in 0..<20 { await Task.yield() }
            waiting.cancel()
            let error = await waiting.value
            try? await near.writePacket(packet)
            return (error, try? await far.readPacket())
        }
        #expect(error == .cancelled)
        #expect(arrived == packet)
    }

    @Test("refuses what is no packet, or longer than the MTU")
    func refuses() async throws {
        let loop = ManualLoop()
        let (near, _) = Self.pair(loop, .psiphon)
        let errors = await ManualLoop.drive([loop]) {
            var errors: [PacketStreamError?] = []
            for bytes: [UInt8] in [[], [0x50, 1, 2], Self.packet(.v4, size: 1_473)] {
                errors.append(await Self.error { try await near.writePacket(bytes) })
            }
            return errors
        }
        #expect(
            errors == [
                .notAPacket(.invalidIPPacketLength), .notAPacket(.invalidIPHeaderVersion),
                .tooLong(length: 1_501, limit: 1_500),
            ]
        )
    }

    @Test("ends with a reason on frames that cannot be delimited")
    func brokenFraming() async throws {
        let loop = ManualLoop()
        let transport = MemoryTransport(on: loop)
        let channel = PacketChannel(transport: transport)
        loop.run()
        transport.deliver([0, 0, 1, 2])
        let error = await ManualLoop.drive([loop]) { await Self.error { _ = try await channel.readPacket() } }
        #expect(error == .closed(reason: "broken framing: a frame of length 0"))
    }

    @Test("keeps a bounded number of packets for a reader that does not come, and counts the rest")
    func bounded() async throws {
        let loop = ManualLoop()
        let transport = MemoryTransport(on: loop)
        let packet = Self.packet(.v4)
        let channel = PacketChannel(transport: transport, receiveLimitInBytes: packet.count * 3)
        loop.run()
        for _ in 0..<10 { transport.deliver(MemoryFrames.frame(packet, as: .psiphon)) }
        #expect(channel.droppedPacketCount == 7)
    }

    @Test("hands out the segments of a super-packet, with finished checksums", arguments: IPVersion.allCases)
    func superPacket(version: IPVersion) async throws {
        let loop = ManualLoop()
        let transport = MemoryTransport(on: loop)
        let channel = PacketChannel(transport: transport, framing: .gso)
        loop.run()
        let whole = Self.packet(version, size: 1_000)
        let offload = PacketOffload(segmentSize: 400, checksumIsPartial: false)
        transport.deliver(MemoryFrames.frame(whole, offload: offload, as: .gso))
        let sizes = await ManualLoop.drive([loop]) {
            var sizes: [Int] = []
            for _ in 0..<3 {
                guard let segment = try? await channel.readPacket() else { break }
                sizes.append((try? PacketSummary(validating: segment.span.bytes))?.payloadLength ?? -1)
            }
            return sizes
        }
        #expect(sizes == [400, 400, 200])
    }

    private static func error(_ body: () async throws -> Void) async -> PacketStreamError? {
        do {
            try await body()
            return nil
        } catch {
            return error as? PacketStreamError
        }
    }
}
