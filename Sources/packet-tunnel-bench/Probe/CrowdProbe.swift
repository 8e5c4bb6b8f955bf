internal import ArgumentParser
internal import EventLoops
internal import Glibc
internal import IPPacket
internal import PacketTunnel
internal import PacketTunnelTestKit
internal import SSHTransport
internal import Synchronization

/// Many clients in one process, without a device: each has its own connection, channel and session.
///
/// Prints "open" when all are there. Then each line of standard input is a number: that many of them talk to the echo
/// server for a while, each as fast as it is answered, and how often each was is printed.
struct CrowdProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "crowd")

    @Argument(help: "Where the server is, as for ssh.")
    var destination: String

    @Option(name: .customShort("o"), help: "An option of ssh.")
    var options: [String] = []

    @Option(help: "Clients.")
    var count: Int

    @Option(help: "An address where a probe echoes.")
    var echo: String

    @Option(help: "Its port.")
    var port: UInt16

    @Option(help: "How long they talk.")
    var seconds: Double

    func run() throws {
        guard let address = IPAddress(echo) else { throw ValidationError("--echo \(echo) is no address") }
        let loops = try (0..<2).map { try EventLoop(name: "crowd-\($0)") }
        let crowd = try (0..<count).map { number in
            let loop = loops[number % loops.count]
            let answers = AnswerCount()
            let member = LoopBound(CrowdMember(number, answers, echo: address, port: port), on: loop)
            try connect(member, as: CrowdMember.sessionName(number), loop)
            return (member: member, answers: answers)
        }
        ProbeOutput.print(["open": Double(crowd.count)])
        while let active = readLine().flatMap({ Int($0) }) {
            let talking = crowd.prefix(active)
            for (member, answers) in talking {
                answers.number.store(0, ordering: .relaxed)
                member.execute { $0.start() }
            }
            SystemClock.sleep(until: SystemClock.monotonic + seconds.inNanoseconds)
            for (member, _) in talking { member.execute { $0.stop() } }
            report(talking.map { Double($0.answers.number.load(ordering: .relaxed)) }.sorted())
        }
    }

    private func connect(_ member: LoopBound<CrowdMember>, as name: String, _ loop: EventLoop) throws {
        var configuration = try SSHClientConfiguration(destination: destination)
        configuration.file = .none
        for option in options { try configuration.setOption(option) }
        try SSHClient(connecting: configuration).openTunnel(
            on: loop,
            offers: [SSHTunnelOffer(.psiphon)],
            sessionName: name
        ) { member.value.attach($0) }
    }

    /// Jain's index of fairness: 1 when all get the same, one nth when one gets all.
    private func report(_ counts: [Double]) {
        let sum = counts.reduce(0, +)
        let squares = counts.reduce(0) { $0 + $1 * $1 }
        ProbeOutput.print([
            "rate": sum / seconds, "least": counts.first ?? 0, "median": Statistics(counts)?.median ?? 0,
            "most": counts.last ?? 0, "fairness": squares > 0 ? sum * sum / (Double(counts.count) * squares) : 0,
        ])
    }
}

/// What has come back to one of them.
private final class AnswerCount: Sendable {
    let number = Atomic<Int>(0)
}

/// One of them. Belongs to its channel's loop.
private final class CrowdMember: PacketTransportReceiver {
    /// Datagrams on their way.
    private static let window = 2
    /// After this long without an answer they are taken for lost.
    private static let patience: UInt64 = 500_000_000

    private let frame: [UInt8]
    private let answers: AnswerCount
    private var tunnel: SSHClientTunnel?
    private var isTalking = false
    private var answersBefore = 0
    private var stream: [UInt8] = []

    /// Those of another process are others.
    static func sessionName(_ number: Int) -> String {
        let digits = String(UInt64(getpid()) << 32 | UInt64(number), radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }

    init(_ number: Int, _ answers: AnswerCount, echo: IPAddress, port: UInt16) {
        self.answers = answers
        let own = echo.isIPv4 ? IPAddress(ipv4: 0x0a6f_0009) : IPAddress(bits: 0xfd11 << 112 | 9)
        let packet = PacketBuilder.udp(
            source: own,
            destination: echo,
            destinationPort: port,
            payload: [UInt8](repeating: 0, count: 1_000)
        )
        frame = MemoryFrames.frame(packet, as: .psiphon)
    }

    func attach(_ tunnel: SSHClientTunnel) {
        self.tunnel = tunnel
        tunnel.channel.setReceiver(self)
    }

    func start() {
        isTalking = true
        sendWindow()
    }

    func stop() { isTalking = false }

    private func sendWindow() {
        guard isTalking, let tunnel else { return }
        let answerCount = answers.number.load(ordering: .relaxed)
        if answerCount == answersBefore || answersBefore == 0 {
            for _ in 0..<Self.window { send() }
        }
        answersBefore = answerCount
        tunnel.channel.loop.scheduleHere(after: Self.patience) { self.sendWindow() }
    }

    private func send() { _ = frame.withUnsafeBytes { tunnel?.channel.write($0.bytes) } }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        bytes.withUnsafeBytes { stream += $0 }
        while stream.count >= frame.count {
            stream.removeFirst(frame.count)
            answers.number.wrappingAdd(1, ordering: .relaxed)
            if isTalking { send() }
        }
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) { ProbeOutput.write("closed: \(reason)") }
}
