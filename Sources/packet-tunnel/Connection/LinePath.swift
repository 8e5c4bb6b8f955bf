internal import IPPacket
internal import LinuxNetwork

/// The two ends of a TCP connection to a server.
struct LinePath: Hashable, Sendable {
    /// This host's address on it.
    var local: IPAddress
    /// The other end.
    var server: ServerEndpoint
    /// Bound to an address or an interface by the user: routes do not choose its way.
    var isBound = false

    init(local: IPAddress, server: ServerEndpoint) {
        self.local = local
        self.server = server
    }

    /// The interface that has this end's address; nil if none has it any more.
    var interface: String? { try? HostNetwork.interface(of: local) }

    /// What the host's routes say about a connection that exists.
    enum State {
        /// A new one would look the same.
        case unchanged
        /// A new one would leave from another address: this one leads nowhere, or by a way that is no longer preferred.
        case moved
        /// There is no way to the server.
        case cut
    }

    /// Asks the kernel; a few microseconds.
    var state: State {
        guard !isBound else { return .unchanged }
        guard let found = try? HostNetwork.route(to: server.address, tcpPort: server.port) else { return .cut }
        guard let source = found.source else { return .unchanged }
        return source == local ? .unchanged : .moved
    }
}
