internal import IPPacket

/// What is known of one flow.
struct Flow {
    /// What has been seen of a TCP connection, one bit each.
    struct Progress: OptionSet {
        let rawValue: UInt8

        static let dataUpstream = Progress(rawValue: 1)
        static let dataDownstream = Progress(rawValue: 2)
        static let endUpstream = Progress(rawValue: 4)
        static let endDownstream = Progress(rawValue: 8)
        static let end: Progress = [.endUpstream, .endDownstream]

        /// The connection carries data both ways: it is somebody's work, and its flow makes room for others last.
        var isConversation: Bool { isSuperset(of: [.dataUpstream, .dataDownstream]) && !isOver }
        /// Both sides have ended the connection, or one has reset it.
        var isOver: Bool { isSuperset(of: .end) }

        /// What is seen once another segment has passed.
        func after(_ summary: PacketSummary, _ direction: PacketDirection) -> Progress {
            // A SYN begins a connection anew, whatever was before.
            if summary.tcpFlags & (TCPFlags.syn | TCPFlags.ack) == TCPFlags.syn { return [] }
            var after = self
            if summary.payloadLength > 0 { after.insert(direction == .upstream ? .dataUpstream : .dataDownstream) }
            if summary.tcpFlags & TCPFlags.fin != 0 {
                after.insert(direction == .upstream ? .endUpstream : .endDownstream)
            }
            if summary.tcpFlags & TCPFlags.rst != 0 { after.insert(.end) }
            return after
        }
    }

    /// Nanoseconds on the loop's clock of its last packet.
    var lastActive: UInt64
    /// The transparent address that the client asks; nil for every other flow.
    var transparent: IPAddress?
    /// The resolver behind it that was asked last.
    var resolver: IPAddress?
    /// The number of the flow's last DNS query among those of its client; 0 for none.
    var queryNumber: UInt64 = 0
    /// The resolver has answered.
    var isAnswered = false
    /// Application bytes towards the internet since the updaters were told.
    var upstreamBytes = 0
    /// Application bytes towards the client since the updaters were told.
    var downstreamBytes = 0
    /// Up to when the updaters have been told.
    var reportedUntil: UInt64
    /// The embedder's objects that hear of the flow's progress. Empty for nearly all flows.
    var updaters: [any FlowActivityUpdater] = []
    /// Judges the names asked for over TCP. Nil for nearly all.
    var dnsStream: DNSStream?
    /// What was asked in it, where that is measured.
    var dnsQueries = DNSQueries()
    /// What was seen of a TCP connection.
    var progress = Progress()

    init(now: UInt64) {
        lastActive = now
        reportedUntil = now
    }

    /// Tells the updaters what was carried, and for how long packets came, since they were told last. Nothing if nothing was.
    mutating func report() {
        guard upstreamBytes > 0 || downstreamBytes > 0 || lastActive > reportedUntil else { return }
        for updater in updaters {
            updater.updateProgress(
                downstreamBytes: downstreamBytes,
                upstreamBytes: upstreamBytes,
                nanoseconds: lastActive &- reportedUntil
            )
        }
        upstreamBytes = 0
        downstreamBytes = 0
        reportedUntil = lastActive
    }
}
