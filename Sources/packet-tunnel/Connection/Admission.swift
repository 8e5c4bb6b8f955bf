internal import Dispatch
internal import IPPacket
internal import LinuxNetwork
internal import SSHTransport
internal import Synchronization

/// The word that a connecting thread waits for before it sends anything to an address.
final class Admission: Sendable {
    private static let patience: DispatchTimeInterval = .seconds(3)

    /// False for a name server, which stays admitted only until there is a line.
    let isServer: Bool
    private let isDone = DispatchSemaphore(value: 0)
    private let error = Mutex<SSHClientError?>(nil)

    init(isServer: Bool) {
        self.isServer = isServer
    }

    /// Blocks until it is given, for three seconds at most.
    ///
    /// - Throws: `SSHClientError` if the address is not to be reached now.
    func wait() throws(SSHClientError) {
        guard isDone.wait(timeout: .now() + Self.patience) == .success else {
            throw SSHClientError(.temporary, "the host's routes could not be set in time")
        }
        if let error = error.withLock({ $0 }) { throw error }
    }

    /// Gives it; once.
    func finish(_ error: SSHClientError?) {
        self.error.withLock { $0 = error }
        isDone.signal()
    }
}

/// What an attempt to connect needs of the tunnel that it is for.
struct ConnectingContext: Sendable {
    /// The session's name.
    var sessionName: String
    /// Nothing has worked yet: somebody may be asked, and no time is short.
    var isFirst: Bool
    /// Called with a line for the log when another congestion control suits the path, and with what to do where the kernel has
    /// none that does. On the connection's loop.
    var pathChanged: @Sendable (_ change: String, _ advice: String?) -> Void
    /// How long a connection that shows itself by packets alone may give none back; nil while nothing has ever answered.
    var answerPatience: Duration?
    /// Called before anything is sent to an address, of a server or a name server, on the connecting thread.
    var reaching: @Sendable (_ endpoint: ServerEndpoint, _ isServer: Bool) throws -> Void
    /// Called once if the connection awaits an answer, when that has come.
    var whenAnswered: @Sendable () -> Void
}
