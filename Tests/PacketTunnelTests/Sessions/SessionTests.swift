import Glibc
import IPPacket
import PacketTunnelTestKit
import Synchronization
import Testing

@testable import PacketTunnel

@Suite("Sessions")
struct SessionTests {
    private static let name = "00112233445566778899aabbccddeeff"
    /// As long as a name of digits.
    private static let word = "the laptop in the kitchen, maybe"

    @Test("a session name offered with another key or by another user is refused", arguments: ["alice", "bob"])
    func foreignName(_ user: String) throws {
        let harness = try ServerHarness()
        let owner = SessionIdentity(user: "alice", keyFingerprint: "SHA256:aaaa", name: Self.name)
        let thief = SessionIdentity(user: user, keyFingerprint: "SHA256:cccc", name: Self.name)
        let connection = try harness.connect(owner)
        harness.runAll()
        #expect(throws: SessionError.belongsToAnother) { try harness.connect(thief) }
        harness.runAll()
        #expect(!connection.transport.isClosed)
        #expect(harness.server.sessionCount == (1, 1))
        connection.transport.finish()
        #expect(throws: SessionError.belongsToAnother) { try harness.connect(thief) }
    }

    @Test("sessions of different names, users or keys are different sessions")
    func differentSessions() throws {
        let harness = try ServerHarness()
        let identities = [
            SessionIdentity(user: "alice", keyFingerprint: "k"), SessionIdentity(user: "alice", keyFingerprint: "l"),
            SessionIdentity(user: "bob", keyFingerprint: "k"),
            SessionIdentity(user: "bob", keyFingerprint: "k", name: "1"),
            SessionIdentity(user: "alice", keyFingerprint: "k", name: Self.word),
            SessionIdentity(user: "bob", keyFingerprint: "k", name: Self.word),
        ]
        let connections = try identities.map { try harness.connect($0) }
        harness.runAll()
        #expect(connections.allSatisfy { !$0.transport.isClosed })
        #expect(Set(identities.compactMap { harness.session($0)?.index }).count == identities.count)
    }

    @Test("a session with a connection never expires, however idle")
    func idleButConnected() throws {
        let harness = try ServerHarness()
        let connection = try harness.connect()
        harness.runAll()
        let index = harness.session()?.index
        harness.loop.advance(by: .seconds(3_600))
        #expect(harness.session()?.index == index)
        connection.send(Sample.upstreamUDP(.v4))
        #expect(harness.device.takeWritten().count == 1)
    }

    @Test("a session without a connection lives for the expiry time, and not for half of it longer")
    func expiry() async throws {
        let harness = try ServerHarness { $0.sessionExpiry = .seconds(100) }
        let connection = try harness.connect()
        harness.runAll()
        harness.loop.advance(by: .seconds(77))
        connection.transport.finish()
        harness.loop.advance(by: .milliseconds(99_900))
        #expect(harness.server.sessionCount == (1, 0))
        harness.loop.advance(by: .seconds(50))
        #expect(harness.server.sessionCount == (0, 0))
        while harness.log.lines("session ended").isEmpty { await Task.yield() }
        #expect(harness.log.lines("session ended").first?["reason"] == "expired")
    }

    @Test("who comes back in time has the same addresses, and counts on; the local addresses may be new")
    func resume() throws {
        let harness = try ServerHarness { $0.sessionExpiry = .seconds(100) }
        let first = try harness.connect()
        harness.runAll()
        first.send(Sample.upstreamUDP(.v4), Sample.upstreamUDP(.v6))
        let index = harness.session()?.index
        first.transport.finish()
        harness.loop.advance(by: .seconds(90))
        let second = try harness.connect()
        harness.runAll()
        #expect(harness.session()?.index == index)
        harness.loop.advance(by: .seconds(300))
        let moved = IPAddress(ipv4: 0xac10_0505)
        second.send(Sample.upstreamUDP(.v4, source: moved))
        harness.device.inject(Sample.downstreamUDP(to: try harness.address(.v4)))
        let received = try #require(try second.received().first)
        #expect(try Sample.summary(received.bytes).destination == moved)
        #expect(harness.counters().carried(.upstream, .v4, .udp).packets == 2)
        #expect(harness.counters().carried(.upstream, .v6, .udp).packets == 1)
        #expect(harness.log.lines("client resumed its session").count == 1)
    }

