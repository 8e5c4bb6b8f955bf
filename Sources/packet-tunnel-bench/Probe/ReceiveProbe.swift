internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// Counts the datagrams that arrive, from the first one on.
struct ReceiveProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "receive")

    private static let patience = 3.0

    @OptionGroup var endpoint: ProbeEndpoint

    @Option var seconds: Double

    @Flag(help: "Ask a sender at the address for them, instead of listening there.")
    var ask = false

    func run() throws {
        let address = try SocketAddress(endpoint)
        let socket = try ProbeSocket(SOCK_DGRAM, for: address)
        socket.setReceiveBuffer(4 << 20)
        if ask {
            try socket.connect(to: address)
            try askForDatagrams(on: socket)
        } else {
            try socket.bind(to: address)
            ProbeOutput.write("listening")
            guard socket.wait(nanoseconds: (Self.patience + seconds).inNanoseconds) else { return report([]) }
        }
        report(count(on: socket))
    }

    private func askForDatagrams(on socket: ProbeSocket) throws {
        let end = SystemClock.monotonic + Self.patience.inNanoseconds
        repeat {
            send(socket.descriptor, [1], 1, Int32(MSG_NOSIGNAL))
            if socket.wait(nanoseconds: 200_000_000) { return }
        } while SystemClock.monotonic < end
    }

    /// Datagrams of each half second.
    private func count(on socket: ProbeSocket) -> [Int] {
        var buffer = [UInt8](repeating: 0, count: 2_048)
        let start = SystemClock.monotonic
        let end = start + seconds.inNanoseconds
        var counts = [Int](repeating: 0, count: max(1, Int(seconds * 2)))
        while case let now = SystemClock.monotonic, now < end {
            guard socket.wait(nanoseconds: end - now) else { break }
            var received = 0
            // Few enough to look at the clock in time.
            while received < 64, recv(socket.descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) >= 0 {
                received += 1
            }
            let slot = Int((SystemClock.monotonic - start) / 500_000_000)
            if slot < counts.count { counts[slot] += received }
        }
        return counts
    }

    private func report(_ counts: [Int]) {
        let total = Double(counts.reduce(0, +))
        ProbeOutput.print([
            "received": total, "rate": total / seconds,
            "worst": Double(counts.min() ?? 0) * 2, "best": Double(counts.max() ?? 0) * 2,
        ])
    }
}
