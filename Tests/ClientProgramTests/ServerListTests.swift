import Testing

@testable import packet_tunnel

@Suite("The servers of a tunnel")
struct ServerListTests {
    private let start = ContinuousClock.now

    private func list(_ count: Int) -> ServerList { ServerList(count: count) }

    @Test("are tried in the order given, each alone for a second")
    func headStart() {
        let servers = list(3)
        #expect(servers.next(now: start, pending: [:], mayRace: true) == 0)
        #expect(servers.next(now: start, pending: [0: start], mayRace: true) == nil)
        #expect(servers.nextMoment(pending: [0: start], mayRace: true) == start + ServerList.headStart)
        #expect(servers.next(now: start + .seconds(1), pending: [0: start], mayRace: true) == 1)
        let both = [0: start, 1: start + .seconds(1)]
        #expect(servers.next(now: start + .seconds(1.5), pending: both, mayRace: true) == nil)
        #expect(servers.next(now: start + .seconds(2), pending: both, mayRace: true) == 2)
    }

    @Test("are tried anew beside an attempt that does not end")
    func triesAnew() {
        let servers = list(1)
        #expect(servers.next(now: start + .seconds(1.9), pending: [0: start], mayRace: true) == nil)
        #expect(servers.nextMoment(pending: [0: start], mayRace: true) == start + ServerList.patience)
        #expect(servers.next(now: start + .seconds(2), pending: [0: start], mayRace: true) == 0)
    }

    @Test("are tried one by one while a person may be asked")
    func oneByOne() {
        let servers = list(2)
        #expect(servers.next(now: start + .seconds(60), pending: [0: start], mayRace: false) == nil)
        #expect(servers.nextMoment(pending: [0: start], mayRace: false) == nil)
    }

    @Test("are left alone for longer each time, each by itself, and what an attempt has taken counts")
    func backsOff() {
        var servers = list(2)
        #expect(servers.failed(0, start: start, now: start) == .zero)
        var longest: Duration = .zero
        for _ in 0..<40 { longest = max(longest, servers.failed(0, start: start, now: start)) }
        #expect(longest > .seconds(5) && longest <= .seconds(10))
        #expect(servers.failed(0, start: start, now: start + .seconds(15)) == .zero)
        _ = servers.failed(0, start: start, now: start)
        #expect(servers.next(now: start, pending: [:], mayRace: true) == 1)
        servers.hurry()
        #expect(servers.next(now: start, pending: [:], mayRace: true) == 0)
    }

    @Test("go on with the one that worked last, and leave out those that must not be used")
    func prefersCurrent() {
        var servers = list(3)
        servers.use(2)
        #expect(servers.next(now: start, pending: [:], mayRace: true) == 2)
        servers.rule(out: 2)
        #expect(servers.next(now: start, pending: [:], mayRace: true) == 0)
        servers.rule(out: 0)
        #expect(!servers.isExhausted)
        servers.rule(out: 1)
        #expect(servers.isExhausted)
        #expect(servers.next(now: start, pending: [:], mayRace: true) == nil)
    }
}
