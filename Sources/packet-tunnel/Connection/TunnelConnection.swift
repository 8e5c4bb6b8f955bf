internal import EventLoops
internal import LinuxNetwork
internal import PacketTunnel
internal import TunnelConfiguration

/// A way to a server on which a tunnel can be opened: our own SSH connection, or a command's standard input and output.
///
/// Its members wait for others: they are called off every loop, by one thread after the other.
protocol TunnelConnection: AnyObject, Sendable {
    /// Where the TCP connections of this connection lead, which must stay out of its own tunnel. May be empty.
    var peers: [ServerEndpoint] { get }

    /// The same, looked at anew.
    var currentPeers: [ServerEndpoint] { get }

    /// The names that had to be looked up for those connections, as far as they are known.
    var serverNames: [String] { get }

    /// True where nothing but a packet from the other side shows that a server is there.
    var awaitsAnswer: Bool { get }

    /// What keeps others out, where we do so ourselves; nil where a command does.
    var security: TransportSecurity? { get }

    /// What the host's routes say about its way to the server now.
    var pathState: LinePath.State { get }

    /// Keeps its packets on the interface that they have left by so far, while a new connection takes another one. Once the
    /// tunnel is open.
    func stayOnInterface()

    /// What the server says of itself; nil from servers other than ours, and where nobody can be asked.
    func information() -> ServerInformation?

    /// Whether another client uses the session of this name now, and is about to lose it. Before the tunnel is open.
    func hasOtherClient(ofSession name: String) -> Bool

    /// Opens the tunnel.
    ///
    /// - Parameter whenDone: called once, with a success on the loop, before any byte arrives.
    func openTunnel(
        _ choice: ChannelTypeChoice,
        sessionName: String,
        on loop: EventLoop,
        whenDone: @escaping TunnelOpening
    )

    /// Asks for a sign of life, because the network has changed.
    ///
    /// - Parameter whenSilent: called once if none comes within a second.
    func probe(whenSilent: @escaping @Sendable () -> Void)

    /// Has `whenDoubtful` called, with the reason, whenever the line seems dead. Once the tunnel is open.
    func watch(whenDoubtful: @escaping @Sendable (String) -> Void)

    /// Asks what the server says of itself, while the tunnel is open.
    ///
    /// - Parameter whenAnswered: called once, or never.
    func askInformation(whenAnswered: @escaping @Sendable (ServerInformation) -> Void)

    /// Asks what the server knows of this client's session, while the tunnel is open.
    ///
    /// - Parameter whenAnswered: called once, or never.
    /// - Returns: false where nobody can be asked.
    func askSession(_ name: String, whenAnswered: @escaping @Sendable (SessionStatus) -> Void) -> Bool

    /// Ends what is left of the connection after its tunnel has ended.
    func end() -> ConnectionEnd
}

/// What comes of opening a tunnel: a transport that belongs to the loop, and its framing.
typealias TunnelOpening = @Sendable (Result<(any PacketTransport, ChannelFraming), any Error>) -> Void

/// What is known of a connection after its end.
struct ConnectionEnd {
    /// Why it has ended, where that is known better than by the stream's end.
    var reason: (any Error)?
    /// True if the tunnel may have worked.
    var hasWorked = true
}

extension ConnectionOptions {
    /// Connects, by our own SSH or by the command that was given.
    ///
    /// - Throws: `SSHClientError`, `CommandError`.
    func connect(_ context: ConnectingContext) throws -> any TunnelConnection {
        guard let via else { return try ServerConnection(self, context) }
        return try CommandConnection(via, context)
    }
}
