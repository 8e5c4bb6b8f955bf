internal import EventLoops
internal import PacketTunnel
internal import SSHTransport
internal import TunnelConfiguration

/// The packet client of a tunnel, which takes a connection of any kind.
struct PacketRelay: Sendable {
    let client: LoopBound<PacketTunnelClient>
    let loop: EventLoop
    let channelType: ChannelTypeChoice
    /// Bytes of the device's largest packet, unless the user has chosen it.
    let mtu: Int?

    /// Relays over a connection until `disconnected` is called, once.
    ///
    /// - Parameter isOtherServer: not the one that the tunnel was made for: it is asked what is different there.
    /// - Throws: `SSHClientError` when the server opens no tunnel.
    func connect(
        _ connection: any TunnelConnection,
        sessionName: String,
        isOtherServer: Bool,
        disconnected: @escaping @Sendable (String) -> Void
    ) async throws -> ChannelFraming {
        try await withCheckedThrowingContinuation { continuation in
            BlockingWork.run {
                if isOtherServer, let information = connection.information() {
                    if let error = problem(with: information) { return continuation.resume(throwing: error) }
                    use(information)
                }
                connection.openTunnel(channelType, sessionName: sessionName, on: loop) { result in
                    continuation.resume(
                        with: result.map { transport, framing in
                            client.value.connect(transport, framing: framing, disconnected: disconnected)
                            return framing
                        }
                    )
                }
            }
        }
    }

    /// Sends queries to the resolver of the server that says this.
    func use(_ information: ServerInformation) {
        let addresses = information.transparentDNSAddresses
        client.execute { $0.use(transparentDNSAddresses: addresses) }
    }

    /// Why a server that says this cannot go on with the tunnel of another one; nil if it can.
    func problem(with information: ServerInformation) -> SSHClientError? {
        guard let mtu, information.mtu < mtu else { return nil }
        let numbers = "its MTU is \(information.mtu), the tunnel's \(mtu)"
        return SSHClientError(.configuration, "\(numbers): give --mtu \(information.mtu) to use both servers")
    }
}
