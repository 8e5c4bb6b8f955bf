internal import Dispatch
public import EventLoops
internal import Glibc
public import Logging
public import OpenSSHSyntax
internal import Synchronization

/// An SSH server: listens, lets clients in by public key, and hands their channels to a delegate.
///
/// Connections are accepted on the first loop and live on the one with the fewest. No thread waits for a client; a client
/// that stalls, vanishes or sends garbage costs the others nothing. The server itself may be used from any thread.
public final class SSHServer: @unchecked Sendable {
    /// Where the server listens, with the ports the kernel has chosen.
    public let addresses: [ListenAddress]
    /// The host keys' public halves, in the order of the files.
    public var hostKeys: [SSHPublicKey] { context.library.hostKeys }

    private let context: SSHServerContext
    private let workers: [SSHServerWorker]
    private let isStopped = Mutex(false)

    // Owned by the first loop.
    private var listeners: [SSHServerListener] = []
    private var dropLines: [SSHServerStartups.Refusal: (count: Int, next: UInt64)] = [:]

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
        workers = loops.map { SSHServerWorker(loop: $0, context: context) }
        var addresses: [ListenAddress] = []
        for (_, address) in sockets where !addresses.contains(address) { addresses.append(address) }
        self.addresses = addresses
        let descriptors = sockets.map(\.0)
        workers[0].loop.execute { [self] in
            listeners = descriptors.compactMap { SSHServerListener($0, server: self, loop: workers[0].loop) }
        }
    }

    /// What every key takes now.
    public var keyStatus: [SSHServerKeyStatus] { context.shares.status }

    /// Connections that are open now.
    public var connectionCount: Int { workers.reduce(0) { $0 + $1.load.load(ordering: .relaxed) } }

    /// Stops listening, ends all connections, and returns when the last is gone. Not from a loop's thread; idempotent.
    public func stop(reason: String = "the server is stopping") {
        let isFirst = isStopped.withLock { isStopped in
            defer { isStopped = true }
            return !isStopped
        }
        guard isFirst else { return }
        let done = DispatchSemaphore(value: 0)
        // The first loop's part first: what it has accepted is then on its way to the others before their part.
        workers[0].loop.execute { [self] in
            for listener in listeners { listener.stop() }
            listeners = []
            done.signal()
        }
        done.wait()
        for worker in workers {
            worker.loop.execute {
                worker.stop(reason: reason)
                done.signal()
            }
        }
        for _ in workers { done.wait() }
    }

    /// On the first loop's thread.
    func accepted(_ descriptor: Int32, address: String, port: UInt16) {
        let source = SSHServerSource(address, blockSize: context.configuration.netBlockSize)
        let place: SSHServerPlace
        switch context.startups.take(source, now: workers[0].loop.now) {
        case .success(let taken): place = taken
        case .failure(let refusal):
            logDrop(address, refusal)
            close(descriptor)
            return
        }
        let loads = workers.map { $0.load.load(ordering: .relaxed) }
        let worker = workers[loads.indices.min { loads[$0] < loads[$1] } ?? 0]
        worker.load.add(1, ordering: .relaxed)
        if worker.loop.isCurrent {
            worker.adopt(descriptor, address: address, port: port, place: place)
        } else {
            worker.loop.execute { worker.adopt(descriptor, address: address, port: port, place: place) }
        }
    }

    /// One line a second at most for each reason: a flood of connections must not become a flood of lines.
    private func logDrop(_ address: String, _ refusal: SSHServerStartups.Refusal) {
        let now = workers[0].loop.now
        var line = dropLines[refusal] ?? (count: 0, next: 0)
        line.count += 1
        if now >= line.next {
            context.logger.info(
                "connections dropped",
                metadata: ["address": "\(address)", "count": "\(line.count)", "reason": "\(refusal.rawValue)"]
            )
            line = (count: 0, next: now &+ 1_000_000_000)
        }
        dropLines[refusal] = line
    }

    /// On the first loop's thread.
    func logAcceptFailure(_ error: SystemCallError) {
        context.logger.error("accept failed, retrying in 200ms", metadata: ["error": "\(error)"])
    }
}
