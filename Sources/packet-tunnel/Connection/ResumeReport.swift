internal import PacketTunnel

/// Tells what has become of a tunnel's connections when its line has been made anew.
struct ResumeReport {
    private var line = 0
    private var pause: Duration?
    private var isSameServer = true
    private var addresses: [String]?

    /// A line carries from now on; without `lostAt` it is the first.
    mutating func begin(line: Int, lostAt: ContinuousClock.Instant?, isSameServer: Bool) {
        self.line = line
        self.isSameServer = isSameServer
        pause = lostAt.map { .now - $0 }
    }

    /// What the server says of the session on a line.
    ///
    /// - Returns: a line for the log; nil for the first line, and for an answer that is no longer of interest.
    mutating func complete(line: Int, _ status: SessionStatus) -> String? {
        guard line == self.line else { return nil }
        let now = [status.assignedIPv4, status.assignedIPv6]
        defer {
            addresses = now
            pause = nil
        }
        guard let pause else { return nil }
        let time = "resumed after \(ShortDuration(pause))"
        guard isSameServer else { return "\(time) at another server: connections begin anew" }
        guard let before = addresses else { return time }
        guard now == before else { return "\(time), other addresses: connections begin anew" }
        return "\(time), same addresses" + (status.lastFlows.map { ", \($0) flows" } ?? "")
    }

    /// The same where no server can be asked.
    mutating func withoutStatus() -> String? {
        guard let pause else { return nil }
        self.pause = nil
        let time = "resumed after \(ShortDuration(pause))"
        return isSameServer ? time : "\(time) at another server: connections begin anew"
    }
}