    @Test(
        "a client that only waits gets its packets after a reconnection, and moves when it shows a new address",
        arguments: IPVersion.allCases
    )
    func waitsAfterReconnection(_ version: IPVersion) throws {
        let harness = try ServerHarness()
        let first = try harness.connect()
        harness.runAll()
        first.send(Sample.upstreamUDP(version))
        first.transport.finish()
        let second = try harness.connect()
        harness.runAll()
        let down = Sample.downstreamUDP(to: try harness.address(version))
        harness.device.inject(down)
        let waited = try #require(try second.received().first)
        #expect(try Sample.summary(waited.bytes).destination == Sample.local(version))
        // A packet of the very flow that is known by now, from where the client has moved to.
        let moved = IPAddress(bits: Sample.local(version).bits + 7)
        second.send(Sample.upstreamUDP(version, source: moved))
        harness.device.inject(down)
        let followed = try #require(try second.received().first)
        #expect(try Sample.summary(followed.bytes).destination == moved)
        second.send(Sample.upstreamUDP(version))
        #expect(harness.counters().refused(.upstream, .invalidSourceAddress) == 1)
    }

    @Test("a full pool has expired sessions ended, and only those, and leases their addresses once they are forgotten")
    func reclaim() async throws {
        let forgotten = Forgotten()
        let harness = try ServerHarness {
            $0.ipv4Pool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 24)
            $0.sessionExpiry = .seconds(100)
            $0.forgetConnections = { try await forgotten.add($0) }
        }
        let identities = (0..<252).map { SessionIdentity(user: "u\($0)", keyFingerprint: "k") }
        let connections = try identities.map { try harness.connect($0) }
        harness.runAll()
        // Right after a round of the reaper, which comes every 25 s at least.
        harness.loop.advance(by: .seconds(26))
        for connection in connections[..<5] { connection.transport.finish() }
        harness.loop.advance(by: .seconds(10))
        connections[5].transport.finish()
        let old = Set(identities[..<5].compactMap { harness.session($0)?.index })
        harness.loop.advance(by: .milliseconds(89_900))
        #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.alice) }
        #expect(forgotten.networks.isEmpty)
        harness.loop.advance(by: .milliseconds(200))
        #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.alice) }
        forgotten.letGo()
        while (try? harness.connect(Sample.alice)) == nil { await Task.yield() }
        let pool = harness.server.addressPool
        let gone = old.flatMap { [only(pool.ipv4Address($0)), only(pool.ipv6Address($0))] }
        #expect(Set(forgotten.networks) == Set(gone))
        #expect(harness.log.lines("session ended").count == 5)
        #expect(old.contains(try #require(harness.session(Sample.alice)?.index)))
        #expect(harness.session(identities[5]) != nil)
        for number in 0..<4 { _ = try harness.connect(SessionIdentity(user: "new\(number)", keyFingerprint: "k")) }
        #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.bob) }
        harness.loop.advance(by: .seconds(10))
        while harness.refusal(of: Sample.bob) != nil { await Task.yield() }
    }

    @Test("an index whose connections the kernel would not forget is not leased, and asked about again")
    func forgettingFails() async throws {
        let forgotten = Forgotten()
        forgotten.fail()
        let harness = try ServerHarness {
            $0.ipv4Pool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 24)
            $0.sessionExpiry = .seconds(10)
            $0.forgetConnections = { try await forgotten.add($0) }
        }
        let identities = (0..<252).map { SessionIdentity(user: "u\($0)", keyFingerprint: "k") }
        let connections = try identities.map { try harness.connect($0) }
        harness.runAll()
        connections[7].transport.finish()
        let lingering = "connections of ended sessions may linger, so their addresses are not leased"
        for round in 1...3 {
            harness.loop.advance(by: .seconds(15))
            while harness.log.lines(lingering).count < round { await Task.yield() }
            #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.alice) }
        }
        #expect(harness.log.lines("session ended").count == 1)
        forgotten.letGo()
        harness.loop.advance(by: .seconds(15))
        while (try? harness.connect(Sample.alice)) == nil { await Task.yield() }
    }

    @Test("an index is not leased again before the kernel has forgotten its connections")
    func forgetFirst() async throws {
        let pool = IPPrefix(IPAddress(ipv4: 0x0a00_0000), length: 24)
        let forgotten = Forgotten()
        let harness = try ServerHarness {
            $0.ipv4Pool = pool
            $0.sessionExpiry = .seconds(10)
            $0.forgetConnections = { try await forgotten.add($0) }
        }
        let identities = (0..<252).map { SessionIdentity(user: "u\($0)", keyFingerprint: "k") }
        let connections = try identities.map { try harness.connect($0) }
        harness.runAll()
        #expect(Set(identities.compactMap { harness.session($0)?.index }) == Set(3...254))
        #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.alice) }
        #expect(harness.refusal(of: Sample.alice) == .poolIsExhausted)
        #expect(harness.refusal(of: identities[7]) == nil)
        let index = try #require(harness.session(identities[7])?.index)
        connections[7].transport.finish()
        harness.loop.advance(by: .seconds(15))
        while forgotten.networks.isEmpty { await Task.yield() }
        let addresses = harness.server.addressPool
        #expect(forgotten.networks == [only(addresses.ipv4Address(index)), only(addresses.ipv6Address(index))])
        #expect(throws: SessionError.poolIsExhausted) { try harness.connect(Sample.alice) }
        forgotten.letGo()
        while (try? harness.connect(Sample.alice)) == nil { await Task.yield() }
        #expect(harness.session(Sample.alice)?.index == index)
    }
}

