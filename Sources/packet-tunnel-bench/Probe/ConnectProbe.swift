internal import ArgumentParser
internal import EventLoops
internal import Glibc

/// Tries to open a TCP connection again and again, and prints when the first one opened.
///
/// While a tunnel comes up, a SYN may be lost, and the kernel would wait a second before it sends the next: each attempt
/// is a new socket, beside those of before.
struct ConnectProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "connect")

    private static let period: UInt64 = 1_000_000
    private static let attemptLimit = 200

    @OptionGroup var endpoint: ProbeEndpoint

    @Option(help: "When to give up.")
    var seconds: Double

    func run() throws {
        let address = try SocketAddress(endpoint)
        let end = SystemClock.monotonic + seconds.inNanoseconds
        var attempts: [ProbeSocket] = []
        var isAnnounced = false
        while case let now = SystemClock.monotonic, now < end {
            if let attempt = try begin(address) { attempts.append(attempt) }
            if attempts.count > Self.attemptLimit { attempts.removeFirst() }
            if !isAnnounced { ProbeOutput.write("trying") }
            isAnnounced = true
            while SystemClock.monotonic < now + Self.period {
                guard let time = Self.firstConnection(of: &attempts) else { continue }
                return ProbeOutput.write("connected=\(time)")
            }
        }
        throw ProbeFailure(description: "no connection to \(address) within \(seconds) s")
    }

    /// A connection on its way; nil if there is no way yet.
    private func begin(_ address: SocketAddress) throws -> ProbeSocket? {
        let socket = try ProbeSocket(SOCK_STREAM, for: address, nonBlocking: true)
        let result = address.withSocketAddress { connect(socket.descriptor, $0, $1) }
        return result == 0 || errno == EINPROGRESS ? socket : nil
    }

    /// The time when one of the attempts has succeeded, within a millisecond; drops those that have failed.
    private static func firstConnection(of attempts: inout [ProbeSocket]) -> UInt64? {
        var entries = attempts.map { pollfd(fd: $0.descriptor, events: Int16(POLLOUT), revents: 0) }
        guard poll(&entries, nfds_t(entries.count), 1) > 0 else { return nil }
        let now = SystemClock.real
        var failed: Set<Int32> = []
        for entry in entries where entry.revents != 0 {
            if Int32(entry.revents) & (POLLERR | POLLHUP) == 0 { return now }
            failed.insert(entry.fd)
        }
        attempts.removeAll { failed.contains($0.descriptor) }
        return nil
    }
}

/// Prints the time and becomes the command.
struct LaunchProbe: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "launch")

    @Argument(parsing: .captureForPassthrough)
    var command: [String]

    func run() throws {
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) }
        words.append(nil)
        ProbeOutput.write("started=\(SystemClock.real)")
        if let program = words[0] { execvp(program, words) }
        try ProbeFailure.check(-1, command.first ?? "nothing to launch")
    }
}
