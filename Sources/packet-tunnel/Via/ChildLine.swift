/// One TCP connection of a command, as /proc shows it: what can be known of it from outside.
struct ChildLine: Sendable {
    /// `tcp` or `tcp6`.
    let table: String
    /// The addresses of both ends, as /proc writes them.
    let ends: [String]

    /// How often the kernel has sent the oldest unacknowledged data again (`retrnsmt` of proc_net_tcp.txt): 3 after 1.4 to
    /// three seconds without any acknowledgement. Nil when the connection is gone.
    var retransmissions: Int? {
        for line in KernelTable.lines(of: "/proc/self/net/\(table)") {
            let fields = line.split(separator: " ", maxSplits: 8)
            guard fields.count > 6, fields[1] == ends[0], fields[2] == ends[1] else { continue }
            return Int(fields[6], radix: 16)
        }
        return nil
    }
}
