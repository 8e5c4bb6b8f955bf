// The socket constants of a file that is compiled after one with CLibSSH are visible through it alone.
import CLibSSH
import Glibc
import OpenSSHSyntax
import PacketTunnel
import Testing

@testable import SSHTransport

@Suite("Congestion control by path")
struct CongestionSelectionTests {
    private static let near: UInt64 = 200_000
    private static let far: UInt64 = 20_000_000

    /// What is measured of a path that has been full.
    private static func full(
        _ roundTrip: UInt64,
        sent: UInt64 = 0,
        sentAgain: UInt64 = 0
    ) -> PathFigures {
        PathFigures(
            roundTrip: roundTrip,
            usualRoundTrip: roundTrip,
            sent: sent,
            sentAgain: sentAgain,
            isInSlowStart: false
        )
    }

    @Test(
        "a long path gets BBR, and a near one what the system has, or cubic in the place of BBR",
        arguments: [
            ("cubic", near, nil), ("cubic", far, "bbr"), ("bbr", near, "cubic"), ("bbr", far, nil), ("reno", near, nil),
            ("bbr3", near, "cubic"), ("bbr3", far, nil), ("cubic", 3_000_000, "bbr"), ("cubic", 2_999_999, nil),
        ] as [(String, UInt64, String?)]
    )
    func byLength(_ system: String, _ roundTrip: UInt64, _ expected: String?) {
        var selection = CongestionSelection(.auto, system: system)
        #expect(selection.next(Self.full(roundTrip)) == expected)
        #expect(selection.next(Self.full(roundTrip)) == nil)
    }

    @Test(
        "a long path is left to slow start until it has been full once: a queue, a loss, or an end of slow start",
        arguments: [
            PathFigures(roundTrip: far, usualRoundTrip: 28_000_000, segmentsUnderWay: 11),
            PathFigures(roundTrip: far, usualRoundTrip: far, sent: 5_000, sentAgain: 1_448),
            PathFigures(roundTrip: far, usualRoundTrip: far, isInSlowStart: false),
        ]
    )
    func start(_ full: PathFigures) {
        let quiet = [
            PathFigures(roundTrip: Self.far, usualRoundTrip: Self.far, segmentsUnderWay: 400),
            // A peer that takes its time to acknowledge is no queue.
            PathFigures(roundTrip: Self.far, usualRoundTrip: 60_000_000, segmentsUnderWay: 10),
            PathFigures(roundTrip: Self.far, usualRoundTrip: 26_000_000, segmentsUnderWay: 400),
        ]
        for (system, first) in [("cubic", nil), ("reno", nil), ("bbr", "cubic")] {
            var selection = CongestionSelection(.auto, system: system)
            #expect(selection.next(quiet[0]) == first)
            for figures in quiet { #expect(selection.next(figures) == nil && selection.isStarting) }
            #expect(selection.next(full) == "bbr" && !selection.isStarting)
            #expect(selection.isQueueing == (full.segmentsUnderWay > 0))
            for figures in quiet { #expect(selection.next(figures) == nil && !selection.isStarting) }
        }
    }

    @Test("a near path that loses packets gets BBR until it loses nearly none")
    func byLoss() {
        var selection = CongestionSelection(.auto, system: "cubic")
        #expect(selection.next(Self.full(Self.near, sent: 10_000, sentAgain: 5_000)) == nil)
        #expect(selection.next(Self.full(Self.near, sent: 1_000_000, sentAgain: 10_000)) == "bbr")
        #expect(selection.lossPermille == 10)
        #expect(selection.next(Self.full(Self.near, sent: 2_000_000, sentAgain: 10_500)) == nil)
        #expect(selection.next(Self.full(Self.near, sent: 3_000_000, sentAgain: 10_510)) == "cubic")
    }

    @Test("a path at the border does not change to and fro")
    func border() {
        var selection = CongestionSelection(.auto, system: "cubic")
        #expect(selection.next(Self.full(3_100_000)) == "bbr")
        for roundTrip: UInt64 in [2_900_000, 3_100_000, 1_600_000] {
            #expect(selection.next(Self.full(roundTrip)) == nil)
        }
        #expect(selection.next(Self.full(1_400_000)) == "cubic")
    }

    @Test("what a person has chosen holds whatever the path is", arguments: [near, far])
    func chosen(_ roundTrip: UInt64) {
        var named = CongestionSelection(.named("reno"), system: "cubic")
        #expect(named.next(Self.full(roundTrip)) == "reno" && !named.isStarting)
        #expect(named.next(Self.full(roundTrip, sent: 9_000_000, sentAgain: 900_000)) == nil)
        var system = CongestionSelection(.system, system: "bbr")
        #expect(system.next(Self.full(roundTrip, sent: 9_000_000, sentAgain: 900_000)) == nil && !system.isStarting)
    }

    @Test(
        "what the kernel does not give is told with what to do and what it would bring",
        arguments: [
            ("bbr", ENOENT, "load it with modprobe tcp_bbr", "long or lossy"),
            ("bbr", EPERM, "add bbr to net.ipv4.tcp_allowed_congestion_control", "long or lossy"),
            ("cubic", EPERM, "add cubic to net.ipv4.tcp_allowed_congestion_control", "near path"),
        ]
    )
    func advice(_ name: String, _ code: Int32, _ remedy: String, _ gain: String) throws {
        let path = TransportPath(congestionControl: "reno", roundTripMicroseconds: 20_140, lossPermille: 12.3)
        let change = PathWatch.Change(path: path, refusal: .congestionControl(name, code))
        let advice = try #require(change.advice)
        #expect(advice.contains(remedy) && advice.contains(gain) && !advice.contains("\n"))
        #expect(change.description == "congestion control reno: round trip 20.1 ms, 1.2 % lost")
        #expect(PathWatch.Change(path: path, refusal: nil).advice == nil)
        let denied = PathWatch.Change(path: path, refusal: .sendBuffer).advice
        #expect(denied?.contains("raise the last number of net.ipv4.tcp_wmem") == true)
    }

    @Test("a connection is given what it was told to have, and what is no TCP connection is left alone")
    func socket() {
        let descriptor = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var watch = PathWatch(descriptor, .named("reno"), greatestUnsent: 131_072)
        let (first, second) = (watch.update(now: 1), watch.update(now: 2))
        #expect(first?.path.congestionControl == "reno" && first?.refusal == nil && second == nil)
        #expect(PathWatch.congestionControl(of: descriptor) == "reno")
        var unknown = PathWatch(descriptor, .named("nonsense"), greatestUnsent: 131_072)
        let refused = unknown.update(now: 1)
        #expect(refused?.refusal == .congestionControl("nonsense", ENOENT) && unknown.path?.congestionControl == "reno")
        var pipe = PathWatch(0, .auto, greatestUnsent: 131_072)
        let none = pipe.update(now: 1)
        #expect(none == nil && pipe.path == nil)
    }
}
