/// Where a session stands between its first byte and its end.
///
/// Events change the state; questions do not. Asked a few times a turn, never per message.
enum SSHSessionState: Equatable {
    /// The key exchange or the login is under way.
    case handshaking
    /// Logged in.
    case running
    /// The end is certain, and carried out at the end of the turn.
    case ending(End)
    /// The library's session is gone.
    case ended

    /// Why a session ends, and what the peer hears of it.
    struct End: Equatable {
        /// For a log line.
        var reason: String
        /// The text of SSH_MSG_DISCONNECT (RFC 4253 §11.1); nil sends the library's own.
        var disconnectMessage: String?
        /// Its reason code; nil for "by application".
        var disconnectCode: UInt32?
    }

    // MARK: Questions

    var isHandshaking: Bool { self == .handshaking }

    /// True from the moment on in which the end is certain.
    var isEnding: Bool {
        switch self {
        case .handshaking, .running: false
        case .ending, .ended: true
        }
    }

    // MARK: Events

    /// The peer has logged in.
    mutating func handshakeDidFinish() {
        if self == .handshaking { self = .running }
    }

    /// Somebody wants the session to end, or sees that it has. The first one counts.
    ///
    /// - Returns: true for the first one.
    mutating func end(_ end: End) -> Bool {
        guard !isEnding else { return false }
        self = .ending(end)
        return true
    }

    /// The end is being carried out.
    ///
    /// - Returns: what was decided; nil if there is nothing to carry out, or no longer.
    mutating func finish() -> End? {
        guard case .ending(let end) = self else { return nil }
        self = .ended
        return end
    }
}
