/// Where a channel stands between its open and its end.
///
/// Events change the state; questions do not. No case has a payload that is counted: every message that arrives or leaves asks.
enum SSHChannelState: Equatable {
    /// Data goes both ways.
    case open
    /// The peer has sent its end of file (RFC 4254 §5.3). It still takes what we send.
    case peerEnded
    /// The peer has sent its close; ours follows at the end of the turn.
    case peerClosed
    /// This side has decided to close, and does at the end of the turn.
    case closing(peerHasClosed: Bool)
    /// This side has sent its close, and the receiver has been told. The peer's close is awaited.
    case closed
    /// Both sides have sent their close. The library's channel is freed at the end of the turn.
    case finished
    /// The library's channel is gone, with its session or before it.
    case gone

    // MARK: Questions

    /// True from the decision to close on: nothing is sent or delivered any more.
    var isEnding: Bool {
        switch self {
        case .open, .peerEnded, .peerClosed: false
        case .closing, .closed, .finished, .gone: true
        }
    }

    // MARK: Events

    /// The peer's end of file has arrived.
    mutating func peerDidEnd() {
        if self == .open { self = .peerEnded }
    }

    /// The peer's close has arrived.
    mutating func peerDidClose() {
        switch self {
        case .open, .peerEnded: self = .peerClosed
        case .closing: self = .closing(peerHasClosed: true)
        case .closed: self = .finished
        case .peerClosed, .finished, .gone: break
        }
    }

    /// This side wants the channel to end.
    ///
    /// - Returns: true if it is the first to want that; its reason counts.
    mutating func close() -> Bool {
        guard !isEnding else { return false }
        self = .closing(peerHasClosed: self == .peerClosed)
        return true
    }

    /// This side's close has been sent.
    mutating func didSendClose() {
        guard case .closing(let peerHasClosed) = self else { return }
        self = peerHasClosed ? .finished : .closed
    }

    /// The library's channel has been freed.
    mutating func didFree() {
        if self == .finished { self = .gone }
    }

    /// The session has ended, and the library's channel with it.
    ///
    /// - Returns: true if the receiver has not been told of an end yet.
    mutating func sessionDidEnd() -> Bool {
        defer { self = .gone }
        switch self {
        case .open, .peerEnded, .peerClosed, .closing: return true
        case .closed, .finished, .gone: return false
        }
    }
}