private func only(_ address: IPAddress) -> IPPrefix { IPPrefix(address, length: address.isIPv4 ? 32 : 128) }

/// A `forgetConnections` that takes until `letGo`, or fails until then.
private final class Forgotten: Sendable {
    private struct Failure: Error {}
    private enum Mode: Int { case waits, fails, works }

    private let kept = Mutex<[IPPrefix]>([])
    private let mode = Atomic(0)

    var networks: [IPPrefix] { kept.withLock { $0 } }

    func add(_ networks: [IPPrefix]) async throws {
        kept.withLock { $0 += networks }
        while mode.load(ordering: .acquiring) == Mode.waits.rawValue { await Task.yield() }
        if mode.load(ordering: .acquiring) == Mode.fails.rawValue { throw Failure() }
    }

    func letGo() { mode.store(Mode.works.rawValue, ordering: .releasing) }
    func fail() { mode.store(Mode.fails.rawValue, ordering: .releasing) }
}

extension SessionTests {
    @Test("an embedder's resolvers may ask the server, and take their time")
    func resolversAskTheServer() throws {
        let box = ServerBox()
        let harness = try ServerHarness {
            $0.dnsResolvers = {
                #expect(box.server?.sessionCount.all == box.expectedCount)
                return Sample.resolvers
            }
        }
        box.server = harness.server
        for identity in [Sample.alice, Sample.bob] {
            let connection = try harness.connect(identity)
            harness.runAll()
            connection.send(Sample.upstreamUDP(.v4))
            #expect(harness.device.takeWritten().count == 1)
            box.expectedCount += 1
        }
    }

    @Test("a device whose packets are too large for the clients is refused")
    func deviceMTU() {
        #expect(throws: ConfigurationError.self) { try ServerHarness(deviceMTU: 1_501) }
    }
}

/// What a hook of a server knows of it.
private final class ServerBox: @unchecked Sendable {
    var server: PacketTunnelServer?
    var expectedCount = 0
}
