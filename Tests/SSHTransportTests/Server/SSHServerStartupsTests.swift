import IPPacket
import Synchronization
import OpenSSHSyntax
import Testing

@testable import SSHTransport

@Suite("Places for connections that have not logged in") struct SSHServerStartupsTests {
    private func source(_ address: String, ipv6: Int = 64) -> SSHServerSource {
        SSHServerSource(address, blockSize: .init(ipv4: 32, ipv6: ipv6))
    }

    private func take(_ startups: SSHServerStartups, _ address: String, now: UInt64 = 1, chance: Int = 99)
        -> Result<SSHServerPlace, SSHServerStartups.Refusal>
    {
        startups.take(source(address), now: now, random: { _ in chance })
    }

    private func refusal(_ result: Result<SSHServerPlace, SSHServerStartups.Refusal>) -> SSHServerStartups.Refusal? {
        guard case .failure(let refusal) = result else { return nil }
        return refusal
    }

    @Test("drops connections at random between begin and full, and at once beyond the share of one source")
    func sshd() throws {
        let startups = SSHServerStartups(limits: .init(begin: 2, rate: 50, full: 4), perSource: 2)
        let first = try take(startups, "192.0.2.1", chance: 0).get()
        #expect(refusal(take(startups, "192.0.2.2", chance: 0)) == nil)
        #expect(refusal(take(startups, "192.0.2.3", chance: 49)) == .total, "50 % at begin")
        #expect(refusal(take(startups, "192.0.2.1", chance: 50)) == nil)
        #expect(refusal(take(startups, "192.0.2.1")) == .perSource)
        #expect(refusal(take(startups, "192.0.2.2", chance: 74)) == .total, "75 % half way")
        #expect(refusal(take(startups, "192.0.2.2", chance: 75)) == nil)
        #expect(refusal(take(startups, "192.0.2.2")) == .perSource)
        startups.ended(first, nil, now: 1)
        #expect(startups.count == 3)
    }

    @Test("gives a newcomer the oldest place of the source that has most", arguments: ["192.0.2.", "2001:db8:1::"])
    func newcomer(network: String) throws {
        let startups = SSHServerStartups(limits: .init(begin: 10, rate: 30, full: 100), perSource: 20)
        let revoked = Revocations()
        for place in 0..<20 {
            for attacker in 1...5 {
                // Five IPv4 addresses, or five IPv6 networks with another address for each connection.
                let address = network.contains(":") ? "2001:db8:\(attacker)::\(place + 1)" : "\(network)\(attacker)"
                try take(startups, address).get().whenRevoked { revoked.add(place) }
            }
        }
        #expect(startups.count == 100)
        for number in 1...40 {
            let newcomer = try take(startups, "198.51.100.\(number)", chance: 0).get()
            startups.ended(newcomer, nil, now: 1)
        }
        #expect(
            revoked.all == (0..<8).flatMap { Array(repeating: $0, count: 5) },
            "each of the five in turn, oldest first"
        )
    }

    @Test("an IPv6 network of 64 bits is one source, unless it is said otherwise")
    func block() {
        #expect(source("2001:db8::1") == source("2001:db8::ffff:1"))
        #expect(source("2001:db8::1") != source("2001:db8:0:1::1"))
        #expect(source("2001:db8::1", ipv6: 128) != source("2001:db8::2", ipv6: 128))
        #expect(source("fe80::1%eth0") == source("fe80::1%eth1"))
        #expect(source("192.0.2.1") != source("192.0.2.2"))
    }

    @Test("a source with a login in the last day has places of its own, and loses its oldest to itself")
    func regular() throws {
        let startups = SSHServerStartups(limits: .init(begin: 1, rate: 100, full: 4), perSource: 2)
        startups.loggedIn(try take(startups, "192.0.2.9").get(), now: 5)
        for number in 1...4 { _ = take(startups, "192.0.2.\(number)") }
        // Each source has one place only: nobody is greedy, and chance decides.
        #expect(refusal(take(startups, "192.0.2.8", chance: 0)) == .total)
        let first = try take(startups, "192.0.2.9", now: 10, chance: 0).get()
        _ = try take(startups, "192.0.2.9", now: 11, chance: 0).get()
        let revoked = Revocations()
        first.whenRevoked { revoked.add(0) }
        _ = try take(startups, "192.0.2.9", now: 12, chance: 0).get()
        #expect(revoked.all == [0])
        #expect(
            refusal(take(startups, "192.0.2.9", now: 6 + SSHServerRegulars.lifetime, chance: 0)) != nil,
            "a day later"
        )
    }

    @Test("penalties add up, hold from their least on, and end", arguments: ["192.0.2.1", "2001:db8::1"])
    func penalties(address: String) throws {
        let second: UInt64 = 1_000_000_000
        let startups = SSHServerStartups(limits: .init(begin: 10, rate: 30, full: 100), perSource: nil)
        for _ in 0..<3 {
            #expect(refusal(take(startups, address)) == nil)
            startups.ended(try take(startups, address).get(), .authenticationFailure, now: second)
        }
        #expect(refusal(take(startups, address, now: 2 * second)) == .penalty)
        #expect(refusal(take(startups, "198.51.100.1", now: 2 * second)) == nil)
        #expect(refusal(take(startups, address, now: 17 * second)) == nil, "15 s later")
    }

    @Test("a source with a login has no penalties")
    func exemption() throws {
        let startups = SSHServerStartups(limits: .init(begin: 10, rate: 30, full: 100), perSource: nil)
        startups.loggedIn(try take(startups, "192.0.2.1").get(), now: 1)
        for _ in 0..<10 { startups.ended(try take(startups, "192.0.2.1").get(), .authenticationFailure, now: 1) }
        #expect(refusal(take(startups, "192.0.2.1")) == nil)
    }

    @Test("remembers no more sources than it is told to")
    func bound() {
        var rules = SSHServerConfiguration.Penalties()
        rules.sourceLimitIPv4 = 8
        rules.exemptions = [IPPrefix(IPAddress(ipv4: 0xc000_0200), length: 24)]
        var penalties = SSHServerPenalties(rules)
        for number in 0..<100 {
            for _ in 0..<3 { penalties.add(.invalidUser, by: source("198.51.100.\(number)"), now: UInt64(number)) }
        }
        #expect(penalties.count <= 8)
        #expect(penalties.remaining(source("198.51.100.99"), now: 100) > 0)
        penalties.add(.graceExceeded, by: source("192.0.2.1"), now: 1)
        penalties.add(.graceExceeded, by: source("192.0.2.1"), now: 1)
        #expect(penalties.remaining(source("192.0.2.1"), now: 1) == 0, "exempt")
        rules.overflowIPv4 = .denyAll
        penalties = SSHServerPenalties(rules)
        for number in 0..<8 { penalties.add(.invalidUser, by: source("198.51.100.\(number)"), now: 1) }
        #expect(penalties.remaining(source("203.0.113.1"), now: 1) > 0)
        #expect(penalties.remaining(source("192.0.2.1"), now: 1) == 0)
    }
}

/// The places that were taken away, in order.
private final class Revocations: Sendable {
    private let list = Mutex<[Int]>([])
    var all: [Int] { list.withLock { $0 } }
    func add(_ place: Int) { list.withLock { $0.append(place) } }
}
