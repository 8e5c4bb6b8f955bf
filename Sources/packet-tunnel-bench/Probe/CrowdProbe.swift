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
            let member = CrowdMember(number, echo: address, port: port)
            try connect(member, loops[number % loops.count])
            return member
        }
        ProbeOutput.print(["open": Double(crowd.count)])
        while let active = readLine().flatMap({ Int($0) }) {
            let talking = crowd.prefix(active)
            for member in talking { member.start() }
            SystemClock.sleep(until: SystemClock.monotonic + seconds.inNanoseconds)
            for member in talking { member.stop() }
            report(talking.map { Double($0.answerCount) }.sorted())
        }
    }

    private func connect(_ member: CrowdMember, _ loop: EventLoop) throws {
        var configuration = try SSHClientConfiguration(destination: destination)
        configuration.file = .none
        for option in options { try configuration.setOption(option) }
        try SSHClient(connecting: configuration).openTunnel(
            on: loop,
            offers: [SSHTunnelOffer(.psiphon)],
            sessionName: member.sessionName
        ) { member.attach($0) }
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

/// One of them. What it does belongs to its channel's loop.
private final class CrowdMember: PacketTransportReceiver, @unchecked Sendable {
    /// Datagrams on their way.
    private static let window = 2
    /// After this long without an answer they are taken for lost.
    private static let patience: UInt64 = 500_000_000

    let sessionName: String
    private let frame: [UInt8]
    private let answers = Atomic<Int>(0)
    private var tunnel: SSHClientTunnel?
    private var isTalking = false
    private var answersBefore = 0
    private var stream: [UInt8] = []

    init(_ number: Int, echo: IPAddress, port: UInt16) {
        // Those of another process are others.
        let digits = String(UInt64(getpid()) << 32 | UInt64(number), radix: 16)
        sessionName = String(repeating: "0", count: 32 - digits.count) + digits
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

    /// Answers since `start`. From any thread, like the next two.
    var answerCount: Int { answers.load(ordering: .relaxed) }

    func start() {
        answers.store(0, ordering: .relaxed)
        onLoop {
            $0.isTalking = true
            $0.sendWindow()
        }
    }

    func stop() { onLoop { $0.isTalking = false } }

    private func onLoop(_ body: @escaping @Sendable (CrowdMember) -> Void) {
        tunnel?.channel.loop.execute { body(self) }
    }

    private func sendWindow() {
        guard isTalking, let tunnel else { return }
        if answerCount == answersBefore || answersBefore == 0 {
            for _ in 0..<Self.window { send() }
        }
        answersBefore = answerCount
        tunnel.channel.loop.schedule(after: Self.patience) { self.sendWindow() }
    }

    private func send() { _ = frame.withUnsafeBytes { tunnel?.channel.write($0.bytes) } }

    func transportDidReceive(_ bytes: inout MutableRawSpan) {
        bytes.withUnsafeBytes { stream += $0 }
        while stream.count >= frame.count {
            stream.removeFirst(frame.count)
            answers.wrappingAdd(1, ordering: .relaxed)
            if isTalking { send() }
        }
    }

    func transportDidBecomeWritable() {}

    func transportDidClose(reason: String) { ProbeOutput.write("closed: \(reason)") }
}
