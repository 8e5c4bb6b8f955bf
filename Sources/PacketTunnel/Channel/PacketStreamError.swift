public import IPPacket

/// Why a packet could not be read or written one by one.
public enum PacketStreamError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The channel or device is closed, by this side or by the other; nothing follows.
    case closed(reason: String)
    /// The task that waited was cancelled. No packet was lost.
    case cancelled
    /// What was given is no packet: the reason names the rule of `PacketSummary` that it breaks.
    case notAPacket(RejectReason)
    /// The packet, or the run of frames, is longer than this channel or device carries. Sizes in bytes.
    case tooLong(length: Int, limit: Int)
    /// The device did not take the packet: its queue is full, or it is down.
    case notTaken
    /// Frames of this channel cannot be written in one run, because each of its messages is one packet.
    case hasMessageBoundaries

    /// One line for a log.
    public var description: String {
        switch self {
        case .closed(let reason): "closed: \(reason)"
        case .cancelled: "the task was cancelled"
        case .notAPacket(let reason): "not a packet: \(reason)"
        case .tooLong(let length, let limit): "\(length) bytes, longer than \(limit)"
        case .notTaken: "the device did not take the packet"
        case .hasMessageBoundaries: "this channel carries one packet in each message"
        }
    }
}
