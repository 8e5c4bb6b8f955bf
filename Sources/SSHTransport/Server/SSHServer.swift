internal import Dispatch
public import EventLoops
internal import Glibc
public import Logging
public import OpenSSHSyntax
internal import PacketTunnel
internal import Synchronization

/// An SSH server: listens, lets clients in by public key, and hands their channels to a delegate.
///
/// Connections are accepted on the first loop and live on the one with the fewest. No thread waits for a client; a client
/// that stalls, vanishes or sends garbage costs the others nothing. The server itself may be used from any thread.
public final class SSHServer: Sendable {
    /// Where the server listens, with the ports the kernel has chosen.
    public let addresses: [ListenAddress]
    /// The host keys' public halves, in the order of the files.
    public var hostKeys: [SSHPublicKey] { context.library.hostKeys }

    private let context: SSHServerContext
    private let lanes: [SSHServerLane]
    private let acceptor: LoopBound<SSHServerAcceptor>
    private let isStopped = Mutex(false)

    /// Loads the host keys, listens, and starts accepting. From any thread but the loops' own.
    ///
    /// - Parameters:
    ///   - loops: at least one; they have to run until `stop` has returned.
    ///   - delegate: held until the server is gone.
    ///   - logger: gets one line for each login, refusal and end.
    /// - Throws: `SSHError`, of kind `configuration`, `hostKey`, `connection` (an address in use) or `resources`.
    public static func start(
        configuration: SSHServerConfiguration,
        loops: [EventLoop],
        delegate: any SSHServerDelegate,
        logger: Logger
    ) throws -> SSHServer {
        try configuration.validate()
        precondition(!loops.isEmpty, "a server needs a loop")
        let library = try SSHServerLibrary(configuration)
        var sockets: [(Int32, ListenAddress)] = []
        do {
            for address in configuration.listenAddresses {
                guard let descriptor = try SSHServerSocket.listen(on: address) else { continue }
                let port = SSHServerSocket.port(of: descriptor)
                sockets.append((descriptor, ListenAddress(address.address, port: port)))
            }
        } catch {
            for (descriptor, _) in sockets { close(descriptor) }
            throw error
        }
        let context = SSHServerContext(
            configuration: configuration,
            library: library,
            delegate: delegate,
            logger: logger
        )
        return SSHServer(context: context, loops: loops, sockets: sockets)
    }

    private init(
        context: SSHServerContext,
        loops: [EventLoop],
        sockets: [(Int32, ListenAddress)]
    ) {
        self.context = context
        let lanes = loops.map { SSHServerLane($0, context) }
        self.lanes = lanes
        var addresses: [ListenAddress] = []
        for (_, address) in sockets where !addresses.contains(address) { addresses.append(address) }
        self.addresses = addresses
        let descriptors = sockets.map(\.0)
        acceptor = LoopBound(SSHServerAcceptor(context, lanes), on: loops[0])
        acceptor.execute { $0.start(descriptors) }
    }

    /// What every key takes now.
    public var keyStatus: [SSHServerKeyStatus] { context.shares.status }

    /// Connections that are open now.
    public var connectionCount: Int { lanes.reduce(0) { $0 + $1.load.count.load(ordering: .relaxed) } }

    /// Stops listening, ends all connections, and returns when the last is gone. Not from a loop's thread; idempotent.
    public func stop(reason: String = "the server is stopping") {
        let isFirst = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return !isStopped
        }
        guard isFirst else { return }
        let done = DispatchSemaphore(value: 0)
        // The first loop's part first: what it has accepted is then on its way to the others before their part.
        acceptor.execute { acceptor in
            acceptor.stop()
            done.signal()
        }
        done.wait()
        for lane in lanes {
            lane.worker.execute { worker in
                worker.stop(reason: reason)
                done.signal()
            }
        }
        for _ in lanes { done.wait() }
    }
}
