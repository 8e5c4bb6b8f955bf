/// Decides what the connections of a server may do. Every call comes on the connection's loop and must not wait.
///
/// Those marked so come from inside the SSH library: channels may be written to and closed, and connections closed, but
/// what that ends is ended after the call.
public protocol SSHServerDelegate: AnyObject, Sendable {
    /// An authenticated client asks for a channel of a type other than `session`. From inside the library.
    ///
    /// - Parameter payload: what follows the standard fields of the open (RFC 4254 §5.1).
    func connection(
        _ connection: SSHServerConnection,
        channelOpenRequested type: String,
        payload: [UInt8]
    ) -> ChannelOpenDecision

    /// The channel is open, before any byte of it has arrived. From inside the library.
    func connection(_ connection: SSHServerConnection, didOpen channel: SSHChannel)

    /// The client has sent an environment variable for an open channel. From inside the library.
    func connection(
        _ connection: SSHServerConnection,
        channel: SSHChannel,
        environment name: String,
        value: String
    )

    /// The client runs a command (`ssh HOST command`). From inside the library.
    ///
    /// - Parameter reply: takes the answer, now or later, on the connection's loop.
    /// - Returns: false to refuse the command; `reply` is not called then.
    func connection(
        _ connection: SSHServerConnection,
        execRequested command: String,
        reply: @escaping (ExecReply) -> Void
    ) -> Bool

    /// The connection is over; its channels have been told. Only for connections that were authenticated.
    func connectionDidClose(_ connection: SSHServerConnection)
}

/// The answer to a channel open.
public enum ChannelOpenDecision: Sendable {
    /// The channel opens.
    case accept(SSHChannelOptions)
    /// The channel does not open, and the connection goes on. Of the text, 200 bytes are sent.
    case refuse(ChannelOpenFailure, String)
}

/// What a command answers.
public struct ExecReply: Sendable {
    /// Its output.
    public var output: [UInt8]
    /// Its exit status: 0 is success.
    public var exitStatus: UInt8

    /// Output and exit status.
    public init(output: [UInt8], exitStatus: UInt8 = 0) {
        self.output = output
        self.exitStatus = exitStatus
    }
}
