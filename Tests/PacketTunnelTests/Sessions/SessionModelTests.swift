import IPPacket
import PacketTunnelTestKit
import Testing

@testable import PacketTunnel

@Suite("Sessions under random operations")
struct SessionModelTests {
    @Test(
        "ten thousand connections, takeovers, ends and expiries never share an index nor lose a counter",
        arguments: [(1, 1), (2, 2), (3, 3), (3, 4), (4, 5)] as [(loops: Int, seed: UInt64)]
    )
    func random(_ scenario: (loops: Int, seed: UInt64)) async throws {
        let model = try SessionModel(loops: scenario.loops, seed: scenario.seed)
        for _ in 0..<10_000 {
            try await model.step()
            try model.checkIndexes()
        }
        try await model.finish()
        // A run in which one of these never happened would prove little.
        #expect(model.harness.log.lines("client took its session over").count > 100)
        #expect(model.harness.log.lines("client resumed its session").count > 100)
        #expect(model.harness.log.lines("session ended").contains { $0["reason"] == "expired" })
        #expect(model.exhaustedCount > 0)
    }
}

/// What a test knows about the sessions of a server without asking it, and the operations that change them.
private final class SessionModel {
    let harness: ServerHarness
    private(set) var exhaustedCount = 0
    private var generator: SeededGenerator
    private let identities: [SessionIdentity]
    private var open: [Connection] = []
    /// Packets that came out of the devices, by the identity that sent them.
    private var written: [Int: Int64] = [:]
    private var createdCount = 0

    init(loops: Int, seed: UInt64) throws {
        harness = try ServerHarness(loops: loops) {
            $0.ipv4Pool = IPPrefix(IPAddress(ipv4: 0x0a14_1e00), length: 24)
            $0.sessionExpiry = .seconds(100)
        }
        generator = SeededGenerator(seed: seed)
        identities = (0..<400).map { number in
            // Half of them named, so that the table of names has its share.
            let digits = String(number, radix: 16)
            let name = number % 2 == 0 ? "" : String(repeating: "0", count: 32 - digits.count) + digits
            return SessionIdentity(user: "user\(number)", keyFingerprint: "key", name: name)
        }
    }

    func step() async throws {
        switch Int.random(in: 0..<1_000, using: &generator) {
        case 0..<300: try connect()
        case 300..<500: end()
        case 500..<700: send()
        case 700..<730: disconnect()
        case 730..<990: harness.loops.randomElement(using: &generator)?.runOnce()
        case 990: await advance(by: .seconds(40))
        default: await advance(by: .milliseconds(100))
        }
    }

    private func connect() throws {
        // Mostly somebody who is there already, or was a moment ago.
        let isKnown = Bool.random(using: &generator)
        let known = isKnown ? open.randomElement(using: &generator)?.identity : nil
        guard let identity = known ?? identities.randomElement(using: &generator) else { return }
        let isNew = harness.session(identity) == nil
        do throws(SessionError) {
            let loop = Int.random(in: harness.loops.indices, using: &generator)
            open.append(try harness.connect(identity, loop: loop))
            if isNew { createdCount += 1 }
        } catch {
            try #require(error == .poolIsExhausted)
            exhaustedCount += 1
        }
    }

    private func end() {
        open.removeAll { $0.transport.isClosed }
        guard let number = open.indices.randomElement(using: &generator) else { return }
        open.remove(at: number).transport.finish()
    }

    private func disconnect() {
        guard let identity = open.randomElement(using: &generator)?.identity else { return }
        harness.server.sessions.client(of: identity).map(PacketTunnelServer.end)
    }

    private func send() {
        guard let connection = open.randomElement(using: &generator) else { return }
        guard let number = identities.firstIndex(of: connection.identity) else { return }
        connection.send(Sample.upstreamUDP(.v4, payload: [UInt8(number >> 8), UInt8(number & 0xff)]))
        for packet in harness.devices.flatMap({ $0.takeWritten() }) {
            #expect(Array(packet.bytes.suffix(2)) == [UInt8(number >> 8), UInt8(number & 0xff)])
            let address = harness.session(connection.identity)?.ipv4
            #expect((try? Sample.summary(packet.bytes))?.source == address)
            written[number, default: 0] += 1
        }
    }

    private func advance(by duration: Duration) async {
        for loop in harness.loops { loop.advance(by: duration) }
        harness.runAll()
        // Expired sessions are reported, and their indexes freed, by a task of its own.
        while harness.log.lines("session ended").count < createdCount - harness.server.sessionCount.all {
            await Task.yield()
        }
    }

    func checkIndexes() throws {
        let sessions = harness.server.sessions.sessions
        try #require(Set(sessions.map(\.session.index)).count == sessions.count)
        try #require(sessions.allSatisfy { (3...254).contains($0.session.index) })
    }

    func finish() async throws {
        await harness.stop()
        harness.runAll()
        let allAreClosed = open.allSatisfy(\.transport.isClosed)
        #expect(allAreClosed)
        var reported: [String: Int64] = [:]
        let reports = harness.log.lines("session ended")
        try #require(reports.count == createdCount)
        for checkpoint in harness.log.lines("server_packet_metrics") {
            let count = Int64(checkpoint["udp_ipv4_packets_up"] ?? "0") ?? -1
            reported[checkpoint["user"] ?? "", default: 0] += count
        }
        for number in identities.indices {
            #expect(reported["user\(number)", default: 0] == written[number, default: 0])
        }
        #expect(written.values.reduce(0, +) > 1_000)
    }
}
