// The socket constants of a file that is compiled after one with CLibSSH are visible through it alone.
import CLibSSH
import EventLoops
import Glibc
import IPPacket
import Testing

@testable import SSHTransport

@Suite("ConnectionRace", .timeLimit(.minutes(5)))
struct ConnectionRaceTests {
    private func address(_ text: String, _ port: UInt16) throws -> ServerAddress {
        ServerAddress(try #require(IPAddress(text)), port: port)
    }

    private func open(_ address: ServerAddress) throws(SSHClientError) -> Int32 {
        socket(address.family, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    }

    /// Runs a race to its end; nil if nobody answers.
    private func winner(_ race: inout ConnectionRace) -> ServerAddress? {
        while !race.isOver {
            let now = SystemClock.milliseconds
            if let winner = race.advance(now: now) {
                close(winner.descriptor)
                return winner.address
            }
            var descriptors = race.descriptors
            poll(&descriptors, nfds_t(descriptors.count), Int32(race.timeToNextStart(now: now) ?? 10_000))
        }
        return nil
    }

    @Test("Families alternate, beginning with that of the first address")
    func alternating() throws {
        let list = try ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"].map { try address($0, 22) }
        #expect(list.alternating.map(\.description) == ["2001:db8::1", "192.0.2.1", "2001:db8::2", "2001:db8::3"])
    }

    @Test("An address that has refused is tried again, and others are not", arguments: ["127.0.0.1", "::1"])
    func retried(host: String) throws {
        let refusing = try address(host, try StockServer.freePort())
        let other = try address("127.0.0.2", refusing.port)
        var race = ConnectionRace(open: open)
        race.add([refusing])
        #expect(winner(&race) == nil)
        race.add([refusing])
        let known = race.unanswered
        #expect(known.isEmpty)
        race.retry([refusing, other])
        let again = (unanswered: race.unanswered, failures: race.failures.count)
        #expect(again == ([refusing], 0))
        #expect(winner(&race) == nil)
        let reasons = race.failures.map(\.reason)
        #expect(reasons == [.system(ECONNREFUSED)])
    }

    @Test("An address that refuses makes way for the next at once")
    func refused() throws {
        let server = try RawListener(reply: nil)
        var race = ConnectionRace(open: open)
        race.add([
            try address("::1", try StockServer.freePort()), try address("127.0.0.2", server.port),
            try address("127.0.0.1", server.port),
        ])
        let start = SystemClock.milliseconds
        #expect(winner(&race)?.description == "127.0.0.1")
        #expect(SystemClock.milliseconds - start < ConnectionRace.headStart)
        #expect(race.failures.map(\.reason) == [.system(ECONNREFUSED), .system(ECONNREFUSED)])
    }

    @Test("A silent address has a head start of 250 ms, and is waited for beside the next")
    func silent() throws {
        let silent = try SilentListener()
        let server = try RawListener(reply: nil)
        var race = ConnectionRace(open: open)
        race.add([try address("127.0.0.1", silent.port), try address("127.0.0.1", server.port)])
        let start = SystemClock.milliseconds
        #expect(winner(&race)?.port == server.port)
        #expect(SystemClock.milliseconds - start >= ConnectionRace.headStart)
        #expect(race.failures.isEmpty)
    }

    @Test("When all refuse, each is told, and none is tried twice")
    func allRefuse() throws {
        let port = try StockServer.freePort()
        let places = try ["127.0.0.1", "127.0.0.2"].map { try address($0, port) }
        var race = ConnectionRace(open: open)
        race.add(places + places)
        race.add(places)
        #expect(winner(&race) == nil)
        #expect(race.failures.map(\.address) == places)
    }
}

/// Listens on loopback with no room for another connection: what else connects gets no answer.
final class SilentListener {
    let port: UInt16
    private var descriptors: [Int32] = []

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        descriptors = [listener]
        let any = ServerAddress(IPAddress(ipv4: 0x7f00_0001), port: 0)
        guard any.withSocketAddress({ bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0 else {
            throw TestFailure("cannot listen")
        }
        var name = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let bound = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                getsockname(listener, $0, &length) == 0 ? ServerAddress($0) : nil
            }
        }
        guard let bound else { throw TestFailure("no port") }
        port = bound.port
        // The queue takes one connection more than it was told; the second may or may not fit.
        for _ in 0..<3 {
            let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = bound.withSocketAddress { connect(filler, $0, $1) }
            descriptors.append(filler)
        }
    }

    deinit { for descriptor in descriptors { close(descriptor) } }
}
