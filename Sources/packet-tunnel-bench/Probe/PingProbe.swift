internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// Measures round trips to an echo probe, one at a time.
struct PingProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "ping")

    /// A datagram without an answer for so long is lost, and counts as a round trip of this time.
    private static let patience: UInt64 = 1_000_000_000

    @OptionGroup var endpoint: ProbeEndpoint

    @Option var seconds: Double

    @Option(help: "Microseconds from one request to the next; 0 is as soon as the answer is there.")
    var interval: UInt64 = 0

    @Option(help: "Bytes of a request, and of its answer.")
    var size = 64

    @Flag(help: "A TCP connection instead of UDP.")
    var tcp = false

    func validate() throws {
        guard (8...1_400).contains(size) else { throw ValidationError("a request has 8 to 1400 bytes") }
    }

    func run() throws {
        let address = try SocketAddress(endpoint)
        let socket = try ProbeSocket(tcp ? SOCK_STREAM : SOCK_DGRAM, for: address)
        try socket.connect(to: address)
        if tcp { socket.set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }
        var samples: [UInt64] = []
        samples.reserveCapacity(Int(seconds * 100_000))
        var lost = 0
        var sequence: UInt64 = 0
        var start = SystemClock.monotonic
        let end = start + seconds.inNanoseconds
        while start < end {
            sequence += 1
            let isAnswered = try exchange(sequence, on: socket, until: start + Self.patience)
            let now = SystemClock.monotonic
            samples.append(now - start)
            if !isAnswered { lost += 1 }
            if start + interval * 1_000 > now { SystemClock.sleep(until: start + interval * 1_000) }
            start = SystemClock.monotonic
        }
        report(samples, lost: lost)
    }

    /// Sends a request and waits for its own answer; false if that does not come.
    private func exchange(_ sequence: UInt64, on socket: ProbeSocket, until deadline: UInt64) throws -> Bool {
        var request = [UInt8](repeating: 0, count: size)
        request.withUnsafeMutableBytes { $0.storeBytes(of: sequence, as: UInt64.self) }
        // A datagram that cannot be sent is as lost as one that does not arrive.
        let sent = send(socket.descriptor, request, size, Int32(MSG_NOSIGNAL))
        if tcp { try ProbeFailure.check(Int32(truncatingIfNeeded: sent), "send") }
        var answer = [UInt8](repeating: 0, count: size)
        while case let now = SystemClock.monotonic, now < deadline {
            guard socket.wait(nanoseconds: deadline - now) else { return false }
            let count = recv(socket.descriptor, &answer, size, tcp ? Int32(MSG_WAITALL) : 0)
            if tcp, count < size { throw ProbeFailure(description: "the connection has ended") }
            guard count == size else { continue }
            if answer.withUnsafeBytes({ $0.load(as: UInt64.self) }) == sequence { return true }
        }
        return false
    }

    private func report(_ samples: [UInt64], lost: Int) {
        let sorted = samples.map { Double($0) / 1_000 }.sorted()
        ProbeOutput.print([
            "count": Double(sorted.count), "lost": Double(lost),
            "median": Statistics.quantile(0.5, ofSorted: sorted),
            "p99": Statistics.quantile(0.99, ofSorted: sorted),
            "maximum": sorted.last ?? .nan,
        ])
    }
}
