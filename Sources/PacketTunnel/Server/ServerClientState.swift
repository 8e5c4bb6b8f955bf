/// Where a connection stands with the session that it has asked for.
///
/// A session goes from one connection to the next by two messages that may meet in any order: the table says who comes next, and
/// the former connection says that it is through. Events change the state; questions do not. `Session` and `Client` are
/// `Session` and `ServerClient`.
struct ServerClientState<Session: AnyObject, Client: AnyObject> {
    /// The step that the connection has reached. Without a payload that is counted, as messages of packets pass by it.
    enum Phase {
        /// The session is on its way, perhaps from the connection that had it before.
        case waiting
        /// The connection has the session.
        case active
        /// The connection ends, and still counts for the session; who takes that over may be known already.
        case ending
        /// The connection has ended. Nobody has asked for what it had.
        case ended
        /// The connection has ended, and a newer one has claimed the session, which lies here until `letGo` says who that is.
        case claimed
        /// The connection has ended before it had the session, which goes on to its successor when it comes.
        case succeeded
    }

    /// What to do with a session that has come.
    enum Arrival {
        /// Use it.
        case use
        /// Tell the table that nobody uses it.
        case detach
        /// Pass it on.
        case pass(to: Client)
    }

    private(set) var phase = Phase.waiting
    /// In the phase `claimed`, the session.
    private(set) var session: Session?
    /// In the phase `succeeded`, and perhaps `ending`: who takes the session over.
    private(set) var successor: Client?

    // MARK: Questions

    /// True until the end.
    @inline(__always)
    var isOpen: Bool { phase == .waiting || phase == .active }

    // MARK: Events

    /// The session has come.
    mutating func sessionDidArrive() -> Arrival {
        if let successor, phase == .succeeded { return .pass(to: successor) }
        guard isOpen else { return .detach }
        phase = .active
        return .use
    }

    /// The connection ends.
    ///
    /// - Returns: false if it has before.
    mutating func end() -> Bool {
        guard isOpen else { return false }
        phase = phase == .active ? .ending : .ended
        return true
    }

    /// The connection, which has been ended, is to give the session to `successor`.
    ///
    /// - Returns: the session if it is at hand; otherwise it is passed on when it is.
    mutating func letGo(to successor: Client) -> Session? {
        guard phase != .claimed else {
            defer { self = Self(phase: .ended) }
            return session
        }
        self = Self(phase: phase == .ending ? .ending : .succeeded, successor: successor)
        return nil
    }

    /// The table has been told that nobody uses `session`.
    ///
    /// - Parameter isClaimed: whether a newer connection was faster.
    /// - Returns: that connection, if it is known already: the session goes to it.
    mutating func didDetach(_ session: Session, isClaimed: Bool) -> Client? {
        let successor = isClaimed ? successor : nil
        let isKept = isClaimed && successor == nil
        self = isKept ? Self(phase: .claimed, session: session) : Self(phase: .ended)
        return successor
    }
}
