/// What a session tells its user. Calls come on the session's loop.
protocol SSHSessionDelegate: AnyObject {
    /// Something may have changed: packets came in, or output went out. Never from inside the library.
    func sessionDidProgress(_ session: SSHSession)

    /// The session is over and its library state is gone. Nothing follows.
    func sessionDidEnd(_ session: SSHSession, reason: String)
}
